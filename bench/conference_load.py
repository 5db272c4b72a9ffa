"""The phones of the conference and transcode benches: each sends 50 packets a second and keeps when its own arrive.

Started by conference.py or transcode.py. Reads lines from standard input: `open COUNT` (answers `ports: …`), then any
number of `run KIND SECONDS PORT…` (the engine's port for each phone; answers `result: {…}`). In a run of the kind
`speak` all phones make noise in A-law all the time; in one of the kind `click` the first makes 20 ms of noise twice a
second and the others are silent, so that the way of a click through a room can be timed. In a run of the kind
`codec:ENCODING` all speak, every second phone in that codec and the others in A-law.
"""

from __future__ import annotations

import functools
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

import mediacodecs
from mediacodecs.compiled import Compiler
from softswitch.media.kernels.libc import LibraryFunction, clock_gettime, sendto
from softswitch.media.playing import sounds
from softswitch.media.playing.resample import resample

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
_VARIANTS = 64
PAYLOAD_TYPES = {"PCMA": 8, "PCMU": 0, "G722": 9, "opus": 111}


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
        types.uint8[:, :, ::1], types.int64[:, ::1], types.int64[:, ::1], types.uint8[:, ::1], types.int64[::1],
        types.int64, types.int64,
    )
)  # fmt: skip
def run(
    sockets: Any,
    targets: Any,
    message: Any,
    packet: Any,
    control: Any,
    spoken: Any,
    lengths: Any,
    arrivals: Any,
    loud: Any,
    clicks: Any,
    kind: int,
    turns: int,
) -> Any:
    """Send `turns` packets from every phone; `clicks` gets the times of the clicks. Returns the worst lateness.

    `spoken[0]` (uint8[n, most]) are the payloads of even phones, `spoken[1]` of odd ones; `lengths` int64[2, n] theirs,
    and in the last column the payload type and in the last but one the ticks of a packet.
    """
    now = np.zeros(2, np.int64)
    outgoing = np.zeros(2048, np.uint8)
    variants = spoken.shape[1]
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
        side, variant = phone & 1, (phone + turn) % variants
        size = lengths[side, variant]
        for i in range(size):
            outgoing[12 + i] = spoken[side, variant, i] if kind == _SPEAK or click else _SILENCE
        outgoing[0], outgoing[1], outgoing[2], outgoing[3] = (
            0x80, lengths[side, variants + 1], (turn >> 8) & 255, turn & 255,
        )  # fmt: skip
        stamp = turn * lengths[side, variants]
        outgoing[4], outgoing[5], outgoing[6], outgoing[7] = (
            (stamp >> 24) & 255, (stamp >> 16) & 255, (stamp >> 8) & 255, stamp & 255,
        )  # fmt: skip
        outgoing[8], outgoing[9], outgoing[10], outgoing[11] = begin & 127, kind, phone >> 8, phone & 255
        if click:
            clock_gettime(0, now.ctypes.data)
            clicks[turn // _CLICK_PACKETS] = now[0] * 1_000_000_000 + now[1]
        sendto(sockets[phone], outgoing.ctypes.data, 12 + size, 0, targets[phone].ctypes.data, 16)
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


@functools.cache  # what takes long would be counted as the engine's: it sends meanwhile, and nobody receives
def _sounds(kind: str) -> tuple[Any, Any]:
    """The payloads of even and odd phones and their lengths, as `run` wants them."""
    spoken = np.zeros((2, _VARIANTS, 1500), np.uint8)
    lengths = np.zeros((2, _VARIANTS + 2), np.int64)
    for side, encoding in enumerate(("PCMA", kind.partition(":")[2] or "PCMA")):
        if ":" not in kind:
            spoken[side, :, :160] = np.random.default_rng(1).integers(0, 256, (_VARIANTS, 160), np.uint8)
            lengths[side, :_VARIANTS] = 160
        else:
            for i, payload in enumerate(_speech(encoding)):
                spoken[side, i, : len(payload)] = payload
                lengths[side, i] = len(payload)
        lengths[side, _VARIANTS] = 960 if encoding == "opus" else 160
        lengths[side, _VARIANTS + 1] = PAYLOAD_TYPES[encoding]
    return spoken, lengths


def _speech(encoding: str) -> list[Any]:
    """Packets of 20 ms of the announcement."""
    rate = {"G722": 16000, "opus": 48000}.get(encoding, 8000)
    codec = mediacodecs.create(encoding, rate)
    speech, count = resample(sounds.announcement(), 8000, rate), rate // 50
    return [codec.encode(speech[i * count : (i + 1) * count]) for i in range(20, 20 + _VARIANTS)]


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
    number = _CLICK if kind == "click" else _SPEAK
    spoken, lengths = _sounds(kind)
    late = run(sockets, targets, message, packet, control, spoken, lengths, arrivals, loud, clicks, number, turns)
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
