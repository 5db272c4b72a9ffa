"""Calls between named parties: private with or without floor control, first to answer, ad hoc (TS 24.379 §11.1).

With floor control the parties meet in a temporary talkgroup of their own, whose arbiter is the same as everybody's.
Without it the call is an ordinary one, and the callee may be any telephone.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateways.poc.called_party import CalledParty, call_party
from gateways.poc.context import CONDUCTOR, Context
from gateways.poc.invitation import Invitation, Session
from gateways.poc.leg import PocLeg
from gateways.poc.mcptt_info import LOCAL, REMOTE, McpttInfo
from gateways.poc.recognition import System
from gateways.poc.refusals import BARRED, NO_FLOOR_LINE, NO_SETTINGS, NOT_LISTENABLE, Refused
from softswitch.calls.call import NORMAL, Call
from softswitch.calls.hunting import Hunt, Stage, Target
from softswitch.calls.leg import Cause, Leg, Party
from softswitch.calls.nobody import ELSEWHERE
from softswitch.calls.routing import Caller
from softswitch.calls.talkgroups.ambience import ambience_group
from softswitch.calls.talkgroups.definition import TalkgroupDefinition, plain_members
from softswitch.calls.talkgroups.talkgroup import Conduct
from softswitch.events import CallRecorded, Event, GroupLeft
from softswitch.events.groups import AmbienceChanged
from softswitch.floor import Tier
from softswitch.floor.adapters import Action, Command

_BARRED = Cause(403, 21, "not allowed")


@dataclass(slots=True)
class _Meeting:
    """Parties on their way into a temporary talkgroup; `callee` while it is being rung."""

    caller: PocLeg
    call: Call
    invitation: Invitation
    together: bool = False
    callee: CalledParty | None = None
    #: in an ambient listening call: who is listened to by whom, and the leg of the former once it is there.
    listened: tuple[str, str] | None = None
    microphone: str = ""


class PartySessions:
    """The calls of clients to named parties."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._meetings: dict[str, _Meeting] = {}
        self._by_call: dict[str, str] = {}
        context.exchange.bus.subscribe(self._on_event, GroupLeft.type, CallRecorded.type)

    def begin(self, call: Call, leg: PocLeg, invitation: Invitation) -> None:
        """Call whom the INVITE names; raises `Refused`."""
        context = self._context
        manual = invitation.manual
        for number in invitation.callees:
            settings = context.clients.settings(number)
            if settings is None and context.settings.require_settings:
                raise Refused(NO_SETTINGS)
            if settings is not None and settings.barred:
                raise Refused(BARRED)
            manual = manual or (settings is not None and not settings.automatic)
        if invitation.session is Session.AMBIENT and not self._may_listen(leg, invitation):
            call.refuse(_BARRED)
            return
        leg.manual = manual
        leg.info = self._info(leg, invitation)
        if invitation.floor is None:
            self._plain(call, leg, invitation)
        else:
            self._meet(call, leg, invitation)

    def _may_listen(self, leg: PocLeg, invitation: Invitation) -> bool:
        """Whether the listener is a dispatcher; raises `Refused` when there is no terminal to be listened to."""
        context = self._context
        listened, listener = _ambient(leg, invitation)
        if not context.is_dispatcher(listener):
            return False
        if invitation.floor is None:
            raise Refused(NO_FLOOR_LINE)
        if listened != leg.party.number:
            found = context.exchange.router.stages(listened, Caller(listener))[1]
            devices = [] if isinstance(found, Cause) else [target for stage in found for target in stage.targets]
            systems = {context.clients.system_of(target.number, target.request_uri) for target in devices}
            if systems != {System.MCPTT}:
                raise Refused(NOT_LISTENABLE)
        return True

    def _info(self, leg: PocLeg, invitation: Invitation) -> McpttInfo:
        info = invitation.info
        return McpttInfo(
            session_type=invitation.session.value,
            calling_user=self._context.uri(leg.party.number),
            emergency=info.emergency,
            alert=info.alert,
            imminent_peril=info.imminent_peril,
            ambient=(info.ambient or REMOTE) if invitation.session is Session.AMBIENT else None,
        )

    # -- without floor control ----------------------------------------------------------------------------------------

    def _plain(self, call: Call, leg: PocLeg, invitation: Invitation) -> None:
        """An ordinary call; several callees ring together and the first one has it."""
        router = self._context.exchange.router
        targets: list[Target] = []
        refusal: Cause | None = None
        for number in invitation.callees:
            found = router.stages(number, Caller(leg.party.number, router.directory.class_of(leg.party.number)))[1]
            if isinstance(found, Cause):
                refusal = refusal or found
            else:
                targets += [target for stage in found for target in stage.targets]
        if not targets and refusal is not None:
            call.refuse(refusal)
            return
        call.ring(Hunt.through([Stage(targets, self._context.settings.ring_s)]))

    # -- with floor control -------------------------------------------------------------------------------------------

    def _meet(self, call: Call, leg: PocLeg, invitation: Invitation) -> None:
        number = f"{invitation.session.value}.{call.id}"
        people = (leg.party.number, *invitation.callees)
        meeting = self._meetings[number] = _Meeting(leg, call, invitation)
        if invitation.session is Session.AMBIENT:
            listened, listener = meeting.listened = _ambient(leg, invitation)
            definition = ambience_group(number, listened, listener)
        else:
            definition = TalkgroupDefinition(number, "", plain_members(people), kind="temporary", auto_end=True)
        self._context.talkgroups.book.put(definition)
        self._by_call[call.id] = number
        leg.before_answer = lambda: self._start(number)
        if leg.manual:
            leg.progress(180, None)
        groups = [invitation.callees]
        if invitation.session is Session.ADHOC:
            groups = [[callee] for callee in invitation.callees]
        for callees in groups:
            self._call(meeting, number, callees)

    def _call(self, meeting: _Meeting, number: str, callees: list[str]) -> None:
        def welcome(call: Call, leg: Leg) -> Cause | None:
            meeting.callee = None
            refused = self._context.talkgroups.enter(call, leg, number)
            if meeting.listened is not None and leg.party.number == meeting.listened[0]:
                meeting.microphone = leg.id
            if refused is None and not meeting.together:
                meeting.together = True
                target = Target(number, service=f"talkgroup:{number}")
                meeting.call.ring(Hunt.through([Stage([target], 0.0)]))
            return refused

        shown = Party(meeting.caller.party.number, meeting.caller.party.display_name)
        meeting.callee = call_party(self._context, callees, shown, welcome, lambda cause: self._failed(number, cause))

    def _failed(self, number: str, cause: Cause) -> None:
        meeting = self._meetings.get(number)
        if meeting is not None and not meeting.together and meeting.invitation.session is not Session.ADHOC:
            meeting.callee = None
            meeting.call.refuse(cause)

    def _start(self, number: str) -> bool:
        """The caller is about to be answered, and the callee is there: the floor is given as the INVITE asked."""
        context = self._context
        meeting, group = self._meetings.get(number), context.talkgroups.in_use(number)
        if meeting is None or group is None:
            return False
        if meeting.listened is not None:
            return self._open_microphone(meeting, meeting.listened)
        tier = meeting.invitation.tier
        if tier is not Tier.NORMAL:
            group.conduct(CONDUCTOR, Conduct(tier))
        line = meeting.invitation.floor
        if line is None or not (line.implicit_request or line.dialect.name == "TBCP"):
            return False
        context.talkgroups.wishes.command(meeting.caller.id, Command(Action.REQUEST, tier=tier))
        return any(talker.participant == meeting.caller.id for talker in group.arbiter.talkers)

    def _open_microphone(self, meeting: _Meeting, listened: tuple[str, str]) -> bool:
        """Who is listened to has the floor for as long as the call lasts; True when that is the caller."""
        microphone = meeting.microphone or meeting.caller.id
        self._context.talkgroups.wishes.command(microphone, Command(Action.REQUEST), forced=True)
        self._tell(meeting, listened, "heard")
        return microphone == meeting.caller.id

    def _tell(self, meeting: _Meeting, listened: tuple[str, str], state: str) -> None:
        by = meeting.caller.party.number
        self._context.exchange.bus.tell(AmbienceChanged, meeting.call.id, *listened, by, state, 0, "")

    # -- the end ------------------------------------------------------------------------------------------------------

    def inviting(self, number: str) -> PocLeg | None:
        """The session of a user who is calling somebody with floor control now; the latest of several."""
        for meeting in reversed(self._meetings.values()):
            if meeting.caller.party.number == number and not meeting.call.is_over:
                return meeting.caller
        return None

    def _on_event(self, event: Event) -> None:
        if isinstance(event, GroupLeft):
            if event.group in self._meetings and event.present < 2:
                exchange = self._context.exchange
                exchange.timers.schedule(exchange.now(), lambda now: self._end(event.group))
        elif isinstance(event, CallRecorded):
            number = self._by_call.pop(event.call_id, "")
            if number:
                self._end(number)

    def _end(self, number: str) -> None:
        """One party has left: so do the others, and the group is no more."""
        meeting = self._meetings.pop(number, None)
        if meeting is None:
            return
        self._by_call.pop(meeting.call.id, None)
        if meeting.listened is not None and meeting.together:
            self._tell(meeting, meeting.listened, "ended")
        if meeting.callee is not None:
            meeting.callee.disconnect(ELSEWHERE)
        group = self._context.talkgroups.in_use(number)
        for seat in list(group.seats.values()) if group is not None else ():
            seat.call.disconnect(NORMAL)
        if not meeting.call.is_over:
            meeting.call.disconnect(NORMAL)
        self._context.talkgroups.book.remove(number)


def _ambient(leg: PocLeg, invitation: Invitation) -> tuple[str, str]:
    """Who is listened to and who listens in an ambient listening call."""
    caller, callee = leg.party.number, invitation.callees[0]
    return (caller, callee) if invitation.info.ambient == LOCAL else (callee, caller)
