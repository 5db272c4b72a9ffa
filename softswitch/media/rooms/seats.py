"""What the control side knows of the members of a conference, each of which has a seat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.media.formats import StreamFormat
from softswitch.media.layouts.shared import NOBODY
from softswitch.media.records import Fields

if TYPE_CHECKING:
    from softswitch.media.port import Port


@dataclass(slots=True)
class Seat:
    """One member: its voice in the shared memory, and how it is heard and hears."""

    voice: int
    gain: float = 1.0
    muted: bool = False
    deaf: bool = False
    levelled: bool = False
    whispers_to: Port | None = None
    silenced: bool = False  # the one that it whispered to has left
    formats: tuple[tuple[StreamFormat, ...], ...] = ()

    @property
    def fields(self) -> Fields:
        """Those of an ADJUST command."""
        audience = NOBODY if self.whispers_to is None else self.whispers_to.slot
        return {
            "gain": self.gain,
            "muted": self.muted or self.silenced,
            "deaf": self.deaf,
            "levelled": self.levelled,
            "audience": audience,
        }


def formats_of(port: Port) -> tuple[tuple[StreamFormat, ...], ...]:
    """What a member may send and be sent: with others it needs another voice."""
    return port.settings.receivable, port.settings.sendable


def confidants(seats: Mapping[Port, Seat], port: Port) -> list[Port]:
    """A member, whoever whispers to it or is whispered to by it, and so on: they have to be in one wing."""
    found = [port]
    for each in found:  # which grows meanwhile
        for other, seat in seats.items():
            if other not in found and (seat.whispers_to is each or seats[each].whispers_to is other):
                found.append(other)
    return found
