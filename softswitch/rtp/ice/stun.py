"""STUN messages (RFC 8489) as ICE and keep-alives use them, with integrity and fingerprint checked.

Left out: long-term credentials, TURN, and MESSAGE-INTEGRITY-SHA256, which ICE does not use.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import struct
import zlib
from dataclasses import dataclass, field
from typing import Final

from softswitch.rtp.errors import RtpError

MAGIC_COOKIE: Final = 0x2112A442
BINDING: Final = 0x001
REQUEST, INDICATION, SUCCESS, ERROR = 0, 1, 2, 3

MAPPED_ADDRESS: Final = 0x0001
USERNAME: Final = 0x0006
MESSAGE_INTEGRITY: Final = 0x0008
ERROR_CODE: Final = 0x0009
UNKNOWN_ATTRIBUTES: Final = 0x000A
XOR_MAPPED_ADDRESS: Final = 0x0020
PRIORITY: Final = 0x0024
USE_CANDIDATE: Final = 0x0025
SOFTWARE: Final = 0x8022
FINGERPRINT: Final = 0x8028
ICE_CONTROLLED: Final = 0x8029
ICE_CONTROLLING: Final = 0x802A

_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_FINGERPRINT_MASK = 0x5354554E
_INTEGRITY_OCTETS = 20
_LIMIT_ATTRIBUTES = 32
_FIRST_OPTIONAL = 0x8000
_UNDERSTOOD = frozenset({MAPPED_ADDRESS, USERNAME, MESSAGE_INTEGRITY, ERROR_CODE, UNKNOWN_ATTRIBUTES,
                         XOR_MAPPED_ADDRESS, PRIORITY, USE_CANDIDATE})  # fmt: skip


class StunError(RtpError):
    """Octets that are no STUN message."""


def is_stun(data: bytes) -> bool:
    """Whether a datagram looks like STUN: its first octet and the magic cookie (RFC 7983 §7, RFC 8489 §6.3)."""
    return len(data) >= 20 and data[0] < 4 and data[4:8] == MAGIC_COOKIE.to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class StunMessage:
    """One message: its class (REQUEST, …), method, 12 octets of transaction id and attributes in their order.

    `data` are the octets it was read from, which its integrity covers.
    """

    message_class: int
    method: int
    transaction_id: bytes
    attributes: list[tuple[int, bytes]] = field(default_factory=list)
    data: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> StunMessage:
        """Read one message; raises StunError when it is none, or its FINGERPRINT is wrong (RFC 8489 §14.7)."""
        if len(data) < _HEADER.size:
            raise StunError("a STUN header has 20 octets", len(data))
        kind, length, cookie, transaction_id = _HEADER.unpack_from(data)
        if kind & 0xC000 or cookie != MAGIC_COOKIE:
            raise StunError("this is not STUN")
        if length % 4 or length + _HEADER.size != len(data):
            raise StunError("the length is not that of the datagram", 2)
        attributes = _read_attributes(data)
        method = (kind & 0x000F) | ((kind & 0x00E0) >> 1) | ((kind & 0x3E00) >> 2)
        return cls(((kind >> 4) & 1) | ((kind >> 7) & 2), method, transaction_id, attributes, data)

    def attribute(self, number: int) -> bytes | None:
        """The first value of an attribute, None when it is absent."""
        return next((value for each, value in self.attributes if each == number), None)

    @property
    def unknown(self) -> list[int]:
        """Attributes that must be understood and are not (RFC 8489 §6.3.1)."""
        return [each for each, _ in self.attributes if each < _FIRST_OPTIONAL and each not in _UNDERSTOOD]

    @property
    def username(self) -> str:
        """USERNAME, empty when it is absent or no UTF-8."""
        return (self.attribute(USERNAME) or b"").decode(errors="replace")

    @property
    def mapped_address(self) -> tuple[str, int] | None:
        """XOR-MAPPED-ADDRESS as (host, port); None when it is absent or cannot be read."""
        value = self.attribute(XOR_MAPPED_ADDRESS)
        return None if value is None else _read_xor_address(value, self.transaction_id)

    @property
    def error_code(self) -> int:
        """The number of ERROR-CODE, 0 without one."""
        value = self.attribute(ERROR_CODE) or b""
        return (value[2] & 7) * 100 + value[3] if len(value) >= 4 else 0

    def has_integrity(self, password: str) -> bool:
        """Whether MESSAGE-INTEGRITY is there and is that of `password` (RFC 8489 §14.5)."""
        at = _HEADER.size
        for number, value in self.attributes:
            if number == MESSAGE_INTEGRITY:
                expected = _integrity(self.data[:at], password)
                return hmac.compare_digest(expected, value)
            at += _ATTRIBUTE.size + len(value) + -len(value) % 4
        return False

    def serialize(self, password: str = "", *, fingerprint: bool = True) -> bytes:
        """The octets to send, with MESSAGE-INTEGRITY when a password is given, and FINGERPRINT."""
        method, message_class = self.method, self.message_class
        kind = (method & 0x00F) | (method & 0x070) << 1 | (method & 0xF80) << 2
        kind |= (message_class & 1) << 4 | (message_class & 2) << 7
        body = b"".join(_pack(number, value) for number, value in self.attributes)
        head = _HEADER.pack(kind, len(body), MAGIC_COOKIE, self.transaction_id)
        data = head + body
        if password:
            data += _pack(MESSAGE_INTEGRITY, _integrity(data, password))
        if fingerprint:
            covered = _with_length(data, len(data) - _HEADER.size + 8)
            crc = zlib.crc32(covered) ^ _FINGERPRINT_MASK
            data += _pack(FINGERPRINT, crc.to_bytes(4, "big"))
        return _with_length(data, len(data) - _HEADER.size)

    def answer(self, source: tuple[str, int], password: str = "") -> bytes:
        """The success response to this request, naming where it came from (RFC 8489 §7.3.1)."""
        mapped = (XOR_MAPPED_ADDRESS, _xor_address(source, self.transaction_id))
        return StunMessage(SUCCESS, self.method, self.transaction_id, [mapped]).serialize(password)

    def refusal(self, code: int, reason: str, password: str = "") -> bytes:
        """The error response to this request; 420 names what was not understood (RFC 8489 §6.3.1.1)."""
        value = bytes((0, 0, code // 100, code % 100)) + reason.encode()
        attributes = [(ERROR_CODE, value)]
        if code == 420:
            attributes.append((UNKNOWN_ATTRIBUTES, b"".join(each.to_bytes(2, "big") for each in self.unknown)))
        return StunMessage(ERROR, self.method, self.transaction_id, attributes).serialize(password)


def _read_attributes(data: bytes) -> list[tuple[int, bytes]]:
    attributes: list[tuple[int, bytes]] = []
    at = _HEADER.size
    while at < len(data):
        if at + _ATTRIBUTE.size > len(data) or len(attributes) >= _LIMIT_ATTRIBUTES:
            raise StunError("an attribute is cut, or there are too many", at)
        number, length = _ATTRIBUTE.unpack_from(data, at)
        begin = at + _ATTRIBUTE.size
        value = data[begin : begin + length]
        if len(value) < length:
            raise StunError("an attribute reaches past the end", at)
        if number == FINGERPRINT:
            crc = zlib.crc32(_with_length(data[:at], at - _HEADER.size + 8)) ^ _FINGERPRINT_MASK
            if value != crc.to_bytes(4, "big"):
                raise StunError("the fingerprint is wrong", at)
        attributes.append((number, value))
        at = begin + length + -length % 4
    return attributes


def _integrity(data: bytes, password: str) -> bytes:
    """HMAC-SHA1 over what stands before MESSAGE-INTEGRITY, the length being as if nothing followed it."""
    covered = _with_length(data, len(data) - _HEADER.size + _ATTRIBUTE.size + _INTEGRITY_OCTETS)
    return hmac.new(password.encode(), covered, hashlib.sha1).digest()


def _with_length(data: bytes, length: int) -> bytes:
    return data[:2] + length.to_bytes(2, "big") + data[4:]


def _pack(number: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(number, len(value)) + value + bytes(-len(value) % 4)


def _xor_address(address: tuple[str, int], transaction_id: bytes) -> bytes:
    packed = ipaddress.ip_address(address[0].partition("%")[0]).packed
    mask = MAGIC_COOKIE.to_bytes(4, "big") + transaction_id
    family = 1 if len(packed) == 4 else 2
    port = address[1] ^ (MAGIC_COOKIE >> 16)
    return bytes((0, family)) + port.to_bytes(2, "big") + bytes(a ^ b for a, b in zip(packed, mask, strict=False))


def _read_xor_address(value: bytes, transaction_id: bytes) -> tuple[str, int] | None:
    if len(value) not in (8, 20) or value[1] != (1 if len(value) == 8 else 2):
        return None
    mask = MAGIC_COOKIE.to_bytes(4, "big") + transaction_id
    host = ipaddress.ip_address(bytes(a ^ b for a, b in zip(value[4:], mask, strict=False)))
    return str(host), int.from_bytes(value[2:4], "big") ^ (MAGIC_COOKIE >> 16)
