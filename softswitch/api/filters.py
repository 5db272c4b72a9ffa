"""Which events somebody wants: by type, by component, by what they are about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from softswitch.api.auth import Principal
from softswitch.api.journal import Entry

#: The component that events of a family belong to; families that are not listed are the system's.
COMPONENTS = {
    "call": "voice",
    "leg": "voice",
    "conference": "voice",
    "queue": "voice",
    "group": "group",
    "floor": "group",
    "talkgroup": "group",
    "message": "sms",
    "location": "location",
    "video": "video",
    "camera": "video",
    "webrtc": "webrtc",
}


def component_of(event_type: str) -> str:
    """The component of the API that an event belongs to."""
    return COMPONENTS.get(event_type.partition(".")[0], "system")


class EventFilter:
    """What is asked for: exact types and families (`call.*`), components, ids; none given of a kind means all.

    `scopes` are the components that may be seen, `number` the subscriber that the events have to be about.
    """

    def __init__(
        self, types: str = "", components: str = "", ids: str = "", scopes: tuple[str, ...] = (), number: str = ""
    ) -> None:
        names = _split(types)
        self._exact = frozenset(name for name in names if not name.endswith("*"))
        self._families = tuple(name[:-1] for name in names if name.endswith("*"))
        self._every_type = not names
        self._components = frozenset(_split(components))
        self._ids = frozenset(_split(ids))
        self._scopes = frozenset(scopes)
        self._number = number
        self.key = (types, components, ids, scopes, number)

    @classmethod
    def of(cls, query: Mapping[str, Any], principal: Principal) -> EventFilter:
        """The filter of a request's query; what `principal` may see narrows it further."""
        allowed = tuple(scope for scope in principal.scopes if scope != "events")
        return cls(query["types"], query["components"], query["ids"], allowed, principal.number)

    def wants(self, entry: Entry) -> bool:
        """Whether that event is asked for."""
        kind = entry.type
        if not (self._every_type or kind in self._exact or kind.startswith(self._families)):
            return False
        if self._components and component_of(kind) not in self._components:
            return False
        if self._scopes and component_of(kind) not in self._scopes:
            return False
        if self._number and self._number not in entry.subjects:
            return False
        return not self._ids or not self._ids.isdisjoint(entry.subjects)


def _split(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]
