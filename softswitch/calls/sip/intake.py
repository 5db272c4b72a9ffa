"""An INVITE outside any dialog: who calls, whether they may now, and the call that begins (RFC 3261 §13.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dialplan import normalise
from softswitch.calls import takeover
from softswitch.calls.access import Access, Challenge, Identity
from softswitch.calls.call import Call
from softswitch.calls.hunting import Hunt
from softswitch.calls.leg import Cause
from softswitch.calls.record import CallRecord
from softswitch.calls.sip.leg import SipLeg
from softswitch.events import AccessRefused
from softswitch.sip.bodies import sdp_of
from softswitch.sip.errors import ProtocolError
from softswitch.sip.events import IncomingInvite
from softswitch.sip.grammar import readable
from softswitch.sip.message import Request
from softswitch.sip.privacy import check_critical
from softswitch.sip.session import Session
from softswitch.sip.uri import SipUri, TelUri

if TYPE_CHECKING:
    from softswitch.calls.exchange import Exchange

_LONGEST_USER_TO_USER = 512
TOO_MANY_CALLS = Cause(503, 42, "too many calls", retry_after=5)


class SipIntake:
    """Turns INVITEs into calls. `admit(emergency)` gives 0, or after how many seconds to try again."""

    def __init__(
        self, exchange: Exchange, access: Access, admit: Callable[[bool], int], new_id: Callable[[], str]
    ) -> None:
        self._exchange = exchange
        self._access = access
        self._admit = admit
        self._new_id = new_id

    def incoming(self, event: IncomingInvite, now: float) -> None:
        """A new INVITE: find out who calls, and ring whom they want."""
        session, request = event.session, event.request
        try:
            identity = self._access.identify(request, event.source, now)
            called = number_of(request)
            replaced = self._exchange.agent.match_replaces(request)
            if request.has("Privacy"):
                check_critical(request)
        except ProtocolError as error:
            session.reject(error.status if error.status >= 300 else 400, now, reason=error.text)
            return
        if isinstance(identity, Challenge):
            session.reject(401, now, fields=[("WWW-Authenticate", value) for value in identity.values])
            return
        exchange = self._exchange
        emergency = exchange.router.plan.emergency_number(called) is not None
        wait = self._admit(emergency)
        if wait and not emergency:
            session.reject(503, now, fields=[("Retry-After", str(wait))])
            return
        application = exchange.application_of(request)
        if application is not None:
            application.invited(event, identity, now)
            return
        call, leg = self.begin(session, identity, called)
        if not emergency and self.is_full(identity):
            call.refuse(TOO_MANY_CALLS)
        elif replaced is not None:
            self._replace(call, leg, replaced)
        else:
            self._route(call, leg, identity, called)

    def is_full(self, identity: Identity) -> bool:
        """Whether this node, or the trunk, carries as many calls as it may; the new one is counted already."""
        exchange = self._exchange
        limit = exchange.settings.max_calls
        trunk = identity.trunk
        return bool(limit and len(exchange.calls) > limit) or bool(
            trunk is not None and trunk.max_calls and trunk.active > trunk.max_calls
        )

    def begin(
        self, session: Session, identity: Identity, called: str, leg: SipLeg | None = None
    ) -> tuple[Call, SipLeg]:
        """The call that an INVITE begins, on record and not yet routed; an application brings a leg of its own."""
        exchange, request = self._exchange, session.invite
        if leg is None:
            leg = SipLeg(exchange.agent, exchange.now, self._new_id(), "in", identity.party, trusted=identity.trusted)
        leg.session = session
        leg.trunk = identity.trunk.name if identity.trunk is not None else ""
        leg.caller = identity.caller
        leg.hops_left = request.max_forwards
        if request.has("User-to-User"):
            leg.party.user_to_user = (request.get("User-to-User") or "")[:_LONGEST_USER_TO_USER]
        session.owner = leg
        side = exchange.media.side(leg)
        side.agree_on(identity.srtp)
        if ":" in session.source.host:
            side.family = 6
        call_id = self._new_id()
        record = CallRecord(call_id, identity.party.number, called, session.source, exchange.wall())
        record.location = exchange.located(identity, request)
        call = Call(exchange, call_id, leg, sdp_of(request), record)
        exchange.add(call)
        call.begin()
        return call, leg

    def _route(self, call: Call, leg: SipLeg, identity: Identity, called: str) -> None:
        decision, found = self._exchange.router.stages(called, identity.caller)
        call.record.route = decision.rule
        call.record.emergency = decision.emergency
        if isinstance(found, list):
            call.ring(Hunt.through(found))
            return
        if found.status == 403:
            source = leg.session.source.host
            self._exchange.bus.publish(AccessRefused(source, identity.party.number, "INVITE", found.text))
        call.refuse(found)

    def _replace(self, own: Call, leg: SipLeg, replaced: Session) -> None:
        """An INVITE with Replaces: the new party takes the place of the one the header names (RFC 3891 §3)."""
        leaving = replaced.owner
        call = self._exchange.call_of(leaving) if isinstance(leaving, SipLeg) else None
        if call is None or not isinstance(leaving, SipLeg):
            own.refuse(takeover.NOT_NOW)
            return
        refused = takeover.take_place(call, own, leg, leaving)
        if refused is not None:
            own.refuse(refused)


def number_of(request: Request) -> str:
    """The number that a Request-URI dials; ProtocolError 416 for schemes that are not telephony."""
    uri = request.uri
    if isinstance(uri, SipUri):
        return normalise(readable(uri.username))
    if isinstance(uri, TelUri):
        return uri.digits
    if uri.scheme == "urn":
        return str(uri).lower()  # a service such as urn:service:sos, which the dialplan knows (RFC 5031)
    raise ProtocolError("only sip, sips, tel and urn can be called", status=416)
