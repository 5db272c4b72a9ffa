"""One call of an access: the state machine of Q.931 §5, the same for both sides of the interface.

The access gives it messages and expired timers; whoever owns the call gives it commands. Both leave messages and
events with the access.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gateways.e1.q921 import Side
from gateways.e1.q931.causes import Cause, CauseValue
from gateways.e1.q931.channel import ChannelId
from gateways.e1.q931.elements import INBAND, ElementId, Progress, Text, UserUser
from gateways.e1.q931.errors import IllegalInState
from gateways.e1.q931.events import (
    ChannelAssigned,
    ChannelsFaulty,
    Cleared,
    Confirmed,
    Connected,
    DigitsReceived,
    DigitsWanted,
    Disconnecting,
    Notified,
    Progressed,
    UserInformation,
)
from gateways.e1.q931.message import Kind, Message
from gateways.e1.q931.numbers import PartyNumber
from gateways.e1.q931.setup import Setup
from gateways.e1.q931.states import CLEARING, EXPECTED, GOT_SETUP, CallState, told_state

if TYPE_CHECKING:
    from gateways.e1.q931.access import Access

_S = CallState
_REMOTE_HOLD, _REMOTE_RETRIEVAL = 0x79, 0x7A
_NO_CAUSE = Cause(CauseValue.NORMAL_UNSPECIFIED)


class IsdnCall:
    """One call; `slot` is its timeslot once that is known. `owner` is for whoever drives it."""

    def __init__(self, access: Access, reference: int, *, ours: bool, setup: Setup, channel: ChannelId) -> None:
        self.access = access
        self.reference = reference
        #: we allocated the reference: we sent SETUP.
        self.ours = ours
        self.setup = setup
        self.slot = channel.slot
        self.exclusive = channel.exclusive
        self.state = _S.INITIATED if ours else _S.PRESENT
        self.owner: Any = None
        self._settled = False  # the channel was told or confirmed
        self._cause: Cause | None = None
        self._repeated: set[str] = set()  # timers that have expired once

    # -- commands ---------------------------------------------------------------------------------------------------

    def acknowledge_setup(self, now: float, *, dial_tone: bool = False) -> None:
        """Ask for more digits (SETUP ACKNOWLEDGE)."""
        self._require({_S.PRESENT})
        self._send(Kind.SETUP_ACKNOWLEDGE, self._with_channel(INBAND if dial_tone else None))
        self.state = _S.OVERLAP_RECEIVING
        self._start("T302", now)

    def proceed(self, now: float) -> None:
        """The number is complete and the call on its way (CALL PROCEEDING)."""
        self._require({_S.PRESENT, _S.OVERLAP_RECEIVING})
        self._stop("T302")
        self._send(Kind.CALL_PROCEEDING, self._with_channel())
        self.state = _S.INCOMING_PROCEEDING

    def progress(self, now: float, indicator: Progress = INBAND) -> None:
        """Something can be heard, or the call left the ISDN (PROGRESS)."""
        self._require(GOT_SETUP - {_S.PRESENT})
        self._send(Kind.PROGRESS, self._with_channel(indicator))

    def alert(self, now: float, *, inband: bool = False) -> None:
        """The called party is alerted (ALERTING)."""
        self._require(GOT_SETUP - {_S.RECEIVED})
        self._stop("T302")
        self._send(Kind.ALERTING, self._with_channel(INBAND if inband else None))
        self.state = _S.RECEIVED

    def connect(self, now: float, *, connected: PartyNumber | None = None, display: str = "") -> None:
        """The called party answered (CONNECT)."""
        self._require(GOT_SETUP)
        self._stop("T302")
        elements = self._with_channel()
        if connected is not None:
            elements[ElementId.CONNECTED_NUMBER] = connected
        if display:
            elements[ElementId.DISPLAY] = Text(display)
        self._send(Kind.CONNECT, elements)
        if self.access.side is Side.NETWORK:
            self.state = _S.ACTIVE
        else:
            self.state = _S.CONNECT_REQUEST
            self._start("T313", now)

    def send_digits(self, digits: str, now: float, *, complete: bool = False) -> None:
        """More of the called number, or keys in an active call (INFORMATION)."""
        self._require({_S.OVERLAP_SENDING, _S.ACTIVE})
        elements: dict[int, Any] = {}
        if self.state is _S.ACTIVE:
            elements[ElementId.KEYPAD] = digits
        else:
            elements[ElementId.CALLED_NUMBER] = PartyNumber(digits, self.setup.called.type, self.setup.called.plan)
            if complete:
                elements[ElementId.SENDING_COMPLETE] = True
            self._start("T304", now)
        self._send(Kind.INFORMATION, elements)

    def send_user_information(self, data: bytes) -> None:
        """Tell the far user something (USER INFORMATION, Q.957.1 service 3)."""
        self._require({_S.ACTIVE})
        self._send(Kind.USER_INFORMATION, {ElementId.USER_USER: UserUser(4, data)})

    def notify(self, notification: int) -> None:
        """Tell the far end that this one is held (0x79), is back (0x7A) … (NOTIFY)."""
        self._require({_S.ACTIVE})
        self._send(Kind.NOTIFY, {ElementId.NOTIFICATION: notification})

    def disconnect(self, cause: Cause, now: float, *, inband: bool = False) -> None:
        """Clear the call, whatever its state; `inband`: the network has a tone to say why (§5.4.4)."""
        if self.state in (_S.NULL, _S.DISCONNECT_REQUEST, _S.RELEASE_REQUEST):
            return
        if self.state is _S.PRESENT:
            self._send(Kind.RELEASE_COMPLETE, {ElementId.CAUSE: cause})
            self._clear(cause)
        elif self.state is _S.DISCONNECT_INDICATION:
            self._release(cause, now)
        else:
            elements: dict[int, Any] = {ElementId.CAUSE: cause}
            tone = inband and self.access.side is Side.NETWORK
            if tone:
                elements[ElementId.PROGRESS] = INBAND
            self._stop_all()
            self._cause = cause
            self.state = _S.DISCONNECT_REQUEST
            self._send(Kind.DISCONNECT, elements)
            self._start("T306" if tone else "T305", now)

    def enquire(self, now: float) -> None:
        """Ask the far end where it takes the call to be (STATUS ENQUIRY)."""
        if self.state is not _S.NULL and not self.access.timers.runs("T322", self._key):
            self._send(Kind.STATUS_ENQUIRY, {})
            self._start("T322", now)

    # -- messages ---------------------------------------------------------------------------------------------------

    def receive(self, message: Message, now: float) -> None:
        """A message of this call arrived."""
        kind = Kind(message.kind)
        expected = EXPECTED.get(kind)
        if expected is not None and self.state not in expected:
            if self.state not in CLEARING:  # crossing messages are no fault (§5.8.4)
                self._send_status(CauseValue.NOT_COMPATIBLE_WITH_STATE, kind)
            return
        if kind in _SETTLING and not self._settle_channel(message, now):
            return
        _HANDLERS[kind](self, message, now)

    def started(self, now: float) -> None:
        """SETUP went out."""
        self._start("T303", now)

    def restarted(self, cause: Cause) -> None:
        """Its channel was restarted: the call is gone without a word (§5.5)."""
        self._clear(cause)

    def yield_channel(self) -> None:
        """The network put a call of its own into our channel: ours goes where the answer says, or ends (§5.7)."""
        self.slot = None
        if self.exclusive:
            self._clear(Cause(CauseValue.CHANNEL_NOT_AVAILABLE))

    def link_lost(self, now: float) -> None:
        """The D channel is down: what is talked goes on for a while (§5.8.9)."""
        if self.state in (_S.OVERLAP_SENDING, _S.OVERLAP_RECEIVING, _S.PRESENT):
            self._clear(Cause(CauseValue.TEMPORARY_FAILURE))
        elif self.state is _S.ACTIVE:
            self._start("T309", now)

    def link_back(self, now: float) -> None:
        """The D channel is up again."""
        self._stop("T309")
        if self.state is _S.ACTIVE:
            self.enquire(now)

    def _on_setup_acknowledge(self, message: Message, now: float) -> None:
        self._stop("T303")
        self.state = _S.OVERLAP_SENDING
        self._start("T304", now)
        self._tell(DigitsWanted(self))

    def _on_call_proceeding(self, message: Message, now: float) -> None:
        self._stop_all()
        self.state = _S.OUTGOING_PROCEEDING
        self._start("T310", now)
        self._tell(Progressed(self, False, message.progress))

    def _on_alerting(self, message: Message, now: float) -> None:
        self._stop_all()
        self.state = _S.DELIVERED
        self._start("T301", now)
        self._tell(Progressed(self, True, message.progress))
        self._tell_user_information(message)

    def _on_progress(self, message: Message, now: float) -> None:
        self._stop("T310")  # the far end is at work (§5.1.6)
        self._tell(Progressed(self, False, message.progress, message.cause))

    def _on_connect(self, message: Message, now: float) -> None:
        self._stop_all()
        self.state = _S.ACTIVE
        self._send(Kind.CONNECT_ACKNOWLEDGE, {})
        user_user = message.user_user
        self._tell(
            Connected(
                self,
                message.elements.get(ElementId.CONNECTED_NUMBER),
                message.display,
                user_user.data if user_user is not None else b"",
            )
        )

    def _on_connect_acknowledge(self, message: Message, now: float) -> None:
        if self.state is _S.CONNECT_REQUEST:
            self._stop("T313")
            self.state = _S.ACTIVE
            self._tell(Confirmed(self))

    def _on_information(self, message: Message, now: float) -> None:
        digits = (message.called.digits if message.called is not None else "") or message.keypad
        complete = message.sending_complete or (self.state is _S.OVERLAP_RECEIVING and digits.endswith("#"))
        if self.state is _S.OVERLAP_RECEIVING:
            digits = digits.rstrip("#")
            self._start("T302", now)
        if digits or complete:
            self._tell(DigitsReceived(self, digits, complete))

    def _on_notify(self, message: Message, now: float) -> None:
        notification = message.elements.get(ElementId.NOTIFICATION)
        if notification is not None:
            self._tell(Notified(self, notification))

    def _on_hold(self, message: Message, now: float) -> None:
        self._send(Kind.HOLD_ACKNOWLEDGE, {})
        self._tell(Notified(self, _REMOTE_HOLD))

    def _on_retrieve(self, message: Message, now: float) -> None:
        self._send(Kind.RETRIEVE_ACKNOWLEDGE, {})
        self._tell(Notified(self, _REMOTE_RETRIEVAL))

    def _on_user_information(self, message: Message, now: float) -> None:
        self._tell_user_information(message)

    def _on_facility(self, message: Message, now: float) -> None:
        """Supplementary services are not offered; their requests are passed over (Q.932 §8.2.3)."""

    def _on_disconnect(self, message: Message, now: float) -> None:
        cause = message.cause or _NO_CAUSE
        self._stop_all()
        inband = any(indicator.description == 8 for indicator in message.progress)
        if self.state is _S.DISCONNECT_REQUEST or not inband or self.access.side is Side.NETWORK:
            told = cause if message.cause is not None else Cause(CauseValue.MANDATORY_ELEMENT_MISSING)
            self._cause = cause
            self._release(told, now)
            return
        if self.state not in (_S.DISCONNECT_INDICATION, _S.RELEASE_REQUEST):
            self.state = _S.DISCONNECT_INDICATION
            self._cause = cause
            self._start("T306", now)
            self._tell(Disconnecting(self, cause))

    def _on_release(self, message: Message, now: float) -> None:
        if self.state is not _S.RELEASE_REQUEST:  # in a collision both are done (§5.3.4)
            self._send(Kind.RELEASE_COMPLETE, {})
        self._clear(self._cause or message.cause or _NO_CAUSE)

    def _on_release_complete(self, message: Message, now: float) -> None:
        self._clear(self._cause or message.cause or _NO_CAUSE)

    def _on_status_enquiry(self, message: Message, now: float) -> None:
        self._send_status(CauseValue.STATUS_RESPONSE)

    def _on_status(self, message: Message, now: float) -> None:
        self._stop("T322")
        self._repeated.discard("T322")
        state = message.call_state
        if state is None:
            return
        if state == _S.NULL.value:
            self._clear(message.cause or _NO_CAUSE)
        elif (state == _S.ACTIVE.value) != (self.state is _S.ACTIVE) and self._is_answer(message):
            self.disconnect(Cause(CauseValue.NOT_COMPATIBLE_WITH_STATE), now)

    @staticmethod
    def _is_answer(message: Message) -> bool:
        """Whether a STATUS answers an enquiry; others tell of single messages that were not understood."""
        return message.cause is not None and message.cause.value == CauseValue.STATUS_RESPONSE

    # -- timers -----------------------------------------------------------------------------------------------------

    def expired(self, name: str, now: float) -> None:
        """One of the call's timers expired (§9.2)."""
        first = name not in self._repeated
        self._repeated.add(name)
        if name == "T303" and first:
            self.send_setup()
            self._start("T303", now)
        elif name == "T303":
            cause = Cause(CauseValue.TIMER_EXPIRED)
            self._send(Kind.RELEASE_COMPLETE, {ElementId.CAUSE: cause})
            self._clear(Cause(CauseValue.NO_USER_RESPONDING))
        elif name in ("T305", "T306") or (name == "T308" and first):
            self._release(self._cause or _NO_CAUSE, now)
        elif name == "T308":
            if self.slot is not None:
                self._tell(ChannelsFaulty(frozenset({self.slot}), "no answer to RELEASE"))
            self._clear(self._cause or _NO_CAUSE)
        elif name == "T309":
            self._clear(Cause(CauseValue.DESTINATION_OUT_OF_ORDER))
        elif name == "T322" and first:
            self.enquire(now)
        elif name == "T322":
            self.disconnect(Cause(CauseValue.TEMPORARY_FAILURE), now)
        else:
            self.disconnect(Cause(_EXPIRED.get(name, CauseValue.TIMER_EXPIRED)), now)

    # -- inside -----------------------------------------------------------------------------------------------------

    @property
    def _key(self) -> str:
        return f"{self.reference}{'o' if self.ours else 't'}"

    def _require(self, states: frozenset[CallState] | set[CallState]) -> None:
        if self.state not in states:
            raise IllegalInState(f"not in state {self.state.name} of call {self.reference}")

    def _start(self, name: str, now: float) -> None:
        self.access.timers.start(name, now + getattr(self.access.parameters, name.lower()), self._key)

    def _stop(self, name: str) -> None:
        self.access.timers.stop(name, self._key)

    def _stop_all(self) -> None:
        self.access.timers.stop_all(_TIMERS, self._key)

    def _send(self, kind: Kind, elements: dict[int, Any]) -> None:
        self.access.send(Message(kind, self.reference, not self.ours, elements))

    def send_setup(self) -> None:
        """Send SETUP, at first or again."""
        channel = ChannelId((self.slot,), self.exclusive) if self.slot is not None else ChannelId(any_channel=True)
        self._send(Kind.SETUP, self.setup.elements() | {int(ElementId.CHANNEL_ID): channel})

    def _send_status(self, cause: CauseValue, kind: Kind | None = None) -> None:
        diagnostic = bytes((kind,)) if kind is not None else b""
        elements: dict[int, Any] = {ElementId.CAUSE: Cause(cause, diagnostic=diagnostic)}
        self._send(Kind.STATUS, elements | {ElementId.CALL_STATE: told_state(self.state, self.access.side)})

    def _with_channel(self, progress: Progress | None = None) -> dict[int, Any]:
        """The channel goes with our first answer to SETUP (§5.1.2)."""
        elements: dict[int, Any] = {}
        if not self._settled and self.slot is not None:
            self._settled = True
            elements[ElementId.CHANNEL_ID] = ChannelId((self.slot,), exclusive=True)
        if progress is not None:
            elements[ElementId.PROGRESS] = progress
        return elements

    def _settle_channel(self, message: Message, now: float) -> bool:
        """The first answer to our SETUP settles the channel (§5.1.2, §5.2.3); False when it cannot be used."""
        if not self.ours or self._settled:
            return True
        slot = message.channel.slot if message.channel is not None else self.slot
        if slot is None or (slot != self.slot and (self.exclusive or not self.access.move(self, slot))):
            self.disconnect(Cause(CauseValue.CHANNEL_UNACCEPTABLE), now)
            return False
        self._settled = True
        self._tell(ChannelAssigned(self, slot))
        return True

    def _release(self, cause: Cause, now: float) -> None:
        self._stop_all()
        self._cause = self._cause or cause
        self.state = _S.RELEASE_REQUEST
        self._send(Kind.RELEASE, {ElementId.CAUSE: cause})
        self._start("T308", now)

    def _clear(self, cause: Cause) -> None:
        if self.state is _S.NULL:
            return
        self.state = _S.NULL
        self._stop_all()
        self.access.forget(self)
        self._tell(Cleared(self, cause))

    def _tell(self, event: Any) -> None:
        self.access.tell(event)

    def _tell_user_information(self, message: Message) -> None:
        if message.user_user is not None:
            self._tell(UserInformation(self, message.user_user.data))


_TIMERS = ("T301", "T302", "T303", "T304", "T305", "T306", "T308", "T309", "T310", "T313", "T322")
#: Causes of clearing when something did not come in time.
_EXPIRED = {"T301": CauseValue.NO_ANSWER, "T302": CauseValue.INVALID_NUMBER_FORMAT}
_SETTLING = frozenset({Kind.SETUP_ACKNOWLEDGE, Kind.CALL_PROCEEDING, Kind.ALERTING, Kind.PROGRESS, Kind.CONNECT})
_HANDLERS: dict[Kind, Callable[[IsdnCall, Message, float], None]] = {
    Kind.SETUP_ACKNOWLEDGE: IsdnCall._on_setup_acknowledge,
    Kind.CALL_PROCEEDING: IsdnCall._on_call_proceeding,
    Kind.ALERTING: IsdnCall._on_alerting,
    Kind.PROGRESS: IsdnCall._on_progress,
    Kind.CONNECT: IsdnCall._on_connect,
    Kind.CONNECT_ACKNOWLEDGE: IsdnCall._on_connect_acknowledge,
    Kind.INFORMATION: IsdnCall._on_information,
    Kind.NOTIFY: IsdnCall._on_notify,
    Kind.HOLD: IsdnCall._on_hold,
    Kind.RETRIEVE: IsdnCall._on_retrieve,
    Kind.USER_INFORMATION: IsdnCall._on_user_information,
    Kind.FACILITY: IsdnCall._on_facility,
    Kind.DISCONNECT: IsdnCall._on_disconnect,
    Kind.RELEASE: IsdnCall._on_release,
    Kind.RELEASE_COMPLETE: IsdnCall._on_release_complete,
    Kind.STATUS_ENQUIRY: IsdnCall._on_status_enquiry,
    Kind.STATUS: IsdnCall._on_status,
}
#: Messages that a call can do something with.
HANDLED = frozenset(_HANDLERS)
