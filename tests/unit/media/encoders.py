"""Real pictures for tests: encoded and decoded by ffmpeg's libraries, cut into RTP payloads by code of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

_MAXIMUM_PAYLOAD = 1100
WIDTH, HEIGHT = 320, 240
_ENCODERS = {
    "H264": ("libx264", {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "repeat-headers=1:scenecut=0"}),
    "H265": (
        "libx265",
        {"preset": "ultrafast", "tune": "zerolatency", "x265-params": "repeat-headers=1:scenecut=0:log-level=none"},
    ),
    "VP8": ("libvpx", {"deadline": "realtime", "cpu-used": "8"}),
}
_DECODERS = {"H264": "h264", "H265": "hevc", "VP8": "vp8"}


class Picture(NamedTuple):
    """One coded picture as RTP payloads; the last one has the marker."""

    payloads: list[bytes]
    key: bool


def image(number: int) -> NDArray[np.uint8]:
    """A picture of which every number has its own: a bright bar on a slope."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    grey = ((rows + columns) // 4 + 40).astype(np.uint8)
    begin = 8 * number % WIDTH
    grey[:, begin : begin + 16] = 235
    return grey


def encode(encoding: str, numbers: Iterable[int], *, gop: int = 1000, keys: Iterable[int] = ()) -> Iterator[Picture]:
    """Encode `image(number)` for each; `keys` are to be key frames besides the first and every `gop`-th."""
    name, options = _ENCODERS[encoding]
    context = av.CodecContext.create(name, "w")
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate, context.gop_size = Fraction(1, 25), Fraction(25), gop
    context.bit_rate, context.options = 600_000, options
    wanted = set(keys)
    for place, number in enumerate(numbers):
        luma = image(number)
        planes = np.concatenate([luma, np.full((HEIGHT // 2, WIDTH), 128, np.uint8)])
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = place
        if number in wanted:
            frame.pict_type = av.video.frame.PictureType.I
        for packet in context.encode(frame):
            yield Picture(list(_cut(encoding, bytes(packet), packet.is_keyframe)), bool(packet.is_keyframe))


def _cut(encoding: str, data: bytes, key: bool) -> Iterator[bytes]:
    if encoding == "VP8":
        for begin in range(0, len(data), _MAXIMUM_PAYLOAD):
            yield (b"\x10" if begin == 0 else b"\x00") + data[begin : begin + _MAXIMUM_PAYLOAD]
        return
    for unit in _units(data):
        yield from _fragments(encoding, unit)


def _units(data: bytes) -> list[bytes]:
    """The NAL units of an Annex B byte stream."""
    units = data.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01")
    return [unit for unit in units if unit]


def _fragments(encoding: str, unit: bytes) -> Iterator[bytes]:
    if len(unit) <= _MAXIMUM_PAYLOAD:
        yield unit
        return
    head = 1 if encoding == "H264" else 2
    body = unit[head:]
    for begin in range(0, len(body), _MAXIMUM_PAYLOAD):
        flags = (0x80 if begin == 0 else 0) | (0x40 if begin + _MAXIMUM_PAYLOAD >= len(body) else 0)
        if encoding == "H264":
            outer = bytes([unit[0] & 0xE0 | 28, flags | unit[0] & 0x1F])
        else:
            outer = bytes([unit[0] & 0x81 | 49 << 1, unit[1], flags | unit[0] >> 1 & 0x3F])
        yield outer + body[begin : begin + _MAXIMUM_PAYLOAD]


class Decoder:
    """Puts RTP payloads together and decodes; knows nothing before the first one that it is given."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._context = av.CodecContext.create(_DECODERS[encoding], "r")
        self._data = b""

    def feed(self, payload: bytes, *, marker: bool) -> list[NDArray[np.uint8]]:
        """The luma of every picture that is complete with this payload."""
        self._data += self._joined(payload)
        if not marker:
            return []
        data, self._data = self._data, b""
        return [frame.to_ndarray()[:HEIGHT] for frame in self._context.decode(av.Packet(data))]

    def _joined(self, payload: bytes) -> bytes:
        if self._encoding == "VP8":
            return payload[1:]
        start = b"\x00\x00\x00\x01"
        if self._encoding == "H264" and payload[0] & 0x1F == 28:
            whole = bytes([payload[0] & 0xE0 | payload[1] & 0x1F])
            return (start + whole if payload[1] & 0x80 else b"") + payload[2:]
        if self._encoding == "H265" and payload[0] >> 1 & 0x3F == 49:
            whole = bytes([payload[0] & 0x81 | (payload[2] & 0x3F) << 1, payload[1]])
            return (start + whole if payload[2] & 0x80 else b"") + payload[3:]
        return start + payload


def number_of(luma: NDArray[np.uint8]) -> int:
    """Which `image` a decoded picture is, −1 for none: the closest one, if it is close."""
    columns = luma.astype(np.float64).mean(axis=0)
    errors = [float(np.abs(columns - image(number).mean(axis=0)).mean()) for number in range(WIDTH // 8)]
    best = int(np.argmin(errors))
    return best if psnr(luma, image(best)) > 28 else -1


def psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Peak signal to noise of two pictures in dB."""
    error = float(((one.astype(np.float64) - other) ** 2).mean())
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)
