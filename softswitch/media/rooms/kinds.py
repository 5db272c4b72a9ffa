"""The kinds of packets that are met in a fan-out: one number for each, whatever payload types members have."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from softswitch.media.errors import NotTranscodable
from softswitch.media.formats import MAXIMUM_FORMATS, StreamFormat
from softswitch.media.layouts.shared import COPY, NO_VOICE, RENDERED, UNMAPPED
from softswitch.media.records import Fields
from softswitch.media.rooms.renditions import rendered_into
from softswitch.media.routing import PortSettings, carry

_Formats = tuple[StreamFormat, ...]
_Table = tuple[Fields, StreamFormat | None]


class _Kind(NamedTuple):
    """What the packets of a format are."""

    encoding: str
    clock_rate: int
    channels: int
    fmtp: str


class Kinds:
    """Those of one fan-out, in the order of their numbers."""

    def __init__(self) -> None:
        self._entries: dict[_Kind, StreamFormat] = {}
        #: by what decides them: receivable and sendable formats, and how many kinds of packets there are
        self._tables: dict[tuple[_Formats, _Formats, int], _Table] = {}

    def learn(self, settings: PortSettings) -> bool:
        """Give numbers to what has not been met yet; true when there was something."""
        before = len(self._entries)
        several = _several(settings)
        for entry in settings.receivable:
            if len(self._entries) < MAXIMUM_FORMATS:
                self._entries.setdefault(_kind(entry, several), entry)
        return len(self._entries) != before

    def check_way(self, settings: PortSettings) -> None:
        """Raises NotTranscodable when a port with these settings would hear nobody, and nobody it."""
        theirs = list(self._entries.values())
        main = [entry for entry in settings.receivable if not entry.auxiliary]
        if not main or all(entry.auxiliary for entry in theirs):
            return
        heard = any(carry(entry, settings.sendable)[0] != UNMAPPED for entry in theirs if not entry.auxiliary)
        hears = any(carry(entry, tuple(theirs))[0] != UNMAPPED for entry in main)
        if not heard and not hears and not any(rendered_into(entry, settings) for entry in theirs):
            here, there = (", ".join(entry.encoding for entry in entries) for entries in (main, theirs))
            raise NotTranscodable(f"no way between {here} and the room's {there}")

    def numbered(self, settings: PortSettings) -> list[tuple[int, StreamFormat]]:
        """The formats of a port, each with the number of its kind."""
        numbers, several = {kind: i for i, kind in enumerate(self._entries)}, _several(settings)
        found = ((numbers.get(_kind(entry, several)), entry) for entry in settings.receivable)
        return [(number, entry) for number, entry in found if number is not None]

    def table(self, settings: PortSettings) -> _Table:
        """What a member with these settings is told by JOIN, and the format into which others are coded for it."""
        key = (settings.receivable, settings.sendable, len(self._entries))
        if key not in self._tables:
            if len(self._tables) > MAXIMUM_FORMATS:
                self._tables.clear()
            self._tables[key] = self._table(settings)
        return self._tables[key]

    def _table(self, settings: PortSettings) -> _Table:
        numbers, several = {kind: i for i, kind in enumerate(self._entries)}, _several(settings)
        route, payload_types, conversions = _unmapped(), _unmapped(), np.full(MAXIMUM_FORMATS, COPY, np.uint8)
        rendered = None
        for i, entry in enumerate(settings.receivable):
            route[i] = numbers.get(_kind(entry, several), UNMAPPED)
        for i, entry in enumerate(self._entries.values()):
            payload_types[i], conversions[i] = carry(entry, settings.sendable)
            into = rendered_into(entry, settings) if payload_types[i] == UNMAPPED else None
            if into is not None:
                payload_types[i], conversions[i], rendered = into.payload_type, RENDERED, into
        return _membership(route, payload_types, conversions), rendered

    def of_link(self) -> tuple[PortSettings, Fields]:
        """The settings of a link's end, and what it is told by JOIN: it passes on all kinds, by their numbers."""
        entries = (replace(entry, payload_type=number) for number, entry in enumerate(self._entries.values()))
        route = _unmapped()
        route[: len(self._entries)] = range(len(self._entries))
        fields = _membership(route, route, np.full(MAXIMUM_FORMATS, COPY, np.uint8))
        return PortSettings(formats=tuple(entries)), fields


def _unmapped() -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.full(MAXIMUM_FORMATS, UNMAPPED, np.uint8)


def _membership(route: object, payload_types: object, conversions: object) -> Fields:
    return {
        "voice": NO_VOICE,
        "route_payload_type": route,
        "deliver_payload_type": payload_types,
        "deliver_convert": conversions,
    }


def _several(settings: PortSettings) -> set[tuple[str, int]]:
    """The encodings a port knows in several profiles, told apart by fmtp (as for H.264)."""
    names = [(entry.encoding.upper(), entry.clock_rate) for entry in settings.receivable]
    return {name for name in names if names.count(name) > 1}


def _kind(entry: StreamFormat, several: set[tuple[str, int]]) -> _Kind:
    name = entry.encoding.upper(), entry.clock_rate
    return _Kind(*name, entry.channels, entry.fmtp if name in several else "")
