"""Hands each event of the SIP user agent to whoever it concerns: a leg, the exchange, or a desk for one method."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.calls.access import Access
from softswitch.calls.application import asker
from softswitch.calls.exchange import Exchange
from softswitch.calls.sip.leg import SipLeg
from softswitch.calls.sip.presence import Presence
from softswitch.calls.sip.registration import Registrations
from softswitch.sip.events import (
    AnswerReceived,
    DialogRequest,
    Event,
    IncomingInvite,
    OfferFailed,
    OfferReceived,
    RequestReceived,
    ResponseReceived,
    SessionAnswered,
    SessionConfirmed,
    SessionEnded,
    SessionProgress,
    SessionRejected,
    TransactionFailed,
)
from softswitch.sip.settings import UserAgentSettings
from softswitch.sip.useragent import UserAgent

_ALLOWED_METHODS = (
    "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, MESSAGE, SUBSCRIBE, REGISTER, PUBLISH"
)
_OPTIONS_FIELDS = [
    ("Allow", _ALLOWED_METHODS),
    ("Accept", "application/sdp"),
    ("Supported", ", ".join(UserAgentSettings().supported)),
    ("Allow-Events", "reg, dialog, presence, message-summary, refer"),
]

#: The method of a leg that takes an event; by name, because applications bring legs of their own kind.
_LEG_EVENTS: dict[type, str] = {
    SessionProgress: "on_progress",
    SessionAnswered: "on_answered",
    SessionConfirmed: "on_confirmed",
    SessionRejected: "on_rejected",
    OfferReceived: "on_offer",
    AnswerReceived: "on_answer",
    OfferFailed: "on_offer_failed",
    DialogRequest: "on_request",
    SessionEnded: "on_ended",
}


#: Requests outside calls that an application may take; the others concern everybody in the same way.
_CLAIMABLE = frozenset({"MESSAGE", "PUBLISH", "SUBSCRIBE", "REFER"})

#: Answers one method of requests outside calls.
Desk = Callable[[RequestReceived, float], None]


class SipDispatch:
    """The user agent's one listener."""

    def __init__(
        self,
        agent: UserAgent,
        exchange: Exchange,
        registrations: Registrations,
        presence: Presence,
        message: Desk,
        access: Access,
    ) -> None:
        self._agent = agent
        self._exchange = exchange
        self._access = access
        self._methods: dict[str, Desk] = {
            "REGISTER": registrations.handle,
            "SUBSCRIBE": presence.subscribe,
            "PUBLISH": presence.publish,
            "MESSAGE": message,
            "OPTIONS": self._options,
        }

    def handle(self, event: Event, now: float) -> None:
        """Deliver one event."""
        to_leg = _LEG_EVENTS.get(type(event))
        if to_leg is not None:
            leg = event.session.owner  # type: ignore[union-attr]  # every event of the table has a session
            if isinstance(leg, SipLeg):
                getattr(leg, to_leg)(event)
        elif isinstance(event, IncomingInvite):
            self._exchange.incoming(event, now)
        elif isinstance(event, RequestReceived):
            self._request(event, now)
        elif isinstance(event, ResponseReceived):
            # Who sent a request of its own and waits for its outcome owns the client transaction.
            told = getattr(event.transaction.owner, "on_response", None)
            if told is not None:
                told(event.response, now)
        elif isinstance(event, TransactionFailed):
            told = getattr(event.transaction.owner, "on_failure", None)
            if told is not None:
                told(event.status, now)

    def _request(self, event: RequestReceived, now: float) -> None:
        if event.request.method in _CLAIMABLE:
            application = self._exchange.application_of(event.request)
            if application is not None:
                identity = asker(self._access, self._agent, event, now)
                if identity is not None:
                    application.requested(event, identity, now)
                return
        desk = self._methods.get(event.request.method)
        if desk is not None:
            desk(event, now)
        elif event.request.method in ("BYE", "NOTIFY", "INFO", "REFER", "UPDATE", "PRACK"):
            self._agent.respond(event.transaction, 481, now)
        else:
            self._agent.respond(event.transaction, 405, now, fields=[("Allow", _ALLOWED_METHODS)])

    def _options(self, event: RequestReceived, now: float) -> None:
        """What we can do, for whoever asks: peers and monitors watch us by it (RFC 3261 §11.2)."""
        self._agent.respond(event.transaction, 200, now, fields=_OPTIONS_FIELDS)
