"""The states of a session."""

from __future__ import annotations

from enum import StrEnum


class SessionState(StrEnum):
    """Where a session stands; ACCEPTED has its 2xx but not its ACK, ENDING is over for the owner, not on the wire."""

    INITIAL = "initial"
    EARLY = "early"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    ENDING = "ending"
    ENDED = "ended"
