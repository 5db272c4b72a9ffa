"""What each message does to a call, and how those that cannot be understood are answered (Q.931 §5, §5.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gateways.e1.q921 import Side
from gateways.e1.q931 import rose
from gateways.e1.q931.call_core import UNSPECIFIED
from gateways.e1.q931.causes import Cause, CauseValue
from gateways.e1.q931.elements import ElementId
from gateways.e1.q931.errors import Q931Error
from gateways.e1.q931.events import (
    Confirmed,
    Connected,
    DigitsReceived,
    DigitsWanted,
    Disconnecting,
    Invoked,
    Notified,
    Progressed,
    UserInformation,
)
from gateways.e1.q931.message import Kind, Message
from gateways.e1.q931.states import CLEARING, EXPECTED, CallState, contradicts

if TYPE_CHECKING:
    from gateways.e1.q931.call import IsdnCall

_S = CallState
_REMOTE_HOLD, _REMOTE_RETRIEVAL = 0x79, 0x7A
_INBAND = 8
_SETTLING = frozenset({Kind.SETUP_ACKNOWLEDGE, Kind.CALL_PROCEEDING, Kind.ALERTING, Kind.PROGRESS, Kind.CONNECT})
#: Elements that a message must have (§3.1); DISCONNECT and RELEASE have procedures of their own without theirs.
_MANDATORY = {
    Kind.STATUS: (ElementId.CAUSE, ElementId.CALL_STATE),
    Kind.NOTIFY: (ElementId.NOTIFICATION,),
    Kind.PROGRESS: (ElementId.PROGRESS,),
    Kind.USER_INFORMATION: (ElementId.USER_USER,),
    Kind.DISCONNECT: (ElementId.CAUSE,),
}
_CLEARING_MESSAGES = frozenset({Kind.DISCONNECT, Kind.RELEASE, Kind.RELEASE_COMPLETE})


def receive(call: IsdnCall, message: Message, now: float) -> None:
    """A message of `call` arrived."""
    kind = Kind(message.kind)
    expected = EXPECTED.get(kind)
    if expected is not None and call.state not in expected:
        if call.state not in CLEARING:  # crossing messages are no fault (§5.8.4)
            call.send_status(CauseValue.NOT_COMPATIBLE_WITH_STATE, bytes((kind,)))
        return
    fault = _fault(call, message, kind)
    if fault is not None and kind not in _CLEARING_MESSAGES:
        call.access.counters["mandatory element"] += 1
        if kind is not Kind.STATUS:  # two faulty ends would answer each other for ever
            call.send_status(*fault)
        return
    if kind in _SETTLING and not call.settle_channel(message, now):
        return
    if kind is Kind.DISCONNECT:
        _on_disconnect(call, message, now, fault)
    elif kind is Kind.RELEASE:
        _on_release(call, message, fault)
    else:
        _HANDLERS[kind](call, message, now)


def _fault(call: IsdnCall, message: Message, kind: Kind) -> tuple[CauseValue, bytes] | None:
    """The cause and diagnostic of what is missing or unreadable and must not be (§5.8.6)."""
    mandatory = list(_MANDATORY.get(kind, ()))
    if kind is Kind.RELEASE and call.state not in CLEARING:
        mandatory.append(ElementId.CAUSE)
    if kind in _SETTLING and call.ours and not call.settled and ElementId.CHANNEL_ID in message.faults:
        mandatory.append(ElementId.CHANNEL_ID)
    for identifier in mandatory:
        if identifier in message.faults:
            return CauseValue.INVALID_ELEMENT, bytes((identifier,))
        if identifier not in message.elements:
            return CauseValue.MANDATORY_ELEMENT_MISSING, bytes((identifier,))
    return None


def _on_setup_acknowledge(call: IsdnCall, message: Message, now: float) -> None:
    call.stop("T303")
    call.state = _S.OVERLAP_SENDING
    call.start("T304", now)
    call.tell(DigitsWanted(call))
    if message.progress:
        call.tell(Progressed(call, False, message.progress))


def _on_call_proceeding(call: IsdnCall, message: Message, now: float) -> None:
    call.stop_all()
    call.state = _S.OUTGOING_PROCEEDING
    call.start("T310", now)
    call.tell(Progressed(call, False, message.progress))


def _on_alerting(call: IsdnCall, message: Message, now: float) -> None:
    call.stop_all()
    call.state = _S.DELIVERED
    call.start("T301", now)
    call.tell(Progressed(call, True, message.progress))
    _on_user_information(call, message, now)


def _on_progress(call: IsdnCall, message: Message, now: float) -> None:
    call.stop("T310")  # the far end is at work (§5.1.6)
    call.tell(Progressed(call, False, message.progress, message.cause))


def _on_connect(call: IsdnCall, message: Message, now: float) -> None:
    call.stop_all()
    call.state = _S.ACTIVE
    call.send(Kind.CONNECT_ACKNOWLEDGE, {})
    connected = message.elements.get(ElementId.CONNECTED_NUMBER)
    call.tell(Connected(call, connected, message.display, message.user_user))


def _on_connect_acknowledge(call: IsdnCall, message: Message, now: float) -> None:
    if call.state is _S.CONNECT_REQUEST:
        call.stop("T313")
        call.state = _S.ACTIVE
        call.tell(Confirmed(call))


def _on_information(call: IsdnCall, message: Message, now: float) -> None:
    digits = (message.called.digits if message.called is not None else "") or message.keypad
    complete = message.sending_complete
    if call.state is _S.OVERLAP_RECEIVING:
        complete = complete or digits.endswith("#")
        digits = digits.rstrip("#")
        call.repeated.discard("T302")
        call.start("T302", now)
    if digits or complete:
        call.tell(DigitsReceived(call, digits, complete))


def _on_notify(call: IsdnCall, message: Message, now: float) -> None:
    call.tell(Notified(call, message.elements[ElementId.NOTIFICATION]))


def _on_hold(call: IsdnCall, message: Message, now: float) -> None:
    call.send(Kind.HOLD_ACKNOWLEDGE, {})
    call.tell(Notified(call, _REMOTE_HOLD))


def _on_retrieve(call: IsdnCall, message: Message, now: float) -> None:
    call.send(Kind.RETRIEVE_ACKNOWLEDGE, {})
    call.tell(Notified(call, _REMOTE_RETRIEVAL))


def _on_user_information(call: IsdnCall, message: Message, now: float) -> None:
    if message.user_user is not None:
        call.tell(UserInformation(call, message.user_user))


def _on_facility(call: IsdnCall, message: Message, now: float) -> None:
    """Operations are told, answers to ours there are none of; what is no component is rejected (Q.932 §8.2.3.2)."""
    try:
        components = rose.parse(message.elements.get(ElementId.FACILITY, b""))
    except Q931Error:
        call.send_facility(rose.Reject(None, rose.BADLY_STRUCTURED))
        return
    for component in components:
        if isinstance(component, rose.Invoke):
            call.tell(Invoked(call, component))


def _passed_over(call: IsdnCall, message: Message, now: float) -> None:
    """An answer to HOLD changes nothing here (Q.932 §6.2)."""


def _on_disconnect(call: IsdnCall, message: Message, now: float, fault: tuple[CauseValue, bytes] | None) -> None:
    cause = message.cause or UNSPECIFIED
    call.stop_all()
    inband = any(indicator.description == _INBAND for indicator in message.progress)
    if call.state is _S.DISCONNECT_REQUEST or fault or not inband or call.access.side is Side.NETWORK:
        call.cause = cause
        call.release(Cause(fault[0], diagnostic=fault[1]) if fault is not None else cause, now)
    elif call.state not in (_S.DISCONNECT_INDICATION, _S.RELEASE_REQUEST):
        call.state = _S.DISCONNECT_INDICATION
        call.cause = cause
        call.start("T306", now)
        call.tell(Disconnecting(call, cause))


def _on_release(call: IsdnCall, message: Message, fault: tuple[CauseValue, bytes] | None) -> None:
    if call.state is not _S.RELEASE_REQUEST:  # in a collision both are done (§5.3.4)
        told = {} if fault is None else {int(ElementId.CAUSE): Cause(fault[0], diagnostic=fault[1])}
        call.send(Kind.RELEASE_COMPLETE, told)
    call.clear(call.cause or message.cause or UNSPECIFIED)


def _on_release_complete(call: IsdnCall, message: Message, now: float) -> None:
    call.clear(call.cause or message.cause or UNSPECIFIED)


def _on_status_enquiry(call: IsdnCall, message: Message, now: float) -> None:
    call.send_status(CauseValue.STATUS_RESPONSE)


def _on_status(call: IsdnCall, message: Message, now: float) -> None:
    """§5.8.11: a far end without the call ends it here as well; one that is elsewhere in it is told 101."""
    call.stop("T322")
    call.repeated.discard("T322")
    state, cause = message.call_state, message.cause
    if state is None or cause is None or (call.state in CLEARING and state != _S.NULL.value):
        return
    if state == _S.NULL.value:
        call.clear(cause)
    elif contradicts(call.state, state, call.ours, call.access.side, answer=cause.value == CauseValue.STATUS_RESPONSE):
        call.disconnect(Cause(CauseValue.NOT_COMPATIBLE_WITH_STATE), now)


_HANDLERS: dict[Kind, Callable[[IsdnCall, Message, float], None]] = {
    Kind.SETUP_ACKNOWLEDGE: _on_setup_acknowledge,
    Kind.CALL_PROCEEDING: _on_call_proceeding,
    Kind.ALERTING: _on_alerting,
    Kind.PROGRESS: _on_progress,
    Kind.CONNECT: _on_connect,
    Kind.CONNECT_ACKNOWLEDGE: _on_connect_acknowledge,
    Kind.INFORMATION: _on_information,
    Kind.NOTIFY: _on_notify,
    Kind.HOLD: _on_hold,
    Kind.HOLD_ACKNOWLEDGE: _passed_over,
    Kind.HOLD_REJECT: _passed_over,
    Kind.RETRIEVE: _on_retrieve,
    Kind.RETRIEVE_ACKNOWLEDGE: _passed_over,
    Kind.RETRIEVE_REJECT: _passed_over,
    Kind.USER_INFORMATION: _on_user_information,
    Kind.FACILITY: _on_facility,
    Kind.RELEASE_COMPLETE: _on_release_complete,
    Kind.STATUS_ENQUIRY: _on_status_enquiry,
    Kind.STATUS: _on_status,
}
#: Messages that a call can do something with.
HANDLED = frozenset(_HANDLERS) | {Kind.DISCONNECT, Kind.RELEASE}
