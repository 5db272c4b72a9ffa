"""Ways out to parties that take text but speak no SIP: radios, cameras' users, short-message centres."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

#: Tells how a text fared: SIP status, and whether the terminal itself is known to have it.
Report = Callable[[int, bool], None]


@dataclass(frozen=True, slots=True)
class CarriedText:
    """A text as a carrier gets it."""

    message_id: str
    sender: str
    recipient: str
    group: str
    text: str


class MessageCarrier(Protocol):
    """What a gateway registers. `max_octets` is the longest text in UTF-8; longer ones are refused with 413."""

    max_octets: int

    def reaches(self, number: str) -> bool:
        """Whether that number is one of its parties, beside those that routes send to it."""

    def carry(self, text: CarriedText, report: Report) -> None:
        """Take a text on its way; `report` is called once or more: 2xx sent or delivered, else why not."""


class Carriers:
    """All carriers of this node by the names of their gateways."""

    def __init__(self) -> None:
        self._by_name: dict[str, MessageCarrier] = {}

    def add(self, name: str, carrier: MessageCarrier) -> Callable[[], None]:
        """Texts for `gateway:name`, and for the numbers that it reaches, go there; returns what ends that."""
        self._by_name[name] = carrier

        def remove() -> None:
            if self._by_name.get(name) is carrier:
                del self._by_name[name]

        return remove

    @property
    def by_name(self) -> Mapping[str, MessageCarrier]:
        """The carriers there are."""
        return MappingProxyType(self._by_name)

    def of(self, number: str) -> str:
        """The name of the carrier that says it reaches a number, empty when there is none."""
        return next((name for name, carrier in self._by_name.items() if carrier.reaches(number)), "")
