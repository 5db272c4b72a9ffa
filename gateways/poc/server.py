"""The push-to-talk server: participating and controlling function in one, as an application of the switch's SIP.

It recognises what clients send, says which leg a client's session is, and hands each request to the part that knows it.
"""

from __future__ import annotations

from gateways.poc.context import Context
from gateways.poc.documents import Documents
from gateways.poc.group_sessions import GroupSessions
from gateways.poc.invitation import Invitation, Session
from gateways.poc.leg import PocLeg
from gateways.poc.party_sessions import PartySessions
from gateways.poc.pre_established import PreEstablished
from gateways.poc.recognition import System, contact_system, system_of
from gateways.poc.refusals import NO_FLOOR_LINE, Refused
from gateways.poc.urgency import Urgency
from softswitch.calls.access import Identity
from softswitch.calls.dispatching.origination import SwitchLeg
from softswitch.calls.hunting import Target
from softswitch.calls.leg import Leg, Party
from softswitch.calls.sip.intake import TOO_MANY_CALLS
from softswitch.floor.channel import Dialect
from softswitch.sip.errors import ProtocolError
from softswitch.sip.events import IncomingInvite, RequestReceived
from softswitch.sip.message import Request

_GROUPS = frozenset({Session.PREARRANGED, Session.CHAT})
_DIALECTS = {System.MCPTT: Dialect.MCPTT, System.POC: Dialect.TBCP}


class PocServer:
    """See `softswitch.calls.application.Application`."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.urgency = Urgency(context)
        self.groups = GroupSessions(context, self.urgency)
        self.parties = PartySessions(context)
        self.standing = PreEstablished(context, self.groups)
        self.documents = Documents(context, self.groups, self.urgency)

    def claims(self, request: Request) -> bool:
        """See Application."""
        if request.method == "SUBSCRIBE" and self.documents.notifier.holds(request):
            return True
        return system_of(request) is not None

    def requested(self, event: RequestReceived, identity: Identity, now: float) -> None:
        """See Application."""
        self.documents.requested(event, identity, now)

    def registered(self, number: str, request: Request) -> None:
        """A REGISTER was taken; whose last device is gone is affiliated no more."""
        self.context.clients.registered(number, request)
        if request.get("Expires") == "0" and contact_system(request) is not None:
            self.context.affiliations.forget(number)

    # -- sessions that clients begin ----------------------------------------------------------------------------------

    def invited(self, event: IncomingInvite, identity: Identity, now: float) -> None:
        """See Application."""
        context, session, request = self.context, event.session, event.request
        system = system_of(request)
        assert system is not None, "only what is claimed comes here"
        try:
            invitation = Invitation.of(request, system)
        except ProtocolError as error:
            context.counters["malformed"] += 1
            session.reject(error.status if error.status >= 300 else 400, now, reason=error.text)
            return
        except Refused as refused:
            context.count(refused.refusal, identity.party.number)
            fields = refused.refusal.warning(context.host)
            session.reject(refused.refusal.status, now, fields=fields)
            return
        leg = self._leg("in", identity.party, system, trusted=identity.trusted)
        session.contact = leg.own_contact
        called = invitation.group or ",".join(invitation.callees) or invitation.session.value
        call, _ = context.exchange.intake.begin(session, identity, called, leg)
        if not invitation.info.urgent and context.exchange.intake.is_full(identity):
            call.refuse(TOO_MANY_CALLS)
            return
        try:
            if invitation.floor is not None:
                self._open_floor(leg, invitation, event.source.host, call.offer)
            if invitation.session is Session.PRE_ESTABLISHED:
                self.standing.open(call, leg)
            elif invitation.session in _GROUPS:
                self.groups.join(call, leg, invitation)
            else:
                self.parties.begin(call, leg, invitation)
        except Refused as refused:
            context.refuse(call, leg, refused.refusal)

    def _open_floor(self, leg: PocLeg, invitation: Invitation, host: str, offer: bytes | None) -> None:
        """Agree on floor control, with the priority that the group named allows at most; raises `Refused`."""
        talkgroups = self.context.talkgroups
        definition = talkgroups.book.definitions.get(invitation.group)
        member = talkgroups.book.members(definition).get(leg.party.number) if definition is not None else None
        assert invitation.floor is not None
        ceiling = member.priority if member is not None else None
        if not leg.open_floor(invitation.floor, host, offer, ceiling=ceiling):
            raise Refused(NO_FLOOR_LINE)

    def _leg(self, direction: str, party: Party, system: System, *, trusted: bool = False) -> PocLeg:
        context = self.context
        exchange = context.exchange
        return PocLeg(
            exchange.agent,
            exchange.now,
            context.new_id(),
            direction,
            party,
            system=system,
            terms=context.terms,
            trusted=trusted,
        )

    def ambience(self, target: Target) -> bool | None:
        """See Application: ambience listening is a service of MCPTT, which OMA PoC does not have."""
        system = self.context.clients.system_of(target.number, target.request_uri)
        return None if system is None else system is System.MCPTT

    # -- sessions that clients are invited to -------------------------------------------------------------------------

    def leg_for(self, target: Target, caller: Leg) -> PocLeg | None:
        """See Application: a client that is called into a group, or by another client."""
        system = self.context.clients.system_of(target.number, target.request_uri)
        if system is None:
            return None
        leg = self._leg("out", Party(target.number), system)
        if target.ambience:
            leg.listen_to(self.context.uri(caller.party.number))
        elif isinstance(caller, PocLeg):  # a private call without floor control
            leg.info, leg.manual = caller.info, caller.manual
        elif isinstance(caller, SwitchLeg) and caller.party.number in self.context.talkgroups.book.definitions:
            leg.info = self.groups.describe_for(caller.party.number)
            leg.info.request_uri = self.context.uri(target.number)
            leg.offer_floor(_DIALECTS[system])
        elif isinstance(caller, SwitchLeg) and (inviting := self.parties.inviting(caller.party.number)) is not None:
            leg.info, leg.manual = inviting.info, inviting.manual
            leg.offer_floor(_DIALECTS[system])
        else:
            return None
        return leg
