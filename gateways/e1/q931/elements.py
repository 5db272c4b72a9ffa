"""Information elements of codeset 0 (Q.931 §4.5): each kind knows its octets; what is unknown is kept as it came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from gateways.e1.q931.causes import Cause, CauseValue, Location
from gateways.e1.q931.channel import ChannelId
from gateways.e1.q931.errors import Q931Error
from gateways.e1.q931.numbers import PartyNumber


class ElementId(IntEnum):
    """Identifiers, codeset 0."""

    BEARER_CAPABILITY = 0x04
    CAUSE = 0x08
    CALL_STATE = 0x14
    CHANNEL_ID = 0x18
    FACILITY = 0x1C
    PROGRESS = 0x1E
    NOTIFICATION = 0x27
    DISPLAY = 0x28
    KEYPAD = 0x2C
    SIGNAL = 0x34
    CONNECTED_NUMBER = 0x4C
    CALLING_NUMBER = 0x6C
    CALLING_SUBADDRESS = 0x6D
    CALLED_NUMBER = 0x70
    CALLED_SUBADDRESS = 0x71
    REDIRECTING_NUMBER = 0x74
    RESTART_INDICATOR = 0x79
    LOW_LAYER = 0x7C
    HIGH_LAYER = 0x7D
    USER_USER = 0x7E
    SENDING_COMPLETE = 0xA1


class ProgressDescription(IntEnum):
    """What a progress indicator says (Q.931 §4.5.23)."""

    NOT_END_TO_END_ISDN = 1
    DESTINATION_NOT_ISDN = 2
    ORIGINATION_NOT_ISDN = 3
    RETURNED_TO_ISDN = 4
    INBAND_INFORMATION = 8


@dataclass(frozen=True, slots=True)
class Bearer:
    """Bearer capability (§4.5.5): transfer capability, circuit at 64 kbit/s, layer 1 protocol (None: not told)."""

    capability: int
    layer_1: int | None = None
    rate: int = 0x10

    def content(self) -> bytes:
        """The octets after the length."""
        octets = bytes((0x80 | self.capability, 0x80 | self.rate))
        return octets if self.layer_1 is None else octets + bytes((0x80 | 0x20 | self.layer_1,))

    @classmethod
    def parse(cls, content: bytes) -> Bearer:
        """Raises Q931Error."""
        if len(content) < 2 or not content[0] & 0x80:
            raise Q931Error("a bearer capability without octets 3 and 4", CauseValue.INVALID_ELEMENT)
        at = 2
        if content[1] & 0x1F == 0x18:  # multirate: octet 4.1
            at = 3
        layer_1 = None
        if at < len(content) and content[at] & 0x60 == 0x20:
            layer_1 = content[at] & 0x1F
        return cls(content[0] & 0x1F, layer_1, content[1] & 0x7F)


#: Layer 1 protocols: G.711 µ-law and A-law.
ULAW, ALAW = 2, 3
SPEECH, UNRESTRICTED, AUDIO_3K1 = Bearer(0x00, ALAW), Bearer(0x08), Bearer(0x10, ALAW)


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress indicator (§4.5.23)."""

    description: int
    location: int = Location.PRIVATE_LOCAL

    def content(self) -> bytes:
        """The octets after the length."""
        return bytes((0x80 | self.location, 0x80 | self.description))

    @classmethod
    def parse(cls, content: bytes) -> Progress:
        """Raises Q931Error."""
        if len(content) < 2:
            raise Q931Error("a progress indicator without description", CauseValue.INVALID_ELEMENT)
        return cls(content[1] & 0x7F, content[0] & 0x0F)


INBAND = Progress(ProgressDescription.INBAND_INFORMATION)


@dataclass(frozen=True, slots=True)
class Text:
    """Display (§4.5.16). IA5 by the standard; exchanges of China send GBK, newer ones UTF-8."""

    text: str
    encoding: str = field(default="utf-8", compare=False)

    def content(self) -> bytes:
        """The octets after the length, at most 82 of them (§4.5.16, network dependent)."""
        octets = self.text.encode(self.encoding, "replace")[:82]
        return octets.decode(self.encoding, "ignore").encode(self.encoding)

    @classmethod
    def parse(cls, content: bytes) -> Text:
        """Whatever the octets are, a text comes of them; an octet 3 with the extension bit (0xB1) is skipped."""
        if content[:1] == b"\xb1":
            content = content[1:]
        for encoding in ("utf-8", "gbk"):
            try:
                return cls(content.decode(encoding).rstrip("\0"))
            except UnicodeDecodeError:
                continue
        return cls(content.decode("latin-1"))


@dataclass(frozen=True, slots=True)
class UserUser:
    """User-user (§4.5.30); protocol 4 is IA5 text, 0 is of the users' own."""

    protocol: int
    data: bytes

    def content(self) -> bytes:
        """The octets after the length."""
        return bytes((self.protocol,)) + self.data

    @classmethod
    def parse(cls, content: bytes) -> UserUser:
        """Raises Q931Error."""
        if not content:
            raise Q931Error("user-user without protocol discriminator", CauseValue.INVALID_ELEMENT)
        return cls(content[0], content[1:])


def _keypad(content: bytes) -> str:
    if any(not 0x20 < octet < 0x7F for octet in content):
        raise Q931Error("keypad digits that are none", CauseValue.INVALID_ELEMENT)
    return content.decode("ascii")


def _octet(content: bytes) -> int:
    if len(content) != 1:
        raise Q931Error(f"{len(content)} octets where one is due", CauseValue.INVALID_ELEMENT)
    return content[0]


#: How the content of an element is read; what is not here stays octets.
READERS: dict[int, Callable[[bytes], Any]] = {
    ElementId.BEARER_CAPABILITY: Bearer.parse,
    ElementId.CAUSE: Cause.parse,
    ElementId.CALL_STATE: lambda content: _octet(content) & 0x3F,
    ElementId.CHANNEL_ID: ChannelId.parse,
    ElementId.PROGRESS: Progress.parse,
    ElementId.NOTIFICATION: lambda content: _octet(content) & 0x7F,
    ElementId.DISPLAY: Text.parse,
    ElementId.KEYPAD: _keypad,
    ElementId.CONNECTED_NUMBER: PartyNumber.parse,
    ElementId.CALLING_NUMBER: PartyNumber.parse,
    ElementId.CALLED_NUMBER: PartyNumber.parse,
    ElementId.REDIRECTING_NUMBER: PartyNumber.parse,
    ElementId.RESTART_INDICATOR: lambda content: _octet(content) & 0x07,
    ElementId.USER_USER: UserUser.parse,
}


def content_of(identifier: int, value: Any) -> bytes:
    """The octets after the length of an element with such a value."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("ascii")
    if isinstance(value, int):
        coded = value if identifier == ElementId.CALL_STATE else 0x80 | value
        return bytes((coded,))
    content: bytes = value.content()
    return content
