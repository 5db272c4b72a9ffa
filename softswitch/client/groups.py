"""Talkgroups, as the client offers them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from softswitch.api.models.group import Group, GroupCall, GroupDefinition, MadeGroup, RollCall, ScanListRow
from softswitch.api.models.recordings import Recording
from softswitch.client.connection import Connection, part

_GROUPS = "/groups"


class GroupOperations(Connection):
    """Rooms in which one speaks at a time."""

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

    async def regroup(self, *, key: str = "", **members: Any) -> MadeGroup:
        """Make a temporary talkgroup and call it; with `key`, a repetition makes no second one."""
        headers = {"Idempotency-Key": key} if key else None
        return await self.one("POST", f"{_GROUPS}/regroup", MadeGroup, members, headers)

    async def patch_groups(self, groups: Iterable[str], **members: Any) -> MadeGroup:
        """Join talkgroups into one with one arbiter."""
        return await self.one("POST", f"{_GROUPS}/patch", MadeGroup, {"groups": list(groups), **members})

    async def floor(self, number: str, wish: str, leg_id: str, tier: str = "normal") -> Group:
        """One of request, release, revoke and force, on behalf of a participant."""
        body = {"leg_id": leg_id, "tier": tier}
        return await self.one("POST", f"{_GROUPS}/{part(number)}/floor/{wish}", Group, body)

    async def group_roll_call(self, number: str, members: Iterable[str] = (), *, everybody: bool = False) -> RollCall:
        """Call all members of a talkgroup, `members` alone, or all who are registered, and note who answers."""
        body = {"members": list(members), "everybody": everybody}
        return await self.one("POST", f"{_GROUPS}/{part(number)}/roll_call", RollCall, body)

    async def group_rules(self, number: str) -> GroupDefinition:
        """The rules of a talkgroup."""
        return await self.one("GET", f"{_GROUPS}/{part(number)}/definition", GroupDefinition)

    async def group_calls(self, number: str) -> list[GroupCall]:
        """Calls of a talkgroup, the newest first."""
        return await self.items(f"{_GROUPS}/{part(number)}/calls", GroupCall)

    async def group_roll_calls(self, number: str) -> list[RollCall]:
        """Who answered when, the newest roll-call first."""
        return await self.items(f"{_GROUPS}/{part(number)}/roll_call", RollCall)

    async def order_group(self, number: str, order: str, **members: Any) -> Any:
        """One of invite, mute, release, insert and listen, with its members."""
        return await self.request("POST", f"{_GROUPS}/{part(number)}/{order}", members)

    async def record_group(self, number: str, action: str = "start", **members: Any) -> list[Recording]:
        """Start, pause, resume, mark or stop recordings of a talkgroup; those in progress."""
        body = {"action": action, **members}
        answer = await self.request("POST", f"{_GROUPS}/{part(number)}/record", body)
        return [Recording.model_validate(item) for item in answer["items"]]

    async def scan_list(self, number: str) -> ScanListRow:
        """The groups that a terminal hears besides the one it called."""
        return await self.one("GET", f"{_GROUPS}/scan_lists/{part(number)}", ScanListRow)

    async def set_scan_list(self, number: str, groups: Iterable[str]) -> ScanListRow:
        """Set the groups that a terminal hears besides."""
        return await self.one("PUT", f"{_GROUPS}/scan_lists/{part(number)}", ScanListRow, {"groups": list(groups)})
