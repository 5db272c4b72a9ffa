"""Conferences as the API changes and commands them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from softswitch.api.auth import Principal
from softswitch.api.problems import Problem, not_found, wrong_field
from softswitch.api.services import ConferenceServices, Row
from softswitch.app import Application
from softswitch.calls.conferences.definition import (
    ConferenceDefinition,
    ConferencePlan,
    MemberAttributes,
    describe_members,
    hash_pin,
    members_from,
)
from softswitch.calls.conferences.room import ConferenceRoom
from softswitch.calls.leg import Cause
from softswitch.control.storage import flushed
from softswitch.events.conferences import ConferenceChanged
from softswitch.media import MediaError
from softswitch.media.playing import tones

_RATE_HZ = 8000
_LONGEST_CLIP = 60 * _RATE_HZ
_REMOVED = Cause(200, 16, "removed from the conference", "operator")
_Result = TypeVar("_Result")
Sound = Callable[[str], NDArray[np.int16] | None]


class ConferenceDesk:
    """Definitions, stored lists, and a dispatcher's orders; every order is one mutation and an event."""

    def __init__(self, app: Application, sound: Sound) -> None:
        self._app = app
        self._sound = sound
        self._by_name: dict[str, Callable[[str, Mapping[str, Any], Principal], Row]] = {
            "start": self._start,
            "invite": self._invite,
            "roll_call": self._roll_call,
            "mute": self._mute,
            "lock": self._lock,
            "link": self._link,
            "announce": self._announce,
            "end": self._end,
        }
        self.services = ConferenceServices(
            create=self._create,
            definition=self._definition,
            change=self._change,
            remove=self._remove,
            plans=self._plans,
            plan=self._plan,
            put_plan=self._put_plan,
            remove_plan=self._remove_plan,
            calls=lambda number: [call.describe() for call in app.conference_calls.of(self._existing(number).number)],
            roll_calls=self._roll_calls,
            order=lambda number, name, body, by: self._by_name[name](number, body, by),
            participant=self._participant,
        )

    # -- definitions --------------------------------------------------------------------------------------------------

    def _existing(self, number: str) -> ConferenceDefinition:
        definition = self._app.conferences.definitions.get(number)
        if definition is None:
            raise not_found("conference", number)
        return definition

    def _definition(self, number: str) -> Row:
        definition = self._existing(number)
        return {
            "number": number,
            "name": definition.name,
            "max_participants": definition.max_participants,
            "pin_needed": definition.closed,
            "signals": definition.signals,
            "comfort_noise": definition.comfort_noise,
            "rate_hz": definition.rate_hz,
            "origin": self._app.conferences.origin(number),
            "plans": sorted(definition.plans),
        }

    async def _create(self, body: Mapping[str, Any], by: Principal) -> Row:
        number = body["number"]
        if number in self._app.router.plan.numbers:
            raise Problem(409, f"the number {number} is in use", kind="exists")
        pin_hash = hash_pin(number, body["pin"] or "")
        definition = ConferenceDefinition(
            number,
            body["name"],
            body["max_participants"],
            pin_hash,
            signals=body["signals"],
            comfort_noise=body["comfort_noise"],
            rate_hz=body["rate_hz"],
        )
        return await self._keep(definition, "created", by)

    async def _change(self, number: str, given: Mapping[str, Any], by: Principal) -> Row:
        changes = dict(given)
        pin = changes.pop("pin", None)
        if pin is not None:
            changes["pin_hash"] = hash_pin(number, pin)
        return await self._keep(replace(self._existing(number), **changes), "changed", by)

    async def _keep(self, definition: ConferenceDefinition, action: str, by: Principal, plan: str = "") -> Row:
        self._app.driver.call(lambda now: self._app.room_keeper.keep_conference(definition))
        self._app.bus.tell(ConferenceChanged, definition.number, action, plan, by.name)
        await flushed(self._app)
        return self._definition(definition.number)

    async def _remove(self, number: str, by: Principal) -> None:
        self._existing(number)
        if self._app.conferences.origin(number) != "store":
            raise Problem(409, f"conference {number} stands in the configuration", kind="configured")

        def remove(now: float) -> None:
            if self._app.conferences.present(number):
                self._app.conference_calls.end(number, by=by.name)
            self._app.room_keeper.forget_conference(number)

        self._app.driver.call(remove)
        self._app.bus.tell(ConferenceChanged, number, "removed", "", by.name)
        await flushed(self._app)

    # -- stored lists -------------------------------------------------------------------------------------------------

    def _plans(self, number: str) -> Iterable[Row]:
        return [self._plan(number, name) for name in sorted(self._existing(number).plans)]

    def _plan(self, number: str, name: str) -> Row:
        return {"name": name, "conference": number, "members": describe_members(self._stored(number, name).members)}

    def _stored(self, number: str, name: str) -> ConferencePlan:
        plan = self._existing(number).plans.get(name)
        if plan is None:
            raise not_found("plan", name)
        return plan

    async def _put_plan(self, number: str, name: str, body: Mapping[str, Any], by: Principal) -> Row:
        definition = self._existing(number)
        plans = {**definition.plans, name: ConferencePlan(name, members_from(body["members"]))}
        await self._keep(replace(definition, plans=plans), "plan_stored", by, name)
        return self._plan(number, name)

    async def _remove_plan(self, number: str, name: str, by: Principal) -> None:
        self._stored(number, name)
        definition = self._existing(number)
        plans = {each: plan for each, plan in definition.plans.items() if each != name}
        await self._keep(replace(definition, plans=plans), "plan_removed", by, name)

    def _listed(self, number: str, name: str | None) -> ConferencePlan:
        """The list that an order means: the one named, or the only one."""
        if name is not None:
            return self._stored(number, name)
        plans = list(self._existing(number).plans.values())
        if len(plans) != 1:
            there_are = ", ".join(plan.name for plan in plans) or "none"
            raise wrong_field("plan", f"plan or members are needed; plans: {there_are}")
        return plans[0]

    # -- orders -------------------------------------------------------------------------------------------------------

    def _start(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        members: dict[str, MemberAttributes] = members_from(body["members"])
        plan = body["plan"] or ""
        if plan or not members:
            listed = self._listed(number, body["plan"])
            plan, members = listed.name, {**listed.members, **members}
        calls = self._app.conference_calls
        return self._call(lambda now: calls.start(number, members, plan=plan, by=by.name)).describe()

    def _invite(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        members = members_from(body["members"])
        return self._call(lambda now: self._app.conference_calls.start(number, members, by=by.name)).describe()

    def _roll_call(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        numbers = body["members"] or list(self._listed(number, body["plan"]).members)
        self._existing(number)
        present = self._app.conferences.present(number) if body["count_present"] else ()
        rolls = self._app.conference_roll_calls
        roll = self._call(lambda now: rolls.start(number, numbers, by=by.name, ring_s=body["ring_s"], present=present))
        return _roll_row(roll.describe())

    def _roll_calls(self, number: str) -> Iterable[Row]:
        self._existing(number)
        return [_roll_row(roll.describe()) for roll in self._app.conference_roll_calls.of(number)]

    def _mute(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        def mute(room: ConferenceRoom) -> str:
            room.mute_all(muted=body["muted"], spare=body["spare"])
            return ""

        return self._do(number, "mute" if body["muted"] else "unmute", by, mute)

    def _lock(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        def lock(room: ConferenceRoom) -> str:
            room.locked = body["locked"]
            return ""

        return self._do(number, "lock" if body["locked"] else "unlock", by, lock)

    def _link(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        conferences = self._app.conferences
        self._call(lambda now: conferences.link(number, body["conference"], by.name, linked=body["linked"]))
        return self._row(number)

    def _announce(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        if body["stop"]:
            return self._do(number, "stop_announcement", by, _silence)
        if body["tone_hz"] is not None:
            samples = np.resize(tones.sine(body["tone_hz"], -16.0, _RATE_HZ), int(body["seconds"] * _RATE_HZ))
        else:
            found = self._sound(body["source"])
            if found is None:
                raise not_found("sound", body["source"])
            samples = found[:_LONGEST_CLIP]

        def play(room: ConferenceRoom) -> str:
            room.play(samples, loop=body["loop"])
            return ""

        return self._do(number, "announce", by, play)

    def _end(self, number: str, body: Mapping[str, Any], by: Principal) -> Row:
        before = self._row(number)
        self._call(lambda now: self._app.conference_calls.end(number, by=by.name))
        return {**before, "participants": []}

    def _participant(self, number: str, party: str, name: str, body: Mapping[str, Any], by: Principal) -> None:
        self._existing(number)
        conferences = self._app.conferences

        def change(room: ConferenceRoom) -> str:
            participant = room.find(party)
            given = dict(body)
            raised = given.pop("hand_raised", None)
            room.adjust(participant, **given)
            if raised is not None:
                conferences.raise_hand(room, participant, raised=raised)
            return participant.number

        def whisper(room: ConferenceRoom) -> str:
            participant = room.find(party)
            room.whisper(participant, room.find(body["to"]) if body["to"] is not None else None)
            return participant.number

        def remove(room: ConferenceRoom) -> str:
            participant = room.find(party)
            participant.call.disconnect(_REMOVED)
            return participant.number

        orders = {"change": change, "whisper": whisper, "remove": remove}
        self._call(lambda now: conferences.order(number, name, by.name, orders[name]))

    # -- inside -------------------------------------------------------------------------------------------------------

    def _do(self, number: str, name: str, by: Principal, order: Callable[[ConferenceRoom], str]) -> Row:
        self._existing(number)
        self._call(lambda now: self._app.conferences.order(number, name, by.name, order))
        return self._row(number)

    def _row(self, number: str) -> Row:
        self._existing(number)
        return next(row for row in self._app.conferences.describe() if row["number"] == number)

    def _call(self, order: Callable[[float], _Result]) -> _Result:
        try:
            return self._app.driver.call(order)
        except (ValueError, MediaError) as error:
            raise Problem(409, str(error), kind="not-possible") from error


def _silence(room: ConferenceRoom) -> str:
    room.mixer.stop()
    return ""


def _roll_row(row: dict[str, Any]) -> Row:
    return {"conference": row.pop("group"), **row}


__all__ = ["ConferenceDesk"]
