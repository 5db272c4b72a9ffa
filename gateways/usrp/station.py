"""One radio: its link, the call that it is in, and the sound between the two.

Voice crosses as it comes, 50 packets a second each way: the link's samples become A-law in RTP for the engine's port,
and what the engine has for the radio becomes the link's. Everything else runs in the switch's own turn (`post`).
"""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Callable

import numpy as np

from gateways.usrp.leg import RadioLeg
from gateways.usrp.link import Digit, Keyed, Link, LinkEvent, Named, Unkeyed, Voice
from gateways.usrp.packet import VOICE_SAMPLES, TalkerInfo
from gateways.usrp.settings import RadioSettings
from mediacodecs.g711 import ALAW_DECODE, ALAW_ENCODE
from softswitch.calls.exchange import Exchange
from softswitch.calls.leg import LegState, Party
from softswitch.calls.routing import Caller
from softswitch.floor.adapters import Action, Command
from softswitch.media import MediaEngine, MediaError
from softswitch.media.wires.internal_port import InternalPort
from softswitch.sip.timerwheel import Timer

logger = logging.getLogger(__name__)

_RTP = struct.Struct(">BBHII")
_VERSION_2, _MARKER, _PCMA = 0x80, 0x80, 8
_RATE_HZ = 8000
#: How long after its call has ended, or could not begin, a radio goes back to its talkgroup.
_AGAIN_S = 5.0

Post = Callable[[Callable[[float], None]], None]


class Station:
    """One radio. `send` sends a datagram to its node; `watch(fd, ready)` has `ready` called whenever the descriptor can
    be read, until it is given None."""

    def __init__(
        self,
        settings: RadioSettings,
        exchange: Exchange,
        engine: MediaEngine,
        post: Post,
        send: Callable[[bytes], None],
        watch: Callable[[int, Callable[[], None] | None], None],
    ) -> None:
        self.settings = settings
        self.link = Link(
            missed_frames=settings.missed_frames,
            keep_alive_s=settings.keep_alive_s,
            talkgroup=settings.usrp_talkgroup,
        )
        self.leg: RadioLeg | None = None
        self._exchange = exchange
        self._engine = engine
        self._post = post
        self._send = send
        self._watch = watch
        self._line: InternalPort | None = None
        self._timer: Timer | None = None
        self._entering: Timer | None = None
        self._closed = False
        self._talker: Party | None = None
        self._source = zlib.crc32(settings.name.encode())
        self._sequence = 0  # of the transmission's first packet for the engine ...
        self._timestamp = 0
        self._frames = 0  # ... and how many have been counted since

    # -- life -------------------------------------------------------------------------------------------------------

    def open(self, now: float) -> None:
        """Keep the way to the node open, and enter the talkgroup."""
        self.link.start(now)
        self.settle()
        self._enter(now)

    def close(self) -> None:
        """Leave everything."""
        self._closed = True
        for timer in (self._timer, self._entering):
            if timer is not None:
                timer.cancel()
        self.link.stop()
        self._flush()
        self._drop_line()

    def _enter(self, now: float) -> None:
        if self._closed or self.leg is not None or not self.settings.talkgroup:
            return
        leg = self.new_leg("in", self._exchange.new_id())
        if leg is None:
            self._enter_later()
            return
        self._exchange.gateway_intake.incoming(leg, self.settings.talkgroup, f"usrp:{self.settings.name}")

    def _enter_later(self) -> None:
        if not self._closed and self.settings.talkgroup:
            self._entering = self._exchange.timers.schedule(self._exchange.now() + _AGAIN_S, self._enter)

    def new_leg(self, direction: str, leg_id: str) -> RadioLeg | None:
        """The radio as a party of a call, with its port; None when the engine has no port left."""
        settings = self.settings
        try:
            line = self._engine.open_internal_port(leg_id)
        except MediaError as error:
            logger.error("radio %s has no port: %s", settings.name, error)
            return None
        known = self._exchange.router.directory.get(settings.number)
        party = Party(settings.number, known.display_name if known is not None else settings.name)
        rights = settings.class_of_service or self._exchange.router.directory.class_of(settings.number)
        self._line = line
        self.leg = RadioLeg(
            leg_id,
            direction,
            party,
            line.port,
            reference=settings.name,
            soon=self._exchange.soon,
            ended=self._ended,
            caller=Caller(settings.number, rights),
        )
        self._watch(line.fd, self._take_voice)
        return self.leg

    def _ended(self) -> None:
        self.leg = None
        self.link.stop()
        self._flush()
        self._drop_line()
        self._enter_later()

    def _drop_line(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            self._watch(line.fd, None)
            line.close()

    # -- from the node ----------------------------------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float) -> None:
        """One datagram of the node."""
        self.link.receive_data(data, now)
        self.settle()

    def settle(self) -> None:
        """Act on what the link tells, send what it has, and be woken when it wants."""
        self._rearm()  # before what is posted: the driver looks at the timers after each
        while (event := self.link.next_event()) is not None:
            if isinstance(event, Voice):
                self._hear(event)
            else:
                self._tell(event)
        self._flush()

    def _tell(self, event: LinkEvent) -> None:
        if isinstance(event, Keyed):
            self._sequence += self._frames
            self._timestamp = int(self._exchange.now() * _RATE_HZ)
            self._frames = 0
        self._post(lambda now: self._act(event))

    def _act(self, event: LinkEvent) -> None:
        leg, talkgroups = self.leg, self._exchange.talkgroups
        if leg is None or leg.state is not LegState.ANSWERED:
            return
        if isinstance(event, Keyed | Unkeyed) and talkgroups is not None:
            action = Action.REQUEST if isinstance(event, Keyed) else Action.RELEASE
            talkgroups.wishes.command(leg.id, Command(action))
        elif isinstance(event, Named) and event.info.callsign:
            leg.party.display_name = event.info.callsign
        elif isinstance(event, Digit):
            leg.press(event.digit)

    def _hear(self, voice: Voice) -> None:
        if self._line is None:
            return
        marker = _MARKER if voice.frame == 0 else 0
        self._frames = max(self._frames, voice.frame + 1)
        header = _RTP.pack(
            _VERSION_2,
            _PCMA | marker,
            (self._sequence + voice.frame) & 0xFFFF,
            (self._timestamp + voice.frame * VOICE_SAMPLES) & 0xFFFFFFFF,
            self._source,
        )
        samples = np.frombuffer(voice.samples, "<i2")
        if not self._line.put(header + ALAW_ENCODE[(samples >> 4) + 2048].tobytes()):
            self.link.counters["dropped"] += 1

    # -- to the node ------------------------------------------------------------------------------------------------

    def transmit(self, talker: Party | None) -> None:
        """Let the node hear what the switch has for it, spoken by `talker`; None: nobody talks any more."""
        if talker is None:
            self.link.end(self._exchange.now())
        elif talker is not self._talker or not self.link.transmitting:
            self.link.begin(TalkerInfo(talker.display_name or talker.number, talkgroup=self.settings.usrp_talkgroup))
        self._talker = talker
        self.settle()

    def _take_voice(self) -> None:
        """The engine has packets for the radio."""
        if self._line is None:
            return
        for packet in self._line.packets():
            if len(packet) == _RTP.size + VOICE_SAMPLES:
                codes = np.frombuffer(packet, np.uint8, offset=_RTP.size)
                self.link.voice(ALAW_DECODE[codes].astype("<i2").tobytes())
        self._flush()

    def _flush(self) -> None:
        for data in self.link.data_to_send():
            self._send(data)

    # -- time -------------------------------------------------------------------------------------------------------

    def _rearm(self) -> None:
        """Be woken at the link's time, or before: while voice comes that time moves with every packet."""
        at = self.link.next_timer()
        if at is None or self._closed or (self._timer is not None and self._timer.at <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._exchange.timers.schedule(at, self._woken)

    def _woken(self, now: float) -> None:
        self._timer = None
        self.link.handle_timer(now)
        self.settle()


__all__ = ["Post", "Station"]
