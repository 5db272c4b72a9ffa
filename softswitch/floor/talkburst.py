"""The messages of talk burst control (OMA-TS-PoC-UserPlane-V1_0 §6.5); their octets are in `tbcp`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class TalkBurstRequest(NamedTuple):
    """Subtype 0: `priority` 0 none, 1 normal, 2 high, 3 pre-emptive; `timestamp` 64 bits of NTP."""

    ssrc: int
    priority: int | None = None
    timestamp: int | None = None


class TalkBurstGranted(NamedTuple):
    """Subtype 1: stop-talking time in seconds (0 unknown, 65535 no limit), `participants` in the session."""

    ssrc: int
    stop_talking_s: int
    participants: int | None = None


class TalkBurstTaken(NamedTuple):
    """Subtype 2, or 18 when an acknowledgement is expected: who talks."""

    ssrc: int
    talker_ssrc: int
    uri: str
    name: str = ""
    participants: int | None = None
    ack_required: bool = False


class TalkBurstDeny(NamedTuple):
    """Subtype 3: 1 other talks, 2 server error, 3 only one, 4 retry later, 5 listen only."""

    ssrc: int
    reason: int
    phrase: str = ""


class TalkBurstRelease(NamedTuple):
    """Subtype 4: the last RTP sequence number of the burst, None when the receiver is to ignore it."""

    ssrc: int
    last_rtp: int | None = None


class TalkBurstIdle(NamedTuple):
    """Subtype 5."""

    ssrc: int


class TalkBurstRevoke(NamedTuple):
    """Subtype 6: 1 only one, 2 too long (ask again after `retry_after_s`), 3 no permission, 4 pre-empted."""

    ssrc: int
    reason: int
    retry_after_s: int = 0


class TalkBurstAcknowledgement(NamedTuple):
    """Subtype 7: of message `acknowledged` (with its acknowledgement bit); `reason` answers a Connect."""

    ssrc: int
    acknowledged: int
    reason: int = 0


class QueueStatusRequest(NamedTuple):
    """Subtype 8."""

    ssrc: int


class QueueStatusResponse(NamedTuple):
    """Subtype 9: `position` 0 not queued, 65535 not known."""

    ssrc: int
    priority: int
    position: int


class Disconnect(NamedTuple):
    """Subtype 11."""

    ssrc: int


@dataclass(slots=True)
class Connect:
    """Subtype 15: a pre-established session is used; an identity that is None is absent.

    `session_type` 0 none, 1 one-to-one, 2 ad-hoc, 3 prearranged, 4 chat.
    """

    ssrc: int
    session_type: int = 0
    manual_answer_override: bool = False
    inviter: str | None = None
    inviter_name: str | None = None
    session: str | None = None
    group_name: str | None = None
    group: str | None = None

    @property
    def items(self) -> tuple[str | None, ...]:
        """The identities in the order of their flags."""
        return (self.inviter, self.inviter_name, self.session, self.group_name, self.group)


TalkBurstMessage = (
    TalkBurstRequest
    | TalkBurstGranted
    | TalkBurstTaken
    | TalkBurstDeny
    | TalkBurstRelease
    | TalkBurstIdle
    | TalkBurstRevoke
    | TalkBurstAcknowledgement
    | QueueStatusRequest
    | QueueStatusResponse
    | Disconnect
    | Connect
)
