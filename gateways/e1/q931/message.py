"""Messages of layer 3 (Q.931 §4): discriminator, call reference, type and information elements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from gateways.e1.q931.causes import Cause, CauseValue
from gateways.e1.q931.channel import ChannelId
from gateways.e1.q931.elements import READERS, ElementId, Progress, Text, UserUser, content_of
from gateways.e1.q931.errors import Q931Error
from gateways.e1.q931.numbers import PartyNumber

_DISCRIMINATOR = 0x08
_FLAG = 0x8000
#: As many elements as a message may bring; a frame has room for 130.
_ELEMENTS = 64


class Kind(IntEnum):
    """Message types (Q.931 table 4-2)."""

    ALERTING = 0x01
    CALL_PROCEEDING = 0x02
    PROGRESS = 0x03
    SETUP = 0x05
    CONNECT = 0x07
    SETUP_ACKNOWLEDGE = 0x0D
    CONNECT_ACKNOWLEDGE = 0x0F
    USER_INFORMATION = 0x20
    HOLD = 0x24
    HOLD_ACKNOWLEDGE = 0x28
    HOLD_REJECT = 0x30
    RETRIEVE = 0x31
    RETRIEVE_ACKNOWLEDGE = 0x33
    RETRIEVE_REJECT = 0x37
    DISCONNECT = 0x45
    RESTART = 0x46
    RELEASE = 0x4D
    RESTART_ACKNOWLEDGE = 0x4E
    RELEASE_COMPLETE = 0x5A
    FACILITY = 0x62
    NOTIFY = 0x6E
    STATUS_ENQUIRY = 0x75
    INFORMATION = 0x7B
    STATUS = 0x7D


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `to_originator`: the flag of the call reference, set on the way to the side that allocated it.

    `elements` maps identifiers of codeset 0 to their values (of progress indicators: a list, for there may be two);
    `faults` maps those that could not be read to the cause to answer. `unknown` are the identifiers of elements that
    must be understood and are not (§5.8.7.1).
    """

    kind: int
    reference: int
    to_originator: bool
    elements: Mapping[int, Any] = field(default_factory=dict)
    faults: Mapping[int, int] = field(default_factory=dict)
    unknown: tuple[int, ...] = ()

    # -- elements by name -------------------------------------------------------------------------------------------

    @property
    def cause(self) -> Cause | None:
        """Why."""
        return self.elements.get(ElementId.CAUSE)

    @property
    def channel(self) -> ChannelId | None:
        """Which B channel."""
        return self.elements.get(ElementId.CHANNEL_ID)

    @property
    def progress(self) -> tuple[Progress, ...]:
        """The progress indicators, in order."""
        return tuple(self.elements.get(ElementId.PROGRESS, ()))

    @property
    def called(self) -> PartyNumber | None:
        """The called number, or some more digits of it."""
        return self.elements.get(ElementId.CALLED_NUMBER)

    @property
    def calling(self) -> PartyNumber | None:
        """The calling number."""
        return self.elements.get(ElementId.CALLING_NUMBER)

    @property
    def display(self) -> str:
        """A text to be shown."""
        text: Text | None = self.elements.get(ElementId.DISPLAY)
        return "" if text is None else text.text

    @property
    def keypad(self) -> str:
        """Keys pressed."""
        return str(self.elements.get(ElementId.KEYPAD, ""))

    @property
    def call_state(self) -> int | None:
        """The state the peer says it is in."""
        return self.elements.get(ElementId.CALL_STATE)

    @property
    def user_user(self) -> UserUser | None:
        """What the far user says to ours."""
        return self.elements.get(ElementId.USER_USER)

    @property
    def sending_complete(self) -> bool:
        """Whether no more digits will come."""
        return ElementId.SENDING_COMPLETE in self.elements

    # -- octets -----------------------------------------------------------------------------------------------------

    def serialize(self) -> bytes:
        """The octets, elements in ascending order of their identifiers (§4.5.1)."""
        reference = self.reference | (_FLAG if self.to_originator else 0)
        output = bytearray((_DISCRIMINATOR, 2)) + reference.to_bytes(2, "big") + bytes((self.kind,))
        for identifier in sorted(self.elements):
            if identifier & 0x80:
                output.append(identifier)
                continue
            value = self.elements[identifier]
            for one in value if isinstance(value, list | tuple) else (value,):
                content = content_of(identifier, one)
                output += bytes((identifier, len(content))) + content
        return bytes(output)

    @classmethod
    def parse(cls, data: bytes) -> Message:
        """Read a message; raises Q931Error only for what cannot be answered (§5.8.1, §5.8.3)."""
        if len(data) < 4 or data[0] != _DISCRIMINATOR:
            raise Q931Error("no message of Q.931")
        if data[1] not in (1, 2):
            raise Q931Error(f"a call reference of {data[1]} octets, a primary rate access has two")
        end = 2 + data[1]
        if len(data) <= end:
            raise Q931Error("no message type")
        reference = int.from_bytes(data[2:end], "big")
        flag = 1 << 8 * data[1] - 1
        elements: dict[int, Any] = {}
        faults: dict[int, int] = {}
        unknown: list[int] = []
        for identifier, content in _split(data[end + 1 :], faults):
            if identifier in elements and identifier != ElementId.PROGRESS:
                continue  # the first one counts (§5.8.5.2)
            reader = READERS.get(identifier)
            if reader is None:
                if identifier not in _KNOWN and identifier & 0xF0 == 0:
                    unknown.append(identifier)
                elements[identifier] = content
                continue
            try:
                value = reader(content)
            except Q931Error as error:
                faults.setdefault(identifier, error.cause)
                continue
            if identifier == ElementId.PROGRESS:
                elements.setdefault(identifier, []).append(value)
            else:
                elements[identifier] = value
        return cls(data[end], reference & flag - 1, bool(reference & flag), elements, faults, tuple(unknown))


_KNOWN = frozenset(int(identifier) for identifier in ElementId)


def _split(data: bytes, faults: dict[int, int]) -> Iterable[tuple[int, bytes]]:
    """The elements of codeset 0; those of other codesets are passed over (§4.5.2 – §4.5.4)."""
    at, codeset, locked, count = 0, 0, 0, 0
    while at < len(data) and count < _ELEMENTS:
        identifier = data[at]
        count += 1
        at += 1
        if identifier & 0xF0 == 0x90:
            codeset = identifier & 0x07
            if not identifier & 0x08:
                locked = codeset
            continue
        if identifier & 0x80:
            content = b""
        else:
            length = data[at] if at < len(data) else 0
            content = data[at + 1 : at + 1 + length]
            if at >= len(data) or len(content) < length:
                faults.setdefault(identifier, CauseValue.INVALID_ELEMENT)
                return
            at += 1 + length
        if codeset == 0:
            yield identifier, content
        codeset = locked
