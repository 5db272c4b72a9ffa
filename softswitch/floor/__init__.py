"""Floor control of talkgroups: who may speak. Arbiter, participant, and the octets of MCPTT and OMA PoC.

`arbiter` says who calls what; `channel` joins an arbiter to the octets of its participants; `participant` is the far
end; `adapters` turn keys, voice and API calls of parties without a floor protocol into requests.
"""

from __future__ import annotations

from softswitch.floor.arbiter import Arbiter
from softswitch.floor.causes import CancelReason, DenyCause, Indicator, RevokeCause, Tier
from softswitch.floor.events import (
    Denied,
    Event,
    Granted,
    Idle,
    Inactive,
    MediaGate,
    QueueCancelled,
    Queued,
    Revoked,
    Taken,
    Talker,
    TalkerStopped,
    TalkTimeWarning,
    Violation,
)
from softswitch.floor.settings import ArbiterSettings, Member, Override
from softswitch.floor.states import FloorError, FloorState, ParticipantState

__all__ = [
    "Arbiter",
    "ArbiterSettings",
    "CancelReason",
    "Denied",
    "DenyCause",
    "Event",
    "FloorError",
    "FloorState",
    "Granted",
    "Idle",
    "Inactive",
    "Indicator",
    "MediaGate",
    "Member",
    "Override",
    "ParticipantState",
    "QueueCancelled",
    "Queued",
    "RevokeCause",
    "Revoked",
    "Taken",
    "TalkTimeWarning",
    "Talker",
    "TalkerStopped",
    "Tier",
    "Violation",
]
