"""Talkgroups laid down, changed and given up through the API; temporary ones, patches, and scan lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from softswitch.api.auth import Principal
from softswitch.api.problems import Problem, wrong_field, wrong_fields
from softswitch.api.services import Row
from softswitch.calls.talkgroups.definition import GroupMember, TalkgroupDefinition, definition_of, describe_definition
from softswitch.control.group_orders import GroupOrders
from softswitch.control.reach import unknown_among
from softswitch.control.storage import flushed
from softswitch.floor import FloorError
from softswitch.store.talkgroups import put_scan_list

_NAMED = 20  # numbers in one sentence


class GroupMaking(GroupOrders):
    """Definitions and scan lists; each change is on disk before it is answered."""

    def definition(self, number: str) -> Row:
        """What is laid down of a group."""
        row = describe_definition(self.existing(number))
        return {**row, "origin": self.app.talkgroups.book.origin(number)}

    async def create(self, body: Mapping[str, Any], by: Principal) -> Row:
        """Add a group."""
        definition = _made(body)
        self._check_groups(definition.groups)
        self.carry_out(lambda now: self.app.regrouping.create(definition, by.name))
        return await self._stored(definition.number)

    async def change(self, number: str, given: Mapping[str, Any], by: Principal) -> Row:
        """Change what is given; a member that stays keeps its attributes."""
        before = dict(self.definition(number))
        before.pop("origin")
        if "members" in given and "attributes" not in given:
            kept = before["attributes"]
            before["attributes"] = {each: kept[each] for each in given["members"] if each in kept}
        elif "attributes" in given and "members" not in given:
            given = {**given, "attributes": {**before["attributes"], **given["attributes"]}}
        definition = _made({**before, **given})
        self._check_groups(definition.groups)
        self.carry_out(lambda now: self.app.regrouping.change(definition, by.name))
        return await self._stored(number)

    async def remove(self, number: str, by: Principal) -> None:
        """Give a group up."""
        if self.existing(number).kind == "static":
            if not by.may("admin"):
                raise Problem(403, "a standing talkgroup is given up with role admin", kind="forbidden")
            if self.app.talkgroups.book.origin(number) != "store":
                raise Problem(409, f"talkgroup {number} stands in the configuration", kind="configured")
        self.carry_out(lambda now: self.app.regrouping.remove(number, by.name))
        await flushed(self.app)

    async def regroup(self, body: Mapping[str, Any], by: Principal) -> Row:
        """A temporary group, which is called at once unless the order says otherwise.

        A number that leads nowhere does not keep the others from being called – an alarm may have an old list – and is
        told as `unknown`; an order with no other number is refused.
        """
        given = dict(body)
        kind, talker, lifetime_s = given.pop("call"), given.pop("talker") or "", given.pop("lifetime_s")
        check_talker(kind, talker)
        unknown = self._unknown(body, "members")
        given["members"] = self.named(body)
        del given["everybody"]
        if not given["members"] and not given["groups"] and not given["attributes"]:
            raise wrong_field("members", "a temporary group needs members or groups, and nobody else is registered")
        wanted = _made({**given, "number": given["number"] or ""})
        self._check_groups(wanted.groups)
        made = self.carry_out(lambda now: self.app.regrouping.regroup(wanted, by=by.name, lifetime_s=lifetime_s))
        if kind is not None:
            self.carry_out(lambda now: self.app.group_calls.start(made.number, kind, by=by.name, talker=talker))
        return {**await self._stored(made.number), "unknown": unknown}

    async def patch(self, body: Mapping[str, Any], by: Principal) -> Row:
        """Groups under one arbiter; whoever is invited besides is called at once, `unknown` ones are told."""
        definition = TalkgroupDefinition(
            body["number"] or "",
            body["name"],
            tuple(GroupMember(number, **body["attributes"].get(number, {})) for number in body["invite"]),
            tuple(dict.fromkeys(body["groups"])),
            talk_s=body["talk_s"],
        )
        self._check_groups(definition.groups)
        unknown = self._unknown(body, "invite")
        patched = self.carry_out(
            lambda now: self.app.regrouping.patch(definition, by=by.name, lifetime_s=body["lifetime_s"])
        )
        if body["invite"]:
            self.carry_out(lambda now: self.app.group_calls.include(patched.number, body["invite"], by.name))
        return {**await self._stored(patched.number), "unknown": unknown}

    def _check_groups(self, groups: Sequence[str]) -> None:
        for index, number in enumerate(groups):
            if number not in self.app.talkgroups.book.definitions:
                raise wrong_field(f"groups.{index}", f"there is no group {number!r}")

    def _unknown(self, body: Mapping[str, Any], member: str) -> list[str]:
        """The numbers of an order that lead nowhere; raises Problem 422 when it has no others, and no groups."""
        numbers = list(dict.fromkeys([*body[member], *body["attributes"]]))
        unknown = unknown_among(self.app, numbers)
        if unknown and len(unknown) == len(numbers) and not body["groups"] and not body.get("everybody"):
            wrong = [f"{member}.{index}" for index, number in enumerate(body[member]) if number in unknown]
            raise wrong_fields(wrong or ["attributes"], f"there is no number {', '.join(unknown[:_NAMED])}")
        return unknown

    # -- scan lists -------------------------------------------------------------------------------------------------

    def scan_list(self, number: str) -> Row:
        """The groups that a terminal hears besides."""
        return {"number": number, "groups": list(self.app.talkgroups.scan_lists.get(number, ()))}

    async def set_scan_list(self, number: str, groups: list[str], by: Principal) -> Row:
        """Set them; they count from its next call on."""
        self._check_groups(groups)
        lists = self.app.talkgroups.scan_lists
        if groups:
            lists[number] = tuple(dict.fromkeys(groups))
        else:
            lists.pop(number, None)
        self.app.store.write(put_scan_list(number, groups))
        self.told("scan_list", "", "", number, by)
        await flushed(self.app)
        return self.scan_list(number)

    async def _stored(self, number: str) -> Row:
        """The definition, once it is on disk."""
        await flushed(self.app)
        return self.definition(number)


def check_talker(kind: str | None, talker: str) -> None:
    """Raise Problem 422 about a broadcast in which nobody could talk."""
    if kind == "broadcast" and not talker:
        raise wrong_field("talker", "a broadcast needs somebody who talks")


def _made(document: Mapping[str, Any]) -> TalkgroupDefinition:
    """A definition out of a request; raises Problem 422."""
    try:
        definition = definition_of(document)
        definition.floor()
    except (FloorError, ValueError, TypeError) as error:
        raise Problem(422, str(error), kind="invalid-request") from error
    return replace(definition, groups=tuple(dict.fromkeys(definition.groups)))
