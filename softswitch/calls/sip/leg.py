"""A SIP phone or trunk as a Leg: translates between a SIP Session and the call that it takes part in."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from softswitch.calls.leg import Cause, Information, Leg, LegState, Party
from softswitch.calls.routing import Caller
from softswitch.calls.sip.identity import address_of
from softswitch.calls.sip.requests import SipInformation, SipTransfer
from softswitch.sip.bodies import SDP
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
from softswitch.sip.uri import SipUri
from softswitch.sip.useragent import UserAgent

#: Requests inside a dialog that are carried to the other party as they are.
_CARRIED = frozenset({"INFO", "MESSAGE"})
_TALKING = frozenset({SessionState.ACCEPTED, SessionState.CONFIRMED})
_ELSEWHERE = 26


class SipLeg(Leg):
    """One SIP dialog. The exchange feeds it the session's events; commands go straight to the session.

    `caller` is with whose rights this party dials, None for one that we called; `hops_left` the Max-Forwards it came
    with; `answer_fields` go into our final answer to its INVITE.
    """

    __slots__ = (
        "_agent",
        "_now",
        "_offer_told",
        "_transfers",
        "answer_fields",
        "caller",
        "hops_left",
        "session",
    )

    protocol = "sip"

    def __init__(
        self, agent: UserAgent, now: Callable[[], float], leg_id: str, direction: str, party: Party, *, trusted: bool
    ) -> None:
        self.id = leg_id
        self.direction = direction
        self.party = party
        self.trusted = trusted
        self.state = LegState.SETUP
        self.port = None
        self.floor = None
        self.session: Session
        self.trunk = ""
        self.caller: Caller | None = None
        self.hops_left: int | None = None
        self.answer_fields: list[tuple[str, str]] = []
        self._agent = agent
        self._now = now
        self._offer_told = False
        self._transfers = 0

    @property
    def reference(self) -> str:
        """The Call-ID."""
        return self.session.call_id

    @property
    def can_offer(self) -> bool:
        """See Leg."""
        session = self.session
        return session.state is SessionState.CONFIRMED and session.can_offer

    # -- for applications that dress their sessions --------------------------------------------------------------------

    @property
    def own_contact(self) -> str | None:
        """The value of the Contact of an INVITE to this party, None for the usual one."""
        return None

    def invitation(self, offer: bytes) -> tuple[list[tuple[str, str]], bytes, str]:
        """(further fields, body, content type) of the INVITE to this party that carries `offer`."""
        return [], offer, SDP

    # -- commands ---------------------------------------------------------------------------------------------------

    def progress(self, status: int, sdp: bytes | None) -> None:
        """See Leg."""
        self.state = LegState.RINGING
        self.session.progress(status, self._now(), sdp)

    def answered_by(self, party: Party) -> None:
        """See Leg: an identity that its network asserts (RFC 3325), and what the party says (RFC 7433)."""
        if party.asserted and not party.privacy:
            here = self.session.invite.to.uri
            domain = here.host if isinstance(here, SipUri) else ""
            if domain:
                identity = address_of(party.asserted, domain, party.display_name)
                self.answer_fields.append(("P-Asserted-Identity", str(identity)))
        if party.user_to_user:
            self.answer_fields.append(("User-to-User", party.user_to_user))

    def accept(self, sdp: bytes | None) -> None:
        """See Leg."""
        self.state = LegState.ANSWERED
        self.session.accept(sdp, self._now(), fields=self.answer_fields)

    def reject(self, cause: Cause) -> None:
        """See Leg."""
        self.state = LegState.ENDED
        fields = [*self.answer_fields, *_reason_fields(cause)]
        if cause.retry_after:
            fields.append(("Retry-After", str(cause.retry_after)))
        if cause.warning:
            fields.append(("Warning", f'{cause.warning} softswitch "{cause.text}"'))
        self.session.reject(_final(cause.status), self._now(), fields=fields)

    def offer(self, sdp: bytes | None) -> bool:
        """See Leg."""
        session = self.session
        if not session.can_offer:
            return False
        try:
            if session.state is SessionState.CONFIRMED:
                session.reinvite(sdp, self._now())
            elif session.state is SessionState.EARLY and sdp is not None:
                session.update(sdp, self._now())
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
        if self.session.state not in _TALKING:
            information.refuse(480)
            return
        method, fields = "INFO", []
        if isinstance(information, SipInformation):
            method, fields = information.method, information.carried_fields
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
            self.session.end(self._now(), status=_final(cause.status), fields=_reason_fields(cause))

    # -- events of the session --------------------------------------------------------------------------------------

    def on_progress(self, event: SessionProgress) -> None:
        """A provisional response arrived."""
        self.state = LegState.RINGING
        self.observer.leg_progressed(self, event.response.status, event.sdp)

    def on_answered(self, event: SessionAnswered) -> None:
        """The party took the call; when it makes the first offer, that is handed over here and not again."""
        self.state = LegState.ANSWERED
        self._offer_told = event.sdp is not None and not self.session.offered
        self.observer.leg_answered(self, event.sdp)

    def on_confirmed(self, event: SessionConfirmed) -> None:
        """Our 2xx was acknowledged."""
        self.observer.leg_confirmed(self, event.sdp)

    def on_rejected(self, event: SessionRejected) -> None:
        """A final response other than 2xx."""
        self.state = LegState.ENDED
        response = event.response
        cause = _cause_of(response, response.status, response.reason)
        if cause.status in (401, 407):  # a challenge to us means nothing to our caller
            cause = Cause(503, cause.q850, "the peer does not accept our credentials", "network")
        redirects = _redirects(response) if 300 <= cause.status < 400 else ()
        self.session.owner = None  # it tells nothing more, and neither keeps the other in memory
        self.observer.leg_rejected(self, cause, redirects)

    def on_offer(self, event: OfferReceived) -> None:
        """The party offers, or asks for an offer."""
        if event.method == "ACK" and self._offer_told:
            self._offer_told = False
        else:
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
            # The first subscription of a dialog goes without an id, later ones are told apart (RFC 3515 §2.4.6).
            transfer = SipTransfer.parse(self._agent, self.session, event, self._now, numbered=self._transfers > 0)
            if transfer is not None:
                self._transfers += 1
                self.observer.leg_transfer_requested(self, transfer)
        elif method in _CARRIED:
            self.observer.leg_information(self, SipInformation(self._agent, event, self._now))
        elif method == "NOTIFY":
            self._agent.respond(event.transaction, 481, self._now())
        else:
            self._agent.respond(event.transaction, 489 if method == "SUBSCRIBE" else 405, self._now())

    def on_ended(self, event: SessionEnded) -> None:
        """The session is over."""
        self.state = LegState.ENDED
        self.session.owner = None
        self.observer.leg_ended(self, _cause_of(event.request, event.status or 200, event.reason))


def _final(status: int) -> int:
    """The status to refuse with, for a cause that is no refusal by itself."""
    return status if status >= 300 else 480


@lru_cache(maxsize=512)
def _reason(q850: int, text: str) -> tuple[str, str]:
    """The Reason field that tells a phone why (RFC 3326); a call completed elsewhere is a SIP reason (§2)."""
    if q850 == _ELSEWHERE:
        return "Reason", sip_reason(200, text)
    return "Reason", q850_reason(q850, text)


def _reason_fields(cause: Cause) -> list[tuple[str, str]]:
    if not cause.q850:
        return []
    # What a peer said stays with it; our own words may help whoever reads a trace.
    ours = cause.by == "switch" or cause.q850 == _ELSEWHERE
    return [_reason(cause.q850, cause.text if ours else cause_text(cause.q850))]


def _cause_of(message: Message | None, status: int, text: str) -> Cause:
    """The cause a peer gave by its status and, if there is one, its Reason field."""
    if message is None or not message.has("Reason"):
        return Cause(status, cause_of_status(status), text, "network")
    reasons = parse_reasons(message.values("Reason"))
    if any(reason.protocol.upper() == "SIP" and reason.cause == 200 for reason in reasons):
        return Cause(status, _ELSEWHERE, "Call completed elsewhere", "network")
    return Cause(status, release_cause(reasons, status), text, "network")


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
