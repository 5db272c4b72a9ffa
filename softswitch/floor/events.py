"""What an arbiter tells its owner, drained with `next_event()` after every call.

Events that a participant must learn name it in `participant` or in `to`, where None means everyone. What everyone is
told leaves out `excluding`, who has been told otherwise.
`repeated` marks what was said before and is said again, so that records count it once.
"""

from __future__ import annotations

from typing import NamedTuple

from softswitch.floor.causes import CancelReason, DenyCause, RevokeCause, Tier


class Talker(NamedTuple):
    """One who has the floor; `user` is the identity behind the participant, empty when it speaks for itself."""

    participant: str
    user: str
    priority: int
    tier: Tier


class Granted(NamedTuple):
    """The participant may talk for `duration_s` (65535: without limit); it waited `waited_s` for it."""

    participant: str
    duration_s: int
    priority: int
    tier: Tier
    indicator: int
    user: str
    waited_s: float
    queue_size: int
    repeated: bool


class Taken(NamedTuple):
    """Someone talks, the first talker first. One `sequence` for all who are told; the same for who joins late."""

    to: str | None
    excluding: str
    talkers: tuple[Talker, ...]
    sequence: int
    may_request: bool
    indicator: int
    repeated: bool


class TalkerStopped(NamedTuple):
    """One of several talkers of a multi-talker group has stopped, the others go on; everyone is told."""

    participant: str
    user: str
    sequence: int
    indicator: int


class Idle(NamedTuple):
    """Nobody talks."""

    to: str | None
    sequence: int
    indicator: int
    repeated: bool


class Denied(NamedTuple):
    """The request is refused."""

    participant: str
    cause: DenyCause
    phrase: str


class Revoked(NamedTuple):
    """The participant must stop; it may ask again after `retry_after_s`."""

    participant: str
    cause: RevokeCause
    retry_after_s: int
    repeated: bool


class Queued(NamedTuple):
    """The request waits at `position`, 1 is next; `queue_size` wait in all."""

    participant: str
    position: int
    priority: int
    queue_size: int
    repeated: bool


class QueueCancelled(NamedTuple):
    """A request that waited is gone without having been granted."""

    participant: str
    reason: CancelReason


class MediaGate(NamedTuple):
    """From now on the participant's media is to be passed on, or is not. Told before Granted and before Idle."""

    participant: str
    open: bool


class TalkTimeWarning(NamedTuple):
    """The talker will be stopped in `remaining_s`."""

    participant: str
    remaining_s: float


class Violation(NamedTuple):
    """The participant sends media without having the floor; told once per offence."""

    participant: str


class Inactive(NamedTuple):
    """The hang time is over: nobody has talked for T4, the group's call may end."""

    idle_s: float


Event = (
    Granted
    | Taken
    | TalkerStopped
    | Idle
    | Denied
    | Revoked
    | Queued
    | QueueCancelled
    | MediaGate
    | TalkTimeWarning
    | Violation
    | Inactive
)
