"""Group calls: joining a chat, a prearranged call, a broadcast; members who are invited (TS 24.379 §10.1).

The talkgroup itself is the house's own; here is what MCPTT and PoC say about getting into it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateways.poc.called_party import call_party
from gateways.poc.context import CONDUCTOR, Context
from gateways.poc.invitation import Invitation, Session
from gateways.poc.leg import PocLeg
from gateways.poc.mcptt_info import McpttInfo
from gateways.poc.refusals import NO_EMERGENCY, NOT_A_MEMBER, NOT_AFFILIATED, UNKNOWN_GROUP, Refused
from gateways.poc.urgency import Urgency
from softswitch.calls.call import NORMAL, Call
from softswitch.calls.hunting import Hunt, Stage, Target
from softswitch.calls.leg import Cause, Leg, Party
from softswitch.calls.talkgroups.definition import members_of
from softswitch.calls.talkgroups.talkgroup import Conduct, Talkgroup
from softswitch.events import AffiliationChanged, Event, FloorGranted, FloorIdle, GroupJoined, GroupLeft
from softswitch.floor.adapters import Action, Command

if TYPE_CHECKING:
    from softswitch.sip.timerwheel import Timer


@dataclass(slots=True)
class _Running:
    """A call of a group that a client began: `started` once somebody else is there, `spoken` once a broadcast began."""

    by: str
    broadcast: bool = False
    started: bool = True
    spoken: bool = False
    timer: Timer | None = None
    ringing: set[str] = field(default_factory=set)


class GroupSessions:
    """The group calls of all clients."""

    def __init__(self, context: Context, urgency: Urgency) -> None:
        self._context = context
        self._urgency = urgency
        self._running: dict[str, _Running] = {}
        urgency.changed = self._tier_changed
        bus = context.exchange.bus
        bus.subscribe(self._on_event, GroupJoined.type, GroupLeft.type, FloorGranted.type, FloorIdle.type)

    # -- coming in --------------------------------------------------------------------------------------------------

    def join(self, call: Call, leg: PocLeg, invitation: Invitation) -> None:
        """Let a client into the group that its INVITE names; raises `Refused`."""
        number = invitation.group
        self.authorise(leg.party.number, number, invitation)
        leg.before_answer = lambda: self.started(leg, invitation)
        leg.raised = lambda info: self.declare(leg.party.number, number, info)
        target = Target(number, service=f"talkgroup:{number}")
        call.ring(Hunt.through([Stage([target], 0.0)]))

    def authorise(self, user: str, number: str, invitation: Invitation) -> None:
        """Raises `Refused` when the user may not take part; affiliates who may without having said so."""
        context = self._context
        definition = context.talkgroups.book.definitions.get(number)
        if definition is None:
            raise Refused(UNKNOWN_GROUP)
        members = members_of(definition, context.talkgroups.book.definitions)
        if not definition.is_open and user not in members and not context.is_dispatcher(user):
            raise Refused(NOT_A_MEMBER)
        info = invitation.info
        if (info.urgent or info.alert) and not self._urgency.may(user, number, info):
            raise Refused(NO_EMERGENCY)
        joins = invitation.session is Session.CHAT or info.urgent
        if not context.affiliations.is_affiliated(user, number):
            if not joins and not context.settings.implicit_affiliation:
                raise Refused(NOT_AFFILIATED)
            self.affiliate(user, number)

    def affiliate(self, user: str, number: str) -> None:
        """Affiliate a user by what it does."""
        context = self._context
        if context.affiliations.affiliate(user, number):
            context.exchange.bus.publish(AffiliationChanged(user, tuple(context.affiliations.groups_of(user))))

    def started(self, leg: PocLeg, invitation: Invitation) -> bool:
        """The client is in, and its INVITE is about to be answered; True when it has the floor with the answer."""
        number, info = invitation.group, invitation.info
        group = self._context.talkgroups.in_use(number)
        if group is None:
            return False
        if info.urgent or info.alert is not None:
            self._urgency.declare(leg.party.number, number, info)
        first = group.present == 1
        if first and invitation.session is not Session.CHAT:
            self._start(group, number, leg.party, broadcast=bool(info.broadcast))
        return self._ask(group, leg, invitation, first=first)

    def _ask(self, group: Talkgroup, leg: PocLeg, invitation: Invitation, *, first: bool) -> bool:
        """Ask for the floor where the INVITE does; a chat that is joined, or a running call, is only listened to."""
        line = invitation.floor
        if line is None or not (line.implicit_request or line.dialect.name == "TBCP"):
            return False
        if not invitation.info.urgent and (not first or invitation.session is Session.CHAT):
            return False
        command = Command(Action.REQUEST, tier=invitation.tier)
        self._context.talkgroups.wishes.command(leg.id, command)
        return any(talker.participant == leg.id for talker in group.arbiter.talkers)

    def _start(self, group: Talkgroup, number: str, by: Party, *, broadcast: bool) -> None:
        """The call begins: members are invited, and the floor waits until one of them is there (or TNG1 is over)."""
        context = self._context
        running = self._running[number] = _Running(by.number, broadcast)
        running.ringing = {user for user in context.affiliations.users_of(number) if user != by.number}
        running.started = not running.ringing
        self._conduct(number, running)
        if running.ringing:
            at = context.exchange.now() + context.settings.setup_s
            running.timer = context.exchange.timers.schedule(at, lambda now: self._go_on(number))
        for user in sorted(running.ringing):
            self.invite(user, number)

    def _conduct(self, number: str, running: _Running) -> None:
        group = self._context.talkgroups.in_use(number)
        if group is not None:
            broadcaster = running.by if running.broadcast else ""
            group.conduct(CONDUCTOR, Conduct(self._urgency.tier(number), broadcaster, not running.started))

    def invite(self, user: str, number: str) -> None:
        """Call a user into a group; one who does not answer is not waited for."""
        talkgroups = self._context.talkgroups
        definition = talkgroups.book.definitions.get(number)
        shown = Party(number, definition.name if definition is not None else "")

        def welcome(call: Call, leg: Leg) -> Cause | None:
            if isinstance(leg, PocLeg):
                leg.raised = lambda info: self.declare(user, number, info)
            return talkgroups.enter(call, leg, number)

        call_party(self._context, [user], shown, welcome, lambda cause: self._absent(number, user))

    # -- while it runs ----------------------------------------------------------------------------------------------

    def declare(self, user: str, number: str, info: McpttInfo) -> int:
        """A member declares an emergency in a running call, or takes it back; a status refuses it, 0 does not."""
        if not self._urgency.may(user, number, info):
            self._context.count(NO_EMERGENCY, user)
            return NO_EMERGENCY.status
        self._urgency.declare(user, number, info)
        return 0

    def _tier_changed(self, number: str) -> None:
        self._conduct(number, self._running.get(number) or _Running(""))

    def describe_for(self, number: str) -> McpttInfo:
        """What the INVITE to a member of a group says."""
        context = self._context
        running = self._running.get(number)
        tier = self._urgency.tier(number)
        return McpttInfo(
            session_type=Session.PREARRANGED.value,
            calling_user=context.uri(running.by) if running is not None else None,
            calling_group=context.uri(number),
            emergency=True if tier.name == "EMERGENCY" else None,
            imminent_peril=True if tier.name == "PERIL" else None,
            alert=bool(self._urgency.alerts(number)) or None,
            broadcast=True if running is not None and running.broadcast else None,
        )

    def _go_on(self, number: str) -> None:
        """Somebody else has come, or nobody will: who asked for the floor meanwhile gets an answer."""
        running = self._running.get(number)
        if running is None or running.started:
            return
        running.started = True
        if running.timer is not None:
            running.timer.cancel()
        self._conduct(number, running)

    def _absent(self, number: str, user: str) -> None:
        running = self._running.get(number)
        if running is not None:
            running.ringing.discard(user)
            if not running.ringing:
                self._go_on(number)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, GroupJoined):
            if event.group in self._running and event.present > 1:
                exchange, number = self._context.exchange, event.group
                # When this is told, the arbiter is about to hear of the party and not yet ready to give it a listener.
                exchange.timers.schedule(exchange.now(), lambda now: self._go_on(number))
        elif isinstance(event, GroupLeft):
            if event.present == 0:
                self._end(event.group)
        elif isinstance(event, FloorGranted):
            running = self._running.get(event.group)
            if running is not None and running.broadcast:
                running.spoken = True
        elif isinstance(event, FloorIdle):
            running = self._running.get(event.group)
            if running is not None and running.broadcast and running.spoken:
                exchange, number = self._context.exchange, event.group
                exchange.timers.schedule(exchange.now(), lambda now: self.release(number))

    def _end(self, number: str) -> None:
        running = self._running.pop(number, None)
        if running is not None and running.timer is not None:
            running.timer.cancel()
        self._urgency.end(number)

    def release(self, number: str) -> None:
        """End a call of a group: everybody is released."""
        group = self._context.talkgroups.in_use(number)
        for seat in list(group.seats.values()) if group is not None else ():
            seat.call.disconnect(NORMAL)
