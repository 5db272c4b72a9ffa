"""Talk burst control as floor messages and back, so that one arbiter and one participant machine serve both.

Talk burst control has no tiers: pre-emption is priority 3 alone, and priority 0 does not want to wait.
"""

from __future__ import annotations

from softswitch.floor import talkburst as burst
from softswitch.floor.messages import POSITION_NONE, POSITION_UNKNOWN, FloorMessage, Kind
from softswitch.floor.tbcp import TAKEN_WITH_ACK
from softswitch.rtp import RtpError

#: Floor priority for each priority of talk burst control.
FLOOR_PRIORITIES = {0: 0, 1: 4, 2: 8, 3: 255}

#: Refusals that talk burst control has no number for, and the nearest it has.
_DENY_REASONS = {6: 2, 7: 1, 255: 2}
_REVOKE_REASONS = {6: 3, 7: 4, 255: 3}


def from_talk_burst(message: burst.TalkBurstMessage) -> FloorMessage:
    """The floor message that says the same; raises `RtpError` for Connect and Disconnect, which are call control."""
    ssrc = message.ssrc
    match message:
        case burst.TalkBurstRequest(_, priority, _):
            return FloorMessage(
                Kind.REQUEST, ssrc, priority=None if priority is None else FLOOR_PRIORITIES.get(priority)
            )
        case burst.TalkBurstGranted(_, seconds, _):
            return FloorMessage(Kind.GRANTED, ssrc, duration_s=seconds or None)
        case burst.TalkBurstTaken():
            return FloorMessage(
                Kind.TAKEN, ssrc, message.ack_required, granted_party=message.uri, talker_ssrc=message.talker_ssrc
            )
        case burst.TalkBurstDeny(_, reason, phrase):
            return FloorMessage(Kind.DENY, ssrc, cause=reason, phrase=phrase)
        case burst.TalkBurstRelease(_, last_rtp):
            return FloorMessage(Kind.RELEASE, ssrc, last_rtp=last_rtp)
        case burst.TalkBurstIdle():
            return FloorMessage(Kind.IDLE, ssrc)
        case burst.TalkBurstRevoke(_, reason, retry_after_s):
            return FloorMessage(Kind.REVOKE, ssrc, cause=reason, retry_after_s=retry_after_s)
        case burst.TalkBurstAcknowledgement(_, acknowledged, _):
            return FloorMessage(Kind.ACK, ssrc, acknowledged=acknowledged & 0x0F)
        case burst.QueueStatusRequest():
            return FloorMessage(Kind.QUEUE_POSITION_REQUEST, ssrc)
        case burst.QueueStatusResponse(_, priority, position):
            place = {0: POSITION_NONE, 65535: POSITION_UNKNOWN}.get(position, min(position, 253))
            floor_priority = FLOOR_PRIORITIES.get(priority, 0)
            return FloorMessage(Kind.QUEUE_POSITION_INFO, ssrc, position=place, position_priority=floor_priority)
    raise RtpError(f"{type(message).__name__} is not floor control")


def to_talk_burst(message: FloorMessage, *, participants: int | None = None) -> burst.TalkBurstMessage:
    """The talk burst message that says the same; raises `RtpError` when there is none."""
    ssrc = message.ssrc
    match message.kind:
        case Kind.REQUEST:
            return burst.TalkBurstRequest(ssrc, None if message.priority is None else burst_priority(message.priority))
        case Kind.GRANTED:
            return burst.TalkBurstGranted(ssrc, message.duration_s or 0, participants)
        case Kind.TAKEN:
            uri, talker_ssrc = message.granted_party, message.talker_ssrc
            if message.talkers:
                uri = message.talkers[-1]
            if message.talker_ssrcs:
                talker_ssrc = message.talker_ssrcs[-1]
            return burst.TalkBurstTaken(
                ssrc, talker_ssrc or 0, uri or "", participants=participants, ack_required=message.ack_required
            )
        case Kind.DENY:
            cause = message.cause or 2
            return burst.TalkBurstDeny(ssrc, _DENY_REASONS.get(cause, cause), message.phrase)
        case Kind.RELEASE:
            return burst.TalkBurstRelease(ssrc, message.last_rtp)
        case Kind.IDLE:
            return burst.TalkBurstIdle(ssrc)
        case Kind.REVOKE:
            cause = message.cause or 3
            return burst.TalkBurstRevoke(ssrc, _REVOKE_REASONS.get(cause, cause), message.retry_after_s)
        case Kind.ACK:
            acknowledged = message.acknowledged or 0
            return burst.TalkBurstAcknowledgement(ssrc, TAKEN_WITH_ACK if acknowledged == Kind.TAKEN else acknowledged)
        case Kind.QUEUE_POSITION_REQUEST:
            return burst.QueueStatusRequest(ssrc)
        case Kind.QUEUE_POSITION_INFO:
            place = message.position or POSITION_NONE
            position = {POSITION_NONE: 0, POSITION_UNKNOWN: 65535}.get(place, place)
            return burst.QueueStatusResponse(ssrc, burst_priority(message.position_priority), position)
    raise RtpError(f"talk burst control has no {message.kind.name}")


def burst_priority(priority: int) -> int:
    """The priority of talk burst control, 0 to 3, nearest below a floor priority."""
    return max(number for number, floor in FLOOR_PRIORITIES.items() if floor <= priority)
