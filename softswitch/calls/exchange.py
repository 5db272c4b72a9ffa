"""The exchange: keeps all calls, and joins the SIP user agent, the dialplan and the media engine to them.

It turns the user agent's events into calls and legs, dials whom a hunt names, and answers the few questions a call has
about the world (CallHost). Like everything below it, it does no I/O: the runtime feeds it events and drains the agent.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from softswitch.calls.access import Access, Challenge, Identity
from softswitch.calls.call import NORMAL, Call
from softswitch.calls.host import CallSettings
from softswitch.calls.hunting import Hunt, Stage, Target
from softswitch.calls.leg import Cause, Leg, Party
from softswitch.calls.machine import State
from softswitch.calls.media_path import MediaPath, PortsExhausted
from softswitch.calls.record import CallRecord
from softswitch.calls.replacement import Replacement
from softswitch.calls.ringing import Ringing, RingingObserver
from softswitch.calls.routing import Caller, Router
from softswitch.calls.services import Services
from softswitch.calls.sip_identity import outgoing_identity
from softswitch.calls.sip_leg import SipLeg
from softswitch.calls.trunk import Trunks
from softswitch.events import AccessRefused, EventBus
from softswitch.media import MediaEvent, PlaybackEnded, RtpTimeout
from softswitch.sip.address import Address
from softswitch.sip.errors import ProtocolError
from softswitch.sip.events import IncomingInvite
from softswitch.sip.message import Request
from softswitch.sip.session import Session
from softswitch.sip.timerwheel import TimerWheel
from softswitch.sip.uri import SipUri, TelUri, parse_uri
from softswitch.sip.useragent import UserAgent

logger = logging.getLogger(__name__)

OVERLOADED = Cause(503, 42, "too many calls")
NO_PORTS = Cause(503, 34, "no media port is free")
NO_CODEC = Cause(488, 88, "no codec that the callee may be offered")


class Dialler(Protocol):
    """A gateway as the exchange sees it: makes legs out of numbers."""

    def dial(self, target: Target, caller: Party, leg_id: str, offer: bytes | None, ringing: Ringing) -> Leg | Cause:
        """Call `target`; the leg reports to `ringing`."""


class Exchange:
    """All calls of this node. `admit(emergency)` gives 0, or after how many seconds to try again when overloaded."""

    def __init__(
        self,
        *,
        agent: UserAgent,
        timers: TimerWheel,
        media: MediaPath,
        router: Router,
        access: Access,
        trunks: Trunks,
        bus: EventBus,
        now: Callable[[], float],
        wall: Callable[[], float],
        new_id: Callable[[], str],
        domain: str,
        settings: CallSettings,
        admit: Callable[[bool], int],
    ) -> None:
        self.agent = agent
        self.timers = timers
        self.media = media
        self.router = router
        self.access = access
        self.trunks = trunks
        self.bus = bus
        self.now = now
        self.wall = wall
        self.settings = settings
        self.domain = domain
        self.services: Services | None = None
        self.gateways: Mapping[str, Dialler] = {}
        self.calls: dict[str, Call] = {}
        self.answered = 0
        self.attempts = 0
        self._new_id = new_id
        self._admit = admit
        self._legs: dict[str, tuple[Leg, Call]] = {}
        self._busy: Counter[str] = Counter()

    # -- incoming calls ---------------------------------------------------------------------------------------------

    def incoming(self, event: IncomingInvite, now: float) -> None:
        """A new INVITE: find out who calls, and ring whom they want."""
        session, request = event.session, event.request
        try:
            identity = self.access.identify(request, event.source, now)
            called = _number(request)
            replaced = self.agent.match_replaces(request)
        except ProtocolError as error:
            session.reject(error.status or 400, now, reason=error.text)
            return
        if isinstance(identity, Challenge):
            session.reject(401, now, fields=[("WWW-Authenticate", value) for value in identity.values])
            return
        emergency = self.router.plan.emergency_number(called) is not None
        wait = self._admit(emergency)
        limit = self.settings.max_calls
        full = bool(limit and len(self.calls) >= limit) or (identity.trunk is not None and identity.trunk.full)
        if (wait or full) and not emergency:
            session.reject(503, now, fields=[("Retry-After", str(wait or 5))])
            return
        if replaced is not None:
            self._replace(session, request, identity, replaced)
            return
        self._begin(session, request, identity, called)

    def _begin(self, session: Session, request: Request, identity: Identity, called: str) -> None:
        leg = self._leg_of(session, identity)
        call = self._new_call(leg, request, identity, called)
        call.begin()
        decision, found = self.router.stages(called, identity.caller)
        call.record.route = decision.rule
        call.record.emergency = decision.emergency
        if isinstance(found, Cause):
            if found.status == 403:
                self._refused(session.source, identity.party.number, found.text)
            call.refuse(found)
        else:
            call.ring(Hunt.through(found))

    def _leg_of(self, session: Session, identity: Identity) -> SipLeg:
        leg = SipLeg(self.agent, self.now, self._new_id(), "in", identity.party, trusted=identity.trusted)
        leg.session = session
        leg.trunk = identity.trunk.name if identity.trunk else ""
        leg.caller = identity.caller
        leg.hops_left = session.invite.max_forwards
        session.owner = leg
        side = self.media.side(leg)
        side.owner = leg.id
        side.family = 6 if ":" in session.source.host else 4
        return leg

    def _new_call(self, leg: SipLeg, request: Request, identity: Identity, called: str) -> Call:
        call_id = self._new_id()
        self.attempts += 1
        record = CallRecord(call_id, identity.party.number, called, str(leg.session.source), self.wall())
        call = Call(self, call_id, leg, request.body or None, record)
        self.calls[call_id] = call
        return call

    def _replace(self, session: Session, request: Request, identity: Identity, replaced: Session) -> None:
        """An INVITE with Replaces: the new party takes the place of the one the header names (RFC 3891 §3)."""
        leaving = replaced.owner
        call = self.call_of(leaving) if isinstance(leaving, SipLeg) else None
        if call is None or not isinstance(leaving, SipLeg):
            session.reject(481, self.now())
            return
        leg = self._leg_of(session, identity)
        joining = self._new_call(leg, request, identity, leaving.party.number)
        joining.begin()
        refused = call.taken_over_by(joining, leg, leaving)
        if refused is not None:
            joining.refuse(refused)

    # -- CallHost ---------------------------------------------------------------------------------------------------

    def dial(self, target: Target, ringing: Ringing, observer: RingingObserver) -> Leg | Cause:
        """See CallHost."""
        caller = observer.caller
        if target.gateway:
            return self.gateways[target.gateway].dial(target, caller.party, self._new_id(), ringing.offer, ringing)
        trunk = self.trunks.by_name.get(target.trunk)
        trusted = trunk is not None and trunk.trust_identity
        leg = SipLeg(self.agent, self.now, self._new_id(), "out", Party(target.number), trusted=trusted)
        leg.trunk = target.trunk
        leg.observer = ringing
        side = self.media.side(leg)
        side.passthrough = side.passthrough or target.media == "passthrough"
        side.codecs = target.codecs
        side.owner = self.media.side(caller).owner
        side.family = 6 if target.next_hop is not None and ":" in target.next_hop.host else 4
        offer: bytes | None = None
        if ringing.offer is not None:
            try:
                offer = self.media.carry_offer(caller, leg, ringing.offer)
            except PortsExhausted:
                self.media.release(leg)
                return NO_PORTS
            if offer is None:
                self.media.release(leg)
                return NO_CODEC
        self._invite(leg, target, caller, offer)
        return leg

    def _invite(self, leg: SipLeg, target: Target, caller: Leg, offer: bytes | None) -> None:
        trunk = self.trunks.by_name.get(target.trunk)
        identity = outgoing_identity(caller.party, (trunk.domain if trunk else "") or self.domain, trusted=leg.trusted)
        fields = identity.fields
        if target.diverted_from:
            fields.append(("Diversion", f"<sip:{target.diverted_from}@{self.domain}>"))
        hops = caller.hops_left if isinstance(caller, SipLeg) else None
        if hops is not None:
            fields.append(("Max-Forwards", str(max(hops - 1, 0))))
        leg.session = self.agent.invite(
            request_uri=target.request_uri,
            next_hop=target.next_hop,
            from_=identity.from_,
            to=identity.to(target.number, (trunk.domain if trunk else "") or self.domain),
            now=self.now(),
            fields=fields,
            body=offer or b"",
            routes=target.routes,
            owner=leg,
            credentials=trunk.login if trunk else None,
            keep_flow=isinstance(target.next_hop, Address) and trunk is None,
        )

    def stages(self, number: str, caller: Leg, history: tuple[str, ...]) -> list[Stage] | Cause:
        """See CallHost."""
        rights = caller.caller if isinstance(caller, SipLeg) and caller.caller is not None else None
        if rights is None:
            rights = Caller(caller.party.number, self.router.directory.class_of(caller.party.number))
        return self.router.stages(number, rights, history)[1]

    def diverted(self, number: str, history: tuple[str, ...], observer: RingingObserver) -> list[Stage] | Cause:
        """See CallHost."""
        return self.router.diverted(number, history)

    def redirected(self, uri: str, target: Target, observer: RingingObserver) -> Target | None:
        """See CallHost."""
        if not self.settings.follow_redirects:
            return None
        try:
            parsed = parse_uri(uri)
        except ProtocolError:
            return None
        if not isinstance(parsed, SipUri) or parsed.secure:
            return None
        plain = parsed.replace(headers=())
        return Target(
            parsed.username or target.number,
            str(plain),
            plain,
            media=target.media,
            codecs=target.codecs,
            diverted_from=target.number,
        )

    def serve(self, call: Call, leg: Leg, target: Target) -> Cause | None:
        """See CallHost."""
        if self.services is None:
            return Cause(503, 63, "services are not running")
        try:
            return self.services.serve(call, leg, target)
        except PortsExhausted:
            return NO_PORTS

    def find_leg(self, call_id: str, to_tag: str, from_tag: str) -> Leg | None:
        """See CallHost."""
        session = self.agent.find_dialog(call_id, to_tag, from_tag)
        return session.owner if session is not None and isinstance(session.owner, SipLeg) else None

    def call_of(self, leg: Leg) -> Call | None:
        """See CallHost."""
        entry = self._legs.get(leg.id)
        return entry[1] if entry is not None else None

    def joined(self, leg: Leg, call: Call) -> None:
        """See CallHost."""
        self._legs[leg.id] = (leg, call)
        self._busy[leg.party.number] += 1
        if isinstance(leg, SipLeg) and leg.trunk and (trunk := self.trunks.by_name.get(leg.trunk)) is not None:
            trunk.active += 1

    def left(self, leg: Leg, call: Call) -> None:
        """See CallHost."""
        entry = self._legs.get(leg.id)
        if entry is None or entry[1] is not call:
            return
        del self._legs[leg.id]
        number = leg.party.number
        self._busy[number] -= 1
        if self._busy[number] <= 0:
            del self._busy[number]
        if isinstance(leg, SipLeg) and leg.trunk and (trunk := self.trunks.by_name.get(leg.trunk)) is not None:
            trunk.active -= 1

    def finished(self, call: Call) -> None:
        """See CallHost."""
        self.calls.pop(call.id, None)
        if call.record.answered_at:
            self.answered += 1

    # -- for services, operators and the media engine -----------------------------------------------------------------

    def active_calls(self, number: str) -> int:
        """How many calls the devices of `number` take part in."""
        return self._busy.get(number, 0)

    def ringing_calls(self) -> list[Call]:
        """Calls that ring somewhere now, oldest first."""
        return [call for call in self.calls.values() if call.machine.state is State.CALLEE_SETUP]

    def ring_back(self, call: Call, number: str) -> Cause | None:
        """Ring `number` for the only party of `call`."""
        found = self.stages(number, call.caller, ())
        if isinstance(found, Cause):
            return found
        call.replacement = Replacement(self, call, None, call.caller, None)
        call.replacement.start(Hunt.through(found))
        return None

    def media_event(self, event: MediaEvent) -> None:
        """Something happened at a media port that a call should know."""
        if not isinstance(event, RtpTimeout | PlaybackEnded):
            return
        leg = self.media.leg_of(event.port)
        call = self.call_of(leg) if leg is not None else None
        if call is None:
            return
        if isinstance(event, RtpTimeout):
            call.media_lost()
        elif call.callee is None:
            call.disconnect(NORMAL)

    def disconnect_all(self, cause: Cause) -> None:
        """End every call, for a shutdown."""
        for call in list(self.calls.values()):
            call.disconnect(cause)

    def _refused(self, source: Address, user: str, reason: str) -> None:
        self.bus.publish(AccessRefused(source.host, user, "INVITE", reason))


def _number(request: Request) -> str:
    """The number that a Request-URI dials; ProtocolError 416 for schemes that are not telephony."""
    uri = request.uri
    if isinstance(uri, SipUri):
        return uri.username
    if isinstance(uri, TelUri):
        return uri.digits
    raise ProtocolError("only sip, sips and tel can be called", status=416)
