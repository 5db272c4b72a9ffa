"""Header extension elements in the general form of RFC 8285, and the two that audio uses.

Levels: RFC 6464 (client to mixer audio level). Other elements stay octets; their meaning is negotiated by ``a=extmap``.
"""

from __future__ import annotations

from typing import NamedTuple, Self

from softswitch.rtp.errors import RtpError

ONE_BYTE_PROFILE = 0xBEDE
TWO_BYTE_PROFILE = 0x1000

#: In the one-byte form this identifier means "stop here" (RFC 8285 §4.2).
_STOP = 15


class Extension(NamedTuple):
    """One header extension element: the identifier that ``a=extmap`` gave it, and its octets."""

    identifier: int
    data: bytes


class AudioLevel(NamedTuple):
    """Client to mixer audio level (RFC 6464 §3): 0 to -127 dBov, and whether the sender thinks it is speech."""

    level_dbov: int
    voice: bool = False

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the element's octet; raises `RtpError`."""
        if not data:
            raise RtpError("an audio level has one octet")
        return cls(-(data[0] & 0x7F), data[0] >= 0x80)

    def serialize(self) -> bytes:
        """The element's octet; raises `RtpError` for a level out of range."""
        if not -127 <= self.level_dbov <= 0:
            raise RtpError(f"audio level {self.level_dbov} dBov is not between -127 and 0")
        return bytes((-self.level_dbov | (0x80 if self.voice else 0),))


def parse_extensions(profile: int | None, data: bytes) -> list[Extension]:
    """The elements of a header extension; none for a profile that is not RFC 8285's. Raises `RtpError`."""
    if profile == ONE_BYTE_PROFILE:
        return _parse_one_byte(data)
    if profile is not None and profile & 0xFFF0 == TWO_BYTE_PROFILE:
        return _parse_two_byte(data)
    return []


def _parse_one_byte(data: bytes) -> list[Extension]:
    result: list[Extension] = []
    index = 0
    while index < len(data):
        head = data[index]
        index += 1
        if head == 0:
            continue
        identifier, length = head >> 4, (head & 0x0F) + 1
        if identifier == _STOP:
            break
        if identifier == 0:
            raise RtpError("padding of a header extension has a length", index - 1)
        if index + length > len(data):
            raise RtpError("cut short in a header extension element", index)
        result.append(Extension(identifier, bytes(data[index : index + length])))
        index += length
    return result


def _parse_two_byte(data: bytes) -> list[Extension]:
    result: list[Extension] = []
    index = 0
    while index < len(data):
        identifier = data[index]
        index += 1
        if identifier == 0:
            continue
        if index >= len(data) or index + 1 + data[index] > len(data):
            raise RtpError("cut short in a header extension element", index)
        length = data[index]
        result.append(Extension(identifier, bytes(data[index + 1 : index + 1 + length])))
        index += 1 + length
    return result


def serialize_extensions(extensions: list[Extension]) -> tuple[int, bytes]:
    """(profile, octets padded to whole words): the one-byte form if every element fits it. Raises `RtpError`."""
    small = all(1 <= entry.identifier < _STOP and 1 <= len(entry.data) <= 16 for entry in extensions)
    out = bytearray()
    for identifier, data in extensions:
        if not 1 <= identifier <= 255 or len(data) > 255:
            raise RtpError(f"header extension element {identifier} of {len(data)} octets does not fit any form")
        out += bytes((identifier << 4 | len(data) - 1,)) if small else bytes((identifier, len(data)))
        out += data
    out += bytes(-len(out) % 4)
    return ONE_BYTE_PROFILE if small else TWO_BYTE_PROFILE, bytes(out)
