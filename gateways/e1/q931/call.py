"""One call of an access, the same machine for both sides of the interface (Q.931 §5): commands and timers.

The access gives it messages (see `received`) and expired timers; whoever owns the call gives it commands. Both leave
messages and events with the access.
"""

from __future__ import annotations

from typing import Any

from gateways.e1.q921 import Side
from gateways.e1.q931 import received, rose
from gateways.e1.q931.call_core import UNSPECIFIED, CallCore
from gateways.e1.q931.causes import Cause, CauseValue
from gateways.e1.q931.channel import ChannelId
from gateways.e1.q931.elements import INBAND, ElementId, Progress, Text, UserUser
from gateways.e1.q931.errors import IllegalInState
from gateways.e1.q931.events import ChannelAssigned, Cleared, DigitsReceived
from gateways.e1.q931.message import Kind, Message
from gateways.e1.q931.numbers import PartyNumber
from gateways.e1.q931.states import GOT_SETUP, CallState

_S = CallState
#: Causes of clearing when something did not come in time.
_EXPIRED = {"T301": CauseValue.NO_ANSWER, "T302": CauseValue.INVALID_NUMBER_FORMAT}


#: How long whoever collects digits may take to decide that they are enough.
_DECISION_S = 1.0


class IsdnCall(CallCore):
    """One call."""

    # -- commands ---------------------------------------------------------------------------------------------------

    def acknowledge_setup(self, now: float, *, dial_tone: bool = False) -> None:
        """Ask for more digits (SETUP ACKNOWLEDGE)."""
        self._require({_S.PRESENT})
        self.send(Kind.SETUP_ACKNOWLEDGE, self._with_channel(INBAND if dial_tone else None))
        self.state = _S.OVERLAP_RECEIVING
        self.start("T302", now)

    def proceed(self, now: float) -> None:
        """The number is complete and the call on its way (CALL PROCEEDING)."""
        self._require({_S.PRESENT, _S.OVERLAP_RECEIVING})
        self.stop("T302")
        self.send(Kind.CALL_PROCEEDING, self._with_channel())
        self.state = _S.INCOMING_PROCEEDING

    def progress(self, now: float, indicator: Progress = INBAND) -> None:
        """Something can be heard, or the call left the ISDN (PROGRESS)."""
        self._require(GOT_SETUP - {_S.PRESENT})
        self.send(Kind.PROGRESS, self._with_channel(indicator))

    def alert(self, now: float, *, inband: bool = False) -> None:
        """The called party is alerted (ALERTING)."""
        self._require(GOT_SETUP - {_S.RECEIVED})
        self.stop("T302")
        self.send(Kind.ALERTING, self._with_channel(INBAND if inband else None))
        self.state = _S.RECEIVED

    def connect(
        self,
        now: float,
        *,
        connected: PartyNumber | None = None,
        display: str = "",
        display_encoding: str = "utf-8",
        user_user: UserUser | None = None,
    ) -> None:
        """The called party answered (CONNECT)."""
        self._require(GOT_SETUP)
        self.stop("T302")
        elements = self._with_channel()
        optional = {
            ElementId.DISPLAY: Text(display, display_encoding) if display else None,
            ElementId.CONNECTED_NUMBER: connected,
            ElementId.USER_USER: user_user,
        }
        self.send(Kind.CONNECT, elements | {int(i): value for i, value in optional.items() if value is not None})
        if self.access.side is Side.NETWORK:
            self.state = _S.ACTIVE
        else:
            self.state = _S.CONNECT_REQUEST
            self.start("T313", now)

    def send_digits(self, digits: str, now: float, *, complete: bool = False) -> None:
        """More of the called number, or keys in an active call (INFORMATION)."""
        self._require({_S.OVERLAP_SENDING, _S.ACTIVE})
        elements: dict[int, Any] = {}
        if self.state is _S.ACTIVE:
            elements[ElementId.KEYPAD] = digits
        else:
            if digits:
                called = self.setup.called
                elements[ElementId.CALLED_NUMBER] = PartyNumber(digits, called.type, called.plan)
            if complete:
                elements[ElementId.SENDING_COMPLETE] = True
            self.start("T304", now)
        self.send(Kind.INFORMATION, elements)

    def send_user_information(self, information: UserUser) -> None:
        """Tell the far user something (USER INFORMATION, Q.957.1 service 3)."""
        self._require({_S.ACTIVE})
        self.send(Kind.USER_INFORMATION, {ElementId.USER_USER: information})

    def notify(self, notification: int) -> None:
        """Tell the far end that this one is held (0x79), is back (0x7A) … (NOTIFY)."""
        self._require({_S.ACTIVE})
        self.send(Kind.NOTIFY, {ElementId.NOTIFICATION: notification})

    def hold(self) -> None:
        """Ask the network to hold the call (HOLD, Q.932 §6.2)."""
        self._require({_S.ACTIVE})
        self.send(Kind.HOLD, {})

    def retrieve(self) -> None:
        """Ask for the held call back (RETRIEVE)."""
        self._require({_S.ACTIVE})
        self.send(Kind.RETRIEVE, {})

    def send_facility(self, component: rose.Component) -> None:
        """Say something of a supplementary service (FACILITY, Q.932 §8.2); nothing in a call that is over."""
        if self.state is not _S.NULL:
            self.send(Kind.FACILITY, {ElementId.FACILITY: rose.facility(component)})

    def disconnect(self, cause: Cause, now: float, *, inband: bool = False) -> None:
        """Clear the call, whatever its state; `inband`: the network has a tone to say why (§5.4.4)."""
        if self.state in (_S.NULL, _S.DISCONNECT_REQUEST, _S.RELEASE_REQUEST):
            return
        if self.state is _S.PRESENT:
            self.send(Kind.RELEASE_COMPLETE, {ElementId.CAUSE: cause})
            self.clear(cause)
        elif self.state is _S.DISCONNECT_INDICATION:
            self.release(cause, now)
        else:
            elements: dict[int, Any] = {ElementId.CAUSE: cause}
            tone = inband and self.access.side is Side.NETWORK
            if tone:
                elements[ElementId.PROGRESS] = INBAND
            self.stop_all()
            self.cause = cause
            self.state = _S.DISCONNECT_REQUEST
            self.send(Kind.DISCONNECT, elements)
            self.start("T306" if tone else "T305", now)

    def enquire(self, now: float) -> None:
        """Ask the far end where it takes the call to be (STATUS ENQUIRY)."""
        if self.state is not _S.NULL and not self.access.timers.runs("T322", self.key):
            self.send(Kind.STATUS_ENQUIRY, {})
            self.start("T322", now)

    def clear(self, cause: Cause) -> None:
        """The call is over and its channel free; told once, whatever comes after."""
        if self.state is CallState.NULL:
            return
        self.state = CallState.NULL
        self.stop_all()
        self.access.forget(self)
        self.tell(Cleared(self, cause))

    # -- the channel ------------------------------------------------------------------------------------------------

    def settle_channel(self, message: Message, now: float) -> bool:
        """The first answer to our SETUP settles the channel (§5.1.2, §5.2.3); False when it cannot be used."""
        if not self.ours or self.settled:
            return True
        slot = message.channel.slot if message.channel is not None else self.slot
        if slot is None or (slot != self.slot and (self.exclusive or not self.access.move(self, slot))):
            self.disconnect(Cause(CauseValue.CHANNEL_UNACCEPTABLE), now)
            return False
        self.settled = True
        self.tell(ChannelAssigned(self, slot))
        return True

    # -- for the access ---------------------------------------------------------------------------------------------

    def receive(self, message: Message, now: float) -> None:
        """A message of this call arrived."""
        received.receive(self, message, now)

    def started(self, now: float) -> None:
        """SETUP went out."""
        self.start("T303", now)

    def restarted(self, cause: Cause) -> None:
        """Its channel was restarted: the call is gone without a word (§5.5)."""
        self.clear(cause)

    def yield_channel(self) -> None:
        """The network put a call of its own into our channel: ours goes where the answer says, or ends (§5.7)."""
        self.slot = None
        if self.exclusive:
            self.clear(Cause(CauseValue.CHANNEL_NOT_AVAILABLE))

    def link_lost(self, now: float) -> None:
        """The D channel is down: what is talked goes on for a while (§5.8.9)."""
        if self.state in (_S.OVERLAP_SENDING, _S.OVERLAP_RECEIVING, _S.PRESENT):
            self.clear(Cause(CauseValue.TEMPORARY_FAILURE))
        elif self.state is _S.ACTIVE:
            self.start("T309", now)

    def link_back(self, now: float) -> None:
        """The D channel is up again."""
        self.stop("T309")
        if self.state is _S.ACTIVE:
            self.enquire(now)

    # -- timers -----------------------------------------------------------------------------------------------------

    def expired(self, name: str, now: float) -> None:
        """One of the call's timers expired (§9.2)."""
        first = name not in self.repeated
        self.repeated.add(name)
        if name == "T302" and first:  # who collects the digits decides whether they are enough
            self.access.timers.start("T302", now + _DECISION_S, self.key)
            self.tell(DigitsReceived(self, "", complete=True))
        elif name == "T303" and first:
            self.send_setup()
            self.start("T303", now)
        elif name == "T303":
            self.send(Kind.RELEASE_COMPLETE, {ElementId.CAUSE: Cause(CauseValue.TIMER_EXPIRED)})
            self.clear(Cause(CauseValue.NO_USER_RESPONDING))
        elif name in ("T305", "T306") or (name == "T308" and first):
            self.release(self.cause or UNSPECIFIED, now)
        elif name == "T308":
            if self.slot is not None:
                self.access.tell_faulty(frozenset({self.slot}), "no answer to RELEASE")
            self.clear(self.cause or UNSPECIFIED)
        elif name == "T309":
            self.clear(Cause(CauseValue.DESTINATION_OUT_OF_ORDER))
        elif name == "T322" and first:
            self.enquire(now)
        elif name == "T322":
            self.disconnect(Cause(CauseValue.TEMPORARY_FAILURE), now)
        else:
            self.disconnect(Cause(_EXPIRED.get(name, CauseValue.TIMER_EXPIRED)), now)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _require(self, states: frozenset[CallState] | set[CallState]) -> None:
        if self.state not in states:
            raise IllegalInState(f"not in state {self.state.name} of call {self.reference}")

    def _with_channel(self, progress: Progress | None = None) -> dict[int, Any]:
        """The channel goes with our first answer to SETUP (§5.1.2)."""
        elements: dict[int, Any] = {}
        if not self.settled and self.slot is not None:
            self.settled = True
            elements[ElementId.CHANNEL_ID] = ChannelId((self.slot,), exclusive=True)
        if progress is not None:
            elements[ElementId.PROGRESS] = progress
        return elements
