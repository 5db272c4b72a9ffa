"""What is laid down for a talkgroup: its members and what each may do, and the rules of its floor and its calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from softswitch.floor import ArbiterSettings, Member, Override, Tier
from softswitch.floor.adapters import KeypadSettings

#: How a member without a floor protocol asks for the floor: keys, voice activity, or only through the API.
FloorBy = Literal["keys", "voice", "api"]
_MEDIA_GONE_S = 4.0
USUAL_KEYS = KeypadSettings()


@dataclass(frozen=True, slots=True)
class GroupMember:
    """One member; `priority` 0 to 255 decides who comes first."""

    number: str
    listen_only: bool = False
    priority: int = 4
    may_emergency: bool = True
    may_override: bool = False
    floor_by: FloorBy = "keys"

    def limit(self, member: Member, *, agreed: bool = False) -> Member:
        """What the party may do in this group, given what it may do anywhere.

        `agreed`: its terminal has agreed on the highest priority that it asks for, which no group raises.
        """
        return replace(
            member,
            priority=min(self.priority, member.priority) if agreed else self.priority,
            may_request=member.may_request and not self.listen_only,
            may_emergency=member.may_emergency and self.may_emergency,
            may_override=member.may_override or self.may_override,
        )


@dataclass(frozen=True, slots=True)
class TalkgroupDefinition:
    """One talkgroup; `members` and `groups` (groups whose members are members here) empty: whoever calls in.

    Times in seconds, 0: no limit. `talk_s` is the longest talk, `hang_s` how long the floor stays idle until everybody
    is released, `silence_s` how long a talker may send nothing, `acknowledge_s` how long a call that is set up waits
    for `acknowledged` members to answer before it starts with those who have. `priority` says which of several groups
    a terminal that scans hears. `expires_at` (Unix time) is set for temporary groups. A group of kind ambience lets one
    terminal be heard unseen: no sound tells it of its floor, and its silence does not end its talk.
    """

    number: str
    name: str = ""
    members: tuple[GroupMember, ...] = ()
    groups: tuple[str, ...] = ()
    talk_s: float = 60.0
    hang_s: float = 0.0
    silence_s: float = 0.0
    priority: int = 4
    queue_limit: int = 16
    preempt_by_priority: bool = False
    both_heard: bool = False
    broadcast_only: bool = False
    auto_start: bool = False
    auto_end: bool = False
    record: bool = False
    acknowledged: int = 0
    acknowledge_s: float = 10.0
    keypad: KeypadSettings = USUAL_KEYS
    kind: Literal["static", "temporary", "patch", "ambience"] = "static"
    expires_at: float = 0.0

    def floor(self, *, tier: Tier = Tier.NORMAL, broadcast_by: str = "") -> ArbiterSettings:
        """The rules of its floor: no grace, for a plain telephone cannot stop by itself."""
        return ArbiterSettings(
            t1=self.silence_s or _MEDIA_GONE_S,
            t2=self.talk_s,
            t3=0.0,
            t3_emergency=0.0,
            t4=self.hang_s,
            c7=1,
            queue_limit=self.queue_limit,
            allow_alone=self.auto_start,
            priority_preemption=self.preempt_by_priority,
            override=Override.DUAL if self.both_heard else Override.REVOKE,
            tier=tier,
            broadcast_by=broadcast_by,
            temporary_group=self.kind == "temporary",
        )

    def member(self, number: str) -> GroupMember | None:
        """What is laid down for one number of the group itself."""
        return next((member for member in self.members if member.number == number), None)

    @property
    def is_open(self) -> bool:
        """Whether anybody may call in."""
        return not self.members and not self.groups


_ATTRIBUTES = tuple(each.name for each in fields(GroupMember) if each.name != "number")
_PLAIN = tuple(each.name for each in fields(TalkgroupDefinition) if each.name not in ("members", "groups", "keypad"))


def members_of(definition: TalkgroupDefinition, groups: Mapping[str, TalkgroupDefinition]) -> dict[str, GroupMember]:
    """Every member by number, those of groups within groups included; what the outer group says of one counts."""
    found: dict[str, GroupMember] = {}
    seen: set[str] = set()
    waiting = [definition]
    while waiting:
        group = waiting.pop(0)
        if group.number in seen:
            continue
        seen.add(group.number)
        for member in group.members:
            found.setdefault(member.number, member)
        waiting.extend(groups[number] for number in group.groups if number in groups)
    return found


def describe_definition(definition: TalkgroupDefinition) -> dict[str, Any]:
    """A definition as JSON has it; `members` are numbers, `attributes` what is laid down for each."""
    document = {name: getattr(definition, name) for name in _PLAIN}
    return {
        **document,
        "groups": list(definition.groups),
        "members": sorted(member.number for member in definition.members),
        "attributes": {member.number: {n: getattr(member, n) for n in _ATTRIBUTES} for member in definition.members},
        "keypad": asdict(definition.keypad),
    }


def definition_of(document: Mapping[str, Any]) -> TalkgroupDefinition:
    """The definition out of what `describe_definition` made; raises KeyError, TypeError, ValueError."""
    given = dict(document)
    attributes = given.pop("attributes", {})
    numbers = dict.fromkeys([*given.pop("members", ()), *attributes])
    members = tuple(GroupMember(number, **attributes.get(number, {})) for number in numbers)
    keypad = KeypadSettings(**given.pop("keypad", {}))
    return TalkgroupDefinition(**{**given, "members": members, "groups": tuple(given.get("groups", ()))}, keypad=keypad)


def plain_members(numbers: Iterable[str]) -> tuple[GroupMember, ...]:
    """Members without any attribute of their own."""
    return tuple(GroupMember(number) for number in numbers)


__all__ = [
    "FloorBy",
    "GroupMember",
    "TalkgroupDefinition",
    "definition_of",
    "describe_definition",
    "members_of",
    "plain_members",
]
