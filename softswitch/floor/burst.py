"""One holding of the floor, from the grant to its end, and what the switch keeps of each participant."""

from __future__ import annotations

from softswitch.floor.causes import RevokeCause
from softswitch.floor.events import Talker
from softswitch.floor.priorities import Rank
from softswitch.floor.settings import Member
from softswitch.floor.states import FloorInput, FloorState, next_floor_state


class Burst:
    """A talker's floor, in state Taken or pending Revoke; `second` is the overriding one of a dual floor."""

    __slots__ = ("c20", "cause", "gate", "granted_at", "heard", "participant", "rank", "second", "state", "user")

    def __init__(self, participant: str, rank: Rank, user: str, granted_at: float, *, second: bool) -> None:
        self.participant = participant
        self.rank = rank
        self.user = user
        self.granted_at = granted_at
        self.second = second
        self.state = next_floor_state(FloorState.IDLE, FloorInput.GRANT)
        #: the first RTP has arrived.
        self.heard = False
        #: media is passed on.
        self.gate = False
        #: Granted was sent this often for a request out of the queue.
        self.c20 = 0
        #: why it is being revoked.
        self.cause: RevokeCause | None = None

    def move(self, given: FloorInput) -> FloorState:
        """Go on through the table of the floor; raises `FloorError` for what it does not list."""
        self.state = next_floor_state(self.state, given)
        return self.state

    @property
    def t1(self) -> str:
        """The name of the timer that waits for media (TS 24.380 §11.1.3)."""
        return "T11" if self.second else "T1"

    @property
    def t2(self) -> str:
        """The name of the timer that limits the talk."""
        return "T12" if self.second else "T2"

    @property
    def talker(self) -> Talker:
        """Who talks, as others are told."""
        return Talker(self.participant, self.user, self.rank.priority, self.rank.tier)


class Seat:
    """A participant as the arbiter knows it."""

    __slots__ = ("member", "offending", "retry_at", "stopped_at", "strayed_at")

    def __init__(self, member: Member) -> None:
        self.member = member
        #: it may not ask before this time (cause 4 of Floor Deny).
        self.retry_at = 0.0
        #: when its last talk ended; media under way then is no offence.
        self.stopped_at: float | None = None
        #: it sends without the floor and has been told to stop.
        self.offending = False
        #: when it last did.
        self.strayed_at = 0.0
