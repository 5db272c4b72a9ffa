"""Talkgroups of other platforms that are parties of ours: whoever may talk at one end has the floor at the other.

A talkgroup has the far platform's talkgroup as a party, behind a call through a trunk or a gateway. When somebody else
of the group is granted the floor, the far group is asked for it in that call, and it is given back when the group falls
silent. How this is said belongs to the line: SIP trunks say it by INFO or by keys (`TrunkFloor`), gateways in words of
their own. A far platform that takes neither is followed by its voice: a member whose `floor_by` is voice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

from softswitch.calls.leg import Leg, LegState
from softswitch.events import Event, EventBus, FloorGranted, FloorIdle, FloorRevoked, GroupJoined, GroupLeft
from softswitch.floor.adapters import FLOOR_MEDIA_TYPE
from softswitch.media import MediaError

if TYPE_CHECKING:
    from softswitch.calls.exchange import Exchange

Wish = Literal["request", "release"]
#: Says to one far group that it is asked for its floor, or is given it back.
Say = Callable[[Wish], None]
_KEYS: Final[dict[Wish, str]] = {"request": "*", "release": "#"}
_KEY_MS = 160


class FarGroups:
    """The far groups among the parties of our talkgroups.

    `reach(call_id, leg_id)` gives what says a wish to a party, None for one that is no far group.
    """

    def __init__(self, reach: Callable[[str, str], Say | None]) -> None:
        self._reach = reach
        self._groups: dict[str, dict[str, Say]] = {}
        self._asked: set[str] = set()

    def follow(self, bus: EventBus) -> None:
        """Listen to what happens in talkgroups."""
        kinds = (GroupJoined, GroupLeft, FloorGranted, FloorIdle, FloorRevoked)
        bus.subscribe(self._on_event, *(kind.type for kind in kinds))

    def _on_event(self, event: Event) -> None:
        if isinstance(event, GroupJoined):
            say = self._reach(event.call_id, event.leg_id)
            if say is not None:
                self._groups.setdefault(event.group, {})[event.leg_id] = say
        elif isinstance(event, GroupLeft):
            self._left(event.group, event.leg_id)
        elif isinstance(event, FloorGranted):
            for leg_id, say in self._groups.get(event.group, {}).items():
                if leg_id != event.leg_id and leg_id not in self._asked:
                    self._asked.add(leg_id)
                    say("request")
        elif isinstance(event, FloorIdle | FloorRevoked):
            for leg_id, say in self._groups.get(event.group, {}).items():
                if leg_id in self._asked:
                    self._asked.discard(leg_id)
                    say("release")

    def _left(self, group: str, leg_id: str) -> None:
        legs = self._groups.get(group, {})
        legs.pop(leg_id, None)
        self._asked.discard(leg_id)
        if not legs:
            self._groups.pop(group, None)


class TrunkFloor:
    """What carries the floor to groups behind SIP trunks, as each trunk's `floor` says."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def reach(self, call_id: str, leg_id: str) -> Say | None:
        """See FarGroups."""
        call = self._exchange.calls.get(call_id)
        legs = (call.caller, call.callee) if call is not None else ()
        leg = next((each for each in legs if each is not None and each.id == leg_id), None)
        trunk = self._exchange.trunks.by_name.get(leg.trunk) if leg is not None and leg.trunk else None
        if leg is None or trunk is None or not trunk.floor:
            return None
        return self._by_keys(leg) if trunk.floor == "keys" else self._by_info(leg)

    def _by_keys(self, leg: Leg) -> Say:
        def press(wish: Wish) -> None:
            try:
                self._exchange.keys.send(leg, _KEYS[wish], _KEY_MS)
            except MediaError:
                return  # the call is ending

        return press

    @staticmethod
    def _by_info(leg: Leg) -> Say:
        def inform(wish: Wish) -> None:
            if leg.state is LegState.ANSWERED:
                leg.inform(_FloorWish(wish))

        return inform


class _FloorWish:
    """A wish as application data of a call (Information); its outcome is heard, or not."""

    content_type = FLOOR_MEDIA_TYPE

    def __init__(self, wish: Wish) -> None:
        self.body = b'{"action":"%s"}' % wish.encode()

    def accept(self) -> None:
        """It was passed on."""

    def refuse(self, status: int) -> None:
        """The far platform cannot take it."""


__all__ = ["FarGroups", "Say", "TrunkFloor", "Wish"]
