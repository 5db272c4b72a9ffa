"""The floor of talkgroups that are patched across an E1 line: by user-user information, or by keys.

User-user information (Q.931 §3.1.23) carries the document of `application/x-floor-control+json`; the keys * and # go in
the B channel.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from gateways.e1.leg import E1Leg
from gateways.e1.q931.elements import UserUser
from gateways.e1.trunk_settings import FloorCarriage
from softswitch.calls.talkgroups.far_groups import FarGroups, Say, Wish
from softswitch.events import EventBus

_IA5 = 4


def follow_groups(carriage: FloorCarriage, leg_of: Callable[[str], E1Leg | None], bus: EventBus) -> None:
    """Carry the floor of talkgroups that have parties behind one trunk group; `leg_of(leg_id)` finds those."""

    def reach(call_id: str, leg_id: str) -> Say | None:
        leg = leg_of(leg_id)
        return None if leg is None else partial(_say, carriage, leg)

    if carriage is not FloorCarriage.NONE:
        FarGroups(reach).follow(bus)


def _say(carriage: FloorCarriage, leg: E1Leg, wish: Wish) -> None:
    if carriage is FloorCarriage.USER_INFORMATION:
        leg.say(UserUser(_IA5, b'{"action":"%s"}' % wish.encode()))
    elif leg.port is not None and not leg.port.closed:
        leg.port.send_digits("*" if wish == "request" else "#")
