"""Video: one camera of 720p and 2 Mbit/s, two hundred viewers: what a stream costs, and how soon a new viewer sees it.

The camera encodes H.264 as it goes (libx264), without key frames but for those it is asked for by RTCP. Viewers that
are measured decode what they get. `core_pct_per_stream_received` is the engine's share of a core for each viewer,
`first_picture_ms` the time from a viewer's join to the arrival of its first complete picture, which must decode.
"""

from __future__ import annotations

import argparse
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from common import ROOT, Bench, arguments, cpu_seconds, percentile, read_line, running

_WIDTH, _HEIGHT, _RATE, _BITS = 1280, 720, 25, 2_000_000
_PAYLOAD = 1200
_LATE_VIEWERS = 10
_PLI = 1


def serve_engine() -> None:
    """The process under test: one port for the camera, one for each viewer that is named on a line of its own."""
    from softswitch.media import MediaEngine, PortSettings, StreamFormat

    def settings(phone: int) -> PortSettings:
        return PortSettings(
            remote=("127.0.0.1", phone),
            rtcp_mux=True,
            formats=(StreamFormat(96, "H264", 90000, fmtp="packetization-mode=1"),),
            feedback=frozenset({"nack", "nack pli"}),
        )

    with MediaEngine(report_interval_s=600) as engine:
        room = engine.open_fan_out("camera")
        for line in sys.stdin:
            for place, phone in enumerate(map(int, line.split())):
                port = engine.open_port("camera")
                port.configure(settings(phone))
                room.join(port)
                if room.talker is None and place == 0:
                    room.talk(port)
                    print("camera:", port.local[1], flush=True)


class Camera(threading.Thread):
    """Sends a moving picture to a port, with a key frame whenever it is asked for one."""

    def __init__(self, phone: socket.socket) -> None:
        import av
        import numpy as np

        super().__init__(daemon=True)
        self.phone, self.target, self.packets, self.ending, self.asked = phone, 0, 0, False, 0
        self._av, self._random = av, np.random.default_rng(1)
        self._noise = self._random.integers(0, 255, (_HEIGHT * 3 // 2, _WIDTH * 2)).astype(np.uint8) // 6 + 90
        self._encoder = av.CodecContext.create("libx264", "w")
        self._encoder.width, self._encoder.height, self._encoder.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        self._encoder.time_base, self._encoder.framerate = Fraction(1, _RATE), Fraction(_RATE)
        self._encoder.gop_size, self._encoder.bit_rate = 100_000, _BITS
        self._encoder.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "forced-idr": "1",
            "x264-params": f"repeat-headers=1:scenecut=0:vbv-maxrate={_BITS // 1000}:vbv-bufsize={_BITS // 4000}",
        }

    def run(self) -> None:
        """Send until `ending`."""
        begin, number, key = time.monotonic(), 0, True
        while not self.ending:
            for payload, marker in self._encode(number, key):
                head = struct.pack(">BBHII", 0x80, 96 | marker << 7, self.packets & 0xFFFF, number * 3600, 1)
                self.phone.sendto(head + payload, ("127.0.0.1", self.target))
                self.packets += 1
            number += 1
            key = self._wait(max(begin + number / _RATE - time.monotonic(), 0))

    def _wait(self, seconds: float) -> bool:
        """Whether a key frame is asked for until then."""
        asked, deadline = False, time.monotonic() + seconds
        while select.select([self.phone], [], [], max(deadline - time.monotonic(), 0))[0]:
            data = self.phone.recv(2048)
            while len(data) >= 4:
                first, kind, words = struct.unpack_from(">BBH", data)
                asked |= kind == 206 and first & 0x1F == _PLI
                data = data[4 * (words + 1) :]
        self.asked += asked
        return asked

    def _encode(self, number: int, key: bool) -> Iterator[tuple[bytes, bool]]:
        shift = number * 4 % _WIDTH
        frame = self._av.VideoFrame.from_ndarray(self._noise[:, shift : shift + _WIDTH].copy(), format="yuv420p")
        frame.pts = number
        if key:
            frame.pict_type = self._av.video.frame.PictureType.I
        data = b"".join(bytes(packet) for packet in self._encoder.encode(frame))
        units = [unit for unit in data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit]
        payloads = [payload for unit in units for payload in _fragments(unit)]
        yield from ((payload, place == len(payloads) - 1) for place, payload in enumerate(payloads))


def _fragments(unit: bytes) -> Iterator[bytes]:
    """FU-A (RFC 6184 §5.8) of a unit that is too long for one packet."""
    if len(unit) <= _PAYLOAD:
        yield unit
        return
    for begin in range(1, len(unit), _PAYLOAD):
        flags = (begin == 1) << 7 | (begin + _PAYLOAD >= len(unit)) << 6
        yield bytes([unit[0] & 0xE0 | 28, flags | unit[0] & 0x1F]) + unit[begin : begin + _PAYLOAD]


def _phone() -> socket.socket:
    phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    phone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    phone.bind(("127.0.0.1", 0))
    return phone


def _first_picture_ms(process: subprocess.Popen[str], phone: socket.socket) -> float:
    """Let a viewer join, and take what comes up to its first marker; what came must decode."""
    import av

    assert process.stdin is not None
    phone.settimeout(10)
    began, data = time.monotonic(), b""
    process.stdin.write(f"{phone.getsockname()[1]}\n")
    process.stdin.flush()
    while True:
        packet = phone.recv(2048)
        payload = packet[12:]
        if payload[0] & 0x1F == 28:
            data += (b"\0\0\0\1" + bytes([payload[0] & 0xE0 | payload[1] & 0x1F])) * (payload[1] >> 7) + payload[2:]
        else:
            data += b"\0\0\0\1" + payload
        if packet[1] & 0x80:
            break
    arrived_ms = (time.monotonic() - began) * 1000
    decoder = av.CodecContext.create("h264", "r")
    if not [*decoder.decode(av.Packet(data)), *decoder.decode(None)]:
        raise AssertionError("the first picture of a viewer does not decode")
    return arrived_ms


def _count(phones: list[socket.socket]) -> int:
    """How many packets wait."""
    found = 0
    for phone in phones:
        phone.setblocking(False)
        try:
            while phone.recv(2048):
                found += 1
        except BlockingIOError:
            continue
    return found


def _measure(bench: Bench, process: Any, camera: Camera, phones: list[socket.socket], seconds: float) -> None:
    time.sleep(2)
    _count(phones)
    sent, cpu_s, began, heard = camera.packets, cpu_seconds(process.pid), time.monotonic(), 0
    while time.monotonic() - began < seconds:
        time.sleep(1)
        heard += _count(phones)
    cpu_s, passed_s = cpu_seconds(process.pid) - cpu_s, time.monotonic() - began
    time.sleep(0.1)
    sent, heard = camera.packets - sent, heard + _count(phones)
    bench.figure("core_pct_per_stream_received", cpu_s / passed_s / len(phones) * 100, "%")
    bench.figure("cpu_us_per_packet", cpu_s * 1e6 / max(heard, 1), "us")
    bench.figure("packets_per_s_of_a_stream", sent / passed_s, "1/s", better="more")
    bench.figure("loss", max(1 - heard / (sent * len(phones)), 0), "")


def main() -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--viewers", type=int, default=200)
    options = arguments("", parser=parser)
    if options.engine:
        serve_engine()
        return 0
    bench = Bench("video", json_output=options.json)
    phone, phones = _phone(), [_phone() for _ in range(options.viewers)]
    camera = Camera(phone)
    with running([sys.executable, str(Path(__file__)), "--engine"]) as process:
        assert process.stdin is not None
        names = (str(each.getsockname()[1]) for each in (phone, *phones))
        process.stdin.write(" ".join(names) + "\n")
        process.stdin.flush()
        camera.target = int(read_line(process, "camera:", 120))
        camera.start()
        bench.note(f"H.264, {_WIDTH}x{_HEIGHT}, {_BITS // 1_000_000} Mbit/s, {options.viewers} viewers")
        _measure(bench, process, camera, phones, 8 if options.quick else 30)
        times = []
        for _ in range(_LATE_VIEWERS):
            time.sleep(0.4)
            times.append(_first_picture_ms(process, _phone()))
        bench.figure("first_picture_ms", percentile(times, 50), "ms")
        bench.figure("first_picture_max_ms", max(times), "ms")
        camera.ending = True
        camera.join()
    status: int = bench.finish()
    return status


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    raise SystemExit(main())
