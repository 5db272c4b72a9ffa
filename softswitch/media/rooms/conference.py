"""Conferences: every member hears all others, mixed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from softswitch.media.errors import MediaError
from softswitch.media.formats import MAXIMUM_FORMATS
from softswitch.media.layouts.commands import (
    COMMAND_ADJUST,
    COMMAND_JOIN,
    COMMAND_LEAVE,
    COMMAND_ROOM_PLAY,
    COMMAND_ROOM_STOP,
)
from softswitch.media.layouts.shared import UNMAPPED
from softswitch.media.playing import tones
from softswitch.media.playing.clips import Clip
from softswitch.media.playing.resample import resample
from softswitch.media.records import Fields
from softswitch.media.rooms import links
from softswitch.media.rooms.mixed_wings import MixedWings
from softswitch.media.rooms.rooms import Room
from softswitch.media.rooms.seats import Seat, confidants, formats_of
from softswitch.media.rooms.wings import Wing
from softswitch.media.voices import VoiceCounters, check_voice

if TYPE_CHECKING:
    from softswitch.media.engine_flows import EngineFlows
    from softswitch.media.port import Port
    from softswitch.media.workers.packet_thread import PacketThread


_HIGHEST_GAIN = 8.0
#: The largest sample of evenly distributed noise of −62 dB of full scale.
COMFORT_PEAK = 32768 * 10 ** (-62 / 20) * math.sqrt(3)
_JOINED_HZ, _LEFT_HZ = 880.0, 440.0
_SIGNAL_S, _SIGNAL_DBM0 = 0.15, -18.0


class Conference(Room):
    """A room whose members all speak; made by `MediaEngine.open_conference`.

    Every member is decoded through a jitter buffer of its own and sent, in packets of its own length, the sum of all
    others. A sum that is too loud is turned down as a whole. Whom nobody shall hear joins `muted`.
    """

    def __init__(
        self, engine: EngineFlows, number: int, thread: PacketThread, owner: str, *, rate_hz: int, signals: bool
    ) -> None:
        super().__init__(engine, number, thread, owner)
        self.rate_hz = rate_hz
        self._signals = signals
        self._wings = MixedWings(self)
        self._seats: dict[Port, Seat] = {}
        self.links: dict[Conference, int] = {}  # this room's side of the link with each
        self._clip: Clip | None = None
        self._playback = 0
        self._signalling = False  # what is played is a signal, which another may replace

    def join(
        self, port: Port, *, gain: float = 1.0, muted: bool = False, deaf: bool = False, levelled: bool = False
    ) -> None:
        """Let a port in; ends what it was connected to, or which other room it was in.

        `gain` 0 to 8 is how loud the others hear it, times the automatic gain when it is `levelled`. A `muted` member
        hears without being heard, and comes and goes without a signal; a `deaf` one is sent silence. Raises
        NotTranscodable when none of its formats can be mixed, ValueError, PortClosed, MediaError.
        """
        with self.engine.lock:
            self.check_open()
            self.engine.check_open(port)
            check_voice(port.settings)
            _check_gain(gain)
            if port in self._seats:
                self.adjust(port, gain=gain, muted=muted, deaf=deaf, levelled=levelled)
                return
            self._enter(port)
            self._seats[port] = Seat(self.engine.rooms.take_voice(), gain, muted, deaf, levelled)
            self._sit(port)
            if not muted:
                self._signal(_JOINED_HZ)

    def adjust(
        self,
        port: Port,
        *,
        gain: float | None = None,
        muted: bool | None = None,
        deaf: bool | None = None,
        levelled: bool | None = None,
    ) -> None:
        """Change how a member is heard and hears; None leaves as it is. Raises ValueError when it is no member."""
        with self.engine.lock:
            seat = self._seat(port)
            if gain is not None:
                _check_gain(gain)
                seat.gain = gain
            seat.muted = seat.muted if muted is None else muted
            seat.deaf = seat.deaf if deaf is None else deaf
            seat.levelled = seat.levelled if levelled is None else levelled
            self.engine.command(port, COMMAND_ADJUST, seat.fields)

    def whisper(self, port: Port, to: Port | None) -> None:
        """Let one member alone hear what `port` says, who hears all as before; None: everyone again.

        When that member leaves nobody hears it. Raises ValueError when either is no member.
        """
        with self.engine.lock:
            seat = self._seat(port)
            if to is not None:
                self._seat(to)
            seat.whispers_to, seat.silenced = to, False
            if to is not None and to.wing is not None:
                for member in confidants(self._seats, port):
                    if member.wing is not to.wing:
                        self._move(member, to.wing)
            self.engine.command(port, COMMAND_ADJUST, seat.fields)

    def link(self, other: Conference) -> None:
        """Let all members of two rooms hear each other, each room its own mix; `unlink` ends it.

        Rooms may be linked to trees, whichever packet threads serve them. Raises ValueError when they have different
        rates or a way to each other already, MediaError when one is closed.
        """
        with self.engine.lock:
            self.check_open()
            other.check_open()
            links.link(self, other)

    def unlink(self, other: Conference) -> None:
        """End `link`; rooms that are not linked are passed over."""
        with self.engine.lock:
            links.unlink(self, other)

    def play(self, pcm: NDArray[np.int16], loop: bool = False, *, rate_hz: int = 8000) -> int:
        """Let all members hear int16[n] at `rate_hz` besides each other, in place of what was played before.

        Returns a number that RoomPlaybackEnded will carry; a loop goes on until `stop`. While nobody is in the room
        the clip waits. Raises MediaError when the clip store is full or the room closed.
        """
        with self.engine.lock:
            self.check_open()
            clip = self.engine.rooms.clips.hold(resample(pcm, rate_hz, self.rate_hz))
            self._playback = self.engine.next_playback()
            fields = {
                "play_id": self._playback,
                "play_offset": clip.offset,
                "play_length": clip.length,
                "play_loop": loop,
            }
            self.engine.rooms.command(self, COMMAND_ROOM_PLAY, fields)
            self._give_clip_back()
            self._clip, self._signalling = clip, False
            return self._playback

    def stop(self) -> None:
        """Stop what is played into the room; no RoomPlaybackEnded follows."""
        with self.engine.lock:
            if self._clip is not None:
                self.engine.rooms.command(self, COMMAND_ROOM_STOP, {"play_id": self._playback})
                self._give_clip_back()

    def counters(self, port: Port) -> VoiceCounters:
        """How the reception of a member goes; raises ValueError when it is no member."""
        with self.engine.lock:
            return self.engine.rooms.counters(self._seat(port).voice, self.rate_hz)

    def hearing(self, port: Port) -> VoiceCounters | None:
        """See Room."""
        return self.counters(port) if port in self._seats else None

    def configured(self, port: Port) -> None:
        """A member has new settings: it gets another voice when its formats are others."""
        seat = self._seat(port)
        if seat.formats == formats_of(port):
            return
        before, seat.voice = seat.voice, self.engine.rooms.take_voice()
        self._sit(port)
        self.engine.rooms.give_voice_back(port, before)
        check_voice(port.settings)

    def restore(self, wing: Wing) -> None:
        """Give the members of a wing, with fresh coders, to another packet thread; what is played goes on."""
        links.forget(wing)
        for port in wing.members:
            self._sit(port)
        self._wings.restore(wing)
        if wing is self.home:
            for other in self.links:
                links.restore(self, other)

    def left(self, port: Port, wing: Wing) -> None:
        """A member is out."""
        seat = self._seats.pop(port)
        self.engine.signals.refresh(port)
        self.engine.rooms.give_voice_back(port, seat.voice)
        for other, whispering in self._seats.items():
            if whispering.whispers_to is port:
                whispering.whispers_to, whispering.silenced = None, True
                self.engine.command(other, COMMAND_ADJUST, whispering.fields)
        self._wings.give_up(wing)
        if not seat.muted and self._members and not self.closed:
            self._signal(_LEFT_HZ)

    def close(self) -> None:
        """Take everyone out and give the room up. A second call does nothing."""
        with self.engine.lock:
            if self.engine.event_fd >= 0:
                for other in list(self.links):
                    self.unlink(other)
            super().close()
            if self.engine.event_fd >= 0:
                self._give_clip_back()

    def clip_ended(self, playback: int) -> None:
        """A clip of the room has come to its end."""
        if playback == self._playback:
            self._give_clip_back()

    def _seat(self, port: Port) -> Seat:
        seat = self._seats.get(port)
        if seat is None:
            raise ValueError(f"{port} is not in the room of {self.owner}")
        return seat

    def tell_table(self, port: Port) -> None:
        """Give a member the table anew; its voice stays."""
        voice = self._seats[port].voice
        assert port.wing is not None
        self.engine.command(port, COMMAND_JOIN, self.table(port) | {"room": port.wing.number, "voice": voice})

    def partner(self, port: Port) -> Port | None:
        """Who gets the telephone-events of a member: nobody in a conference."""
        return None

    @property
    def wings(self) -> Sequence[Wing]:
        """See Room."""
        return self._wings.all

    def wing_for(self, port: Port) -> Wing:
        """Where a new member is to be."""
        return self._wings.for_member(port)

    def _enter(self, port: Port) -> None:
        wing = self.wing_for(port)
        try:
            self.admit(port, wing)
        except MediaError:  # its packet thread does not answer
            self._wings.give_up(wing)
            raise

    def _move(self, port: Port, wing: Wing) -> None:
        """Let another wing have a member, with fresh coders; what is played to it goes on there."""
        seat, before = self._seats[port], port.wing
        assert before is not None
        self.engine.command(port, COMMAND_LEAVE)
        self.engine.rooms.give_voice_back(port, seat.voice)
        seat.voice = self.engine.rooms.take_voice()
        self.engine.serve_by(port, wing.thread)
        del before.members[port]
        port.wing, wing.members[port] = wing, None
        self._sit(port)
        self._wings.give_up(before)

    def _sit(self, port: Port) -> None:
        seat = self._seats[port]
        seat.formats = formats_of(port)
        self.engine.rooms.prepare_voice(seat.voice, port, self.rate_hz, self.partner(port))
        self.tell_table(port)
        self.engine.signals.refresh(port)
        self.engine.command(port, COMMAND_ADJUST, seat.fields)

    def table(self, port: Port) -> Fields:
        """What becomes of the packets that are not decoded: nothing."""
        return {"route_payload_type": np.full(MAXIMUM_FORMATS, UNMAPPED, np.uint8)}

    def _signal(self, hz: float) -> None:
        if self._signals and (self._clip is None or self._signalling):
            samples = tones.sine(hz, _SIGNAL_DBM0, self.rate_hz)
            wanted = int(_SIGNAL_S * self.rate_hz)
            self.play(np.resize(samples, wanted), rate_hz=self.rate_hz)
            self._signalling = True

    def _give_clip_back(self) -> None:
        clip, self._clip = self._clip, None
        if clip is not None:
            self.engine.rooms.release_clip(self.thread, clip)


def _check_gain(gain: float) -> None:
    if not 0 <= gain <= _HIGHEST_GAIN or math.isnan(gain):
        raise ValueError(f"gain {gain} is not in 0–{_HIGHEST_GAIN:g}")
