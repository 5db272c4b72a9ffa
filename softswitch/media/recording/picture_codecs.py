"""Coded pictures out of RTP payloads, as Matroska holds them: H.264 (RFC 6184), VP8 (RFC 7741), and H.265 of `h265`."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Callable

from softswitch.media.recording.coded import Assembler, Coded
from softswitch.media.recording.h265 import H265Assembler
from softswitch.media.recording.parameter_sets import picture_size

_SINGLE_UNITS = range(1, 24)
_SLICE_IDR, _SEQUENCE_SET, _PICTURE_SET, _STAP_A, _FU_A = 5, 7, 8, 24, 28
_FRAGMENT_BEGINS, _FRAGMENT_ENDS = 0x80, 0x40
_MOST_PICTURE_SETS = 31
_SPROP = re.compile(r"sprop-parameter-sets\s*=\s*([^;\s]+)", re.IGNORECASE)


class H264Assembler:
    """Pictures of H.264, every unit behind its length in four octets (ISO/IEC 14496-15)."""

    def __init__(self, fmtp: str) -> None:
        """`fmtp` may hold the parameter sets (RFC 6184 §8.1)."""
        self._units: list[bytes] = []
        self._fragments: bytearray | None = None
        self._sequence_set = b""
        self._picture_sets: list[bytes] = []
        found = _SPROP.search(fmtp)
        for text in found[1].split(",") if found else ():
            try:
                self._learn(base64.b64decode(text))
            except (binascii.Error, ValueError):
                continue

    def add(self, payload: bytes) -> None:
        """See Assembler."""
        kind = payload[0] & 0x1F if payload else 0
        if kind in _SINGLE_UNITS:
            self._units.append(payload)
        elif kind == _STAP_A:
            at = 1
            while at + 2 < len(payload):
                (size,) = struct.unpack_from(">H", payload, at)
                unit = payload[at + 2 : at + 2 + size]
                if unit and len(unit) == size:
                    self._units.append(unit)
                at += 2 + size
        elif kind == _FU_A and len(payload) > 2:
            self._add_fragment(payload)

    def _add_fragment(self, payload: bytes) -> None:
        head = payload[1]
        if head & _FRAGMENT_BEGINS:
            self._fragments = bytearray([payload[0] & 0xE0 | head & 0x1F])
        if self._fragments is not None:
            self._fragments += payload[2:]
            if head & _FRAGMENT_ENDS:
                self._units.append(bytes(self._fragments))
                self._fragments = None

    def take(self) -> Coded | None:
        """See Assembler."""
        units, self._units, self._fragments = self._units, [], None
        for unit in units:
            self._learn(unit)
        if not any(0 < unit[0] & 0x1F <= _SLICE_IDR for unit in units):
            return None  # no slice
        data = b"".join(struct.pack(">I", len(unit)) + unit for unit in units)
        size = picture_size(self._sequence_set)
        if size is None or not self._picture_sets or all(unit[0] & 0x1F != _SLICE_IDR for unit in units):
            return Coded("V_MPEG4/ISO/AVC", data)
        return Coded("V_MPEG4/ISO/AVC", data, True, self._private(), *size)

    def _learn(self, unit: bytes) -> None:
        """Keep parameter sets."""
        kind = unit[0] & 0x1F if unit else 0
        if kind == _SEQUENCE_SET and len(unit) > 3 and unit != self._sequence_set:
            self._sequence_set, self._picture_sets = unit, []
        elif kind == _PICTURE_SET and unit not in self._picture_sets:
            self._picture_sets = [*self._picture_sets, unit][-_MOST_PICTURE_SETS:]

    def _private(self) -> bytes:
        """An AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1) with lengths of four octets."""
        sequence = self._sequence_set
        sets = b"".join(struct.pack(">H", len(unit)) + unit for unit in self._picture_sets)
        head = bytes([1, *sequence[1:4], 0xFF, 0xE1]) + struct.pack(">H", len(sequence)) + sequence
        return head + bytes([len(self._picture_sets)]) + sets


class Vp8Assembler:
    """Pictures of VP8: what follows the payload descriptors (RFC 7741 §4.2)."""

    def __init__(self, fmtp: str) -> None:
        self._data: bytearray | None = None

    def add(self, payload: bytes) -> None:
        """See Assembler."""
        at = _after_descriptor(payload)
        if payload and payload[0] & 0x10 and not payload[0] & 0x07:  # the first partition begins
            self._data = bytearray()
        if self._data is not None and at < len(payload):
            self._data += payload[at:]

    def take(self) -> Coded | None:
        """See Assembler. The head of a key picture tells its size (RFC 6386 §9.1)."""
        data, self._data = bytes(self._data or b""), None
        if not data:
            return None
        if data[0] & 1 or len(data) < 10 or data[3:6] != b"\x9d\x01\x2a":
            return Coded("V_VP8", data)
        width, height = struct.unpack_from("<HH", data, 6)
        return Coded("V_VP8", data, True, b"", width & 0x3FFF, height & 0x3FFF)


def _after_descriptor(payload: bytes) -> int:
    """Where the payload proper begins."""
    if len(payload) < 3 or not payload[0] & 0x80:
        return 1
    present, at = payload[1], 2
    if present & 0x80:
        at += 2 if payload[at] & 0x80 else 1
    return at + bool(present & 0x40) + bool(present & 0x30)


_ASSEMBLERS: dict[str, Callable[[str], Assembler]] = {
    "H264": H264Assembler,
    "H265": H265Assembler,
    "VP8": Vp8Assembler,
}


def assembler(encoding: str, fmtp: str) -> Assembler | None:
    """What puts the pictures of an encoding together; None for one that cannot be kept."""
    kind = _ASSEMBLERS.get(encoding.upper())
    return None if kind is None else kind(fmtp)
