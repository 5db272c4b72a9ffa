"""Server transactions as tables and records (RFC 3261 §17.2; RFC 6026 §7.1 for the Accepted state).

The tables say what follows from an input in a state; `servers.py` carries the actions out. A pair that no table lists
raises LocalProtocolError. Once a final response is sent only a `ServerRemnant` stays behind, which holds the octets
of that response as long as copies of the request may come.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from softswitch.sip.errors import LocalProtocolError
from softswitch.sip.reasons import reason_phrase

if TYPE_CHECKING:
    from softswitch.sip.address import Address
    from softswitch.sip.message import Request
    from softswitch.sip.timerwheel import Timer


class ServerState(StrEnum):
    """States of both server machines; CONFIRMED and ACCEPTED belong to INVITE, TRYING to all others."""

    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class ServerInput(StrEnum):
    """What may happen to a server transaction."""

    RETRANSMITTED = "request again"
    ACK = "ACK"
    SEND_PROVISIONAL = "send 1xx"
    SEND_SUCCESS = "send 2xx"
    SEND_FAILURE = "send 3xx-6xx"
    RETRANSMIT = "timer G"
    TIMEOUT = "timer H"
    LINGERED = "timer I, J or L"
    TRANSPORT_ERROR = "transport error"


class ServerAction(StrEnum):
    """What is done about it."""

    NOTHING = "nothing"
    SEND = "send"
    REPEAT = "send the latest response again"
    PASS_ACK = "pass the ACK up"
    REROUTE = "send the latest response by another way"


ServerTable = dict[tuple[ServerState, ServerInput], tuple[ServerState, ServerAction]]
_S, _I, _A = ServerState, ServerInput, ServerAction

# RFC 3261 figure 7 with RFC 6026 figure 6. A second final response is discarded (§17.2.1). After a transport error the
# response goes to the address of the Via (§18.2.2).
INVITE_SERVER: ServerTable = {
    (_S.PROCEEDING, _I.RETRANSMITTED): (_S.PROCEEDING, _A.REPEAT),
    (_S.PROCEEDING, _I.ACK): (_S.PROCEEDING, _A.NOTHING),
    (_S.PROCEEDING, _I.SEND_PROVISIONAL): (_S.PROCEEDING, _A.SEND),
    (_S.PROCEEDING, _I.SEND_SUCCESS): (_S.ACCEPTED, _A.SEND),
    (_S.PROCEEDING, _I.SEND_FAILURE): (_S.COMPLETED, _A.SEND),
    (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.PROCEEDING, _A.REROUTE),
    (_S.ACCEPTED, _I.RETRANSMITTED): (_S.ACCEPTED, _A.NOTHING),
    (_S.ACCEPTED, _I.ACK): (_S.ACCEPTED, _A.PASS_ACK),
    (_S.ACCEPTED, _I.SEND_PROVISIONAL): (_S.ACCEPTED, _A.NOTHING),
    (_S.ACCEPTED, _I.SEND_SUCCESS): (_S.ACCEPTED, _A.SEND),
    (_S.ACCEPTED, _I.SEND_FAILURE): (_S.ACCEPTED, _A.NOTHING),
    (_S.ACCEPTED, _I.TRANSPORT_ERROR): (_S.ACCEPTED, _A.NOTHING),
    (_S.ACCEPTED, _I.LINGERED): (_S.TERMINATED, _A.NOTHING),
    (_S.COMPLETED, _I.RETRANSMITTED): (_S.COMPLETED, _A.REPEAT),
    (_S.COMPLETED, _I.ACK): (_S.CONFIRMED, _A.NOTHING),
    (_S.COMPLETED, _I.SEND_PROVISIONAL): (_S.COMPLETED, _A.NOTHING),
    (_S.COMPLETED, _I.SEND_SUCCESS): (_S.COMPLETED, _A.NOTHING),
    (_S.COMPLETED, _I.SEND_FAILURE): (_S.COMPLETED, _A.NOTHING),
    (_S.COMPLETED, _I.RETRANSMIT): (_S.COMPLETED, _A.REPEAT),
    (_S.COMPLETED, _I.TIMEOUT): (_S.TERMINATED, _A.NOTHING),
    (_S.COMPLETED, _I.TRANSPORT_ERROR): (_S.COMPLETED, _A.REROUTE),
    (_S.CONFIRMED, _I.RETRANSMITTED): (_S.CONFIRMED, _A.NOTHING),
    (_S.CONFIRMED, _I.ACK): (_S.CONFIRMED, _A.NOTHING),
    (_S.CONFIRMED, _I.SEND_PROVISIONAL): (_S.CONFIRMED, _A.NOTHING),
    (_S.CONFIRMED, _I.SEND_SUCCESS): (_S.CONFIRMED, _A.NOTHING),
    (_S.CONFIRMED, _I.SEND_FAILURE): (_S.CONFIRMED, _A.NOTHING),
    (_S.CONFIRMED, _I.TRANSPORT_ERROR): (_S.CONFIRMED, _A.NOTHING),
    (_S.CONFIRMED, _I.LINGERED): (_S.TERMINATED, _A.NOTHING),
}

# RFC 3261 figure 8.
NON_INVITE_SERVER: ServerTable = {
    (_S.TRYING, _I.RETRANSMITTED): (_S.TRYING, _A.NOTHING),
    (_S.TRYING, _I.SEND_PROVISIONAL): (_S.PROCEEDING, _A.SEND),
    (_S.TRYING, _I.SEND_SUCCESS): (_S.COMPLETED, _A.SEND),
    (_S.TRYING, _I.SEND_FAILURE): (_S.COMPLETED, _A.SEND),
    (_S.TRYING, _I.TRANSPORT_ERROR): (_S.TRYING, _A.REROUTE),
    (_S.PROCEEDING, _I.RETRANSMITTED): (_S.PROCEEDING, _A.REPEAT),
    (_S.PROCEEDING, _I.SEND_PROVISIONAL): (_S.PROCEEDING, _A.SEND),
    (_S.PROCEEDING, _I.SEND_SUCCESS): (_S.COMPLETED, _A.SEND),
    (_S.PROCEEDING, _I.SEND_FAILURE): (_S.COMPLETED, _A.SEND),
    (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.PROCEEDING, _A.REROUTE),
    (_S.COMPLETED, _I.RETRANSMITTED): (_S.COMPLETED, _A.REPEAT),
    (_S.COMPLETED, _I.SEND_PROVISIONAL): (_S.COMPLETED, _A.NOTHING),
    (_S.COMPLETED, _I.SEND_SUCCESS): (_S.COMPLETED, _A.NOTHING),
    (_S.COMPLETED, _I.SEND_FAILURE): (_S.COMPLETED, _A.NOTHING),
    (_S.COMPLETED, _I.TRANSPORT_ERROR): (_S.COMPLETED, _A.REROUTE),
    (_S.COMPLETED, _I.LINGERED): (_S.TERMINATED, _A.NOTHING),
}


def server_step(table: ServerTable, state: ServerState, happened: ServerInput) -> tuple[ServerState, ServerAction]:
    """Next state and action; LocalProtocolError when the table has no such row."""
    try:
        return table[state, happened]
    except KeyError:
        raise LocalProtocolError(f"a server transaction that is {state} takes no {happened}") from None


class ServerTransaction:
    """One request being served: how to answer it, and what was answered last.

    `to_tag` is the tag of every response above 100 to a request without one, `dialog_tag` the one it had. `fallback` is
    where responses go when the connection of the request is lost.
    """

    __slots__ = (
        "_head",
        "_tail",
        "data",
        "destination",
        "dialog_tag",
        "fallback",
        "key",
        "merge_key",
        "method",
        "owner",
        "request",
        "source",
        "state",
        "table",
        "to_tag",
    )

    def __init__(
        self,
        key: str,
        request: Request,
        source: Address,
        route: tuple[Address, Address | None],
        to_tag: str,
        dialog_tag: str | None,
        merge_key: str,
    ) -> None:
        self.dialog_tag = dialog_tag
        self.key = key
        self.request = request
        self.method = request.method
        self.source = source
        self.destination, self.fallback = route
        self.to_tag = to_tag
        self.merge_key = merge_key
        self.owner: object = None
        self.data = b""
        self._head = self._tail = ""
        if request.method == "INVITE":
            self.table = INVITE_SERVER
            self.state = ServerState.PROCEEDING
        else:
            self.table = NON_INVITE_SERVER
            self.state = ServerState.TRYING

    def __repr__(self) -> str:
        return f"<ServerTransaction {self.method} {self.state}>"

    @property
    def finished(self) -> bool:
        """Whether a final response has been sent."""
        return self.state in _FINISHED

    def response(self, status: int, reason: str | None = None, extra: str = "", body: bytes = b"") -> bytes:
        """The octets of a response; `extra` holds further header lines, each with its line break.

        Via, From, To, Call-ID and CSeq are taken over from the request once and reused (RFC 3261 §8.2.6).
        Raises LocalProtocolError for a reason with a line break.
        """
        if not self._head:
            self._build_head()
        if reason is None:
            reason = reason_phrase(status)
        elif "\r" in reason or "\n" in reason:
            raise LocalProtocolError("a reason phrase holds a line break")
        tag = self._tail if status > 100 else "\r\n"
        return (
            f"SIP/2.0 {status} {reason}\r\n{self._head}{tag}{extra}Content-Length: {len(body)}\r\n\r\n".encode(
                "utf-8", "surrogateescape"
            )
            + body
        )

    def _build_head(self) -> None:
        request = self.request
        index = request.index()
        if len(index) == len(request.fields):
            vias = f"Via: {index['Via']}\r\n"
        else:
            vias = "".join([f"Via: {value}\r\n" for name, value in request.fields if name == "Via"])
        # To stands last, so that the tag can follow it.
        self._head = (
            f"{vias}From: {index['From']}\r\nCall-ID: {index['Call-ID']}\r\nCSeq: {index['CSeq']}\r\nTo: {index['To']}"
        )
        self._tail = "\r\n" if self.dialog_tag is not None else f";tag={self.to_tag}\r\n"


_FINISHED = frozenset((_S.ACCEPTED, _S.COMPLETED, _S.CONFIRMED, _S.TERMINATED))


class ServerRemnant:
    """What stays of a server transaction after its final response: state, and the response to repeat.

    Of an Accepted INVITE nothing is repeated here: its 2xx is repeated by the session (RFC 3261 §13.3.1.4).
    """

    __slots__ = ("data", "deadline", "destination", "fallback", "interval", "merge_key", "state", "table", "timer")

    def __init__(self, transaction: ServerTransaction) -> None:
        self.table = transaction.table
        self.state = transaction.state
        self.destination = transaction.destination
        self.merge_key = transaction.merge_key
        accepted = self.state is ServerState.ACCEPTED
        self.data = b"" if accepted else transaction.data
        self.fallback = None if accepted else transaction.fallback
        self.timer: Timer | None = None
        self.interval = self.deadline = 0.0
