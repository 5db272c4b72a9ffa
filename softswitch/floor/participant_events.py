"""What the participant machine is told once, and what it tells its user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class ParticipantSettings:
    """Timers in seconds and counters under their names in TS 24.380 §11.1.2; the counters include the first sending."""

    t100: float = 1.0
    c100: int = 3
    t101: float = 1.0
    c101: int = 3
    t103: float = 4.0
    t104: float = 1.0
    c104: int = 3
    t132: float = 2.0
    #: ask for the place this often while queued, so that no lost message leaves the user waiting; 0: never.
    queue_poll: float = 5.0
    #: PTT must be held while queued; False: the place is kept, and a grant waits for PTT until T132.
    hold: bool = True
    #: the priority to ask with, None: what was agreed.
    priority: int | None = None


class Permitted(NamedTuple):
    """The user may talk for `duration_s`."""

    duration_s: int
    indicator: int


class Refused(NamedTuple):
    """The request was denied, or taken out of the queue; `cause` as in Floor Deny."""

    cause: int
    phrase: str


class Unanswered(NamedTuple):
    """The switch did not answer a request (T101, C101)."""


class Waiting(NamedTuple):
    """The request is queued at `position`, None when the switch does not tell."""

    position: int | None


class GrantOffered(NamedTuple):
    """A queued request is granted and waits `seconds` for PTT (T132)."""

    seconds: float


class Stopped(NamedTuple):
    """The floor was taken away; `cause` as in Floor Revoke."""

    cause: int


class Listening(NamedTuple):
    """Others talk; identities where they were told."""

    talkers: tuple[str, ...]
    indicator: int


class Free(NamedTuple):
    """Nobody talks."""


class Ended(NamedTuple):
    """The call is over: a broadcast has ended."""


ParticipantEvent = Permitted | Refused | Unanswered | Waiting | GrantOffered | Stopped | Listening | Free | Ended
