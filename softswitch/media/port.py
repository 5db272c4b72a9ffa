"""A port: one RTP endpoint of the engine, as the control side holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from softswitch.media.addresses import decode_address
from softswitch.media.layouts.commands import COMMAND_WANT_PICTURE
from softswitch.media.layouts.shared import NO_VOICE, UNLATCHED
from softswitch.media.layouts.tap import TAP_CAPTURE
from softswitch.media.playing.playback import Playback
from softswitch.media.quality import PortQuality, losses, read_quality
from softswitch.media.records import Fields, settings_fields
from softswitch.media.routing import PortSettings
from softswitch.media.transport.peer_transport import PeerTransport, RemoteTransport

if TYPE_CHECKING:
    from softswitch.media.engine import MediaEngine
    from softswitch.media.rooms.rooms import Room
    from softswitch.media.rooms.wings import Wing
    from softswitch.media.transport.bundle import Bundle
    from softswitch.media.voices import VoiceCounters
    from softswitch.media.workers.packet_thread import PacketThread

_LATCH_TRIES = 1000
_NO_RECORD: NDArray[Any] = np.zeros(0)


@dataclass(frozen=True, slots=True)
class PortCounters:
    """What a port has counted since it was opened.

    `octets` are those of UDP payloads; `lost` counts the sequence numbers that never came, repetitions do not make up
    for them; `jitter_ms` is RFC 3550's; `last_received_s` is on the monotonic clock, None before the first packet.
    `dropped_source`: not from the latched source; `dropped_payload_type`: not agreed on; `dropped_direction`: on hold;
    `dropped_unrouted`: nobody connected; `ignored`: STUN, DTLS, TURN; `malformed`: no RTP or RTCP at all.
    `dropped_waiting`: of pictures, before a key frame; `packets_repeated` to the peer that had lost them,
    `packets_asked` and `key_frames_asked` of it.
    `srtp_auth_failures`: secured packets whose tag is wrong, `srtp_replayed`: that had come before or too late to tell.
    `remote_…` and `round_trip_ms` are what the peer's RTCP says of our packets. `remote` is where ours go.
    """

    packets_received: int
    octets_received: int
    packets_sent: int
    octets_sent: int
    lost: int
    jitter_ms: float
    duplicates: int
    reordered: int
    dropped_source: int
    dropped_payload_type: int
    dropped_direction: int
    dropped_unrouted: int
    malformed: int
    ignored: int
    send_errors: int
    ssrc_changes: int
    source_changes: int
    rtcp_sent: int
    rtcp_received: int
    feedback_received: int
    key_frames_asked: int
    packets_asked: int
    packets_repeated: int
    dropped_waiting: int
    srtp_auth_failures: int
    srtp_replayed: int
    remote_lost: int
    remote_fraction_lost: float
    remote_jitter_ms: float
    round_trip_ms: float | None
    last_received_s: float | None
    latched: bool
    remote: tuple[str, int]


#: The counters that are fields of the record under the same name.
_COUNTED = (
    "packets_received",
    "octets_received",
    "packets_sent",
    "octets_sent",
    "duplicates",
    "reordered",
    "dropped_source",
    "dropped_payload_type",
    "dropped_direction",
    "dropped_unrouted",
    "malformed",
    "ignored",
    "send_errors",
    "ssrc_changes",
    "source_changes",
    "rtcp_sent",
    "rtcp_received",
    "feedback_received",
    "key_frames_asked",
    "packets_asked",
    "packets_repeated",
    "dropped_waiting",
    "srtp_auth_failures",
    "srtp_replayed",
    "remote_lost",
)


class Port:
    """One RTP endpoint: its socket pair, what was agreed for it, and its counters.

    `local` is the (host, port) to be told to the peer, `rtcp_port` (the same when only multiplexed RTCP was asked for)
    goes with it, `ssrc` is that of everything the port sends, `cname` names its source in reports. Made by
    `MediaEngine.open_port`.
    """

    __slots__ = (
        "_closed_counters",
        "_closed_quality",
        "_engine",
        "_record",
        "bundle",
        "cname",
        "ear",
        "ear_listens",
        "family",
        "fax",
        "generation",
        "id",
        "listens",
        "local",
        "local_port",
        "losses",
        "lost",
        "near",
        "owner",
        "peer",
        "playback",
        "rtcp_port",
        "settings",
        "slot",
        "ssrc",
        "taps",
        "thread",
        "transport",
        "wing",
    )

    def __init__(
        self, engine: MediaEngine, record: NDArray[Any], slot: int, thread: PacketThread, owner: str, family: int
    ) -> None:
        self._engine = engine
        self._record = record
        self._closed_counters: PortCounters | None = None
        self._closed_quality: PortQuality | None = None
        self.slot = slot
        self.thread = thread
        self.owner = owner
        self.family = family
        self.generation = int(record["generation"])
        self.id = f"{slot}.{self.generation}"
        self.local_port = int(record["local_port"])
        self.local = ("", self.local_port)
        self.rtcp_port = self.local_port + (1 if record["rtcp_fd"] >= 0 else 0)
        self.ssrc = int(record["tx_ssrc"])
        self.cname = record["cname"].tobytes().decode()
        self.settings = PortSettings()
        self.lost = False  # nobody will serve it any more
        self.losses: tuple[float, ...] = ()  # when workers were lost that served it, of late
        self.peer: Port | None = None
        self.wing: Wing | None = None  # the part of a room that it is in
        self.near: tuple[str, int] | None = None  # the owner of the room that it was opened for, and on which thread
        self.playback: Playback | None = None
        self.listens = 0  # as `listen` was told
        self.ear, self.ear_listens = NO_VOICE, 0  # as it is
        self.fax = False  # a modem was heard
        self.transport: PeerTransport | None = None
        self.taps = 0  # what is copied of its packets, TAP_… bits
        self.bundle: Bundle | None = None  # those it shares address and transport with

    def fields(self, settings: PortSettings) -> Fields:
        """What a CONFIGURE command for `settings` brings; raises ValueError, MediaError."""
        if self.transport is None:
            return settings_fields(settings, self.family)
        return settings_fields(self.transport.secure(settings), self.family) | {"transport": self.transport.bits}

    def open_transport(self) -> PeerTransport:
        """Reach the peer by ICE and DTLS: no media flows before both have come to an end.

        Made when first asked for; its credentials are to be told to the peer. Raises MediaError without the library.
        """
        return self._engine.open_transport(self)

    def meet(self, remote: RemoteTransport) -> None:
        """What the peer of a port with a transport signalled, at first or anew."""
        self._engine.meet(self, remote)

    @property
    def room(self) -> Room | None:
        """The room that it is in."""
        return None if self.wing is None else self.wing.room

    @property
    def captured(self) -> bool:
        """Whether all its packets are copied for a capture."""
        return bool(self.taps & TAP_CAPTURE)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed_counters is not None

    def configure(self, settings: PortSettings) -> None:
        """Apply what was agreed, at first or anew (hold, re-INVITE); opens the latch for the next packet's source.

        Raises ValueError for an address of the wrong kind, NotTranscodable when the port is connected and its new
        formats have no way to the peer's (nothing flows then), PortClosed.
        """
        self._engine.configure(self, settings)

    def send_digits(self, digits: str, duration_ms: int = 160, gap_ms: int = 80) -> int:
        """Press keys (``0-9*#A-D``) towards the peer, each `duration_ms` long with `gap_ms` behind it.

        As telephone-events where the peer takes them, between whatever else is sent, else as tones in place of it.
        Orders are carried out one after the other; while the port may not send they wait. Returns a number that
        DigitsSent will carry. Raises ValueError, NotTranscodable, MediaError (too many orders), PortClosed.
        """
        with self._engine.lock:
            self._engine.check_open(self)
            return self._engine.signals.send_digits(self, digits, duration_ms, gap_ms)

    def listen(
        self, *, keys: bool | None = None, speech: bool | None = None, fax: bool | None = None, hush: bool | None = None
    ) -> None:
        """Listen to what the port receives, or no more, and tell: KeyPressed and KeyReleased for DTMF tones,
        SpeechStarted and SpeechStopped, FaxDetected. What is not named stays as it is.

        Tones are not told of while the peer sends telephone-events. `hush` keeps the sound of keys from being passed
        on. What cannot be decoded is not heard. Raises PortClosed.
        """
        with self._engine.lock:
            self._engine.check_open(self)
            self._engine.signals.listen(self, keys=keys, speech=speech, fax=fax, hush=hush)

    def request_key_frame(self) -> None:
        """Ask the peer for a picture that needs none before it, by RTCP as it has agreed to, again until one comes."""
        with self._engine.lock:
            self._engine.check_open(self)
            self._engine.command(self, COMMAND_WANT_PICTURE)

    def request_shown_key_frame(self) -> None:
        """Ask for a key frame of what the peer is shown: of the port it is connected to, or of its room's talker."""
        with self._engine.lock:
            source = self.peer
            if self.room is not None:
                source = self.room.seen_by(self)
            if source is not None and not source.closed:
                source.request_key_frame()

    def play_position(self) -> int:
        """Where in its clip the port plays now, in samples of the clip as it is stored."""
        return int(self._record["play_position"]) if not self.closed else 0

    def close(self) -> None:
        """Give the sockets back; what is connected falls silent. A second call does nothing."""
        self._engine.close_port(self)

    def counters(self) -> PortCounters:
        """What the port has counted until now, or had when it was closed; stops nothing."""
        return self._closed_counters or self.read_counters()

    def quality(self) -> PortQuality:
        """How the peer sounds, until now or when the port was closed."""
        return self._closed_quality or read_quality(self._record)

    def hearing(self) -> VoiceCounters | None:
        """The jitter buffer that the port's sound goes through; None when it is only passed on."""
        return self.room.hearing(self) if self.room is not None else None

    def strangers(self) -> tuple[str, int]:
        """Where the last packet came from that was dropped for its source; ("", 0) when there was none."""
        if self.closed or not self._record["dropped_source"]:
            return "", 0
        return decode_address(np.array(self._record["stranger"]))

    def seal(self) -> None:
        """Keep the counters for good: the record is about to be another port's."""
        self._closed_counters, self._closed_quality = self.read_counters(), read_quality(self._record)
        self._record = _NO_RECORD

    def read_counters(self) -> PortCounters:
        """The counters in the record."""
        record = self._record
        values = {name: int(record[name]) for name in _COUNTED}
        last_ns, trip = int(record["last_received_ns"]), int(record["round_trip"])
        send_clock = int(record["tx_clock"]) or 8000
        return PortCounters(
            **values,
            latched=bool(record["latched"] != UNLATCHED),
            lost=losses(record)[0],
            jitter_ms=int(record["jitter_16"]) / 16 / (int(record["rx_clock"]) or 8000) * 1000,
            remote_fraction_lost=int(record["remote_fraction_lost"]) / 256,
            remote_jitter_ms=int(record["remote_jitter"]) / send_clock * 1000,
            round_trip_ms=None if trip < 0 else trip / 65.536,
            last_received_s=last_ns / 1e9 if last_ns else None,
            remote=self._remote(),
        )

    def _remote(self) -> tuple[str, int]:
        """The address packets go to; read again while the packet thread changes it."""
        record = self._record
        for _ in range(_LATCH_TRIES):
            version = int(record["latch_version"])
            words, length = np.array(record["remote"]), int(record["remote_length"])
            if version % 2 == 0 and version == record["latch_version"]:
                return decode_address(words) if length else ("", 0)
        return "", 0

    def __repr__(self) -> str:
        return f"<Port {self.id} {self.local[0]}:{self.local[1]} of {self.owner}>"
