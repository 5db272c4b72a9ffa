"""Spans of telephony cards by DAHDI: each channel is a descriptor that is read and written every 20 ms.

The packets of B channels pass through Python here, 100 a second for each call: cards bring spans into small sites, for
many spans an E1-over-IP gateway and the driver `cesopsn` are the better way.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from gateways.e1.q931 import B_CHANNELS
from gateways.e1.span import dahdi_device
from gateways.e1.span.interface import Alarm, SpanObserver
from softswitch.media import MediaEngine, MediaError, PortSettings
from softswitch.media.wires.pseudowire import CHANNEL_FORMAT

if TYPE_CHECKING:
    from softswitch.media import Port
    from softswitch.media.wires.internal_port import InternalPort

_D_SLOT = 16
_BLOCK, _BUFFERS = 160, 4
_FRAME_OCTETS, _FRAME_BUFFERS, _FCS = 1024, 16, b"\0\0"
_LOOK_S = 0.5
_RTP_HEADER_OCTETS = 12
#: The bits of a span's alarms: yellow, blue, red without more, and the three that say more.
_ALARMS = {4: Alarm.RAI, 16: Alarm.AIS, 256: Alarm.LOS, 512: Alarm.LOF, 1024: Alarm.LMFA}
_RED, _WHY_RED = 8, 256 | 512 | 1024
_EVENTS = {
    dahdi_device.EVENT_ABORT: "d_aborts",
    dahdi_device.EVENT_OVERRUN: "d_overruns",
    dahdi_device.EVENT_BAD_FCS: "d_fcs_errors",
}


class Device(Protocol):
    """What of `dahdi_device` a span uses."""

    def unusable(self) -> str:
        """Why there are no cards here, empty when there are."""

    def span_status(self, number: int) -> dahdi_device.SpanStatus:
        """The state of a span."""

    def first_channel(self, number: int) -> int:
        """The channel that timeslot 1 of a span is."""

    def open_channel(self, channel: int, *, buffers: int, octets: int) -> int:
        """A descriptor of one channel."""

    def make_audio(self, descriptor: int, *, echo_samples: int = 0) -> None:
        """Let a channel carry sound."""

    def next_event(self, descriptor: int) -> int:
        """The event that waits at a channel."""

    def read(self, descriptor: int, octets: int) -> bytes | None:
        """What has come."""

    def write(self, descriptor: int, data: bytes) -> bool:
        """Send; False when there is no room."""


@dataclass(slots=True)
class _Channel:
    """An open B channel; `sequence` counts the packets given to the engine."""

    descriptor: int
    internal: InternalPort
    sequence: int = field(default=0)


class DahdiSpan:
    """Span `number` of this machine's cards; echo up to `echo_tail_ms` is cancelled by the card (0: none is)."""

    def __init__(
        self, engine: MediaEngine, name: str, number: int, *, echo_tail_ms: int = 0, device: Device | None = None
    ) -> None:
        self.slots = B_CHANNELS
        self._engine = engine
        self._name = name
        self._number = number
        self._echo_samples = echo_tail_ms * 8
        self._device: Any = device or dahdi_device
        self._observer: SpanObserver | None = None
        self._first = 0
        self._d_channel = -1
        self._channels: dict[int, _Channel] = {}
        self._counters: Counter[str] = Counter()
        self._alarms: frozenset[Alarm] | None = None
        self._look: asyncio.TimerHandle | None = None

    # -- life -------------------------------------------------------------------------------------------------------

    async def open(self, observer: SpanObserver) -> None:
        """See Span."""
        why_not = self._device.unusable()
        if why_not:
            raise MediaError(why_not)
        try:
            self._first = self._device.first_channel(self._number)
            self._d_channel = self._device.open_channel(
                self._first + _D_SLOT - 1, buffers=_FRAME_BUFFERS, octets=_FRAME_OCTETS
            )
        except OSError as error:
            raise MediaError(f"span {self._number} of the telephony cards cannot be used: {error.strerror}") from error
        self._observer = observer
        asyncio.get_running_loop().add_reader(self._d_channel, self._read_frames)
        self._look_at_line()

    async def close(self) -> None:
        """See Span."""
        self._observer = None
        if self._look is not None:
            self._look.cancel()
        for slot in list(self._channels):
            self._close_channel(slot)
        if self._d_channel >= 0:
            self._let_go(self._d_channel)
            self._d_channel = -1

    def _look_at_line(self) -> None:
        """Ask how the line is; the driver tells of it by an event as well, but not on every card."""
        loop = asyncio.get_running_loop()
        self._look = loop.call_later(_LOOK_S, self._look_at_line)
        status = self._device.span_status(self._number)
        for name, value in (("bpv", status.bpv), ("crc4_errors", status.crc4), ("e_bits", status.e_bits)):
            self._counters[name] = value
        self._counters["fas_errors"] = status.fas
        alarms = frozenset(alarm for bit, alarm in _ALARMS.items() if status.alarms & bit)
        if status.alarms & _RED and not status.alarms & _WHY_RED:
            alarms |= {Alarm.LOS}
        if alarms != self._alarms and self._observer is not None:
            self._alarms = alarms
            self._observer.defects_changed(alarms, loop.time())

    # -- the D channel ----------------------------------------------------------------------------------------------

    def send_dframe(self, frame: bytes) -> None:
        """See Span."""
        if self._d_channel >= 0 and self._do(
            self._d_channel, lambda: self._device.write(self._d_channel, frame + _FCS)
        ):
            self._counters["d_sent"] += 1
        else:
            self._counters["d_lost"] += 1

    def _read_frames(self) -> None:
        while self._observer is not None:
            frame = self._do(self._d_channel, lambda: self._device.read(self._d_channel, _FRAME_OCTETS))
            if frame is None:
                return
            if len(frame) <= len(_FCS):
                self._counters["d_malformed"] += 1
                continue
            self._counters["d_received"] += 1
            self._observer.dframe_received(frame[: -len(_FCS)], asyncio.get_running_loop().time())

    def _do(self, descriptor: int, work: Any) -> Any:
        """Read or write; an event that waits is taken and counted first. None when it cannot be done."""
        for _ in range(2):
            try:
                return work()
            except OSError as error:
                if error.errno != dahdi_device.EVENT_WAITS:
                    self._counters["device_errors"] += 1
                    return None
                self._counters[_EVENTS.get(self._device.next_event(descriptor), "events")] += 1
        return None

    # -- B channels -------------------------------------------------------------------------------------------------

    def open_channel(self, slot: int, owner: str) -> Port:
        """See Span."""
        self._check_free(slot)
        internal = self._engine.open_internal_port(owner)
        internal.port.configure(PortSettings(formats=(CHANNEL_FORMAT,)))
        try:
            self._join(slot, internal)
        except OSError as error:
            internal.close()
            raise MediaError(f"channel {slot} of span {self._name}: {error.strerror}") from error
        return internal.port

    def move_channel(self, port: Port, slot: int) -> None:
        """See Span."""
        before = next((at for at, channel in self._channels.items() if channel.internal.port is port), None)
        if before is None:
            raise MediaError(f"span {self._name} has no such port")
        if before == slot:
            return
        self._check_free(slot)
        channel = self._channels.pop(before)
        self._let_go(channel.descriptor)
        asyncio.get_running_loop().remove_reader(channel.internal.fd)
        try:
            self._join(slot, channel.internal)
        except OSError as error:
            channel.internal.close()
            raise MediaError(f"channel {slot} of span {self._name}: {error.strerror}") from error

    def echo_loss_db(self) -> dict[int, float]:
        """See Span."""
        return {}  # the card cancels it and does not tell

    def counters(self) -> dict[str, Any]:
        """See Span."""
        return dict(self._counters)

    def _check_free(self, slot: int) -> None:
        if self._d_channel < 0:
            raise MediaError(f"span {self._name} is not open")
        present = self._channels.get(slot)
        if present is not None and present.internal.port.closed:
            self._close_channel(slot)
        elif present is not None or slot not in self.slots:
            raise MediaError(f"span {self._name} has no idle channel {slot}")

    def _join(self, slot: int, internal: InternalPort) -> None:
        descriptor = self._device.open_channel(self._first + slot - 1, buffers=_BUFFERS, octets=_BLOCK)
        try:
            self._device.make_audio(descriptor, echo_samples=self._echo_samples)
        except OSError:
            os.close(descriptor)
            raise
        self._channels[slot] = _Channel(descriptor, internal)
        loop = asyncio.get_running_loop()
        loop.add_reader(descriptor, self._hear, slot)
        loop.add_reader(internal.fd, self._say, slot)

    def _hear(self, slot: int) -> None:
        """A block has come from the line."""
        channel = self._channels[slot]
        if channel.internal.port.closed:
            self._close_channel(slot)
            return
        octets = self._do(channel.descriptor, lambda: self._device.read(channel.descriptor, _BLOCK))
        if octets is None:
            return
        stamp = channel.sequence * _BLOCK & 0xFFFFFFFF
        header = struct.pack("!BBHII", 0x80, CHANNEL_FORMAT.payload_type, channel.sequence & 0xFFFF, stamp, slot)
        channel.sequence += 1
        if not channel.internal.put(header + octets):
            self._counters["heard_lost"] += 1

    def _say(self, slot: int) -> None:
        """The engine has packets for the line."""
        channel = self._channels[slot]
        if channel.internal.port.closed:
            self._close_channel(slot)
            return
        for packet in channel.internal.packets():
            octets = packet[_RTP_HEADER_OCTETS:]
            if not self._do(channel.descriptor, lambda octets=octets: self._device.write(channel.descriptor, octets)):
                self._counters["said_slips"] += 1

    def _close_channel(self, slot: int) -> None:
        channel = self._channels.pop(slot)
        self._let_go(channel.descriptor)
        asyncio.get_running_loop().remove_reader(channel.internal.fd)
        channel.internal.close()

    def _let_go(self, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
