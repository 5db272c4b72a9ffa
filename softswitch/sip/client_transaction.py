"""Client transactions as tables and records (RFC 3261 §17.1; RFC 6026 §7.2 for the Accepted state).

The tables say what follows from an input in a state; `clients.py` carries the actions out. A pair that no table lists
raises LocalProtocolError. Once a transaction has its final response only a `ClientRemnant` stays behind, which holds
no more than what stray copies of that response need.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from softswitch.sip.errors import LocalProtocolError

if TYPE_CHECKING:
    from softswitch.sip.address import Address
    from softswitch.sip.message import Request, Response
    from softswitch.sip.timerwheel import Timer
    from softswitch.sip.uri import SipUri


class ClientState(StrEnum):
    """States of both client machines; CALLING and ACCEPTED belong to INVITE, TRYING to all others."""

    LOCATING = "locating"  # before the machine starts: the next hop is being looked up
    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    TERMINATED = "terminated"


class ClientInput(StrEnum):
    """What may happen to a client transaction."""

    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "3xx-6xx"
    RETRANSMIT = "timer A or E"
    TIMEOUT = "timer B or F"
    LINGERED = "timer D, K or M"
    TRANSPORT_ERROR = "transport error"


class ClientAction(StrEnum):
    """What is done about it."""

    NOTHING = "nothing"
    SEND = "send again"
    PASS = "pass up"
    ACKNOWLEDGE_AND_PASS = "send ACK, pass up"
    ACKNOWLEDGE = "send ACK again"
    ACKNOWLEDGE_SUCCESS = "send the ACK of this 2xx again"
    FAIL = "tell of failure"


ClientTable = dict[tuple[ClientState, ClientInput], tuple[ClientState, ClientAction]]
_S, _I, _A = ClientState, ClientInput, ClientAction

# RFC 3261 figure 5 with RFC 6026 figure 5. A transport error ends a transaction only while it still sends requests:
# once a response has come, the next may come over another connection (§18.2.2). PROCEEDING times out only after a
# CANCEL that brought no final response (§9.1).
INVITE_CLIENT: ClientTable = {
    (_S.CALLING, _I.PROVISIONAL): (_S.PROCEEDING, _A.PASS),
    (_S.CALLING, _I.SUCCESS): (_S.ACCEPTED, _A.PASS),
    (_S.CALLING, _I.FAILURE): (_S.COMPLETED, _A.ACKNOWLEDGE_AND_PASS),
    (_S.CALLING, _I.RETRANSMIT): (_S.CALLING, _A.SEND),
    (_S.CALLING, _I.TIMEOUT): (_S.TERMINATED, _A.FAIL),
    (_S.CALLING, _I.TRANSPORT_ERROR): (_S.TERMINATED, _A.FAIL),
    (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, _A.PASS),
    (_S.PROCEEDING, _I.SUCCESS): (_S.ACCEPTED, _A.PASS),
    (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, _A.ACKNOWLEDGE_AND_PASS),
    (_S.PROCEEDING, _I.TIMEOUT): (_S.TERMINATED, _A.FAIL),
    (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.PROCEEDING, _A.NOTHING),
    (_S.ACCEPTED, _I.PROVISIONAL): (_S.ACCEPTED, _A.NOTHING),
    (_S.ACCEPTED, _I.SUCCESS): (_S.ACCEPTED, _A.ACKNOWLEDGE_SUCCESS),
    (_S.ACCEPTED, _I.FAILURE): (_S.ACCEPTED, _A.NOTHING),
    (_S.ACCEPTED, _I.LINGERED): (_S.TERMINATED, _A.NOTHING),
    (_S.COMPLETED, _I.PROVISIONAL): (_S.COMPLETED, _A.NOTHING),
    (_S.COMPLETED, _I.SUCCESS): (_S.COMPLETED, _A.NOTHING),
    (_S.COMPLETED, _I.FAILURE): (_S.COMPLETED, _A.ACKNOWLEDGE),
    (_S.COMPLETED, _I.LINGERED): (_S.TERMINATED, _A.NOTHING),
}

# RFC 3261 figure 6.
NON_INVITE_CLIENT: ClientTable = {
    (_S.TRYING, _I.PROVISIONAL): (_S.PROCEEDING, _A.PASS),
    (_S.TRYING, _I.SUCCESS): (_S.COMPLETED, _A.PASS),
    (_S.TRYING, _I.FAILURE): (_S.COMPLETED, _A.PASS),
    (_S.TRYING, _I.RETRANSMIT): (_S.TRYING, _A.SEND),
    (_S.TRYING, _I.TIMEOUT): (_S.TERMINATED, _A.FAIL),
    (_S.TRYING, _I.TRANSPORT_ERROR): (_S.TERMINATED, _A.FAIL),
    (_S.PROCEEDING, _I.PROVISIONAL): (_S.PROCEEDING, _A.PASS),
    (_S.PROCEEDING, _I.SUCCESS): (_S.COMPLETED, _A.PASS),
    (_S.PROCEEDING, _I.FAILURE): (_S.COMPLETED, _A.PASS),
    (_S.PROCEEDING, _I.RETRANSMIT): (_S.PROCEEDING, _A.SEND),
    (_S.PROCEEDING, _I.TIMEOUT): (_S.TERMINATED, _A.FAIL),
    (_S.PROCEEDING, _I.TRANSPORT_ERROR): (_S.TERMINATED, _A.FAIL),
    (_S.COMPLETED, _I.PROVISIONAL): (_S.COMPLETED, _A.NOTHING),
    (_S.COMPLETED, _I.SUCCESS): (_S.COMPLETED, _A.NOTHING),
    (_S.COMPLETED, _I.FAILURE): (_S.COMPLETED, _A.NOTHING),
    (_S.COMPLETED, _I.LINGERED): (_S.TERMINATED, _A.NOTHING),
}


def client_step(table: ClientTable, state: ClientState, happened: ClientInput) -> tuple[ClientState, ClientAction]:
    """Next state and action; LocalProtocolError when the table has no such row."""
    try:
        return table[state, happened]
    except KeyError:
        raise LocalProtocolError(f"a client transaction that is {state} takes no {happened}") from None


# Told of every response (second argument) and, with None in its place, of a failure that `failure` describes.
ClientHandler = Callable[["ClientTransaction", "Response | None", float], None]


class ClientTransaction:
    """One request on its way: what is sent where, and who wants to hear of the answer.

    `failure` is 0, or the status that stands for no answer: 408 timed out, 503 unreachable, 487 given up.
    """

    __slots__ = (
        "abandoned",
        "cancel_fields",
        "data",
        "deadline",
        "destination",
        "due",
        "failure",
        "handler",
        "interval",
        "key",
        "method",
        "next_hop",
        "oversize",
        "owner",
        "reason",
        "remnant",
        "request",
        "state",
        "table",
        "targets",
        "timer",
    )

    def __init__(
        self, request: Request, next_hop: Address | SipUri, handler: ClientHandler, owner: object = None
    ) -> None:
        self.request = request
        self.method = request.method
        self.next_hop = next_hop
        self.handler = handler
        self.owner = owner
        self.table = INVITE_CLIENT if request.method == "INVITE" else NON_INVITE_CLIENT
        self.state = ClientState.LOCATING
        self.key = ""
        self.data = b""
        self.destination: Address | None = None
        self.targets: Sequence[Address] = ()
        self.oversize: Address | None = None
        self.abandoned = False
        self.cancel_fields: Sequence[tuple[str, str]] | None = None
        self.remnant: ClientRemnant | None = None
        self.timer: Timer | None = None
        self.interval = self.due = self.deadline = 0.0
        self.failure = 0
        self.reason = ""

    def __repr__(self) -> str:
        return f"<ClientTransaction {self.method} {self.state}>"

    @property
    def finished(self) -> bool:
        """Whether a final response or a failure has come."""
        return self.state in _FINISHED


_FINISHED = frozenset((_S.ACCEPTED, _S.COMPLETED, _S.TERMINATED))


class ClientRemnant:
    """What stays of a client transaction after its final response: state, and the ACK to repeat.

    A Completed INVITE keeps the ACK of its one failure. An Accepted one keeps for each tag that answered with a 2xx
    the ACK and where it went, or None while that ACK is still to be made.
    """

    __slots__ = ("ack", "destination", "forks", "state", "table", "tag")

    def __init__(self, table: ClientTable, state: ClientState) -> None:
        self.table = table
        self.state = state
        self.tag: str | None = None
        self.ack: bytes | None = None
        self.destination: Address | None = None
        self.forks: dict[str | None, tuple[bytes, Address] | None] | None = None

    def keep_ack(self, tag: str | None, ack: bytes, destination: Address) -> None:
        """Remember the ACK of the 2xx from the peer named by `tag`."""
        if tag == self.tag:
            self.ack = ack
            self.destination = destination
        else:
            if self.forks is None:
                self.forks = {}
            self.forks[tag] = (ack, destination)


# A completed non-INVITE transaction only swallows copies: one remnant serves them all.
SWALLOWING = ClientRemnant(NON_INVITE_CLIENT, ClientState.COMPLETED)
