"""SIP status codes and Q.850 causes, each way, and the Reason header that carries them.

RFC 3398 §7.2.4.1 (cause to status) and §8.2.6.1 (status to cause), RFC 4497 §8.3.7/§8.4.4 where it says more, RFC
3326 (Reason), ITU-T Q.850 §2.2.5 (names of the causes). Left out: the warn-code dependent mapping of 488 and 606 (they
map to 31) and the diagnostic field of cause 22, which SIP trunks do not carry.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from softswitch.sip.errors import ProtocolError
from softswitch.sip.headers import Reason

NORMAL_CLEARING: Final = 16
NORMAL_UNSPECIFIED: Final = 31

CAUSE_TEXT: Final[dict[int, str]] = {
    1: "Unallocated number",
    2: "No route to transit network",
    3: "No route to destination",
    4: "Send special information tone",
    5: "Misdialled trunk prefix",
    6: "Channel unacceptable",
    7: "Call awarded in established channel",
    8: "Preemption",
    9: "Preemption, circuit reserved for reuse",
    14: "Query on release",
    16: "Normal call clearing",
    17: "User busy",
    18: "No user responding",
    19: "No answer from user",
    20: "Subscriber absent",
    21: "Call rejected",
    22: "Number changed",
    23: "Redirection to new destination",
    24: "Call rejected due to feature at destination",
    25: "Exchange routing error",
    26: "Non-selected user clearing",
    27: "Destination out of order",
    28: "Invalid number format",
    29: "Facility rejected",
    30: "Response to status enquiry",
    31: "Normal, unspecified",
    34: "No circuit available",
    38: "Network out of order",
    39: "Permanent frame connection out of service",
    40: "Permanent frame connection operational",
    41: "Temporary failure",
    42: "Switching equipment congestion",
    43: "Access information discarded",
    44: "Requested circuit not available",
    46: "Precedence call blocked",
    47: "Resource unavailable, unspecified",
    49: "Quality of service not available",
    50: "Requested facility not subscribed",
    53: "Outgoing calls barred within closed user group",
    55: "Incoming calls barred within closed user group",
    57: "Bearer capability not authorized",
    58: "Bearer capability not presently available",
    62: "Inconsistent access information and subscriber class",
    63: "Service or option not available, unspecified",
    65: "Bearer capability not implemented",
    66: "Channel type not implemented",
    69: "Requested facility not implemented",
    70: "Only restricted digital information available",
    79: "Service or option not implemented, unspecified",
    81: "Invalid call reference",
    82: "Identified channel does not exist",
    83: "Suspended call exists, but not this identity",
    84: "Call identity in use",
    85: "No call suspended",
    86: "Call with this identity has been cleared",
    87: "User not member of closed user group",
    88: "Incompatible destination",
    90: "Non-existent closed user group",
    91: "Invalid transit network selection",
    95: "Invalid message, unspecified",
    96: "Mandatory information element missing",
    97: "Message type not implemented",
    98: "Message not compatible with call state",
    99: "Information element not implemented",
    100: "Invalid information element contents",
    101: "Message not compatible with call state",
    102: "Recovery on timer expiry",
    103: "Parameter not implemented, passed on",
    110: "Message with unrecognized parameter, discarded",
    111: "Protocol error, unspecified",
    127: "Interworking, unspecified",
}

STATUS_OF_CAUSE: Final[dict[int, int]] = {
    1: 404, 2: 404, 3: 404, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 23: 410, 26: 404, 27: 502, 28: 484,
    29: 501, 31: 480, 34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 55: 403, 57: 403, 58: 503, 65: 488, 70: 488, 79: 501,
    87: 403, 88: 503, 102: 504, 111: 500, 127: 500,
}  # fmt: skip

CAUSE_OF_STATUS: Final[dict[int, int]] = {
    400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127,
    415: 79, 416: 127, 420: 127, 421: 127, 423: 127, 433: 21, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1,
    486: 17, 487: 16, 488: 31, 500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21,
    604: 1, 606: 31, 607: 21, 608: 21,
}  # fmt: skip


def status_of_cause(cause: int, *, from_user: bool = False) -> int:
    """SIP final status for a call released by `cause` before it was answered (RFC 3398 §7.2.4.1).

    `from_user` says that the cause location is the user: a rejection then is 603 rather than 403. A cause that the
    table does not list, 16 among them, is answered 500.
    """
    if cause == 21 and from_user:
        return 603
    return STATUS_OF_CAUSE.get(cause, 500)


def cause_of_status(status: int) -> int:
    """Q.850 cause for a call that ended with SIP `status` (RFC 3398 §8.2.6.1): 16 below 300, 31 where unlisted."""
    if status < 300:
        return NORMAL_CLEARING
    return CAUSE_OF_STATUS.get(status, NORMAL_UNSPECIFIED)


def cause_text(cause: int) -> str:
    """English name of a Q.850 cause, or its class where the number is not assigned (Q.850 §2.2.5)."""
    known = CAUSE_TEXT.get(cause)
    if known is not None:
        return known
    if 0 < cause < 32:
        return "Normal event"
    if cause < 48:
        return "Resource unavailable"
    if cause < 64:
        return "Service or option not available"
    if cause < 80:
        return "Service or option not implemented"
    if cause < 96:
        return "Invalid message"
    return "Protocol error" if cause < 112 else "Interworking"


def q850_reason(cause: int, text: str | None = None) -> str:
    """Value of a Reason header for a Q.850 `cause` (RFC 3326 §2), for instance ``Q.850;cause=17;text="User busy"``."""
    return _reason("Q.850", cause, text if text is not None else cause_text(cause))


def sip_reason(status: int, text: str | None = None) -> str:
    """Value of a Reason header for a SIP `status` (RFC 3326 §2), for instance ``SIP;cause=200;text="Call completed
    elsewhere"``."""
    return _reason("SIP", status, text)


def _reason(protocol: str, cause: int, text: str | None) -> str:
    if not text:
        return f"{protocol};cause={cause}"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", " ").replace("\n", " ")
    return f'{protocol};cause={cause};text="{escaped}"'


def parse_reasons(values: Iterable[str]) -> list[Reason]:
    """Reason header values, comma lists already split; a malformed one is left out, for a Reason is only advice."""
    reasons: list[Reason] = []
    for value in values:
        try:
            reasons.append(Reason.parse(value))
        except ProtocolError:
            continue
    return reasons


def release_cause(reasons: Iterable[Reason], status: int = 200) -> int:
    """Q.850 cause of a release: that of a Q.850 Reason, else of a SIP Reason, else the one that `status` maps to."""
    sip_cause: int | None = None
    for reason in reasons:
        if reason.cause is None:
            continue
        protocol = reason.protocol.lower()
        if protocol == "q.850" and 0 < reason.cause < 128:
            return reason.cause
        if protocol == "sip" and sip_cause is None:
            sip_cause = reason.cause
    return cause_of_status(sip_cause if sip_cause is not None else status)
