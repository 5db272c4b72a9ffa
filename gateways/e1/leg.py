"""One call on a B channel as a leg: what Q.931 says becomes what calls understand, and the other way round.

The gateway gives it the events of its call; calls give it commands. See docs/e1.md for the ladders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateways.e1 import tones
from gateways.e1.information import CONTENT_TYPES, UserSays
from gateways.e1.mapping import call_cause, connected_number, isdn_cause, party_of
from gateways.e1.q921 import Side
from gateways.e1.q931 import CallState, IsdnCall
from gateways.e1.q931.elements import INBAND, UserUser
from gateways.e1.q931.errors import IllegalInState
from gateways.e1.q931.events import Cleared, Connected, Disconnecting, Notified, Progressed, UserInformation
from gateways.e1.trunk_settings import Hold, TrunkSettings
from gateways.e1.user_to_user import LONGEST, header_of, information_of
from softswitch.calls.leg import Cause, Information, LegState, Party
from softswitch.calls.ported_leg import PortedLeg
from softswitch.calls.routing import Caller
from softswitch.media import MediaError
from softswitch.sdp.capabilities import TELEPHONE_EVENT
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import SdpError
from softswitch.sdp.formats import Codec

if TYPE_CHECKING:
    from gateways.e1.line import Line
    from softswitch.calls.exchange import Exchange
    from softswitch.media import Port

#: What is agreed with the other party: A-law, and telephone-events, which travel as tones in the B channel.
CODECS = (Codec("PCMA"), TELEPHONE_EVENT)
#: Notifications that the far end does not listen, and that it does again (Q.931 §4.5.22, Q.932 §9.3).
_HELD, _BACK = frozenset({0x00, 0x79}), frozenset({0x01, 0x7A})
_ON_THE_WAY = frozenset({CallState.INCOMING_PROCEEDING, CallState.RECEIVED})
_ENDING = frozenset({CallState.NULL, CallState.DISCONNECT_REQUEST, CallState.RELEASE_REQUEST})


class E1Leg(PortedLeg):
    """One party behind an exchange. `call` is None until a call out has begun."""

    __slots__ = ("_exchange", "_peer", "_settings", "_told_hold", "_tone", "answered_at", "call", "line", "slot")

    protocol = "e1"
    keys = "inband"

    def __init__(
        self,
        leg_id: str,
        direction: str,
        party: Party,
        port: Port,
        line: Line,
        *,
        exchange: Exchange,
        settings: TrunkSettings,
        caller: Caller | None = None,
    ) -> None:
        super().__init__(leg_id, direction, party, port, codecs=CODECS, soon=exchange.soon, caller=caller, trusted=True)
        self.line = line
        self.call: IsdnCall | None = None
        #: the timeslot that its port carries.
        self.slot = 0
        self.answered_at = 0.0
        self._exchange = exchange
        self._settings = settings
        self._peer: Party | None = None
        self._told_hold = False
        self._tone: int | None = None

    @property
    def reference(self) -> str:
        """Span, timeslot and call reference."""
        if self.call is None:
            return self.line.name
        return f"{self.line.name}/{self.call.slot}#{self.call.reference}"

    # -- what the call tells ----------------------------------------------------------------------------------------

    def progressed(self, event: Progressed) -> None:
        """CALL PROCEEDING, PROGRESS or ALERTING arrived."""
        if event.inband:
            self.alerted(183, inband=True)
        elif event.alerting:
            self.alerted(180)

    def connected(self, event: Connected) -> None:
        """CONNECT arrived."""
        self.answered_at = self._exchange.now()
        if event.connected is not None and event.connected.digits and not event.connected.restricted:
            # It is told to the other party; in groups and rooms this one stays who was invited.
            self.party.asserted = party_of(event.connected).asserted
        if event.display:
            self.party.display_name = event.display
        if event.user_user is not None and self._settings.user_to_user:
            self.party.user_to_user = header_of(event.user_user)
        self._hear_keys()
        self.taken()

    def notified(self, event: Notified) -> None:
        """The far end holds the call, or is back; the other party is offered accordingly."""
        held = event.notification in _HELD
        if self.state is LegState.ANSWERED and (held or event.notification in _BACK) and held != self.on_hold:
            self.on_hold = held
            self.observer.leg_offered(self, self.own_offer())

    def told(self, event: UserInformation) -> None:
        """The far user says something in the middle of the call."""
        if self.state is LegState.ANSWERED and self._settings.user_to_user:
            self.observer.leg_information(self, UserSays.of(event.information))

    def disconnecting(self, event: Disconnecting) -> None:
        """The far end clears and plays why; whoever has not been answered yet may listen."""
        if self.state is LegState.ANSWERED or event.call.state is CallState.NULL:
            self.disconnect(call_cause(event.cause, self._settings.cause_table))
        else:
            self.alerted(183, inband=True)

    def fail(self, cause: Cause) -> None:
        """The call could not be set up."""
        if self.port is not None:
            self.port.close()
        if self.state is not LegState.ENDED:
            self.refused(cause)

    def cleared(self, event: Cleared) -> None:
        """The call is over; its channel is free again."""
        cause = call_cause(event.cause, self._settings.cause_table)
        if self.port is not None:
            self.port.close()
        if self.state is LegState.ENDED:
            return
        if self.direction == "out" and self.state is not LegState.ANSWERED:
            self.refused(cause)
        else:
            self.gone(cause)

    # -- PortedLeg --------------------------------------------------------------------------------------------------

    def _progress(self, status: int, *, inband: bool) -> None:
        call = self._incoming()
        if call is None:
            return
        try:
            if inband:
                self._hush()
            if status == 180 and call.state is not CallState.RECEIVED:
                rings = self._settings.tones and not inband
                call.alert(self._exchange.now(), inband=inband or rings)
                if rings:
                    self._tone = tones.sound(self._exchange, self.port, tones.RINGBACK)
            elif inband and call.state is CallState.PRESENT:
                call.proceed(self._exchange.now())
                call.progress(self._exchange.now(), INBAND)
            elif inband:
                call.progress(self._exchange.now(), INBAND)
            elif call.state is CallState.PRESENT:
                call.proceed(self._exchange.now())
        except IllegalInState:  # it is being cleared
            return
        self.line.settle(self._exchange.now())

    def _take(self) -> None:
        call = self._incoming()
        if call is None:
            return
        try:
            self._connect(call)
        except IllegalInState:
            return
        self.answered_at = self._exchange.now()
        self._hush()
        self._hear_keys()
        self.line.settle(self._exchange.now())

    def _connect(self, call: IsdnCall) -> None:
        peer = self._peer or Party("")
        call.connect(
            self._exchange.now(),
            connected=connected_number(peer, self._settings.numbering),
            display=peer.display_name if self._settings.display_encoding and not peer.privacy else "",
            display_encoding=self._settings.display_encoding or "utf-8",
            user_user=information_of(peer.user_to_user) if self._settings.user_to_user else None,
        )

    def _clear(self, cause: Cause) -> None:
        call = self.call
        if call is None or call.state is CallState.NULL:
            if self.port is not None:
                self.port.close()
            if self.state is not LegState.ENDED:
                self.gone(cause)
            return
        if call.state not in _ENDING:
            told = isdn_cause(cause)
            call.disconnect(told, self._exchange.now(), inband=self._tells_by_tone(call, told.value))
            self.line.settle(self._exchange.now())

    def _tells_by_tone(self, call: IsdnCall, cause: int) -> bool:
        """Whether the caller hears a tone until it hangs up; the call that refused it may have closed the port."""
        network = self.line.link.side is Side.NETWORK
        if not (self._settings.tones and network and call.slot is not None) or call.state not in _ON_THE_WAY:
            return False
        if self.port is None or self.port.closed:
            try:
                self.port = self.line.span.open_channel(call.slot, self.id)
            except MediaError:  # the line has just ended, or no port is left
                return False
        return tones.sound(self._exchange, self.port, tones.tone_of(cause)) is not None

    # -- Leg --------------------------------------------------------------------------------------------------------

    def answered_by(self, party: Party) -> None:
        """See Leg."""
        self._peer = party

    def offer(self, sdp: bytes | None) -> bool:
        """See Leg: a party that does not listen any more is told of in the way of the trunk."""
        accepted = super().offer(sdp)
        if accepted and sdp is not None:
            self._tell_hold(_holds(sdp))
        return accepted

    def inform(self, information: Information) -> None:
        """See Leg: text and user-to-user data go as USER INFORMATION."""
        protocol = CONTENT_TYPES.get(information.content_type.partition(";")[0].strip().lower())
        if protocol is None or not self._settings.user_to_user or len(information.body) > LONGEST:
            super().inform(information)
            return
        if self.say(UserUser(protocol, information.body)):
            information.accept()
        else:
            information.refuse(480)

    def say(self, information: UserUser) -> bool:
        """Tell the far user something (USER INFORMATION); False when the call is in no state for it."""
        if self.call is None:
            return False
        try:
            self.call.send_user_information(information)
        except IllegalInState:
            return False
        self.line.settle(self._exchange.now())
        return True

    # -- inside -----------------------------------------------------------------------------------------------------

    def _hush(self) -> None:
        """The tone that the caller hears is over."""
        tones.hush(self._exchange, self.port, self._tone)
        self._tone = None

    def _hear_keys(self) -> None:
        """Talkgroups, rooms and services are told of keys, which come as tones; a call of two sees to it itself."""
        if self.port is not None and not self.port.closed:
            self.port.listen(keys=True)

    def _incoming(self) -> IsdnCall | None:
        return self.call if self.call is not None and self.call.state not in _ENDING else None

    def _tell_hold(self, held: bool) -> None:
        call = self.call
        if call is None or held is self._told_hold or self._settings.hold is Hold.NONE:
            return
        try:
            if self._settings.hold is Hold.NOTIFY:
                call.notify(0x79 if held else 0x7A)
            elif held:
                call.hold()
            else:
                call.retrieve()
        except IllegalInState:  # not known to be answered yet, or being cleared
            return
        self._told_hold = held
        self.line.settle(self._exchange.now())


def _holds(sdp: bytes) -> bool:
    """Whether whoever offers this does not listen."""
    try:
        media = SessionDescription.parse(sdp).media
    except SdpError:
        return False
    return any(m.kind == "audio" and m.direction in ("sendonly", "inactive") for m in media)
