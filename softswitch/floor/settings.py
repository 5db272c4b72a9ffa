"""What an arbiter is told of its group and of each member."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from softswitch.floor.causes import Tier
from softswitch.floor.states import FloorError

#: Duration told when a talker may go on for ever, and the longest that the field can tell (u16 seconds).
UNLIMITED_S = 65535


class Override(Enum):
    """What a pre-emptive request does to the talker (TS 22.179 §6.2.3.3.2)."""

    #: the overridden talker is revoked: one talker at any time.
    REVOKE = "revoke"
    #: both go on, everyone hears both.
    DUAL = "dual"
    #: both go on, the overridden talker is not passed on until the other has ended.
    DUAL_UNHEARD = "dual, overridden not heard"


@dataclass(frozen=True, slots=True)
class ArbiterSettings:
    """The rules of one talkgroup. Times in seconds under their names in TS 24.380 §11.1.3; raises `FloorError`."""

    #: end of RTP media: a talker who sends nothing for this long has no floor any more.
    t1: float = 4.0
    #: longest talk, counted from the talker's first RTP; 0: no limit.
    t2: float = 30.0
    #: grace between Revoke and taking the floor away; for pre-emption by an emergency the second value.
    t3: float = 3.0
    t3_emergency: float = 0.3
    #: hang time: how long the floor may stay idle until the group's call may end; 0: for ever.
    t4: float = 30.0
    #: interval of Floor Idle, of Revoke and of Granted until each is known to have arrived.
    t7: float = 1.0
    t8: float = 1.0
    t20: float = 1.0
    #: how many times Floor Idle and Floor Granted are sent at most, the first included.
    c7: int = 3
    c20: int = 3
    #: the talker is warned this long before T2; 0: not at all.
    warn_before: float = 5.0
    #: how long a member may not ask again after talking too long; 0: at once.
    retry_after: float = 0.0
    #: how many may wait; 0: no queue.
    queue_limit: int = 16
    #: how long one may wait; 0: for ever.
    queue_wait: float = 60.0
    #: those who wait are told when they move up.
    announce_positions: bool = True
    #: a higher priority of the same tier takes the floor.
    priority_preemption: bool = False
    override: Override = Override.REVOKE
    #: everyone takes the floor at once from whoever has it, without grace (audio cut-in); excludes a dual floor.
    cut_in: bool = False
    #: how many may talk at once (multi-talker, Rel-15); more than 1 excludes a dual floor.
    max_talkers: int = 1
    #: tier of the call itself: every request counts at least as urgent.
    tier: Tier = Tier.NORMAL
    #: an emergency talker is not cut off by T2.
    emergency_unlimited: bool = False
    #: one member alone may talk (a group that is being recorded or patched elsewhere).
    allow_alone: bool = False
    #: the participant who alone may talk, in a broadcast call; empty in other calls.
    broadcast_by: str = ""
    temporary_group: bool = False
    #: media that arrives this long after a talk has ended was under way and is no offence.
    stray_media: float = 0.5

    def __post_init__(self) -> None:
        times = (self.t1, self.t7, self.t8, self.t20)
        if min(times) <= 0:
            raise FloorError("T1, T7, T8 and T20 must be longer than nothing")
        others = (self.t2, self.t3, self.t3_emergency, self.t4, self.warn_before, self.retry_after, self.queue_wait)
        if min(others) < 0 or self.stray_media < 0 or self.queue_limit < 0:
            raise FloorError("a time or a limit is negative")
        if self.max_talkers < 1 or self.c7 < 1 or self.c20 < 1:
            raise FloorError("max_talkers, c7 and c20 count from 1")
        if (self.max_talkers > 1 or self.cut_in) and self.override is not Override.REVOKE:
            raise FloorError("a dual floor excludes multi-talker and cut-in")

    @property
    def duration_s(self) -> int:
        """What Floor Granted tells as talk time."""
        return min(UNLIMITED_S, max(1, round(self.t2))) if self.t2 else UNLIMITED_S


@dataclass(frozen=True, slots=True)
class Member:
    """What one participant may do. `priority` is the ceiling agreed with it and what counts when it names none."""

    priority: int = 4
    #: False: listens only.
    may_request: bool = True
    #: False: an emergency or peril request of this member counts as normal.
    may_emergency: bool = True
    #: it may ask to override the talker; a dispatcher always does.
    may_override: bool = False
    dispatcher: bool = False
    #: queueing was agreed with it.
    queueing: bool = True
    #: its media is reported with `media_heard`; False: T2 counts from the grant and T1 does not run.
    monitored: bool = True
    #: it sends media all the time, whether it has the floor or not (a plain telephone): no offence.
    continuous: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.priority <= 255:
            raise FloorError(f"priority {self.priority} is not within 0 to 255")
