"""Talkgroups as the API changes and commands them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from softswitch.api.auth import Principal
from softswitch.api.problems import Problem, not_found
from softswitch.api.services import GroupServices, Row
from softswitch.app import Application
from softswitch.calls.call import Call
from softswitch.calls.group_calls import RELEASED, GroupCallBusy
from softswitch.calls.invitation import Invitation
from softswitch.calls.leg import Cause, Leg
from softswitch.calls.regrouping import NoNumberLeft, NumberTaken
from softswitch.calls.seat import Seat
from softswitch.calls.talkgroup_definition import (
    GroupMember,
    TalkgroupDefinition,
    definition_of,
    describe_definition,
    members_of,
)
from softswitch.control.storage import flushed
from softswitch.events.groups import DispatcherActed
from softswitch.floor import FloorError, Tier
from softswitch.floor.adapters import Action, Command
from softswitch.store.errors import StoreError
from softswitch.store.talkgroups import put_scan_list

_RELEASED_BY_FORCE = Cause(200, 8, "released by force", "operator")
_RESULT = TypeVar("_RESULT")


class GroupDesk:
    """Definitions, calls and a dispatcher's operations; every order is one mutation and an event."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self.services = GroupServices(
            create=self._create,
            regroup=self._regroup,
            patch=self._patch,
            definition=self._definition,
            change=self._change,
            remove=self._remove,
            scan_list=self._scan_list,
            set_scan_list=self._set_scan_list,
            start_call=self._start_call,
            calls=self._calls,
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

    # -- definitions ------------------------------------------------------------------------------------------------

    def _definition(self, number: str) -> Row:
        definition = self._app.talkgroups.definitions.get(number)
        if definition is None:
            raise not_found("group", number)
        row = describe_definition(definition)
        return {**row, "origin": self._app.talkgroups.origin(number)}

    async def _create(self, body: Mapping[str, Any], by: Principal) -> Row:
        definition = _made(body)
        self._check_groups(definition)
        self._call(lambda now: self._app.regrouping.create(definition, by.name))
        return await self._stored(definition.number)

    async def _change(self, number: str, given: Mapping[str, Any], by: Principal) -> Row:
        before = dict(self._definition(number))
        before.pop("origin")
        if "members" in given and "attributes" not in given:
            kept = before["attributes"]
            before["attributes"] = {each: kept[each] for each in given["members"] if each in kept}
        elif "attributes" in given and "members" not in given:
            given = {**given, "attributes": {**before["attributes"], **given["attributes"]}}
        definition = _made({**before, **given})
        self._check_groups(definition)
        self._call(lambda now: self._app.regrouping.change(definition, by.name))
        return await self._stored(number)

    async def _remove(self, number: str, by: Principal) -> None:
        definition = self._app.talkgroups.definitions.get(number)
        if definition is None:
            raise not_found("group", number)
        if definition.kind == "static":
            if not by.may("admin"):
                raise Problem(403, "a standing talkgroup is given up with role admin", kind="forbidden")
            if self._app.talkgroups.origin(number) != "store":
                raise Problem(409, f"talkgroup {number} stands in the configuration", kind="configured")
        self._call(lambda now: self._app.regrouping.remove(number, by.name))
        await flushed(self._app)

    async def _regroup(self, body: Mapping[str, Any], by: Principal) -> Row:
        given = dict(body)
        kind, talker, lifetime_s = given.pop("call"), given.pop("talker") or "", given.pop("lifetime_s")
        if given.pop("everybody"):
            given["members"] = list(dict.fromkeys([*given["members"], *self._registered()]))
        if not given["members"] and not given["groups"] and not given["attributes"]:
            raise _invalid("members", "a temporary group needs members or groups")
        wanted = _made({**given, "number": given["number"] or ""})
        self._check_groups(wanted)
        made = self._call(lambda now: self._app.regrouping.regroup(wanted, by=by.name, lifetime_s=lifetime_s))
        if kind is not None:
            self._call(lambda now: self._app.group_calls.start(made.number, kind, by=by.name, talker=talker))
        return await self._stored(made.number)

    async def _patch(self, body: Mapping[str, Any], by: Principal) -> Row:
        definition = TalkgroupDefinition(
            body["number"] or "",
            body["name"],
            tuple(GroupMember(number, **body["attributes"].get(number, {})) for number in body["invite"]),
            tuple(dict.fromkeys(body["groups"])),
            talk_s=body["talk_s"],
        )
        self._check_groups(definition)
        patched = self._call(
            lambda now: self._app.regrouping.patch(definition, by=by.name, lifetime_s=body["lifetime_s"])
        )
        if body["invite"]:
            self._call(lambda now: self._app.group_calls.include(patched.number, body["invite"], by.name))
        return await self._stored(patched.number)

    def _registered(self) -> list[str]:
        app = self._app
        return [one.number for one in app.directory if app.registrar.bindings(one.number, app.now())]

    def _check_groups(self, definition: TalkgroupDefinition) -> None:
        for number in definition.groups:
            if number not in self._app.talkgroups.definitions:
                raise _invalid("groups", f"there is no group {number!r}")

    # -- scan lists -------------------------------------------------------------------------------------------------

    def _scan_list(self, number: str) -> Row:
        return {"number": number, "groups": list(self._app.talkgroups.scan_lists.get(number, ()))}

    async def _set_scan_list(self, number: str, groups: list[str], by: Principal) -> Row:
        self._check_groups(TalkgroupDefinition("", groups=tuple(groups)))
        lists = self._app.talkgroups.scan_lists
        if groups:
            lists[number] = tuple(dict.fromkeys(groups))
        else:
            lists.pop(number, None)
        self._app.store.write(put_scan_list(number, groups))
        self._told("scan_list", "", "", number, by)
        await flushed(self._app)
        return self._scan_list(number)

    # -- calls ------------------------------------------------------------------------------------------------------

    def _start_call(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        if body["kind"] == "broadcast" and not body["talker"]:
            raise _invalid("talker", "a broadcast needs somebody who talks")
        call = self._call(
            lambda now: self._app.group_calls.start(
                number,
                body["kind"],
                by=by.name,
                talker=body["talker"] or "",
                members=body["members"],
                acknowledged=body["acknowledged"],
            )
        )
        self._told("call", number, "", body["talker"] or "", by)
        return call.describe()

    def _calls(self, number: str) -> Iterable[Row]:
        self._definition(number)
        calls = self._app.group_calls
        running = calls.running.get(number)
        return [call.describe() for call in ([running] if running is not None else []) + calls.history(number)]

    def _calls_of(self, number: str) -> Row:
        """The members of a group's row that tell of its calls."""
        calls = self._app.group_calls
        running = calls.running.get(number)
        return {
            "call": running.describe() if running is not None else None,
            "history": [{**call.describe(), "attendees": []} for call in calls.history(number)],
        }

    def _include(self, number: str, members: list[str], by: Principal) -> Row:
        self._definition(number)
        call = self._call(lambda now: self._app.group_calls.include(number, members, by.name))
        self._told("invite", number, "", ",".join(members[:20]), by)
        return call.describe()

    def _end_call(self, number: str, by: Principal) -> None:
        self._call(lambda now: self._app.group_calls.end(number, RELEASED))
        self._told("end_call", number, "", "", by)

    def _roll_call(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        app = self._app
        definition = app.talkgroups.definitions.get(number)
        if definition is None:
            raise not_found("group", number)
        numbers = body["members"] or list(members_of(definition, app.talkgroups.definitions))
        if not numbers:
            raise Problem(409, "the group has no members to be called", kind="no-members")
        group = app.talkgroups.in_use(number)
        seats = group.seats.values() if group is not None and body["count_present"] else ()
        present = [seat.number for seat in seats if not seat.silent]
        roll = self._call(
            lambda now: app.roll_calls.start(number, numbers, by=by.name, ring_s=float(body["ring_s"]), present=present)
        )
        self._told("roll_call", number, "", "", by)
        return roll.describe()

    def _roll_calls(self, number: str) -> Iterable[Row]:
        self._definition(number)
        return [roll.describe() for roll in self._app.roll_calls.of(number)]

    # -- the floor --------------------------------------------------------------------------------------------------

    def floor(self, leg_id: str, wish: str, tier: str, by: Principal) -> bool:
        """Carry out what a dispatcher wants of a talkgroup's floor; False when the party does not hold it."""
        groups, forced = self._app.talkgroups, wish == "force"
        seat = groups.seat_of(leg_id)
        if wish == "revoke":
            done = self._call(lambda now: groups.revoke(leg_id))
        else:
            command = Command(Action.REQUEST if forced else Action(wish), Tier[tier.upper()])
            done = self._call(lambda now: groups.command(leg_id, command, forced=forced))
        if done and seat is not None:
            self._told(f"{wish}_floor", seat.group.number, seat.call.id, seat.number, by)
        return done

    # -- what dispatchers do ----------------------------------------------------------------------------------------

    def _insert(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        """The party comes in with a dispatcher's right to the floor."""
        groups = self._app.talkgroups

        def welcome(call: Call, leg: Leg) -> Cause | None:
            return groups.enter(call, leg, number, invited=True, dispatcher=True)

        return self._placed("insert", number, body["party"], by, welcome)

    def _listen(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        groups = self._app.talkgroups
        return self._placed("listen", number, body["party"], by, lambda call, leg: groups.listen(call, leg, number))

    def _placed(
        self, operation: str, number: str, party: str, by: Principal, welcome: Callable[[Call, Leg], Cause | None]
    ) -> Row:
        name = self._definition(number)["name"]
        call = self._call(lambda now: self._app.inviter.call(Invitation(party, number, name, by.name), welcome))
        if call.record.cause is not None:
            cause = call.record.cause
            raise Problem(409, f"{party}: {cause.text}", kind="party-unavailable", members={"sip_code": cause.status})
        self._told(operation, number, call.id, party, by)
        return {"call_id": call.id, "party": party}

    def _release(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        self._definition(number)
        if not body["leg_id"]:
            self._call(lambda now: self._app.group_calls.end(number, _RELEASED_BY_FORCE))
            self._told("release", number, "", "", by)
            return self._row(number)
        seat = self._seat(number, body["leg_id"])
        self._call(lambda now: seat.call.disconnect(_RELEASED_BY_FORCE))
        self._told("release", number, seat.call.id, seat.number, by)
        return self._row(number)

    def _mute(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        seat = self._seat(number, body["leg_id"])
        self._call(lambda now: seat.group.mute(seat, muted=body["muted"]))
        self._told("mute" if body["muted"] else "unmute", number, seat.call.id, seat.number, by)
        return self._row(number)

    def _seat(self, number: str, leg_id: str) -> Seat:
        group = self._app.talkgroups.in_use(number)
        seat = group.seats.get(leg_id) if group is not None else None
        if seat is None:
            raise not_found("participant", leg_id)
        return seat

    def _row(self, number: str) -> Row:
        return next(row for row in self._app.talkgroups.describe() if row["number"] == number)

    def _told(self, operation: str, number: str, call_id: str, party: str, by: Principal) -> None:
        self._app.bus.tell(DispatcherActed, operation, number, call_id, party, by.name)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _call(self, work: Callable[[float], _RESULT]) -> _RESULT:
        """Carry out one mutation; what it refuses becomes a problem."""
        try:
            return self._app.driver.call(work)
        except (GroupCallBusy, NoNumberLeft) as error:
            raise Problem(409, str(error), kind="busy") from error
        except NumberTaken as error:
            raise Problem(409, str(error), kind="exists") from error
        except StoreError as error:
            raise Problem(503, "the database does not answer", kind="storage") from error
        except ValueError as error:
            raise Problem(409, str(error), kind="conflict") from error

    async def _stored(self, number: str) -> Row:
        """The definition, once it is on disk."""
        await flushed(self._app)
        return self._definition(number)


def _made(document: Mapping[str, Any]) -> TalkgroupDefinition:
    """A definition out of a request; raises Problem 422."""
    try:
        definition = definition_of(document)
        definition.floor()
    except (FloorError, ValueError, TypeError) as error:
        raise Problem(422, str(error), kind="invalid-request") from error
    return replace(definition, groups=tuple(dict.fromkeys(definition.groups)))


def _invalid(field: str, detail: str) -> Problem:
    fields = [{"field": field, "in": "body", "detail": detail}]
    return Problem(422, detail, kind="invalid-request", members={"errors": fields})
