"""Conferences, as the client offers them."""

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
from softswitch.api.models.recordings import Recording
from softswitch.client.connection import Connection, part

_CONFERENCES = "/voice/conferences"


class ConferenceOperations(Connection):
    """Rooms in which everybody speaks."""

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

    async def conference_rules(self, number: str) -> ConferenceDefinition:
        """What is laid down of a conference."""
        return await self.one("GET", f"{_CONFERENCES}/{part(number)}/definition", ConferenceDefinition)

    async def plans(self, number: str) -> list[PlanRow]:
        """The stored lists of members."""
        return await self.items(f"{_CONFERENCES}/{part(number)}/plans", PlanRow)

    async def plan(self, number: str, plan: str) -> PlanRow:
        """One stored list of members."""
        return await self.one("GET", f"{_CONFERENCES}/{part(number)}/plans/{part(plan)}", PlanRow)

    async def remove_plan(self, number: str, plan: str) -> None:
        """Forget a stored list."""
        await self.request("DELETE", f"{_CONFERENCES}/{part(number)}/plans/{part(plan)}")

    async def invite_to_conference(self, number: str, members: Iterable[str]) -> ConferenceCall:
        """Call more in."""
        body: dict[str, dict[str, Any]] = {"members": {member: {} for member in members}}
        return await self.one("POST", f"{_CONFERENCES}/{part(number)}/invite", ConferenceCall, body)

    async def conference_roll_calls(self, number: str) -> list[ConferenceRollCall]:
        """Who answered when, the newest roll-call first."""
        return await self.items(f"{_CONFERENCES}/{part(number)}/roll_call", ConferenceRollCall)

    async def record_conference(self, number: str, action: str = "start", **members: Any) -> list[Recording]:
        """Start, pause, resume, mark or stop recordings of a conference; those in progress."""
        body = {"action": action, **members}
        answer = await self.request("POST", f"{_CONFERENCES}/{part(number)}/record", body)
        return [Recording.model_validate(item) for item in answer["items"]]
