"""What sequence parameter sets tell: how large pictures are, in H.264 (ITU-T H.264 §7.3.2.1.1) and H.265 (§7.3.2.2)."""

from __future__ import annotations

from typing import NamedTuple

#: Profiles whose sets tell of the colour format.
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_MOST_ZEROS = 31
_SEQUENCE_SET = 7  # nal_unit_type, table 7-1
_H265_SEQUENCE_SET = 33  # nal_unit_type, table 7-1 of H.265
_LARGEST = 16384


class H265Set(NamedTuple):
    """A sequence parameter set of H.265.

    Size in pixels; profile, tier and level as they stand there (12 octets); layers of time and whether they are nested;
    the format of the colours; by how much samples have more than eight bits.
    """

    size: tuple[int, int]
    profile: bytes
    layers: int
    nested: int
    colours: int
    luma_depth: int
    chroma_depth: int


class _Bits:
    """The bits of a NAL unit behind its head in their order; IndexError at the end, ValueError for nonsense."""

    def __init__(self, unit: bytes, head: int = 1) -> None:
        self._data = unit[head:].replace(b"\0\0\3", b"\0\0")  # emulation prevention, §7.3.1
        self._at = 0

    def bit(self) -> int:
        value = self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1
        self._at += 1
        return value

    def number(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self.bit()
        return value

    def ue(self) -> int:
        """An Exp-Golomb number without sign (§9.1)."""
        zeros = 0
        while not self.bit():
            zeros += 1
            if zeros > _MOST_ZEROS:
                raise ValueError("a number of more than 32 bits")
        return (1 << zeros) - 1 + self.number(zeros)

    def se(self) -> int:
        """One with a sign (§9.1.1)."""
        value = self.ue()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def picture_size(unit: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None for what is no sequence parameter set."""
    if not unit or unit[0] & 0x1F != _SEQUENCE_SET:
        return None
    try:
        width, height = _size(_Bits(unit))
    except (IndexError, ValueError):
        return None
    return (width, height) if 0 < width <= _LARGEST and 0 < height <= _LARGEST else None


def _size(bits: _Bits) -> tuple[int, int]:
    colours = _colours(bits)
    bits.ue()  # log2_max_frame_num_minus4
    _skip_order(bits)
    bits.ue()  # max_num_ref_frames
    bits.bit()
    width, height = 16 * (bits.ue() + 1), 16 * (bits.ue() + 1)
    frames_only = bits.bit()
    height *= 2 - frames_only
    if not frames_only:
        bits.bit()
    bits.bit()
    if bits.bit():  # cropped, in units of the coarser colours
        left, right, top, bottom = (bits.ue() for _ in range(4))
        width -= (left + right) * (2 if colours in (1, 2) else 1)
        height -= (top + bottom) * (2 if colours == 1 else 1) * (2 - frames_only)
    return width, height


def _colours(bits: _Bits) -> int:
    """chroma_format_idc, and on to what follows the scaling lists."""
    profile = bits.number(8)
    bits.number(16)
    bits.ue()
    if profile not in _HIGH_PROFILES:
        return 1
    colours = bits.ue()
    separate = bits.bit() if colours == 3 else 0
    bits.ue()
    bits.ue()
    bits.bit()
    if bits.bit():
        for number in range(12 if colours == 3 else 8):
            if bits.bit():
                _skip_scaling_list(bits, 16 if number < 6 else 64)
    return 0 if separate else colours


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _skip_order(bits: _Bits) -> None:
    """What tells the order of pictures."""
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.bit()
        bits.se()
        bits.se()
        count = bits.ue()
        if count > 255:
            raise ValueError("a cycle of more than 255 pictures")
        for _ in range(count):
            bits.se()


def read_h265_set(unit: bytes) -> H265Set | None:
    """A sequence parameter set; None for what is none."""
    if len(unit) < 2 or unit[0] >> 1 & 0x3F != _H265_SEQUENCE_SET:
        return None
    try:
        found = _h265_set(_Bits(unit, 2))
    except (IndexError, ValueError):
        return None
    width, height = found.size
    sane = 0 < width <= _LARGEST and 0 < height <= _LARGEST and found.colours <= 3
    return found if sane and found.luma_depth <= 8 and found.chroma_depth <= 8 else None


def _h265_set(bits: _Bits) -> H265Set:
    bits.number(4)
    more_layers, nested = bits.number(3), bits.bit()
    profile = bytes(bits.number(8) for _ in range(12))
    _skip_layers(bits, more_layers)
    bits.ue()
    colours = bits.ue()
    if colours == 3:
        bits.bit()
    width, height = bits.ue(), bits.ue()
    if bits.bit():  # cropped, in units of the coarser colours
        left, right, top, bottom = (bits.ue() for _ in range(4))
        width -= (left + right) * (2 if colours in (1, 2) else 1)
        height -= (top + bottom) * (2 if colours == 1 else 1)
    return H265Set((width, height), profile, more_layers + 1, nested, colours, bits.ue(), bits.ue())


def _skip_layers(bits: _Bits, count: int) -> None:
    """Profiles and levels of the layers of time (§7.3.3)."""
    present = [(bits.bit(), bits.bit()) for _ in range(count)]
    if count:
        bits.number(2 * (8 - count))
    for profile, level in present:
        bits.number(88 * profile + 8 * level)
