"""Shapes of `/groups`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from softswitch.api.models.base import Answer, Number, Request, Time

#: A number that can be dialled and stands in a path.
GroupNumber = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[0-9A-Za-z+*#_-]+$")]
Keys = Annotated[str, Field(max_length=8, pattern=r"^[0-9A-D*#]*$")]
Members = Annotated[list[Number], Field(max_length=5000)]
Groups = Annotated[list[GroupNumber], Field(max_length=200)]


class MemberAttributes(Request):
    """What one member may do in a group."""

    listen_only: bool = False
    priority: int = Field(default=4, ge=0, le=255, description="The higher comes first.")
    may_emergency: bool = True
    may_override: bool = False
    floor_by: Literal["keys", "voice", "api"] = Field(
        default="keys", description="How a plain telephone asks for the floor: keys, its voice, only the API."
    )


class FloorKeys(Request):
    """Key sequences of plain telephones; an empty one is not used."""

    request: Keys = "*"
    release: Keys = "#"
    emergency: Keys = ""
    position: Keys = ""
    toggle: bool = Field(default=False, description="The request keys give the floor back as well.")
    between: float = Field(default=2.0, gt=0, le=30, description="Longest time between two keys, in seconds.")


class GroupRules(Request):
    """The rules of a talkgroup; times in seconds, 0: no limit."""

    name: str = Field(default="", max_length=128)
    members: Members = Field(default_factory=list, description="Numbers that may enter; empty: everybody.")
    attributes: dict[Number, MemberAttributes] = Field(default_factory=dict, description="By member.")
    groups: Groups = Field(default_factory=list, description="Groups whose members are members here.")
    talk_s: float = Field(default=60.0, ge=0, le=3600, description="Longest talk of one member.")
    hang_s: float = Field(default=0.0, ge=0, le=86400, description="How long nobody may talk until the call ends.")
    silence_s: float = Field(default=0.0, ge=0, le=600, description="How long a talker may send nothing.")
    priority: int = Field(default=4, ge=0, le=255, description="Which group a terminal that scans hears.")
    queue_limit: int = Field(default=16, ge=0, le=1000, description="How many may wait for the floor; 0: nobody.")
    preempt_by_priority: bool = Field(default=False, description="A higher priority takes the floor.")
    both_heard: bool = Field(default=False, description="Who is overridden goes on and is heard as well.")
    broadcast_only: bool = Field(default=False, description="Only dispatchers and members who may override talk.")
    auto_start: bool = Field(default=False, description="The first press of a member calls the others.")
    auto_end: bool = Field(default=False, description="After the hang time everybody is released.")
    record: bool = False
    acknowledged: int = Field(default=0, ge=0, le=5000, description="How many must answer until a call starts.")
    acknowledge_s: float = Field(default=10.0, gt=0, le=300, description="After that a call starts all the same.")
    keypad: FloorKeys = Field(default_factory=FloorKeys)


class NewGroup(GroupRules):
    """A talkgroup to add."""

    number: GroupNumber


class ChangeGroup(GroupRules):
    """What is to be changed of a talkgroup; what is not given stays."""


class RoomParticipant(Answer):
    """Who is in a talkgroup."""

    party: str
    display_name: str = ""
    leg_id: str
    call_id: str
    since: Time = None
    floor: str = Field(default="", description="talking, waiting or listening.")
    muted: bool = False
    priority: int = Field(default=0, description="Priority of its requests for the floor, 0 to 255.")


class Attendee(Answer):
    """A member as a group call sees it."""

    party: str
    state: Literal["waiting", "invited", "present", "left", "failed"]
    answered_at: Time = None
    left_at: Time = None
    sip_code: int = 0
    reason: str = ""


class GroupCall(Answer):
    """One call of a talkgroup."""

    group_call_id: str
    group: str
    kind: Literal["group", "broadcast", "emergency"]
    by: str = ""
    talker: str = Field(default="", description="Who alone may talk in a broadcast.")
    state: Literal["setup", "active", "ended"]
    started_at: Time = None
    ended_at: Time = None
    reason: str = ""
    setup_ms: float = Field(default=0.0, description="From the order until the call started.")
    acknowledged: int = 0
    invited: int = 0
    present: int = 0
    failed: int = 0
    attendees: list[Attendee] = Field(default_factory=list)


class GroupDefinition(Answer):
    """The rules of a talkgroup as they are kept, apart from who is in it: what If-Match speaks of. See `GroupRules`."""

    number: str
    name: str = ""
    members: list[str] = Field(default_factory=list, description="Numbers that may enter; empty: everybody.")
    attributes: dict[str, dict[str, object]] = Field(default_factory=dict, description="What members may do.")
    groups: list[str] = Field(default_factory=list)
    kind: Literal["static", "temporary", "patch"] = "static"
    origin: str = Field(default="", description="`configuration` or `store`.")
    expires_at: Time = Field(default=None, description="When it is given up; null: when it is removed.")
    talk_s: float = Field(default=0.0, description="Longest talk of one member, in seconds.")
    hang_s: float = 0.0
    silence_s: float = 0.0
    priority: int = 4
    queue_limit: int = 0
    preempt_by_priority: bool = False
    both_heard: bool = False
    broadcast_only: bool = False
    auto_start: bool = False
    auto_end: bool = False
    record: bool = False
    acknowledged: int = 0
    acknowledge_s: float = 0.0
    keypad: dict[str, object] = Field(default_factory=dict, description="Key sequences of plain telephones.")


class MadeGroup(GroupDefinition):
    """A group just made of numbers and groups."""

    unknown: list[str] = Field(default_factory=list, description="Numbers of the order that lead nowhere.")


class Group(GroupDefinition):
    """A talkgroup: its rules, who is in it and who holds the floor."""

    patched_into: str = Field(default="", description="The patch that it is part of.")
    floor: Literal["idle", "taken"] = "idle"
    talker: str = Field(default="", description="Number of who talks.")
    participants: list[RoomParticipant] = Field(default_factory=list)
    call: GroupCall | None = Field(default=None, description="The call in progress.")
    history: list[GroupCall] = Field(default_factory=list, description="Calls that are over, without attendees.")


class Called(Request):
    """Whom an order calls."""

    members: Members = Field(default_factory=list)
    everybody: bool = Field(default=False, description="All registered subscribers besides (all-call).")


class StartGroupCall(Called):
    """A call of a talkgroup: of `members` alone, of `everybody`, or, when neither is given, of all its members."""

    kind: Literal["group", "broadcast", "emergency"] = "group"
    talker: Number | None = Field(default=None, description="Who is called first, and alone may talk in a broadcast.")
    acknowledged: int | None = Field(default=None, ge=0, le=5000, description="None: as the group says.")


class InviteToGroup(Called):
    """Who is called into a talkgroup besides: `members`, `everybody`."""

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.members and not self.everybody:
            raise ValueError("give members, or everybody")
        return self


class Regroup(GroupRules):
    """A temporary talkgroup (重组)."""

    number: GroupNumber | None = Field(default=None, description="None: a free one is taken.")
    everybody: bool = Field(default=False, description="All registered subscribers are members (all-call).")
    lifetime_s: float = Field(default=0.0, ge=0, le=30 * 86400, description="0: until it is removed.")
    call: Literal["group", "broadcast", "emergency"] | None = Field(
        default="group", description="The call that is begun at once; null: none."
    )
    talker: Number | None = Field(default=None, description="Who alone may talk in a broadcast.")


class Patch(Request):
    """Talkgroups to be joined into one with one arbiter."""

    name: str = Field(default="", max_length=128)
    number: GroupNumber | None = Field(default=None, description="None: a free one is taken.")
    groups: Annotated[list[GroupNumber], Field(min_length=1, max_length=200)]
    invite: Members = Field(
        default_factory=list, description="Numbers called into it: groups of other systems, by trunk or gateway."
    )
    attributes: dict[GroupNumber, MemberAttributes] = Field(
        default_factory=dict, max_length=200, description="What those who are invited may do, by number."
    )
    lifetime_s: float = Field(default=0.0, ge=0, le=30 * 86400, description="0: until it is removed.")
    talk_s: float = Field(default=60.0, ge=0, le=3600)


class ReleaseFromGroup(Request):
    """Who is released by force; empty: everybody."""

    leg_id: str = Field(default="", max_length=128)


class MuteMember(Request):
    """Who may not talk, or may again."""

    leg_id: str = Field(min_length=1, max_length=128)
    muted: bool = True


class DispatcherJoins(Request):
    """Who is called into a talkgroup."""

    party: Number


class Placed(Answer):
    """A call that was placed to carry an order out."""

    call_id: str
    party: str


class StartRollCall(Called):
    """A roll-call (点名) of `members` alone, of `everybody`, or, when neither is given, of all members of the group."""

    ring_s: float = Field(default=20.0, gt=0, le=120, description="Longest ringing, in seconds.")
    count_present: bool = Field(default=True, description="Who is in the group already has answered.")


class RollCallAnswer(Answer):
    """What became of one number."""

    party: str
    answered: bool
    answered_at: Time = None
    waited_s: float = 0.0
    sip_code: int = 0
    reason: str = ""


class RollCallProgress(Answer):
    """A roll-call (点名), under way or over."""

    roll_call_id: str
    by: str = ""
    state: Literal["running", "ended"]
    started_at: Time = None
    ended_at: Time = None
    present: int = 0
    missing: int = 0
    results: list[RollCallAnswer] = Field(default_factory=list)


class RollCall(RollCallProgress):
    """A roll-call of a talkgroup."""

    group: str


class ScanList(Request):
    """The groups that terminals of a number hear besides the one they called."""

    groups: Groups = Field(default_factory=list)


class ScanListRow(Answer):
    """A scan list."""

    number: str
    groups: list[str] = Field(default_factory=list)


class FloorWish(Request):
    """For whom the floor is asked, released or taken away."""

    leg_id: str = Field(min_length=1, max_length=128, description="The participant's leg.")
    tier: Literal["normal", "peril", "emergency"] = Field(default="normal", description="How urgent.")
