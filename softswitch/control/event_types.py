"""The types of events and their members, read from their classes, for clients and documentation."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import cache

from softswitch.api.filters import component_of
from softswitch.api.services import Row
from softswitch.events import Event


@cache
def _rows() -> tuple[Row, ...]:
    found: list[Row] = []
    classes = [Event]
    while classes:
        event = classes.pop()
        classes.extend(event.__subclasses__())
        # A dataclass with slots is made twice; the first one stays a subclass of Event but has no fields of its own.
        if "type" not in vars(event) or event is Event or any(row["type"] == event.type for row in found):
            continue
        members = {f.name: _type_of(f) for f in dataclasses.fields(event) if f.name != "time"}
        text = (event.__doc__ or "").strip().splitlines()[0]
        found.append(
            {"type": event.type, "component": component_of(event.type), "description": text, "members": members}
        )
    return tuple(sorted(found, key=lambda row: str(row["type"])))


def _type_of(field: dataclasses.Field[object]) -> str:
    """As clients see it: what is seconds since 1970 here, 0 for never, is a time or null there."""
    return "time or null" if field.name.endswith("_at") else str(field.type)


def rows() -> Iterable[Row]:
    """One row for each type."""
    return _rows()
