"""Which B channel a call uses (channel identification, Q.931 §4.5.13)."""

from __future__ import annotations

from dataclasses import dataclass

from gateways.e1.q931.causes import CauseValue
from gateways.e1.q931.errors import Q931Error

_INTERFACE_PRESENT, _PRIMARY_RATE, _EXCLUSIVE, _D_CHANNEL = 0x40, 0x20, 0x08, 0x04
_SELECTION, _AS_FOLLOWS, _ANY = 0x03, 0x01, 0x03
_SLOT_MAP, _B_CHANNELS = 0x10, 0x83


@dataclass(frozen=True, slots=True)
class ChannelId:
    """`slots` are timeslots, empty: none at all, or `any_channel`; `interface` names a span when there are several."""

    slots: tuple[int, ...] = ()
    exclusive: bool = False
    any_channel: bool = False
    interface: int | None = None

    @property
    def slot(self) -> int | None:
        """The one timeslot of a call."""
        return self.slots[0] if self.slots else None

    def content(self) -> bytes:
        """The octets after the length."""
        first = 0x80 | _PRIMARY_RATE | (_EXCLUSIVE if self.exclusive else 0)
        first |= _AS_FOLLOWS if self.slots else _ANY if self.any_channel else 0
        octets = bytearray((first,))
        if self.interface is not None:
            octets[0] |= _INTERFACE_PRESENT
            octets.append(0x80 | self.interface)
        if self.slots:
            octets.append(_B_CHANNELS)
            octets += bytes(self.slots[:-1]) + bytes((0x80 | self.slots[-1],))
        return bytes(octets)

    @classmethod
    def parse(cls, content: bytes) -> ChannelId:
        """Raises Q931Error, also for a basic rate access and for the D channel itself."""
        if not content or not content[0] & 0x80:
            raise Q931Error("a channel identification without octet 3", CauseValue.INVALID_ELEMENT)
        first, at, interface = content[0], 1, None
        if not first & _PRIMARY_RATE or first & _D_CHANNEL:
            raise Q931Error("no B channel of a primary rate access", CauseValue.CHANNEL_DOES_NOT_EXIST)
        if first & _INTERFACE_PRESENT:
            while at < len(content) and not content[at] & 0x80:
                at += 1
            if at == len(content):
                raise Q931Error("an interface identifier without end", CauseValue.INVALID_ELEMENT)
            interface = content[at] & 0x7F
            at += 1
        exclusive = bool(first & _EXCLUSIVE)
        if first & _SELECTION != _AS_FOLLOWS:
            return cls((), exclusive, first & _SELECTION == _ANY, interface)
        if at + 1 >= len(content):
            raise Q931Error("no channel follows", CauseValue.INVALID_ELEMENT)
        read = _slots_of_map if content[at] & _SLOT_MAP else _slots_of_numbers
        return cls(read(content[at + 1 :]), exclusive, False, interface)


def _slots_of_numbers(octets: bytes) -> tuple[int, ...]:
    return tuple(octet & 0x7F for octet in octets)


def _slots_of_map(octets: bytes) -> tuple[int, ...]:
    """A bit for each timeslot; the last octet's lowest bit is timeslot 0 (Q.931 figure 4-18, note 4)."""
    bits = int.from_bytes(octets[:4], "big")
    return tuple(slot for slot in range(32) if bits >> slot & 1)
