"""Events that the SIP user agent tells its owner: the whole upward interface of `UserAgent` and `TransactionLayer`.

They are drained with `next_event()` until it answers None, after every call that may change state. SDP bodies are
handed over as octets; nothing here reads them. Every session ends with exactly one `SessionEnded` or `SessionRejected`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from softswitch.sip.address import Address
    from softswitch.sip.client_transaction import ClientTransaction
    from softswitch.sip.message import Request, Response
    from softswitch.sip.server_transaction import ServerTransaction
    from softswitch.sip.session import Session

EndedBy = Literal["remote", "local", "timeout", "session-timer"]


@dataclass(slots=True)
class RequestReceived:
    """A request outside any session, REGISTER to OPTIONS: the owner answers with `respond` (RFC 3261 §8.2)."""

    transaction: ServerTransaction
    request: Request
    source: Address


@dataclass(slots=True)
class AckReceived:
    """An ACK for a 2xx, which is a transaction of its own without an answer (RFC 3261 §13.3.1.4)."""

    request: Request
    source: Address


@dataclass(slots=True)
class CancelReceived:
    """A CANCEL for an INVITE that has no final response yet; itself it has been answered (RFC 3261 §9.2)."""

    transaction: ServerTransaction
    request: Request


@dataclass(slots=True)
class ResponseReceived:
    """A provisional or final response to a request sent with `send` or `send_request` (RFC 3261 §17.1)."""

    transaction: ClientTransaction
    response: Response


@dataclass(slots=True)
class TransactionFailed:
    """No answer at all: `status` 408 after timer B or F, 503 when no address could be reached (RFC 3261 §8.1.3.1)."""

    transaction: ClientTransaction
    status: int
    reason: str


@dataclass(slots=True)
class IncomingInvite:
    """A new INVITE; 100 has been sent, the offer (or nothing) is `request.body` (RFC 3261 §13.3)."""

    session: Session
    request: Request
    source: Address


@dataclass(slots=True)
class SessionProgress:
    """A provisional response 101 to 199; `early_id` tells the branches of a forked call apart (RFC 3261 §13.2.2.1)."""

    session: Session
    response: Response
    sdp: bytes | None
    early_id: str


@dataclass(slots=True)
class SessionAnswered:
    """The first 2xx to our INVITE; `sdp` is the answer, or the offer of a call sent without (RFC 3261 §13.2.2.4)."""

    session: Session
    response: Response
    sdp: bytes | None


@dataclass(slots=True)
class SessionConfirmed:
    """The ACK for our 2xx arrived; `sdp` is the answer when the 2xx carried the offer (RFC 3261 §13.3.1.4)."""

    session: Session
    sdp: bytes | None


@dataclass(slots=True)
class SessionRejected:
    """A final 3xx to 6xx to our INVITE: the session is over (RFC 3261 §13.2.2.2, §13.2.2.3)."""

    session: Session
    response: Response


@dataclass(slots=True)
class OfferReceived:
    """The peer offers in `method` ("INVITE", "UPDATE", "PRACK", or "ACK": a 2xx whose ACK shall carry the answer).

    `sdp` is None for an INVITE without an offer: the owner's `answer` then makes ours (RFC 3261 §14.2, RFC 3311 §5.2).
    """

    session: Session
    sdp: bytes | None
    method: str


@dataclass(slots=True)
class AnswerReceived:
    """The answer to our re-INVITE, UPDATE, reliable provisional or offer made in a 2xx (RFC 3264 §5)."""

    session: Session
    sdp: bytes


@dataclass(slots=True)
class OfferFailed:
    """Our re-INVITE or UPDATE was refused and the session goes on as it was; `retry_after` in seconds or 0."""

    session: Session
    status: int
    retry_after: float


@dataclass(slots=True)
class DialogRequest:
    """INFO, MESSAGE, REFER, NOTIFY or SUBSCRIBE inside the session: the owner answers with `respond`."""

    session: Session
    transaction: ServerTransaction
    request: Request


@dataclass(slots=True)
class SessionEnded:
    """The session is over and needs nothing more; `request` is the BYE or CANCEL that ended it, if one did."""

    session: Session
    status: int
    reason: str
    by: EndedBy
    request: Request | None = None


Event = (
    RequestReceived
    | AckReceived
    | CancelReceived
    | ResponseReceived
    | TransactionFailed
    | IncomingInvite
    | SessionProgress
    | SessionAnswered
    | SessionConfirmed
    | SessionRejected
    | OfferReceived
    | AnswerReceived
    | OfferFailed
    | DialogRequest
    | SessionEnded
)
