"""The phones of the relay bench: every one sends 50 packets a second and takes what comes, in compiled code.

Started by relay.py. Reads lines from standard input: `open COUNT` (answers `ports: …`, the local ports), then any
number of `run SECONDS PORT…` (the relay's port for each phone in turn; answers `result: {…}`).

A packet carries the time it was sent, and the kernel stamps its arrival (SO_TIMESTAMPNS), so the latency is that of
the relay and the two passages of loopback, whatever this program is busy with.
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
_PACKET_OCTETS = 172
_STAMP_AT = 12
_CONTROL_WORDS = 8
_LATENCIES = 4_000_000


@_compiler.part
def _receive(fd: int, message: Any, packet: Any, stamp: Any, control: Any, latencies: Any, received: int) -> Any:
    """Take everything that waits at one phone; returns how many packets all phones have got now."""
    while True:
        message[5] = 8 * _CONTROL_WORDS  # msg_controllen, which the kernel overwrites
        size = recvmsg(fd, message.ctypes.data, 0)
        if size < 0:
            return received
        if size != _PACKET_OCTETS:  # RTCP for another phone, whose RTP port lies one below
            continue
        for i in range(8):
            stamp[i] = packet[_STAMP_AT + i]
        sent = stamp.view(np.int64)[0]
        arrived = control[2] * 1_000_000_000 + control[3]
        if received < len(latencies):
            latencies[received] = (arrived - sent) // 100
        received += 1


@_compiler.entry(
    types.int64[::1](
        types.int64[::1], types.uint32[:, ::1], types.int64[::1], types.uint8[::1], types.int64[::1], types.int32[::1],
        types.int64,
    )
)  # fmt: skip
def run(sockets: Any, targets: Any, message: Any, packet: Any, control: Any, latencies: Any, duration_ns: int) -> Any:
    """Send from every phone for so long; returns sent, received and the worst lateness of the sender in ns."""
    now = np.zeros(2, np.int64)
    wall = np.zeros(2, np.int64)
    stamp = np.zeros(8, np.uint8)
    outgoing = np.zeros(_PACKET_OCTETS, np.uint8)
    outgoing[0] = 0x80
    outgoing[1] = 8
    phones = len(sockets)
    step = _PACKET_NS // phones
    clock_gettime(1, now.ctypes.data)
    begin = now[0] * 1_000_000_000 + now[1] + 10_000_000
    total = duration_ns // _PACKET_NS * phones
    sent, received, late = 0, 0, 0
    while sent < total:
        clock_gettime(1, now.ctypes.data)
        behind = now[0] * 1_000_000_000 + now[1] - begin
        if behind < sent * step:
            usleep(_STEP_US)
            continue
        late = max(late, behind - sent * step)
        phone, sequence = sent % phones, sent // phones
        outgoing[2], outgoing[3] = (sequence >> 8) & 255, sequence & 255
        timestamp = sequence * 160
        outgoing[4], outgoing[5] = (timestamp >> 24) & 255, (timestamp >> 16) & 255
        outgoing[6], outgoing[7] = (timestamp >> 8) & 255, timestamp & 255
        outgoing[8], outgoing[10], outgoing[11] = duration_ns & 127, phone >> 8, phone & 255
        clock_gettime(0, wall.ctypes.data)
        stamp.view(np.int64)[0] = wall[0] * 1_000_000_000 + wall[1]
        for i in range(8):
            outgoing[_STAMP_AT + i] = stamp[i]
        sendto(sockets[phone], outgoing.ctypes.data, _PACKET_OCTETS, 0, targets[phone].ctypes.data, 16)
        sent += 1
        received = _receive(sockets[phone], message, packet, stamp, control, latencies, received)
    usleep(100_000)
    for phone in range(phones):
        received = _receive(sockets[phone], message, packet, stamp, control, latencies, received)
    result = np.zeros(3, np.int64)
    result[0], result[1], result[2] = sent, received, late
    return result


def _message(packet: Any, control: Any) -> tuple[Any, Any]:
    """struct msghdr that points at the packet and the control octets, and what must be kept alive for it."""
    vector = np.array([packet.ctypes.data, len(packet)], np.int64)
    message = np.zeros(7, np.int64)  # name, namelen, iov, iovlen, control, controllen, flags
    message[2], message[3] = vector.ctypes.data, 1
    message[4] = control.ctypes.data
    return message, vector


def _measure(sockets: Any, ports: list[int], seconds: float) -> dict[str, float]:
    targets = np.zeros((len(ports), 4), np.uint32)
    for i, port in enumerate(ports):
        octets = struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + bytes([127, 0, 0, 1]) + bytes(8)
        targets[i] = np.frombuffer(octets, np.uint32)
    packet, control = np.zeros(2048, np.uint8), np.zeros(_CONTROL_WORDS, np.int64)
    message, vector = _message(packet, control)
    latencies = np.zeros(_LATENCIES, np.int32)
    result = run(sockets, targets, message, packet, control, latencies, int(seconds * 1e9))
    del vector
    measured = np.sort(latencies[: min(int(result[1]), _LATENCIES)]) / 10_000
    count = max(len(measured), 1)
    at = (lambda share: float(measured[min(int(count * share), count - 1)])) if len(measured) else lambda share: 0.0
    return {
        "sent": int(result[0]),
        "received": int(result[1]),
        "late_ms": int(result[2]) / 1e6,
        "p50_ms": at(0.5),
        "p99_ms": at(0.99),
        "p999_ms": at(0.999),
        "max_ms": at(1.0),
    }


def main() -> None:
    """Answer the lines of relay.py."""
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
            sockets = np.array([phone.fileno() for phone in phones], np.int64)
            print("result:", json.dumps(_measure(sockets, [int(v) for v in values[1:]], float(values[0]))), flush=True)


if __name__ == "__main__":
    main()
