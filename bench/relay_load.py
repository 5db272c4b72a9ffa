"""The phones of the relay bench: every one sends 50 packets a second and takes what comes, in compiled code.

Started by relay.py. Reads lines from standard input: `open COUNT` (answers `ports: …`, the local ports), then any
number of `run KIND SECONDS PORT…` (the relay's port for each phone in turn; answers `result: {…}`). KIND is `relay`,
or `transcode`: every second phone speaks µ-law then, and the time travels in a header extension that no codec touches.

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
_PAYLOAD_OCTETS = 160
_EXTENSION = bytes([0xBE, 0xDE, 0, 2])
_CONTROL_WORDS = 8
_LATENCIES = 4_000_000


@_compiler.part
def _receive(
    fd: int,
    message: Any,
    packet: Any,
    size: int,
    stamp_at: int,
    stamp: Any,
    control: Any,
    latencies: Any,
    received: int,
) -> Any:
    """Take everything that waits at one phone; returns how many packets all phones have got now."""
    while True:
        message[5] = 8 * _CONTROL_WORDS  # msg_controllen, which the kernel overwrites
        got = recvmsg(fd, message.ctypes.data, 0)
        if got < 0:
            return received
        if got != size:  # RTCP for another phone, whose RTP port lies one below
            continue
        for i in range(8):
            stamp[i] = packet[stamp_at + i]
        sent = stamp.view(np.int64)[0]
        arrived = control[2] * 1_000_000_000 + control[3]
        if received < len(latencies):
            latencies[received] = (arrived - sent) // 100
        received += 1


@_compiler.entry(
    types.int64[::1](
        types.int64[::1], types.uint32[:, ::1], types.int64[::1], types.uint8[::1], types.uint8[::1], types.int64,
        types.int64[::1], types.int32[::1], types.int64,
    )
)  # fmt: skip
def run(
    sockets: Any,
    targets: Any,
    message: Any,
    packet: Any,
    outgoing: Any,
    stamp_at: int,
    control: Any,
    latencies: Any,
    duration_ns: int,
) -> Any:
    """Send from every phone for so long; returns sent, received and the worst lateness of the sender in ns."""
    now = np.zeros(2, np.int64)
    wall = np.zeros(2, np.int64)
    stamp = np.zeros(8, np.uint8)
    size = len(outgoing)
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
        if stamp_at > 12:
            outgoing[1] = 8 if phone % 2 == 0 else 0
        outgoing[2], outgoing[3] = (sequence >> 8) & 255, sequence & 255
        timestamp = sequence * 160
        outgoing[4], outgoing[5] = (timestamp >> 24) & 255, (timestamp >> 16) & 255
        outgoing[6], outgoing[7] = (timestamp >> 8) & 255, timestamp & 255
        outgoing[8], outgoing[10], outgoing[11] = duration_ns & 127, phone >> 8, phone & 255
        clock_gettime(0, wall.ctypes.data)
        stamp.view(np.int64)[0] = wall[0] * 1_000_000_000 + wall[1]
        for i in range(8):
            outgoing[stamp_at + i] = stamp[i]
        sendto(sockets[phone], outgoing.ctypes.data, size, 0, targets[phone].ctypes.data, 16)
        sent += 1
        received = _receive(sockets[phone], message, packet, size, stamp_at, stamp, control, latencies, received)
    usleep(100_000)
    for phone in range(phones):
        received = _receive(sockets[phone], message, packet, size, stamp_at, stamp, control, latencies, received)
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


def _packet(*, transcode: bool) -> Any:
    """A packet to be filled in: RTP header, in `transcode` an extension for the time, and 160 octets."""
    head = bytes([0x90 if transcode else 0x80, 8]) + bytes(10) + ((_EXTENSION + bytes(8)) if transcode else b"")
    return np.frombuffer(head + bytes(_PAYLOAD_OCTETS), np.uint8).copy()


def _measure(kind: str, sockets: Any, ports: list[int], seconds: float) -> dict[str, float]:
    targets = np.zeros((len(ports), 4), np.uint32)
    for i, port in enumerate(ports):
        octets = struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + bytes([127, 0, 0, 1]) + bytes(8)
        targets[i] = np.frombuffer(octets, np.uint32)
    packet, control = np.zeros(2048, np.uint8), np.zeros(_CONTROL_WORDS, np.int64)
    message, vector = _message(packet, control)
    latencies = np.zeros(_LATENCIES, np.int32)
    transcode = kind == "transcode"
    outgoing, stamp_at = _packet(transcode=transcode), 16 if transcode else 12
    duration_ns = int(seconds * 1e9)
    result = run(sockets, targets, message, packet, outgoing, stamp_at, control, latencies, duration_ns)
    del vector
    measured = np.sort(latencies[: min(int(result[1]), _LATENCIES)]) / 10_000

    def at(share: float) -> float:
        return float(measured[min(int(len(measured) * share), len(measured) - 1)]) if len(measured) else 0.0

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
            ports = [int(value) for value in values[2:]]
            print("result:", json.dumps(_measure(values[0], sockets, ports, float(values[1]))), flush=True)


if __name__ == "__main__":
    main()
