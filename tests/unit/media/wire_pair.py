"""Two spans in virtual time: what one sends reaches the other as a test says.

They are served by the compiled code, whose packets a socket of the loopback takes for a moment, or, `plain`, by the
Python that it was compiled from, which is a hundred times slower and needs no socket.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import pkgutil
import random
import socket
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

import softswitch.media.kernels.wire
from softswitch.media.addresses import encode_address
from softswitch.media.kernels.libc import UDP_SEGMENT
from softswitch.media.kernels.wire import span as span_kernel
from softswitch.media.layouts.port import PORT
from softswitch.media.layouts.shared import INTERNAL_PORT, NOBODY, OPEN
from softswitch.media.layouts.wire import (
    COUNTERS,
    FRAME_OCTETS,
    FRAME_PLACES,
    FRAMES_IN_READ,
    FRAMES_IN_WRITTEN,
    FRAMES_OUT_WRITTEN,
    INBOX_READ,
    INBOX_WRITTEN,
    LINE,
    LINE_OCTETS,
    LINE_PLACES,
    SPAN,
)
from softswitch.media.pseudowire_settings import PseudowireSettings, prepare_span

_STEP_NS = 125_000
_SERVE = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 11)(span_kernel.serve_span.address)
#: The port of a span itself; those of its timeslots have their numbers.
_OWN = 32
#: What happens to a datagram: the instants, after it was sent, at which it (changed or not) arrives.
Fate = Callable[[bytes, random.Random], Iterable[tuple[int, bytes]]]


def faithful(datagram: bytes, chance: random.Random) -> Iterable[tuple[int, bytes]]:
    """Every packet arrives after a millisecond."""
    return ((1_000_000, datagram),)


def use_plain_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what serves spans be the Python functions it was compiled from."""
    found = pkgutil.walk_packages(softswitch.media.kernels.wire.__path__, "softswitch.media.kernels.wire.")
    names = [info.name for info in found] + [f"softswitch.media.kernels.{name}" for name in ("line", "octets")]
    for module in [importlib.import_module(name) for name in names]:
        for name, value in list(vars(module).items()):
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)


class End:
    """One span with a port for each timeslot that a test opens."""

    def __init__(self, settings: PseudowireSettings) -> None:
        settings.check()
        self.spans, self.ports, self.lines = np.zeros(1, SPAN), np.zeros(33, PORT), np.zeros(32, LINE)
        prepare_span(self.spans, 0, settings, segments=True)
        self.packet_octets = settings.packet_octets
        #: as a network interface is that cannot cut.
        self.refuses_segments = False
        self.span: Any = self.spans[0]
        self._addresses = (self.spans.ctypes.data, self.ports.ctypes.data, 33, self.lines.ctypes.data, 32)
        self._socket: socket.socket | None = None
        self._output: list[bytes] = []
        self.sent: list[bytes] = []
        self.alarms: list[int] = []
        self.heard: dict[int, bytearray] = {}

    def open(self, slot: int) -> None:
        """Give a timeslot a port."""
        port = self.ports[slot]
        port["state"], port["kind"], port["worker"] = OPEN, INTERNAL_PORT, 0
        self.span["slot_port"][slot], self.span["slot_line"][slot] = slot, slot
        self.heard[slot] = bytearray()

    def close(self, slot: int) -> None:
        self.span["slot_port"][slot] = NOBODY

    def say(self, slot: int, packet: bytes) -> None:
        """The port of a timeslot sends an RTP packet."""
        positions = self.lines[slot]["positions"]
        at = int(positions[16]) % LINE_PLACES
        self.lines[slot]["outbox"][at * LINE_OCTETS :][: len(packet)] = np.frombuffer(packet, np.uint8)
        self.lines[slot]["outbox_size"][at] = len(packet)
        positions[16] += 1

    def send_frame(self, frame: bytes) -> None:
        """A frame for the D channel."""
        positions = self.span["frame_positions"]
        at = int(positions[FRAMES_OUT_WRITTEN]) % FRAME_PLACES
        self.span["frames_out"][at * FRAME_OCTETS :][: len(frame)] = np.frombuffer(frame, np.uint8)
        self.span["frames_out_size"][at] = len(frame)
        positions[FRAMES_OUT_WRITTEN] += 1

    def frames(self) -> list[bytes]:
        """The frames that have come on the D channel since the last call."""
        positions, found = self.span["frame_positions"], []
        while positions[FRAMES_IN_READ] < positions[FRAMES_IN_WRITTEN]:
            at = int(positions[FRAMES_IN_READ]) % FRAME_PLACES
            size = int(self.span["frames_in_size"][at])
            found.append(self.span["frames_in"][at * FRAME_OCTETS :][:size].tobytes())
            positions[FRAMES_IN_READ] += 1
        return found

    def counters(self) -> dict[str, int]:
        """What is not zero."""
        return {name: int(self.span[name]) for name in COUNTERS if self.span[name]}

    def use_socket(self) -> None:
        """Let the compiled code serve this end, and send to a socket."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        weakref.finalize(self, self._socket.close)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, self.packet_octets)
        port = self.ports[_OWN]
        port["rtp_fd"] = self._socket.fileno()
        port["remote"], port["remote_length"] = encode_address(self._socket.getsockname(), socket.AF_INET)

    def serve(self, datagram: bytes | None, now_ns: int) -> list[bytes]:
        """Bring a datagram, or let time pass; what is sent."""
        packet = np.frombuffer((datagram or b"") + bytes(16), np.uint8).copy()
        size = -1 if datagram is None else len(datagram)
        self._output.clear()
        if self._socket is None:
            span_kernel.serve(self.span, self.ports, self.lines, _OWN, 0, packet, size, now_ns)
        else:
            _SERVE(*self._addresses, 0, _OWN, 0, packet.ctypes.data, size, now_ns)
            with contextlib.suppress(BlockingIOError):
                while True:
                    self._output.append(self._socket.recv(2048))
        self.sent += self._output
        self._look()
        return list(self._output)

    def sendto(self, fd: int, data: int, size: int, flags: int, address: int, length: int) -> int:
        """What plain Python calls to send."""
        if self.span["segments"] and self.refuses_segments:
            return -1
        begin = data - self.span["output"].ctypes.data
        for at in range(begin, begin + size, self.packet_octets):
            self._output.append(self.span["output"][at : at + self.packet_octets].tobytes())
        return size

    def _look(self) -> None:
        if not self.alarms or self.span["alarms"] != self.alarms[-1]:
            self.alarms.append(int(self.span["alarms"]))
        for slot in self.heard:
            positions = self.lines[slot]["positions"]
            while positions[INBOX_READ] < positions[INBOX_WRITTEN]:
                at = int(positions[INBOX_READ]) % LINE_PLACES * LINE_OCTETS
                self.heard[slot] += self.lines[slot]["inbox"][at + 12 : at + 172].tobytes()
                positions[INBOX_READ] += 1


class WirePair:
    """Two ends; `there` and `back` say what becomes of a datagram, `ppm` how much faster the other's clock runs."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        one: PseudowireSettings,
        other: PseudowireSettings,
        *,
        there: Fate = faithful,
        back: Fate = faithful,
        seed: int = 1,
        ppm: float = 0.0,
        plain: bool = False,
    ) -> None:
        self.one, self.other = End(one), End(other)
        self.fates = {id(self.one): there, id(self.other): back}
        self.now_ns = 1_000_000_000
        self._chance = random.Random(seed)
        self._ppm = ppm
        self._under_way: list[tuple[int, int, End, bytes]] = []
        self._count = 0
        self._serving = self.one
        if plain:
            use_plain_wire(monkeypatch)
            monkeypatch.setattr(span_kernel, "sendto", lambda *arguments: self._serving.sendto(*arguments))
            monkeypatch.setattr(span_kernel, "setsockopt", lambda *option: 0)
        else:
            self.one.use_socket()
            self.other.use_socket()

    def _clock(self, end: End) -> int:
        return self.now_ns if end is self.one else int(self.now_ns * (1 + self._ppm * 1e-6))

    def _serve(self, end: End, datagram: bytes | None) -> None:
        self._serving = end
        far = self.other if end is self.one else self.one
        for sent in end.serve(datagram, self._clock(end)):
            for after_ns, octets in self.fates[id(end)](sent, self._chance):
                self._count += 1
                self._under_way.append((self.now_ns + after_ns, self._count, far, octets))

    def run(self, seconds: float, *, step_ns: int = 4 * _STEP_NS) -> None:
        """Let virtual time pass."""
        until = self.now_ns + int(seconds * 1e9)
        while self.now_ns < until:
            due = sorted(entry for entry in self._under_way if entry[0] <= self.now_ns)
            self._under_way = [entry for entry in self._under_way if entry[0] > self.now_ns]
            for _, _, end, datagram in due:
                self._serve(end, datagram)
            self._serve(self.one, None)
            self._serve(self.other, None)
            self.now_ns += step_ns
