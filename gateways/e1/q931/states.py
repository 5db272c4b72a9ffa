"""The states of a call and who may send what in which (Q.931 §2)."""

from __future__ import annotations

from enum import Enum

from gateways.e1.q921 import Side
from gateways.e1.q931.message import Kind


class CallState(Enum):
    """States as the user's side numbers them; those of a side that sent SETUP come first."""

    NULL = 0
    INITIATED = 1
    OVERLAP_SENDING = 2
    OUTGOING_PROCEEDING = 3
    DELIVERED = 4
    PRESENT = 6
    RECEIVED = 7
    CONNECT_REQUEST = 8
    INCOMING_PROCEEDING = 9
    ACTIVE = 10
    DISCONNECT_REQUEST = 11
    DISCONNECT_INDICATION = 12
    RELEASE_REQUEST = 19
    OVERLAP_RECEIVING = 25


_S = CallState

#: The network counts from the user's end: a call it sends is one that the user receives.
_OF_NETWORK = {
    _S.INITIATED: 6,
    _S.OVERLAP_SENDING: 25,
    _S.OUTGOING_PROCEEDING: 9,
    _S.DELIVERED: 7,
    _S.PRESENT: 1,
    _S.OVERLAP_RECEIVING: 2,
    _S.INCOMING_PROCEEDING: 3,
    _S.RECEIVED: 4,
    _S.CONNECT_REQUEST: 4,
    _S.DISCONNECT_REQUEST: 12,
    _S.DISCONNECT_INDICATION: 11,
}


def told_state(state: CallState, side: Side) -> int:
    """The number that a STATUS of `side` carries for a state (§4.5.7)."""
    return state.value if side is Side.USER else _OF_NETWORK.get(state, state.value)


#: Global call reference: no restart under way, one asked for by us, one being carried out.
GLOBAL_NULL, GLOBAL_RESTART_REQUEST, GLOBAL_RESTART = 0, 61, 62

SENT_SETUP = frozenset({_S.INITIATED, _S.OVERLAP_SENDING, _S.OUTGOING_PROCEEDING, _S.DELIVERED})
GOT_SETUP = frozenset({_S.PRESENT, _S.OVERLAP_RECEIVING, _S.INCOMING_PROCEEDING, _S.RECEIVED})
CLEARING = frozenset({_S.DISCONNECT_REQUEST, _S.DISCONNECT_INDICATION, _S.RELEASE_REQUEST})

#: In which states a message is expected; the clearing messages, STATUS and the like are at home everywhere.
EXPECTED: dict[Kind, frozenset[CallState]] = {
    Kind.SETUP_ACKNOWLEDGE: frozenset({_S.INITIATED}),
    Kind.CALL_PROCEEDING: frozenset({_S.INITIATED, _S.OVERLAP_SENDING}),
    Kind.ALERTING: frozenset({_S.INITIATED, _S.OVERLAP_SENDING, _S.OUTGOING_PROCEEDING}),
    Kind.PROGRESS: SENT_SETUP | GOT_SETUP,
    Kind.CONNECT: SENT_SETUP,
    Kind.CONNECT_ACKNOWLEDGE: frozenset({_S.CONNECT_REQUEST, _S.ACTIVE}),
    Kind.INFORMATION: SENT_SETUP | GOT_SETUP | {_S.CONNECT_REQUEST, _S.ACTIVE},
    Kind.HOLD: frozenset({_S.ACTIVE}),
    Kind.RETRIEVE: frozenset({_S.ACTIVE}),
}

_BY_USER, _BY_NETWORK, _ACTIVE = frozenset({1, 2, 3, 4}), frozenset({6, 7, 8, 9, 25}), 10


def contradicts(state: CallState, told: int, ours: bool, side: Side, *, answer: bool) -> bool:
    """Whether the far end's state cannot go together with ours (§5.8.11).

    Only an `answer` to our enquiry was made after all that we sent; any other STATUS may have crossed with CONNECT.
    """
    by_user = ours == (side is Side.USER)
    if told in (_BY_NETWORK if by_user else _BY_USER):
        return True
    return answer and (told == _ACTIVE) != (state is CallState.ACTIVE)
