"""Hands each event of the SIP user agent to whoever it concerns: a leg, the exchange, or a desk for one method."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from softswitch.calls.exchange import Exchange
from softswitch.calls.presence import Presence
from softswitch.calls.registration import Registrations
from softswitch.calls.sip_leg import SipLeg
from softswitch.calls.trunk_watch import TrunkWatch
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
from softswitch.sip.message import Response
from softswitch.sip.settings import UserAgentSettings
from softswitch.sip.useragent import UserAgent

if TYPE_CHECKING:
    from softswitch.messaging.pager import Pager

_ALLOWED_METHODS = (
    "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, MESSAGE, SUBSCRIBE, REGISTER, PUBLISH"
)
_OPTIONS_FIELDS = [
    ("Allow", _ALLOWED_METHODS),
    ("Accept", "application/sdp"),
    ("Supported", ", ".join(UserAgentSettings().supported)),
    ("Allow-Events", "reg, dialog, presence, message-summary, refer"),
]

_LEG_EVENTS: dict[type, Callable[[SipLeg, Any], None]] = {
    SessionProgress: SipLeg.on_progress,
    SessionAnswered: SipLeg.on_answered,
    SessionConfirmed: SipLeg.on_confirmed,
    SessionRejected: SipLeg.on_rejected,
    OfferReceived: SipLeg.on_offer,
    AnswerReceived: SipLeg.on_answer,
    OfferFailed: SipLeg.on_offer_failed,
    DialogRequest: SipLeg.on_request,
    SessionEnded: SipLeg.on_ended,
}


@runtime_checkable
class Asker(Protocol):
    """Who sent a request of its own and waits for its outcome: the owner of a client transaction."""

    def on_response(self, response: Response, now: float) -> None:
        """A response arrived."""

    def on_failure(self, status: int, now: float) -> None:
        """None came, or none could."""


class SipDispatch:
    """The user agent's one listener."""

    def __init__(
        self,
        agent: UserAgent,
        exchange: Exchange,
        registrations: Registrations,
        presence: Presence,
        pager: Pager,
        trunk_watch: TrunkWatch,
    ) -> None:
        self._agent = agent
        self._exchange = exchange
        self._methods: dict[str, Callable[[RequestReceived, float], None]] = {
            "REGISTER": registrations.handle,
            "SUBSCRIBE": presence.subscribe,
            "PUBLISH": presence.publish,
            "MESSAGE": pager.handle,
            "OPTIONS": self._options,
        }
        self._trunk_watch = trunk_watch

    def handle(self, event: Event, now: float) -> None:
        """Deliver one event."""
        to_leg = _LEG_EVENTS.get(type(event))
        if to_leg is not None:
            leg = event.session.owner  # type: ignore[union-attr]  # every event of the table has a session
            if isinstance(leg, SipLeg):
                to_leg(leg, event)
        elif isinstance(event, IncomingInvite):
            self._exchange.incoming(event, now)
        elif isinstance(event, RequestReceived):
            self._request(event, now)
        elif isinstance(event, ResponseReceived):
            if isinstance(event.transaction.owner, Asker):
                event.transaction.owner.on_response(event.response, now)
        elif isinstance(event, TransactionFailed) and isinstance(event.transaction.owner, Asker):
            event.transaction.owner.on_failure(event.status, now)

    def _request(self, event: RequestReceived, now: float) -> None:
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
