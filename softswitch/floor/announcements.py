"""The arbiter's events as floor messages, for whichever encoding; `release` is that of the receiver, 0 for TBCP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from softswitch.floor.causes import CancelReason, DenyCause, Indicator
from softswitch.floor.events import Denied, Granted, Idle, QueueCancelled, Queued, Revoked, Taken, TalkerStopped
from softswitch.floor.messages import FloorMessage, Kind

#: The first release with several talkers.
_MULTI_TALKER_RELEASE = 15

#: The refusal that tells a participant how its queued request has ended; the others it knows by itself.
_CANCELLED = {
    CancelReason.TIMED_OUT: DenyCause.OTHER,
    CancelReason.OPERATOR: DenyCause.OTHER,
    CancelReason.DISPLACED: DenyCause.QUEUE_FULL,
    CancelReason.RECEIVE_ONLY: DenyCause.RECEIVE_ONLY,
    CancelReason.ONLY_ONE: DenyCause.ONLY_ONE,
}


class Identity(NamedTuple):
    """Who talks as others are told: a URI, None when it is private or not known, and the SSRC of the audio, 0 so."""

    uri: str | None
    ssrc: int


def granted(ssrc: int, event: Granted, talker: Identity) -> FloorMessage:
    """Floor Granted."""
    return FloorMessage(
        Kind.GRANTED,
        ssrc,
        priority=event.priority,
        duration_s=event.duration_s,
        user=event.user or None,
        indicator=event.indicator,
        talker_ssrc=talker.ssrc or None,
    )


def taken(ssrc: int, event: Taken, talkers: Sequence[Identity], release: int) -> FloorMessage:
    """Floor Taken: the talker who came last, or all of them where the receiver understands it."""
    message = FloorMessage(
        Kind.TAKEN, ssrc, may_request=event.may_request, sequence=event.sequence, indicator=event.indicator
    )
    if len(talkers) > 1 and event.indicator & Indicator.MULTI_TALKER and release >= _MULTI_TALKER_RELEASE:
        message.talkers = tuple(talker.uri or "" for talker in talkers)
        message.talker_ssrcs = tuple(talker.ssrc for talker in talkers)
    else:
        message.granted_party = talkers[-1].uri
        message.talker_ssrc = talkers[-1].ssrc or None
    return message


def idle(ssrc: int, event: Idle) -> FloorMessage:
    """Floor Idle."""
    return FloorMessage(Kind.IDLE, ssrc, sequence=event.sequence, indicator=event.indicator)


def talker_stopped(ssrc: int, event: TalkerStopped, talker: Identity, release: int) -> FloorMessage | None:
    """Floor Release Multi Talker; None for a receiver that does not have it."""
    if release < _MULTI_TALKER_RELEASE:
        return None
    return FloorMessage(
        Kind.RELEASE_MULTI_TALKER,
        ssrc,
        user=talker.uri or "",
        talker_ssrc=talker.ssrc or None,
        sequence=event.sequence,
        indicator=event.indicator,
    )


def denied(ssrc: int, event: Denied) -> FloorMessage:
    """Floor Deny."""
    return FloorMessage(Kind.DENY, ssrc, cause=event.cause, phrase=event.phrase)


def queue_cancelled(ssrc: int, event: QueueCancelled) -> FloorMessage | None:
    """Floor Deny for a request that waited; None when the participant knows."""
    cause = _CANCELLED.get(event.reason)
    return None if cause is None else FloorMessage(Kind.DENY, ssrc, cause=cause, phrase=event.reason.value)


def revoked(ssrc: int, event: Revoked) -> FloorMessage:
    """Floor Revoke."""
    return FloorMessage(Kind.REVOKE, ssrc, cause=event.cause, retry_after_s=event.retry_after_s)


def queued(ssrc: int, event: Queued) -> FloorMessage:
    """Queue Position Info."""
    position = min(event.position, 253)
    return FloorMessage(Kind.QUEUE_POSITION_INFO, ssrc, position=position, position_priority=event.priority)
