"""How large the pictures of an H.264 stream are, by its sequence parameter set (ITU-T H.264 §7.3.2.1.1, §7.4.2.1.1)."""

from __future__ import annotations

#: Profiles whose sets tell of the colour format.
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_MOST_ZEROS = 31
_SEQUENCE_SET = 7  # nal_unit_type, table 7-1
_LARGEST = 16384


class _Bits:
    """The bits of a NAL unit behind its head in their order; IndexError at the end, ValueError for nonsense."""

    def __init__(self, unit: bytes) -> None:
        self._data = unit[1:].replace(b"\0\0\3", b"\0\0")  # emulation prevention, §7.3.1
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
