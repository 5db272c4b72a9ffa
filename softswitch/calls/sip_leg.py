"""A SIP phone or trunk as a Leg: translates between a SIP Session and the call that it takes part in."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.calls.leg import Cause, Information, Leg, LegState, Party
from softswitch.calls.routing import Caller
from softswitch.calls.sip_requests import SipInformation, SipTransfer
from softswitch.sip.causes import cause_of_status, cause_text, parse_reasons, q850_reason, release_cause, sip_reason
from softswitch.sip.errors import LocalProtocolError, ProtocolError
from softswitch.sip.events import (
    AnswerReceived,
    DialogRequest,
    OfferFailed,
    OfferReceived,
    SessionAnswered,
    SessionConfirmed,
    SessionEnded,
    SessionProgress,
    SessionRejected,
)
from softswitch.sip.message import Message
from softswitch.sip.session import Session, SessionState
from softswitch.sip.useragent import UserAgent

#: Requests inside a dialog that are carried to the other party as they are.
_CARRIED = frozenset({"INFO", "MESSAGE"})


class SipLeg(Leg):
    """One SIP dialog. The exchange feeds it the session's events; commands go straight to the session."""

    protocol = "sip"
    session: Session
    #: the trunk it came from or goes to, "" for a subscriber's device.
    trunk: str = ""
    #: with whose rights this party dials; None for a party that we called.
    caller: Caller | None = None
    #: Max-Forwards of the INVITE it came with.
    hops_left: int | None = None

    def __init__(
        self, agent: UserAgent, now: Callable[[], float], leg_id: str, direction: str, party: Party, *, trusted: bool
    ) -> None:
        self._agent = agent
        self._now = now
        self.id = leg_id
        self.direction = direction
        self.party = party
        self.state = LegState.SETUP
        self.trusted = trusted

    # -- commands ---------------------------------------------------------------------------------------------------

    def progress(self, status: int, sdp: bytes | None) -> None:
        """See Leg."""
        self.state = LegState.RINGING
        self.session.progress(status, self._now(), sdp)

    def accept(self, sdp: bytes | None) -> None:
        """See Leg."""
        self.state = LegState.ANSWERED
        self.session.accept(sdp, self._now())

    def reject(self, cause: Cause, redirects: tuple[str, ...] = ()) -> None:
        """See Leg."""
        self.state = LegState.ENDED
        fields = [*_reason_fields(cause), *(("Contact", f"<{uri}>") for uri in redirects)]
        self.session.reject(cause.status if cause.status >= 300 else 480, self._now(), fields=fields)

    def offer(self, sdp: bytes | None) -> bool:
        """See Leg."""
        try:
            if self.session.state is SessionState.CONFIRMED:
                self.session.reinvite(sdp, self._now())
            elif self.session.state is SessionState.EARLY and sdp is not None:
                self.session.update(sdp, self._now())
            else:
                return False
        except LocalProtocolError:
            return False
        return True

    def answer(self, sdp: bytes) -> None:
        """See Leg."""
        self.session.answer(sdp, self._now())

    def refuse_offer(self, status: int) -> None:
        """See Leg."""
        self.session.refuse_offer(status, self._now())

    def inform(self, information: Information) -> None:
        """See Leg."""
        if self.session.state is not SessionState.CONFIRMED:
            information.refuse(480)
            return
        method = information.method if isinstance(information, SipInformation) else "INFO"
        fields = information.carried_fields if isinstance(information, SipInformation) else ()
        self.session.request(
            method,
            self._now(),
            fields=fields,
            body=information.body,
            content_type=information.content_type or None,
            owner=information,
        )

    def disconnect(self, cause: Cause) -> None:
        """See Leg."""
        if self.state is not LegState.ENDED:
            status = cause.status if cause.status >= 300 else 0
            self.session.end(self._now(), status=status, fields=_reason_fields(cause))

    def describe(self) -> dict[str, object]:
        """See Leg."""
        return {**super().describe(), "sip_call_id": self.session.call_id}

    # -- events of the session --------------------------------------------------------------------------------------

    def on_progress(self, event: SessionProgress) -> None:
        """A provisional response arrived."""
        self.state = LegState.RINGING
        self.observer.leg_progressed(self, event.response.status, event.sdp)

    def on_answered(self, event: SessionAnswered) -> None:
        """The party took the call."""
        self.state = LegState.ANSWERED
        self.observer.leg_answered(self, event.sdp)

    def on_confirmed(self, event: SessionConfirmed) -> None:
        """Our 2xx was acknowledged."""
        self.observer.leg_confirmed(self, event.sdp)

    def on_rejected(self, event: SessionRejected) -> None:
        """A final response other than 2xx."""
        self.state = LegState.ENDED
        response = event.response
        self.observer.leg_rejected(self, _cause_of(response, response.status, response.reason), _redirects(response))

    def on_offer(self, event: OfferReceived) -> None:
        """The party offers, or asks for an offer."""
        self.observer.leg_offered(self, event.sdp)

    def on_answer(self, event: AnswerReceived) -> None:
        """The party answered our offer."""
        self.observer.leg_answered_offer(self, event.sdp)

    def on_offer_failed(self, event: OfferFailed) -> None:
        """The party refused our offer."""
        self.observer.leg_refused_offer(self, event.status)

    def on_request(self, event: DialogRequest) -> None:
        """A request inside the dialog that is not about media."""
        method = event.request.method
        if method == "REFER":
            transfer = SipTransfer.parse(self._agent, self.session, event, self._now)
            if transfer is not None:
                self.observer.leg_transfer_requested(self, transfer)
        elif method in _CARRIED:
            self.observer.leg_information(self, SipInformation(self._agent, event, self._now))
        elif method == "NOTIFY":
            self._agent.respond(event.transaction, 200, self._now())
        else:
            self._agent.respond(event.transaction, 489 if method == "SUBSCRIBE" else 405, self._now())

    def on_ended(self, event: SessionEnded) -> None:
        """The session is over."""
        self.state = LegState.ENDED
        status = event.status or 200
        self.observer.leg_ended(self, _cause_of(event.request, status, event.reason))


def _reason_fields(cause: Cause) -> list[tuple[str, str]]:
    """Reason fields that tell a phone why (RFC 3326); a call completed elsewhere is a SIP reason (§2)."""
    if cause.status == 200 and cause.q850 == 26:
        return [("Reason", sip_reason(200, cause.text))]
    return [("Reason", q850_reason(cause.q850, cause_text(cause.q850)))] if cause.q850 else []


def _cause_of(message: Message | None, status: int, text: str) -> Cause:
    """The cause a peer gave by its status and, if there is one, its Reason field."""
    field = message.values("Reason") if message is not None and message.has("Reason") else ()
    q850 = release_cause(parse_reasons(field), status) if field else cause_of_status(status)
    return Cause(status, q850, text, "network")


def _redirects(message: Message) -> tuple[str, ...]:
    """The URIs of a redirection, best q first (RFC 3261 §20.10)."""
    try:
        contacts = message.contacts
    except ProtocolError:
        return ()
    ranked = sorted(contacts, key=lambda contact: -_quality(contact.param("q")))
    return tuple(contact.uri_text for contact in ranked)


def _quality(text: str | None) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
