"""Requests of clients outside sessions: affiliation, service settings, watchers, alerts (TS 24.379 §7, §9, §12)."""

from __future__ import annotations

from collections.abc import Iterable

from gateways.poc.affiliation_command import AffiliationCommand
from gateways.poc.bodies import AFFILIATION_COMMAND, POC_SETTINGS, Bodies
from gateways.poc.context import Context
from gateways.poc.group_sessions import GroupSessions
from gateways.poc.identities import number_of_uri
from gateways.poc.poc_settings import PocSettings
from gateways.poc.refusals import NO_EMERGENCY, NOT_A_MEMBER, NOT_ALLOWED_CANCEL, UNKNOWN_GROUP, Refused
from gateways.poc.urgency import Urgency
from softswitch.calls.access import Identity
from softswitch.calls.sip.presence import NotifyOutcome
from softswitch.calls.talkgroups.definition import members_of
from softswitch.events import AffiliationChanged
from softswitch.sip.errors import ProtocolError
from softswitch.sip.events import RequestReceived
from softswitch.sip.message import Request
from softswitch.sip.packages import PRESENCE
from softswitch.sip.subscription import Notifier
from softswitch.sip.subscription_dialog import OutgoingNotify

_SETTINGS_EVENT = "poc-settings"


class Documents:
    """Answers PUBLISH, SUBSCRIBE and MESSAGE of clients."""

    def __init__(self, context: Context, groups: GroupSessions, urgency: Urgency) -> None:
        self._context = context
        self._groups = groups
        self._urgency = urgency
        contact = context.terms.contact.strip("<>")
        self.notifier = Notifier(
            (PRESENCE.serve(lambda user, version: context.affiliations.document(user), minimum_interval=0.1),),
            contact=lambda peer: contact,
            new_id=context.new_id,
            authorize=lambda package, watcher, user: watcher == user or context.is_dispatcher(watcher),
        )

    def requested(self, event: RequestReceived, identity: Identity, now: float) -> None:
        """One request; whatever is wrong with it is answered."""
        agent = self._context.exchange.agent
        user = identity.party.number
        try:
            method = event.request.method
            if method == "SUBSCRIBE":
                self._subscribe(event, user, now)
                return
            if method == "PUBLISH":
                self._publish(event.request, user, now)
                fields = [("SIP-ETag", self._context.new_id()), ("Expires", event.request.get("Expires") or "3600")]
            elif method == "MESSAGE":
                self._message(event.request, user, now)
                fields = []
            else:
                raise ProtocolError("no session to act on", status=481)
        except ProtocolError as error:
            self._context.counters["malformed"] += 1
            agent.respond(event.transaction, error.status or 400, now, reason=error.text)
        except Refused as refused:
            self._context.count(refused.refusal, user)
            warning = refused.refusal.warning(self._context.host)
            agent.respond(event.transaction, refused.refusal.status, now, fields=warning)
        else:
            agent.respond(event.transaction, 200, now, fields=fields)

    # -- PUBLISH ----------------------------------------------------------------------------------------------------

    def _publish(self, request: Request, user: str, now: float) -> None:
        bodies = Bodies.of(request)
        named = bodies.info.request_uri if bodies.info is not None else None
        about = number_of_uri(named) if named else user
        if about != user and not self._context.is_dispatcher(user):
            raise ProtocolError("only one's own state can be published", status=403)
        if (request.get("Event") or "").partition(";")[0].strip() == _SETTINGS_EVENT:
            self._settings(bodies, about, withdrawn=request.expires == 0)
        elif bodies.parts.get(AFFILIATION_COMMAND):
            self._command(bodies.parts[AFFILIATION_COMMAND], about, user, now)
        elif bodies.presence is not None:
            fresh = self._context.affiliations.publish(about, bodies.presence, request.expires, now)
            self._affiliated(about, fresh, now)
        else:
            raise ProtocolError("a PUBLISH that says nothing", section="TS 24.379 §9.2.2", status=400)

    def _settings(self, bodies: Bodies, user: str, *, withdrawn: bool) -> None:
        body = bodies.parts.get(POC_SETTINGS)
        if body is not None and not withdrawn:
            self._context.clients.publish(user, PocSettings.parse(body))
        elif withdrawn:
            self._context.clients.publish(user, None)

    def _command(self, body: bytes, user: str, by: str, now: float) -> None:
        command = AffiliationCommand.parse(body)
        if user != by and not self._context.is_dispatcher(by):
            raise ProtocolError("only a dispatcher affiliates others", status=403)
        before = set(self._context.affiliations.groups_of(user))
        self._context.affiliations.command(user, command.affiliate, command.leave)
        self._affiliated(user, set(self._context.affiliations.groups_of(user)) - before, now)

    def _affiliated(self, user: str, fresh: set[str], now: float) -> None:
        """The affiliations of a user are others: watchers are told, and running calls take the user in (late entry)."""
        context = self._context
        context.exchange.bus.publish(AffiliationChanged(user, tuple(context.affiliations.groups_of(user))))
        self._send(self.notifier.publish(PRESENCE.name, user, now), now)
        for number in fresh:
            group = context.talkgroups.in_use(number)
            if group is not None and all(seat.number != user for seat in group.seats.values()):
                self._groups.invite(user, number)

    # -- SUBSCRIBE --------------------------------------------------------------------------------------------------

    def _subscribe(self, event: RequestReceived, user: str, now: float) -> None:
        info = Bodies.of(event.request).info
        about = number_of_uri(info.request_uri) if info is not None and info.request_uri else user
        response, notifies = self.notifier.process(event.request, event.source, now, subscriber=user, resource=about)
        self._context.exchange.agent.respond(event.transaction, response, now)
        self._send(notifies, now)

    def _send(self, notifies: Iterable[OutgoingNotify], now: float) -> None:
        agent = self._context.exchange.agent
        for notify in notifies:
            agent.send(notify.request, notify.next_hop, now, owner=NotifyOutcome(self.notifier, notify.id))

    def handle_timer(self, now: float) -> None:
        """Run what is due; to be called about once a second."""
        for user in self._context.affiliations.expire(now):
            self._affiliated(user, set(), now)
        self._send(self.notifier.handle_timer(now), now)

    # -- MESSAGE ----------------------------------------------------------------------------------------------------

    def _message(self, request: Request, user: str, now: float) -> None:
        """An alert is raised or cancelled, or somebody is told to affiliate."""
        context = self._context
        bodies = Bodies.of(request)
        info = bodies.info
        if info is None:
            raise ProtocolError("a message without mcptt-info", section="TS 24.379 §12.1", status=415)
        number = number_of_uri(info.request_uri or "")
        if bodies.parts.get(AFFILIATION_COMMAND):
            self._command(bodies.parts[AFFILIATION_COMMAND], number or user, user, now)
            return
        definition = context.talkgroups.book.definitions.get(number)
        if definition is None:
            raise Refused(UNKNOWN_GROUP)
        members = members_of(definition, context.talkgroups.book.definitions)
        if not definition.is_open and user not in members and not context.is_dispatcher(user):
            raise Refused(NOT_A_MEMBER)
        concerned = number_of_uri(info.originated_by) if info.originated_by else user
        if concerned != user and not context.is_dispatcher(user):
            raise Refused(NOT_ALLOWED_CANCEL)
        if info.alert and not self._urgency.may(user, number, info):
            raise Refused(NO_EMERGENCY)
        if info.alert:
            self._groups.affiliate(user, number)
        if info.alert is not None:
            self._urgency.alert(concerned, number, raised=info.alert, by=user)
            self._urgency.tell(number, concerned)
        if info.emergency is False:
            self._groups.declare(user, number, info)
