"""Talkgroups of two platforms patched across an E1 line: whoever may talk at one end has the floor at the other.

A talkgroup has the far platform's talkgroup as a party, behind a call through the line. When somebody else of the group
is granted the floor, the far group is asked for it in that call, and it is given back when the group falls silent: by
user-user information (Q.931 §3.1.23, the document of `application/x-floor-control+json`), or by the keys * and # in the
B channel.
"""

from __future__ import annotations

from collections.abc import Callable

from gateways.e1.leg import E1Leg
from gateways.e1.q931.elements import UserUser
from gateways.e1.trunk_settings import FloorCarriage
from softswitch.events import Event, EventBus, FloorGranted, FloorIdle, FloorRevoked, GroupJoined, GroupLeft

_IA5 = 4


class VoiceLink:
    """The talkgroups that have parties behind one trunk group. `leg_of(leg_id)` finds those that are ours."""

    def __init__(self, carriage: FloorCarriage, leg_of: Callable[[str], E1Leg | None]) -> None:
        self._carriage = carriage
        self._leg_of = leg_of
        self._groups: dict[str, set[str]] = {}
        self._asked: set[str] = set()

    def follow(self, bus: EventBus) -> None:
        """Listen to what happens in talkgroups."""
        if self._carriage is not FloorCarriage.NONE:
            kinds = (GroupJoined, GroupLeft, FloorGranted, FloorIdle, FloorRevoked)
            bus.subscribe(self._on_event, *(kind.type for kind in kinds))

    def _on_event(self, event: Event) -> None:
        if isinstance(event, GroupJoined):
            if self._leg_of(event.leg_id) is not None:
                self._groups.setdefault(event.group, set()).add(event.leg_id)
        elif isinstance(event, GroupLeft):
            self._left(event.group, event.leg_id)
        elif isinstance(event, FloorGranted):
            for leg_id in self._groups.get(event.group, set()) - {event.leg_id} - self._asked:
                self._asked.add(leg_id)
                self._tell(leg_id, "request")
        elif isinstance(event, FloorIdle | FloorRevoked):
            for leg_id in self._groups.get(event.group, set()) & self._asked:
                self._asked.discard(leg_id)
                self._tell(leg_id, "release")

    def _left(self, group: str, leg_id: str) -> None:
        legs = self._groups.get(group, set())
        legs.discard(leg_id)
        self._asked.discard(leg_id)
        if not legs:
            self._groups.pop(group, None)

    def _tell(self, leg_id: str, action: str) -> None:
        leg = self._leg_of(leg_id)
        if leg is None:
            return
        if self._carriage is FloorCarriage.USER_INFORMATION:
            leg.say(UserUser(_IA5, b'{"action":"%s"}' % action.encode()))
        elif leg.port is not None and not leg.port.closed:
            leg.port.send_digits("*" if action == "request" else "#")
