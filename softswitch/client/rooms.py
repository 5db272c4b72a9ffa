"""Conferences, call queues and talkgroups, as the client offers them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from softswitch.api.models.conference import (
    Conference,
    ConferenceCall,
    ConferenceDefinition,
    ConferenceRollCall,
    PlanRow,
)
from softswitch.api.models.group import Group, GroupCall, GroupDefinition, RollCall
from softswitch.api.models.queue import Queue, QueueDefinition
from softswitch.client.connection import Connection, part

_CONFERENCES, _QUEUES, _GROUPS = "/voice/conferences", "/voice/queues", "/groups"


class RoomOperations(Connection):
    """Places where parties meet or wait."""

    # -- conferences --------------------------------------------------------------------------------------------------

    async def conferences(self) -> list[Conference]:
        """Conferences, in use or not."""
        return await self.items(_CONFERENCES, Conference)

    async def conference(self, number: str) -> Conference:
        """One conference and who is in it."""
        return await self.one("GET", f"{_CONFERENCES}/{part(number)}", Conference)

    async def add_conference(self, number: str, **rules: Any) -> ConferenceDefinition:
        """Add a conference."""
        return await self.one("POST", _CONFERENCES, ConferenceDefinition, {"number": number, **rules})

    async def change_conference(self, number: str, **rules: Any) -> ConferenceDefinition:
        """Change a conference; what is not given stays."""
        return await self.one("PATCH", f"{_CONFERENCES}/{part(number)}/definition", ConferenceDefinition, rules)

    async def remove_conference(self, number: str) -> None:
        """Give a conference up."""
        await self.request("DELETE", f"{_CONFERENCES}/{part(number)}")

    async def put_plan(self, number: str, plan: str, members: Mapping[str, Mapping[str, Any]]) -> PlanRow:
        """Store a list of members with their attributes."""
        path = f"{_CONFERENCES}/{part(number)}/plans/{part(plan)}"
        return await self.one("PUT", path, PlanRow, {"members": members})

    async def start_conference(
        self, number: str, plan: str | None = None, members: Mapping[str, Mapping[str, Any]] | None = None
    ) -> ConferenceCall:
        """Call the members of a stored list, or others, all at once."""
        body = {"plan": plan, "members": members or {}}
        return await self.one("POST", f"{_CONFERENCES}/{part(number)}/start", ConferenceCall, body)

    async def conference_calls(self, number: str) -> list[ConferenceCall]:
        """Who was called, the newest first."""
        return await self.items(f"{_CONFERENCES}/{part(number)}/calls", ConferenceCall)

    async def conference_roll_call(self, number: str, members: Iterable[str] = ()) -> ConferenceRollCall:
        """Call everybody and note who answers."""
        body = {"members": list(members)}
        return await self.one("POST", f"{_CONFERENCES}/{part(number)}/roll_call", ConferenceRollCall, body)

    async def order_conference(self, number: str, order: str, **members: Any) -> Conference:
        """One of mute, lock, link, announce and end, with its members."""
        return await self.one("POST", f"{_CONFERENCES}/{part(number)}/{order}", Conference, members)

    async def change_participant(self, number: str, party: str, **changes: Any) -> Conference:
        """Mute, deafen, make louder, or raise the hand of a participant."""
        return await self.one("PATCH", f"{_CONFERENCES}/{part(number)}/members/{part(party)}", Conference, changes)

    async def whisper(self, number: str, party: str, to: str | None) -> Conference:
        """Let one other participant alone hear what this one says; None: everybody."""
        path = f"{_CONFERENCES}/{part(number)}/members/{part(party)}/whisper"
        return await self.one("POST", path, Conference, {"to": to})

    async def remove_participant(self, number: str, party: str) -> None:
        """Put a participant out."""
        await self.request("DELETE", f"{_CONFERENCES}/{part(number)}/members/{part(party)}")

    # -- queues -------------------------------------------------------------------------------------------------------

    async def queues(self) -> list[Queue]:
        """Call queues."""
        return await self.items(_QUEUES, Queue)

    async def queue(self, number: str) -> Queue:
        """One queue."""
        return await self.one("GET", f"{_QUEUES}/{part(number)}", Queue)

    async def add_queue(self, number: str, **rules: Any) -> QueueDefinition:
        """Add a queue."""
        return await self.one("POST", _QUEUES, QueueDefinition, {"number": number, **rules})

    async def change_queue(self, number: str, **rules: Any) -> QueueDefinition:
        """Change a queue; what is not given stays."""
        return await self.one("PATCH", f"{_QUEUES}/{part(number)}/definition", QueueDefinition, rules)

    async def remove_queue(self, number: str) -> None:
        """Give a queue up."""
        await self.request("DELETE", f"{_QUEUES}/{part(number)}")

    async def log_in(self, number: str, agent: str) -> Queue:
        """Log an agent in to a queue."""
        return await self.one("POST", f"{_QUEUES}/{part(number)}/agents", Queue, {"agent": agent})

    async def log_out(self, number: str, agent: str) -> None:
        """Log an agent out of a queue."""
        await self.request("DELETE", f"{_QUEUES}/{part(number)}/agents/{part(agent)}")

    async def pause_agent(self, number: str, agent: str, paused: bool = True) -> Queue:
        """Let an agent not be rung for a while, or again."""
        return await self.one("PATCH", f"{_QUEUES}/{part(number)}/agents/{part(agent)}", Queue, {"paused": paused})

    # -- talkgroups ---------------------------------------------------------------------------------------------------

    async def groups(self) -> list[Group]:
        """Talkgroups."""
        return await self.items(_GROUPS, Group)

    async def group(self, number: str) -> Group:
        """One talkgroup, its call and the last ones."""
        return await self.one("GET", f"{_GROUPS}/{part(number)}", Group)

    async def add_group(self, number: str, **rules: Any) -> GroupDefinition:
        """Add a talkgroup."""
        return await self.one("POST", _GROUPS, GroupDefinition, {"number": number, **rules})

    async def change_group(self, number: str, **rules: Any) -> GroupDefinition:
        """Change a talkgroup; what is not given stays."""
        return await self.one("PATCH", f"{_GROUPS}/{part(number)}/definition", GroupDefinition, rules)

    async def remove_group(self, number: str) -> None:
        """Give a talkgroup up."""
        await self.request("DELETE", f"{_GROUPS}/{part(number)}")

    async def call_group(self, number: str, kind: str = "group", **members: Any) -> GroupCall:
        """Call the members of a talkgroup."""
        return await self.one("POST", f"{_GROUPS}/{part(number)}/calls", GroupCall, {"kind": kind, **members})

    async def end_group_call(self, number: str) -> None:
        """End the call of a talkgroup."""
        await self.request("DELETE", f"{_GROUPS}/{part(number)}/calls")

    async def regroup(self, *, key: str = "", **members: Any) -> GroupDefinition:
        """Make a temporary talkgroup and call it; with `key`, a repetition makes no second one."""
        headers = {"Idempotency-Key": key} if key else None
        return await self.one("POST", f"{_GROUPS}/regroup", GroupDefinition, members, headers)

    async def patch_groups(self, groups: Iterable[str], **members: Any) -> GroupDefinition:
        """Join talkgroups into one with one arbiter."""
        return await self.one("POST", f"{_GROUPS}/patch", GroupDefinition, {"groups": list(groups), **members})

    async def floor(self, number: str, wish: str, leg_id: str, tier: str = "normal") -> Group:
        """One of request, release, revoke and force, on behalf of a participant."""
        body = {"leg_id": leg_id, "tier": tier}
        return await self.one("POST", f"{_GROUPS}/{part(number)}/floor/{wish}", Group, body)

    async def group_roll_call(self, number: str, members: Iterable[str] = ()) -> RollCall:
        """Call everybody of a talkgroup and note who answers."""
        return await self.one("POST", f"{_GROUPS}/{part(number)}/roll_call", RollCall, {"members": list(members)})
