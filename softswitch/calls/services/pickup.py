"""Call pick-up: someone else takes a call that is ringing (service number + ringing number, or the group's call)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from softswitch.calls import takeover
from softswitch.calls.call import Call
from softswitch.calls.leg import Cause, Leg
from softswitch.directory import Directory

NOTHING_RINGS = Cause(404, 1, "no call to pick up")
NOT_ALLOWED = Cause(403, 21, "not in the same pick-up group")


class Pickup:
    """Finds the ringing call and puts the one who picks it up in the callee's place."""

    def __init__(self, directory: Directory, ringing: Callable[[], Iterable[Call]]) -> None:
        self._directory = directory
        self._ringing = ringing

    def pick_up(self, call: Call, leg: Leg, number: str) -> Cause | None:
        """`leg`, who dialled the service in `call`, takes what rings at `number` ("": at anyone of its group)."""
        refusal = NOTHING_RINGS
        for ringing in self._ringing():
            numbers = ringing.ringing_numbers()
            wanted = [number] if number else sorted(self._directory.pickup_members(leg.party.number))
            for candidate in wanted:
                if candidate not in numbers:
                    continue
                if self._directory.may_pick_up(leg.party.number, candidate):
                    return takeover.pick_up(ringing, call, leg)
                refusal = NOT_ALLOWED
        return refusal
