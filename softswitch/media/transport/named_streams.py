"""Streams on one address that say whose they are: by the name of their line in a header extension (RFC 9143 §9.2).

A sender puts its line's MID into the first packets of a source, until it knows that they have arrived. What is here is
the part of the classic BPF program of `steering.py` that looks for the MID; the sources are learnt from what came.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

#: One instruction: code, where to go on if so and if not (relative), and the constant (linux/filter.h).
Instruction = tuple[int, int, int, int]

LOAD_OCTET, LOAD_WORD, AND, EQUAL, AT_LEAST, RETURN = 0x30, 0x20, 0x54, 0x15, 0x35, 0x06
_LOAD_CONSTANT, _LOAD_OCTET_AT_X, _LOAD_HALF_AT_X = 0x00, 0x50, 0x48
_X_FROM_CSRC_COUNT, _X_FROM_MEMORY, _STORE = 0xB1, 0x61, 0x02
_SHIFT_LEFT, _ADD, _ADD_X, _AT_LEAST_X, _GO = 0x64, 0x04, 0x0C, 0x3D, 0x05
_TO_X, _FROM_X = 0x07, 0x87

_FIXED_OCTETS = 12
_HAS_EXTENSION, _ONE_OCTET_HEADERS = 0x10, 0xBEDE  # RFC 3550 §5.1, RFC 8285 §4.2
#: Elements, padding octets among them, that are looked at: only what was agreed on comes, which is the MID.
_ELEMENTS = 4
_LONGEST = 16


class Name(NamedTuple):
    """A line's MID, as the header extension of that identifier brings it."""

    identifier: int
    mid: str

    @property
    def element(self) -> bytes:
        """The element that brings it; empty for a name that has no such element."""
        octets = self.mid.encode()
        if not (1 <= self.identifier <= 14 and 1 <= len(octets) <= _LONGEST):
            return b""
        return bytes([self.identifier << 4 | len(octets) - 1]) + octets


def choose_by_name(names: Sequence[Name | None]) -> list[Instruction]:
    """Return the number of the name that a packet has; a packet that has none of them goes on behind this."""
    elements = {number: name.element for number, name in enumerate(names) if name is not None and name.element}
    if not elements:
        return []
    code: list[Instruction] = []
    for _ in range(_ELEMENTS):
        code = _look_at_element(elements, len(code)) + code
    return _find_extension(len(code)) + code


def _find_extension(rest: int) -> list[Instruction]:
    """Have X at the first element and the end in memory, or pass over the `rest`."""
    prepare: list[Instruction] = [
        (_LOAD_HALF_AT_X, 0, 0, _FIXED_OCTETS + 2),
        (_SHIFT_LEFT, 0, 0, 2),
        (_ADD_X, 0, 0, 0),
        (_ADD, 0, 0, _FIXED_OCTETS + 4),
        (_STORE, 0, 0, 0),
        (_FROM_X, 0, 0, 0),
        (_ADD, 0, 0, _FIXED_OCTETS + 4),
        (_TO_X, 0, 0, 0),
    ]
    return [
        (LOAD_OCTET, 0, 0, 0),
        (AND, 0, 0, _HAS_EXTENSION),
        (EQUAL, 0, 1, 0),
        (_GO, 0, 0, 4 + len(prepare) + rest),
        (_X_FROM_CSRC_COUNT, 0, 0, 0),
        (_LOAD_HALF_AT_X, 0, 0, _FIXED_OCTETS),
        (EQUAL, 1, 0, _ONE_OCTET_HEADERS),
        (_GO, 0, 0, len(prepare) + rest),
        *prepare,
    ]


def _look_at_element(elements: dict[int, bytes], rest: int) -> list[Instruction]:
    """Return the number of the element at X, or have X at the next; at the end of all pass over the `rest`."""
    looked: list[Instruction] = [(_TO_X, 0, 0, 0)]
    for number, octets in elements.items():
        looked += _return_if(octets, number)
    looked += [
        (_LOAD_OCTET_AT_X, 0, 0, 0),
        (EQUAL, 3, 0, 0),  # padding is one octet long
        (AND, 0, 0, 0x0F),
        (_ADD, 0, 0, 2),
        (_GO, 0, 0, 1),
        (_LOAD_CONSTANT, 0, 0, 1),
        (_ADD_X, 0, 0, 0),
        (_TO_X, 0, 0, 0),
    ]
    return [
        (_FROM_X, 0, 0, 0),
        (_X_FROM_MEMORY, 0, 0, 0),
        (_AT_LEAST_X, 0, 1, 0),
        (_GO, 0, 0, len(looked) + rest),
        *looked,
    ]


def _return_if(octets: bytes, number: int) -> list[Instruction]:
    """Return `number` if the octets at X are these."""
    code: list[Instruction] = []
    for at, octet in enumerate(octets):
        behind = 2 * (len(octets) - 1 - at) + 1
        code += [(_LOAD_OCTET_AT_X, 0, 0, at), (EQUAL, 0, behind, octet)]
    return [*code, (RETURN, 0, 0, number)]
