"""Where a picture that needs none before it begins: what of a payload tells H.264, H.265 and VP8 key frames.

Sources: RFC 6184 §5 (H.264), RFC 7798 §4.4 (H.265), RFC 7741 §4.2, §4.3 (VP8). Nothing is decoded. A stream may be
joined at its parameter sets, or at the first slice of a key frame whose sets were signalled in the description.
"""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.octets import get16
from softswitch.media.layouts.shared import PICTURE_H264, PICTURE_H265, PICTURE_VP8

_FIRST_SLICE = 0x80  # first_mb_in_slice 0, and first_slice_segment_in_pic_flag: one bit both
_FRAGMENT_BEGINS = 0x80

_H264_IDR, _H264_SPS, _H264_STAP_A, _H264_FU_A = 5, 7, 24, 28
_H265_FIRST_IRAP, _H265_LAST_IRAP, _H265_VPS, _H265_SPS, _H265_AP, _H265_FU = 16, 23, 32, 33, 48, 49

_VP8_EXTENDED, _VP8_BEGINS, _VP8_PARTITION = 0x80, 0x10, 0x07
_VP8_PICTURE_ID, _VP8_LAYER_INDEX, _VP8_LAYER_OR_KEY, _VP8_LONG_ID = 0x80, 0x40, 0x30, 0x80
_VP8_INTER = 0x01


@part
def begins_key_frame(codec: int, packet: Any, begin: int, end: int) -> bool:
    """Whether a decoder that knows nothing may begin with the payload `packet[begin:end]` (uint8) of that codec."""
    if codec == PICTURE_H264:
        return bool(_h264(packet, begin, end))
    if codec == PICTURE_H265:
        return bool(_h265(packet, begin, end))
    if codec == PICTURE_VP8:
        return bool(_vp8(packet, begin, end))
    return True


@part
def _h264(packet: Any, begin: int, end: int) -> bool:
    if end - begin < 2:
        return False
    kind = packet[begin] & 0x1F
    if kind == _H264_FU_A:
        if packet[begin + 1] & _FRAGMENT_BEGINS == 0 or end - begin < 3:
            return False
        return bool(_h264_unit(packet[begin + 1] & 0x1F, packet[begin + 2]))
    if kind != _H264_STAP_A:
        return bool(_h264_unit(kind, packet[begin + 1]))
    at = begin + 1
    while at + 4 <= end:
        size = get16(packet, at)
        if at + 2 + size > end:
            return False
        if size >= 2 and _h264_unit(packet[at + 2] & 0x1F, packet[at + 3]):
            return True
        at += 2 + size
    return False


@part
def _h264_unit(kind: int, following: int) -> bool:
    """Of a unit's type, and the octet behind its header."""
    return bool(kind == _H264_SPS or (kind == _H264_IDR and following & _FIRST_SLICE != 0))


@part
def _h265(packet: Any, begin: int, end: int) -> bool:
    if end - begin < 3:
        return False
    kind = packet[begin] >> 1 & 0x3F
    if kind == _H265_FU:
        if packet[begin + 2] & _FRAGMENT_BEGINS == 0 or end - begin < 4:
            return False
        return bool(_h265_unit(packet[begin + 2] & 0x3F, packet[begin + 3]))
    if kind != _H265_AP:
        return bool(_h265_unit(kind, packet[begin + 2]))
    at = begin + 2
    while at + 5 <= end:
        size = get16(packet, at)
        if at + 2 + size > end:
            return False
        if size >= 3 and _h265_unit(packet[at + 2] >> 1 & 0x3F, packet[at + 4]):
            return True
        at += 2 + size
    return False


@part
def _h265_unit(kind: int, following: int) -> bool:
    """Of a unit's type, and the octet behind its header of two."""
    if kind in (_H265_VPS, _H265_SPS):
        return True
    return bool(_H265_FIRST_IRAP <= kind <= _H265_LAST_IRAP and following & _FIRST_SLICE != 0)


@part
def _vp8(packet: Any, begin: int, end: int) -> bool:
    if begin >= end or packet[begin] & _VP8_BEGINS == 0 or packet[begin] & _VP8_PARTITION != 0:
        return False
    at = begin + 1
    if packet[begin] & _VP8_EXTENDED:
        if at >= end:
            return False
        present = packet[at]
        at += 1
        if present & _VP8_PICTURE_ID:
            if at >= end:
                return False
            at += 2 if packet[at] & _VP8_LONG_ID else 1
        if present & _VP8_LAYER_INDEX:
            at += 1
        if present & _VP8_LAYER_OR_KEY:
            at += 1
    return bool(at < end and packet[at] & _VP8_INTER == 0)
