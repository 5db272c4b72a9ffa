"""Calls of talkgroups, their floor, and what dispatchers do in them, as the API orders it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from softswitch.api.auth import Principal
from softswitch.api.problems import Problem, not_found
from softswitch.api.services import GroupServices, Row
from softswitch.app import Application
from softswitch.calls.call import Call
from softswitch.calls.dispatching.invitation import Invitation
from softswitch.calls.dispatching.operator import named
from softswitch.calls.leg import Cause, Leg
from softswitch.calls.talkgroups.definition import members_of
from softswitch.calls.talkgroups.group_calls import RELEASED
from softswitch.calls.talkgroups.seat import Seat
from softswitch.control.group_making import GroupMaking, check_talker
from softswitch.control.group_orders import GroupOrders
from softswitch.control.reach import refusal
from softswitch.floor import Tier
from softswitch.floor.adapters import Action, Command

_RELEASED_BY_FORCE = Cause(200, 8, "released by force", "operator")


class GroupDesk(GroupOrders):
    """Every order is one mutation and an event."""

    def __init__(self, app: Application) -> None:
        super().__init__(app)
        making = GroupMaking(app)
        self.services = GroupServices(
            create=making.create,
            regroup=making.regroup,
            patch=making.patch,
            definition=making.definition,
            change=making.change,
            remove=making.remove,
            scan_list=making.scan_list,
            set_scan_list=making.set_scan_list,
            start_call=self._start_call,
            calls=self._calls,
            running=self._running,
            calls_of=self._calls_of,
            include=self._include,
            end_call=self._end_call,
            roll_call=self._roll_call,
            roll_calls=self._roll_calls,
            orders={
                "insert": self._insert,
                "listen": self._listen,
                "release": self._release,
                "mute": self._mute,
            },
        )

    # -- calls ------------------------------------------------------------------------------------------------------

    def _start_call(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        check_talker(body["kind"], body["talker"] or "")
        members = self._called(body)
        self._check_somebody(number, body["talker"], members)
        call = self.carry_out(
            lambda now: self.app.group_calls.start(
                number,
                body["kind"],
                by=by.name,
                talker=body["talker"] or "",
                members=members,
                acknowledged=body["acknowledged"],
            )
        )
        self.told("call", number, "", body["talker"] or "", by)
        return call.describe()

    def _check_somebody(self, number: str, talker: str | None, members: list[str]) -> None:
        """Raise Problem 409 about a call that has nobody to be called, and nobody who is there."""
        definition, groups = self.existing(number), self.app.talkgroups
        if (
            not members
            and not talker
            and not members_of(definition, groups.book.definitions)
            and not groups.in_use(number)
        ):
            raise _nobody_to_call()

    def _calls(self, number: str) -> Iterable[Row]:
        self.existing(number)
        calls = self.app.group_calls
        running = calls.running.get(number)
        return [call.describe() for call in ([running] if running is not None else []) + calls.history(number)]

    def _running(self, number: str) -> Row | None:
        """The call in progress, in short."""
        running = self.app.group_calls.running.get(number)
        return None if running is None else {**running.describe(), "attendees": []}

    def _calls_of(self, number: str) -> Row:
        """The members of a group's row that tell of its calls."""
        calls = self.app.group_calls
        running = calls.running.get(number)
        return {
            "call": running.describe() if running is not None else None,
            "history": [{**call.describe(), "attendees": []} for call in calls.history(number)],
        }

    def _include(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        self.existing(number)
        members = self._called(body)
        call = self.carry_out(lambda now: self.app.group_calls.include(number, members, by.name))
        self.told("invite", number, "", ",".join(members[:20]), by)
        return call.describe()

    def _called(self, body: Mapping[str, Any]) -> list[str]:
        """Whom an order names; raises Problem 409 when it means everybody and nobody is there."""
        numbers = self.named(body)
        if body["everybody"] and not numbers:
            raise Problem(409, "nobody is registered", kind="nobody-there")
        return numbers

    def _end_call(self, number: str, by: Principal) -> None:
        self.carry_out(lambda now: self.app.group_calls.end(number, RELEASED))
        self.told("end_call", number, "", "", by)

    def _roll_call(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        app, definition = self.app, self.existing(number)
        numbers = self._called(body) or list(members_of(definition, app.talkgroups.book.definitions))
        if not numbers:
            raise _nobody_to_call()
        group = app.talkgroups.in_use(number)
        seats = group.seats.values() if group is not None and body["count_present"] else ()
        present = [seat.number for seat in seats if not seat.silent]
        roll = self.carry_out(
            lambda now: app.roll_calls.start(number, numbers, by=by.name, ring_s=float(body["ring_s"]), present=present)
        )
        self.told("roll_call", number, "", "", by)
        return roll.describe()

    def _roll_calls(self, number: str) -> Iterable[Row]:
        self.existing(number)
        return [roll.describe() for roll in self.app.roll_calls.of(number)]

    # -- the floor --------------------------------------------------------------------------------------------------

    def floor(self, leg_id: str, wish: str, tier: str, by: Principal) -> bool:
        """Carry out what a dispatcher wants of a talkgroup's floor; False when the party does not hold it."""
        groups, forced = self.app.talkgroups, wish == "force"
        seat = groups.seat_of(leg_id)
        if wish == "revoke":
            done = self.carry_out(lambda now: groups.wishes.revoke(leg_id))
        else:
            command = Command(Action.REQUEST if forced else Action(wish), Tier[tier.upper()])
            done = self.carry_out(lambda now: groups.wishes.command(leg_id, command, forced=forced))
        if done and seat is not None:
            self.told(f"{wish}_floor", seat.group.number, seat.call.id, seat.number, by)
        return done

    # -- what dispatchers do ----------------------------------------------------------------------------------------

    def _insert(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        """The party comes in with a dispatcher's right to the floor."""
        groups = self.app.talkgroups

        def welcome(call: Call, leg: Leg) -> Cause | None:
            return groups.enter(call, leg, number, invited=True, dispatcher=True)

        return self._placed("insert", number, body["party"], by, welcome)

    def _listen(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        groups = self.app.talkgroups
        return self._placed("listen", number, body["party"], by, lambda call, leg: groups.listen(call, leg, number))

    def _placed(
        self, operation: str, number: str, party: str, by: Principal, welcome: Callable[[Call, Leg], Cause | None]
    ) -> Row:
        name = self.existing(number).name
        call = self.carry_out(lambda now: self.app.inviter.call(Invitation(party, number, name, by.name), welcome))
        if call.record.cause is not None:
            raise refusal(named(call.record.cause, party), "party")
        self.told(operation, number, call.id, party, by, call.id)
        return {"call_id": call.id, "party": party}

    def _release(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        self.existing(number)
        if not body["leg_id"]:
            self.carry_out(lambda now: self.app.group_calls.end(number, _RELEASED_BY_FORCE))
            self.told("release", number, "", "", by)
            return self._row(number)
        seat = self._seat(number, body["leg_id"])
        self.carry_out(lambda now: seat.call.disconnect(_RELEASED_BY_FORCE))
        self.told("release", number, seat.call.id, seat.number, by)
        return self._row(number)

    def _mute(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        seat = self._seat(number, body["leg_id"])
        self.carry_out(lambda now: seat.group.mute(seat, muted=body["muted"]))
        self.told("mute" if body["muted"] else "unmute", number, seat.call.id, seat.number, by)
        return self._row(number)

    def _seat(self, number: str, leg_id: str) -> Seat:
        group = self.app.talkgroups.in_use(number)
        seat = group.seats.get(leg_id) if group is not None else None
        if seat is None:
            raise not_found("participant", leg_id)
        return seat

    def _row(self, number: str) -> Row:
        return next(row for row in self.app.talkgroups.describe() if row["number"] == number)


def _nobody_to_call() -> Problem:
    return Problem(409, "the group is open to all: say whom to call, or everybody", kind="no-members")
