"""Spans of cards, against devices that are socket pairs: what the kernel's driver would say is said by the test."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateways.e1.span import dahdi_device
from gateways.e1.span.dahdi import DahdiSpan
from gateways.e1.span.dahdi_device import SpanStatus
from gateways.e1.span.interface import Alarm
from softswitch.media import MediaError
from tests.waiting import PATIENCE_S, becomes


class FakeDevice:
    """Channels by number; the test holds the far end of each."""

    def __init__(self) -> None:
        self.far: dict[int, socket.socket] = {}
        self.made: list[socket.socket] = []
        self.alarms = 0
        self.waiting: list[int] = []
        self.audio: list[int] = []

    def unusable(self) -> str:
        return ""

    def first_channel(self, number: int) -> int:
        return 1 + 31 * (number - 1)

    def span_status(self, number: int) -> SpanStatus:
        return SpanStatus(self.alarms, 1, 2, 3, 4, 31)

    def open_channel(self, channel: int, *, buffers: int, octets: int) -> int:
        near, self.far[channel] = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        near.setblocking(False)
        self.made.append(self.far[channel])
        return near.detach()

    def make_audio(self, descriptor: int, *, echo_samples: int = 0) -> None:
        self.audio.append(echo_samples)

    def next_event(self, descriptor: int) -> int:
        return self.waiting.pop(0)

    def read(self, descriptor: int, octets: int) -> bytes | None:
        if self.waiting:
            raise OSError(dahdi_device.EVENT_WAITS, "event")
        return dahdi_device.read(descriptor, octets)

    def write(self, descriptor: int, data: bytes) -> bool:
        return dahdi_device.write(descriptor, data)


class FakePort:
    """An internal port: what was put in, and what is to be taken out."""

    def __init__(self) -> None:
        self.port = self
        self.closed = False
        self.heard: list[bytes] = []
        self.to_say: list[bytes] = []
        self.fd = os.eventfd(0, os.EFD_NONBLOCK)

    def configure(self, settings: object) -> None:
        """What it carries is not looked at here."""

    def put(self, packet: bytes) -> bool:
        self.heard.append(packet)
        return True

    def say(self, packet: bytes) -> None:
        self.to_say.append(packet)
        os.eventfd_write(self.fd, 1)

    def packets(self) -> list[bytes]:
        os.eventfd_read(self.fd)
        taken, self.to_say = self.to_say, []
        return taken

    def close(self) -> None:
        self.closed = True
        os.close(self.fd)


class FakeEngine:
    def __init__(self) -> None:
        self.ports: list[FakePort] = []

    def open_internal_port(self, owner: str) -> FakePort:
        self.ports.append(FakePort())
        return self.ports[-1]


class Observer:
    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.alarms: list[frozenset[Alarm]] = []

    def dframe_received(self, frame: bytes, now: float) -> None:
        self.frames.append(frame)

    def defects_changed(self, alarms: frozenset[Alarm], now: float) -> None:
        self.alarms.append(alarms)


@contextlib.asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[tuple[DahdiSpan, FakeDevice, FakeEngine, Observer]]:
    device, engine, observer = FakeDevice(), FakeEngine(), Observer()
    span = DahdiSpan(engine, "card", 2, device=device, **options)  # type: ignore[arg-type]
    await span.open(observer)
    try:
        yield span, device, engine, observer
    finally:
        await span.close()
        for far in device.made:
            far.close()


async def arrives(channel: socket.socket) -> bytes:
    """What comes next at the far end of a channel, no octets when the channel is closed."""
    async with asyncio.timeout(PATIENCE_S):
        channel.setblocking(False)
        return await asyncio.get_running_loop().sock_recv(channel, 400)


async def test_frames_of_the_d_channel_have_their_check_sequence() -> None:
    async with opened() as (span, device, _, observer):
        d_channel = device.far[31 + 16]
        d_channel.send(b"\x00\x01\x7f\xaa\xbb")
        device.waiting = [dahdi_device.EVENT_BAD_FCS]
        await becomes(lambda: observer.frames, [b"\x00\x01\x7f"])  # the two octets of FCS are the driver's
        span.send_dframe(b"\x00\x01\x73")
        assert d_channel.recv(100) == b"\x00\x01\x73\0\0"
        counted = span.counters()
        assert (counted["d_fcs_errors"], counted["d_received"], counted["d_sent"], counted["bpv"]) == (1, 1, 1, 1)


async def test_a_block_of_a_channel_is_a_packet_of_its_port() -> None:
    async with opened(echo_tail_ms=64) as (span, device, engine, _):
        port = span.open_channel(5, "call")
        assert device.audio == [512], "the card cancels echo of 512 samples"
        channel = device.far[31 + 5]
        for octet in (1, 2):
            channel.send(bytes([octet]) * 160)
        await becomes(lambda: len(engine.ports[0].heard), 2)
        first, second = engine.ports[0].heard
        assert struct.unpack("!BBHI", first[:8]) == (0x80, 8, 0, 0) and struct.unpack("!BBHI", second[:8])[2:] == (
            1,
            160,
        )
        assert second[12:] == b"\2" * 160
        engine.ports[0].say(bytes(12) + b"\x2a" * 160)
        assert await arrives(channel) == b"\x2a" * 160
        with pytest.raises(MediaError, match="no idle channel"):
            span.open_channel(5, "another")
        span.move_channel(port, 7)
        assert await arrives(channel) == b"", "the channel that was left is closed"
        device.far[31 + 7].send(b"\3" * 160)
        await becomes(lambda: engine.ports[0].heard[-1][12:], b"\3" * 160)
        engine.ports[0].closed = True
        device.far[31 + 7].send(b"\4" * 160)
        with pytest.raises(ConnectionResetError):
            await arrives(device.far[31 + 7])  # a call that is over lets its channel go
        span.open_channel(7, "next")
    assert all(each.closed for each in engine.ports)


async def test_alarms_have_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened() as (span, device, _, observer):
        for bits in (8, 8 | 512, 16, 4, 0):
            device.alarms = bits
            span._look_at_line()
        names = [{alarm.name for alarm in alarms} for alarms in observer.alarms]
        assert names == [set(), {"LOS"}, {"LOF"}, {"AIS"}, {"RAI"}, set()]


async def test_a_machine_without_cards_says_what_to_do(tmp_path: Path) -> None:
    assert "/etc/dahdi/system.conf" in dahdi_device.unusable(tmp_path)
    if dahdi_device.unusable():
        with pytest.raises(MediaError, match=r"^no telephony card"):
            await DahdiSpan(FakeEngine(), "card", 1).open(Observer())  # type: ignore[arg-type]


async def test_a_span_that_no_card_has_is_named() -> None:
    device = FakeDevice()

    def refuse(number: int) -> int:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    device.first_channel = refuse  # type: ignore[method-assign]
    with pytest.raises(MediaError, match=r"^span 3 of the telephony cards cannot be used: No such device$"):
        await DahdiSpan(FakeEngine(), "card", 3, device=device).open(Observer())  # type: ignore[arg-type]


def test_requests_are_those_of_the_kernel() -> None:
    """As asm-generic/ioctl.h makes them of DAHDI's numbers."""
    assert dahdi_device._SPECIFY == 0x4004DA26 and dahdi_device._GETEVENT == 0x8004DA08
    assert dahdi_device._SET_BUFINFO == 0x4018DA1B and dahdi_device._SPANSTAT == 0xC13ADA0A
