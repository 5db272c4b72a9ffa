"""An E1 span over UDP, as the control side holds it: its timeslots, its D channel and its alarms."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from softswitch.media.errors import MediaError
from softswitch.media.formats import StreamFormat
from softswitch.media.layouts.wire import (
    ALARM_AIS,
    ALARM_LMFA,
    ALARM_LOF,
    ALARM_PACKETS,
    ALARM_RAI,
    COUNTERS,
    FRAME_OCTETS,
    FRAME_PLACES,
    FRAMES_IN_READ,
    FRAMES_IN_WRITTEN,
    FRAMES_OUT_READ,
    FRAMES_OUT_WRITTEN,
)
from softswitch.media.port import Port
from softswitch.media.positions import observe, publish
from softswitch.media.pseudowire_settings import PseudowireSettings
from softswitch.media.routing import PortSettings

if TYPE_CHECKING:
    from softswitch.media.engine import MediaEngine

#: What a B channel carries: A-law in packets of 20 ms.
CHANNEL_FORMAT = StreamFormat(8, "PCMA", 8000)


class WireAlarm(IntEnum):
    """Bits of a span's alarms."""

    LOF = ALARM_LOF
    LMFA = ALARM_LMFA
    AIS = ALARM_AIS
    RAI = ALARM_RAI
    PACKETS = ALARM_PACKETS


class PseudowireObserver(Protocol):
    """What a pseudowire tells, from within a later `MediaEngine.poll`."""

    def frame_received(self, frame: bytes, now: float) -> None:
        """A good frame of the D channel, without FCS; `now` is monotonic seconds."""

    def alarms_changed(self, alarms: int, now: float) -> None:
        """The bits of WireAlarm that there are now."""


@dataclass(slots=True)
class Pseudowire:
    """A span that runs. `port` is its own, `channels` are the open B channels by timeslot."""

    engine: MediaEngine
    port: Port
    span: NDArray[Any]
    settings: PseudowireSettings
    observer: PseudowireObserver
    channels: dict[int, Port] = field(default_factory=dict)
    alarms: int = int(WireAlarm.PACKETS)
    _sealed: dict[str, int] | None = None

    def send_frame(self, frame: bytes) -> None:
        """Send a frame on the D channel; FCS and flags are added. What finds no room is lost, and counted."""
        if not 0 < len(frame) <= FRAME_OCTETS:
            raise ValueError(f"a frame of {len(frame)} octets, the D channel takes 1 to {FRAME_OCTETS}")
        positions = self.span["frame_positions"]
        written = int(positions[FRAMES_OUT_WRITTEN])
        if written - observe(positions, FRAMES_OUT_READ) >= FRAME_PLACES:
            self.span["d_lost"] += 1
            return
        at = (written % FRAME_PLACES) * FRAME_OCTETS
        self.span["frames_out"][at : at + len(frame)] = np.frombuffer(frame, np.uint8)
        self.span["frames_out_size"][written % FRAME_PLACES] = len(frame)
        publish(positions, FRAMES_OUT_WRITTEN, written + 1)

    def open_channel(self, slot: int, owner: str) -> Port:
        """The port of a timeslot, for the call `owner`; `Port.close` frees it. Raises MediaError."""
        with self.engine.lock:
            self._check_free(slot)
            port = self.engine.wires.lines.open_internal(owner, self.port.thread)
            port.configure(PortSettings(formats=(CHANNEL_FORMAT,)))
            self.channels[slot] = port
            self.engine.wires.give_channel(self, slot, port)
            return port

    def move_channel(self, port: Port, slot: int) -> None:
        """Let an open port carry another timeslot. Raises MediaError."""
        with self.engine.lock:
            self.engine.check_open(port)
            if self.channels.get(slot) is port:
                return
            self._check_free(slot)
            for before in [at for at, channel in self.channels.items() if channel is port]:
                del self.channels[before]
                self.engine.wires.give_channel(self, before, None)
            self.channels[slot] = port
            self.engine.wires.give_channel(self, slot, port)

    def _check_free(self, slot: int) -> None:
        self.engine.check_open(self.port)
        if slot not in self.settings.carried or slot == self.settings.d_slot:
            raise MediaError(f"the span has no B channel {slot}")
        if slot in self.channels:
            raise MediaError(f"B channel {slot} is in use")

    def echo_loss_db(self) -> dict[int, float]:
        """By how much the canceller weakens the echo of each open B channel (ERLE, ITU-T G.168 §3.11), in dB.

        Channels are left out in which nobody has spoken against an echo yet.
        """
        came, left = self.span["echo_came"], self.span["echo_left"]
        return {
            slot: round(10 * math.log10(came[slot] / max(left[slot], 1.0)), 1)
            for slot in self.channels
            if self._sealed is None and came[slot] > 0
        }

    def counters(self) -> dict[str, int]:
        """What was counted on the line since it was opened."""
        return {name: int(self.span[name]) for name in COUNTERS} if self._sealed is None else self._sealed

    def close(self) -> None:
        """End the span and close its channels. A second call does nothing."""
        with self.engine.lock:
            if self._sealed is None:
                self._sealed = self.counters()
                self.port.close()

    # -- told by the engine -----------------------------------------------------------------------------------------

    def take_frames(self) -> None:
        """Give the observer every frame that waits."""
        positions = self.span["frame_positions"]
        while self._sealed is None and (read := int(positions[FRAMES_IN_READ])) < observe(positions, FRAMES_IN_WRITTEN):
            place = read % FRAME_PLACES
            size = int(self.span["frames_in_size"][place])
            frame = self.span["frames_in"][place * FRAME_OCTETS :][:size].tobytes()
            publish(positions, FRAMES_IN_READ, read + 1)
            self.observer.frame_received(frame, time.monotonic())

    def alarms_are(self, alarms: int) -> None:
        """Tell the observer of alarms that have changed."""
        if self._sealed is None and alarms != self.alarms:
            self.alarms = alarms
            self.observer.alarms_changed(alarms, time.monotonic())
