"""Coded pictures of H.265 out of RTP payloads (RFC 7798), as Matroska holds them (ISO/IEC 14496-15 §8)."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterator

from softswitch.media.recording.coded import Coded
from softswitch.media.recording.parameter_sets import H265Set, read_h265_set

#: Types of units: slices, among them those of key pictures, and sets (ITU-T H.265 table 7-1); packets (RFC 7798 §4.4).
_SLICES, _KEYS = range(32), range(16, 24)
_VIDEO_SET, _SEQUENCE_SET, _PICTURE_SET = 32, 33, 34
_SINGLE_UNITS, _AGGREGATION, _FRAGMENT = range(48), 48, 49
_HEAD = 2
_FRAGMENT_BEGINS, _FRAGMENT_ENDS = 0x80, 0x40
_MOST_SETS = 16
_SPROP = re.compile(r"sprop-(?:vps|sps|pps)\s*=\s*([^;\s]+)", re.IGNORECASE)
_CODEC_ID = "V_MPEGH/ISO/HEVC"


class H265Assembler:
    """Pictures of H.265, every unit behind its length in four octets."""

    def __init__(self, fmtp: str) -> None:
        """`fmtp` may hold the parameter sets (RFC 7798 §7.1)."""
        self._units: list[bytes] = []
        self._fragments: bytearray | None = None
        self._sets: dict[int, list[bytes]] = {_VIDEO_SET: [], _SEQUENCE_SET: [], _PICTURE_SET: []}
        self._sequence: H265Set | None = None
        for text in ",".join(_SPROP.findall(fmtp)).split(","):
            try:
                self._learn(base64.b64decode(text))
            except (binascii.Error, ValueError):
                continue

    def add(self, payload: bytes) -> None:
        """See Assembler."""
        kind = _kind(payload) if len(payload) > _HEAD else -1
        if kind in _SINGLE_UNITS:
            self._units.append(payload)
        elif kind == _AGGREGATION:
            self._units += _aggregated(payload)
        elif kind == _FRAGMENT and len(payload) > _HEAD + 1:
            self._add_fragment(payload)

    def _add_fragment(self, payload: bytes) -> None:
        head = payload[_HEAD]
        if head & _FRAGMENT_BEGINS:
            self._fragments = bytearray([payload[0] & 0x81 | (head & 0x3F) << 1, payload[1]])
        if self._fragments is not None:
            self._fragments += payload[_HEAD + 1 :]
            if head & _FRAGMENT_ENDS:
                self._units.append(bytes(self._fragments))
                self._fragments = None

    def take(self) -> Coded | None:
        """See Assembler."""
        units, self._units, self._fragments = self._units, [], None
        for unit in units:
            self._learn(unit)
        if not any(_kind(unit) in _SLICES for unit in units):
            return None
        data = b"".join(struct.pack(">I", len(unit)) + unit for unit in units)
        key = any(_kind(unit) in _KEYS for unit in units)
        if not key or self._sequence is None or not all(self._sets.values()):
            return Coded(_CODEC_ID, data)
        return Coded(_CODEC_ID, data, True, self._private(self._sequence), *self._sequence.size)

    def _learn(self, unit: bytes) -> None:
        """Keep parameter sets; with a new one of the video or a sequence those of pictures begin anew."""
        kept = self._sets.get(_kind(unit)) if len(unit) > _HEAD else None
        if kept is None or unit in kept:
            return
        if _kind(unit) == _PICTURE_SET:
            kept.append(unit)
            del kept[:-_MOST_SETS]
            return
        kept[:] = [unit]
        if _kind(unit) == _SEQUENCE_SET:
            self._sequence = read_h265_set(unit)
        self._sets[_PICTURE_SET].clear()

    def _private(self, sequence: H265Set) -> bytes:
        """An HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1) with lengths of four octets."""
        layers = sequence.layers << 3 | sequence.nested << 2 | 3
        depths = (0xFC | sequence.colours, 0xF8 | sequence.luma_depth, 0xF8 | sequence.chroma_depth)
        record = bytes([1]) + sequence.profile + bytes([0xF0, 0, 0xFC, *depths, 0, 0, layers, len(self._sets)])
        for kind, units in self._sets.items():
            record += struct.pack(">BH", 0x80 | kind, len(units))
            record += b"".join(struct.pack(">H", len(unit)) + unit for unit in units)
        return record


def _kind(unit: bytes) -> int:
    return unit[0] >> 1 & 0x3F


def _aggregated(payload: bytes) -> Iterator[bytes]:
    """The units of an aggregation packet (RFC 7798 §4.4.2), decoding order numbers being nobody's."""
    at = _HEAD
    while at + 2 < len(payload):
        (size,) = struct.unpack_from(">H", payload, at)
        unit = payload[at + 2 : at + 2 + size]
        if len(unit) == size > _HEAD:
            yield unit
        at += 2 + size


__all__ = ["H265Assembler"]
