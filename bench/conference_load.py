"""The phones of the conference bench: every one sends A-law at 50 packets a second and keeps when its own arrive.

Started by conference.py. Reads lines from standard input: `open COUNT` (answers `ports: …`), then any number of
`run KIND SECONDS PORT…` (the room's port for each phone; answers `result: {…}`). In a run of the kind `speak` all
phones make noise all the time; in one of the kind `click` the first makes 20 ms of noise twice a second and the others
are silent, so that the way of a click through the room can be timed.
"""

from __future__ import annotations

import json
import resource
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numba import types

from mediacodecs.compiled import Compiler
from softswitch.media.kernels.libc import LibraryFunction, clock_gettime, sendto

recvmsg = LibraryFunction("recvmsg", types.intp, types.int32, types.intp, types.int32)
usleep = LibraryFunction("usleep", types.int32, types.int32)

_compiler = Compiler("bench", (Path(__file__),))

_SO_TIMESTAMPNS = 35
_PACKET_NS = 20_000_000
_STEP_US = 150
_CONTROL_WORDS = 8
_SILENCE = 0xD5
_CLICK_PACKETS = 25
_SPEAK, _CLICK = 0, 1


@_compiler.part
def _receive(fd: int, message: Any, packet: Any, control: Any, arrivals: Any, loud: Any) -> None:
    """Take everything that waits at one phone; `arrivals[0]` counts."""
    while True:
        message[5] = 8 * _CONTROL_WORDS
        got = recvmsg(fd, message.ctypes.data, 0)
        if got < 0:
            return
        if got < 12 or packet[0] != 0x80 or arrivals[0] + 1 >= len(arrivals):
            continue
        arrivals[0] += 1
        arrivals[arrivals[0]] = control[2] * 1_000_000_000 + control[3]
        for i in range(12, got):
            if (packet[i] ^ _SILENCE) & 0x7F > 0x20:
                loud[arrivals[0]] = 1


@_compiler.entry(
    types.int64(
        types.int64[::1], types.uint32[:, ::1], types.int64[::1], types.uint8[::1], types.int64[::1],
        types.uint8[:, ::1], types.int64[:, ::1], types.uint8[:, ::1], types.int64[::1], types.int64, types.int64,
    )
)  # fmt: skip
def run(
    sockets: Any,
    targets: Any,
    message: Any,
    packet: Any,
    control: Any,
    noise: Any,
    arrivals: Any,
    loud: Any,
    clicks: Any,
    kind: int,
    turns: int,
) -> Any:
    """Send `turns` packets from every phone; `clicks` gets the times of the clicks. Returns the worst lateness."""
    now = np.zeros(2, np.int64)
    outgoing = np.zeros(172, np.uint8)
    phones = len(sockets)
    step = _PACKET_NS // phones
    clock_gettime(1, now.ctypes.data)
    begin = now[0] * 1_000_000_000 + now[1] + 10_000_000
    sent, late = 0, 0
    while sent < turns * phones:
        clock_gettime(1, now.ctypes.data)
        behind = now[0] * 1_000_000_000 + now[1] - begin
        if behind < sent * step:
            usleep(_STEP_US)
            continue
        late = max(late, behind - sent * step)
        phone, turn = sent % phones, sent // phones
        click = kind == _CLICK and phone == 0 and turn % _CLICK_PACKETS == 0
        for i in range(160):
            outgoing[12 + i] = noise[(phone + turn) % len(noise), i] if kind == _SPEAK or click else _SILENCE
        outgoing[0], outgoing[1], outgoing[2], outgoing[3] = 0x80, 8, (turn >> 8) & 255, turn & 255
        stamp = turn * 160
        outgoing[4], outgoing[5], outgoing[6], outgoing[7] = (
            (stamp >> 24) & 255, (stamp >> 16) & 255, (stamp >> 8) & 255, stamp & 255,
        )  # fmt: skip
        outgoing[8], outgoing[9], outgoing[10], outgoing[11] = begin & 127, kind, phone >> 8, phone & 255
        if click:
            clock_gettime(0, now.ctypes.data)
            clicks[turn // _CLICK_PACKETS] = now[0] * 1_000_000_000 + now[1]
        sendto(sockets[phone], outgoing.ctypes.data, 172, 0, targets[phone].ctypes.data, 16)
        sent += 1
        _receive(sockets[phone], message, packet, control, arrivals[phone], loud[phone])
    return late


def _figures(arrivals: Any, seconds: float) -> dict[str, float]:
    """Packets a second and spacing of the middle of a run, over all phones."""
    rates, errors, last = [], [], []
    for own in arrivals:
        times = own[1 : 1 + own[0]]
        times = times[len(times) // 10 :]
        if len(times) < 2:
            rates.append(0.0)
            continue
        gaps = np.diff(times) / 1e6
        rates.append((len(times) - 1) / ((times[-1] - times[0]) / 1e9))
        errors.append(np.abs(gaps - 20.0))
        last.append(len(times))
    spacing = np.sort(np.concatenate(errors)) if errors else np.zeros(1)
    return {
        "received": int(arrivals[:, 0].sum()),
        "rate_min": min(rates),
        "rate_max": max(rates),
        "spacing_p50_ms": float(spacing[len(spacing) // 2]),
        "spacing_p99_ms": float(spacing[len(spacing) * 99 // 100]),
    }


def _delays(arrivals: Any, loud: Any, clicks: Any) -> dict[str, float]:
    """From the sending of a click to the arrival of the first packet that has some of it, over all other phones."""
    delays = []
    for click in clicks[2:]:
        if click == 0:
            continue
        for own, heard in zip(arrivals[1:], loud[1:], strict=True):
            times = own[1 : 1 + own[0]][heard[1 : 1 + own[0]] != 0]
            after = times[np.searchsorted(times, click) :]
            if len(after) and after[0] - click < 400_000_000:
                delays.append((after[0] - click) / 1e6)
    ordered = np.sort(delays) if delays else np.zeros(1)
    return {
        "delay_p50_ms": float(ordered[len(ordered) // 2]),
        "delay_p99_ms": float(ordered[len(ordered) * 99 // 100]),
    }


def _measure(kind: str, sockets: Any, ports: list[int], seconds: float) -> dict[str, float]:
    targets = np.zeros((len(ports), 4), np.uint32)
    for i, port in enumerate(ports):
        octets = struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + bytes([127, 0, 0, 1]) + bytes(8)
        targets[i] = np.frombuffer(octets, np.uint32)
    packet, control = np.zeros(2048, np.uint8), np.zeros(_CONTROL_WORDS, np.int64)
    vector = np.array([packet.ctypes.data, len(packet)], np.int64)
    message = np.zeros(7, np.int64)
    message[2], message[3], message[4] = vector.ctypes.data, 1, control.ctypes.data
    turns = int(seconds * 1e9 / _PACKET_NS)
    arrivals = np.zeros((len(ports), 2 * turns + 100), np.int64)
    loud = np.zeros(arrivals.shape, np.uint8)
    clicks = np.zeros(turns // _CLICK_PACKETS + 1, np.int64)
    noise = np.random.default_rng(1).integers(0, 256, (64, 160), np.uint8)
    number = _SPEAK if kind == "speak" else _CLICK
    late = run(sockets, targets, message, packet, control, noise, arrivals, loud, clicks, number, turns)
    del vector
    result = {"sent": turns * len(ports), "late_ms": late / 1e6} | _figures(arrivals, seconds)
    return result | (_delays(arrivals, loud, clicks) if kind == "click" else {})


def main() -> None:
    """Answer the lines of conference.py."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    phones: list[socket.socket] = []
    for line in sys.stdin:
        word, *values = line.split()
        if word == "open":
            for _ in range(int(values[0])):
                phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                phone.bind(("127.0.0.1", 0))
                phone.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                phones.append(phone)
            print("ports:", *(phone.getsockname()[1] for phone in phones), flush=True)
        elif word == "run":
            time.sleep(0.1)
            for phone in phones:  # what the room has sent meanwhile
                while True:
                    try:
                        phone.recv(2048)
                    except BlockingIOError:
                        break
            ports = [int(value) for value in values[2:]]
            sockets = np.array([phone.fileno() for phone in phones[: len(ports)]], np.int64)
            print("result:", json.dumps(_measure(values[0], sockets, ports, float(values[1]))), flush=True)


if __name__ == "__main__":
    main()
