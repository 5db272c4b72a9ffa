"""What flows between the engine's ports: connections, sounds, rooms, and copies for who records or looks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softswitch.media.captures import CapturedPackets, take_captured
from softswitch.media.engine_ports import EnginePorts
from softswitch.media.layouts.commands import COMMAND_TAP
from softswitch.media.layouts.tap import TAP_CAPTURE, TAP_RECEIVED, TAP_SENT
from softswitch.media.port import Port
from softswitch.media.rooms.conference import COMFORT_PEAK, Conference
from softswitch.media.rooms.fan_out import FanOut
from softswitch.media.rooms.rooms import Room
from softswitch.media.voices import ROOM_RATES
from softswitch.media.workers.packet_thread import PacketThread


class EngineFlows(EnginePorts):
    """What may be done with ports together, and what is played into them."""

    def connect(self, one: Port, other: Port) -> None:
        """Pass on what either receives through the other, both ways; ends what they were connected to or played.

        What both know is relayed with the payload type changed, A-law and µ-law are turned into each other. When a
        preferred format has no such way, both are decoded and encoded anew, through a jitter buffer, where this
        machine has the codecs. Raises NotTranscodable (and changes nothing) when the settings of the two leave no
        way, PortClosed.
        """
        with self.lock:
            self.check_open(one)
            self.check_open(other)
            self._connections.connect(one, other)

    def disconnect(self, port: Port) -> None:
        """Undo connect or echo (both ports fall silent), or take the port out of its room."""
        with self.lock:
            self._connections.disconnect(port)

    def echo(self, port: Port) -> None:
        """Send back what the port receives, under its own SSRC; ends what it was connected to or played."""
        with self.lock:
            self.check_open(port)
            self._connections.echo(port)

    def play(self, port: Port, pcm: NDArray[np.int16], loop: bool = False, *, rate_hz: int = 8000) -> int:
        """Play int16[n] at `rate_hz` into a port of any codec we can encode, instead of whatever else it would send.

        Returns a number that PlaybackEnded will carry; a loop goes on until `stop`. Afterwards what the port is
        connected to is heard again. While the port may not send, or has nowhere to, the clip waits. Raises
        NotTranscodable when the port sends no such format, MediaError when the clip store is full.
        """
        with self.lock:
            self.check_open(port)
            return self.playing.start(port, self.playing.next_number(), pcm, loop, rate_hz=rate_hz)

    def start_playback(
        self, port: Port, number: int, pcm: NDArray[np.int16], loop: bool = False, *, rate_hz: int, position: int = 0
    ) -> int:
        """`play` under a number of its own, from `position` on (samples of the clip as it is stored)."""
        return self.playing.start(port, number, pcm, loop, rate_hz=rate_hz, position=position)

    def next_playback(self) -> int:
        """A number for what is played next."""
        return self.playing.next_number()

    def tone(self, port: Port, hz: float, level_dbm0: float) -> int:
        """Play a sine, exact in frequency and level, until `stop`; raises NotTranscodable, ValueError."""
        with self.lock:
            self.check_open(port)
            return self.playing.tone(port, hz, level_dbm0)

    def stop(self, port: Port, playback: int | None = None) -> None:
        """Stop what the port plays (only that playback, if it is named); no PlaybackEnded follows."""
        with self.lock:
            self.playing.stop(port, playback)

    def tap(self, port: Port, *, received: bool = True, sent: bool = False) -> None:
        """Have the port's packets copied for a recorder: what is heard of its peer, what the switch itself says to it.

        Raises PortClosed.
        """
        with self.lock:
            self.check_open(port)
            port.taps = port.taps & TAP_CAPTURE | received * TAP_RECEIVED | sent * TAP_SENT
            self.command(port, COMMAND_TAP, {"tap": port.taps})

    def capture(self, port: Port, on: bool = True) -> None:
        """Have all packets of a port copied, as they are without encryption, for `captured`; or no more.

        Raises PortClosed.
        """
        with self.lock:
            self.check_open(port)
            port.taps = port.taps & ~TAP_CAPTURE | on * TAP_CAPTURE
            self.command(port, COMMAND_TAP, {"tap": port.taps})

    def captured(self) -> list[CapturedPackets]:
        """What has been copied of all ports since the last call, which has to be within a second under load."""
        with self.lock:
            self._check_running()
            return take_captured(self._arena)

    def open_fan_out(self, owner: str) -> FanOut:
        """A room in which one port's packets go to all others (a talkgroup); raises MediaError when there are too many
        rooms."""
        with self.lock:
            thread = self._thread_of(owner)
            room = FanOut(self, self.rooms.open(), thread, owner)
            self._spreading.room_opened(room)
            return room

    def open_conference(
        self, owner: str, rate_hz: int = 8000, *, signals: bool = False, comfort_noise: bool = False
    ) -> Conference:
        """A room whose members all hear each other, mixed at `rate_hz` (8000, 16000 or 48000).

        `signals`: a short tone when somebody comes or goes; `comfort_noise`: a room in which nobody speaks rustles at
        −62 dB of full scale. The first one loads the mixer's compiled code (`warm_up`
        does it ahead of time). Raises ValueError, MediaError when there are too many rooms.
        """
        if rate_hz not in ROOM_RATES:
            raise ValueError(f"a room has no rate {rate_hz} (there are {ROOM_RATES})")
        with self.lock:
            thread = self._thread_of(owner)
            comfort = COMFORT_PEAK if comfort_noise else 0.0
            number = self.rooms.open_mixed(rate_hz, tells_loudest=True, comfort=comfort)
            conference = Conference(self, number, thread, owner, rate_hz=rate_hz, signals=signals)
            self.rooms.conferences[number] = conference
            self._spreading.room_opened(conference)
            return conference

    def place(self, room: Room, port: Port) -> PacketThread:
        """Where a port is to be served that enters a room."""
        return self._spreading.place(room, port, self._alive)

    def release_port(self, port: Port, thread: PacketThread) -> None:
        """Take a port out of whatever it is in, and see that `thread` serves it."""
        self._connections.release(port, thread)

    def serve_by(self, port: Port, thread: PacketThread) -> None:
        """Let another packet thread serve a port that is in nothing just now."""
        if port.thread is not thread:
            self._connections.move(port, thread)
