"""The exchange: keeps all calls, and joins the SIP user agent, the dialplan and the media engine to them.

It answers the few questions a call has about the world (CallHost). Like everything below it, it does no I/O: the
runtime feeds it events and drains the agent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from softswitch.calls.access import Access, Identity
from softswitch.calls.application import Application
from softswitch.calls.call import Call
from softswitch.calls.conferences.conferences import Conferences
from softswitch.calls.gateway_intake import GatewayIntake
from softswitch.calls.gateways import Gateway, Gateways, SdpGateway
from softswitch.calls.host import CallSettings
from softswitch.calls.hunting import Diverted, History, Hunt, Stage, Target
from softswitch.calls.leg import Cause, Information, Leg
from softswitch.calls.media.digits import Key
from softswitch.calls.media.keys import Keys
from softswitch.calls.media.path import MediaPath
from softswitch.calls.media.pictures import KeyFrames
from softswitch.calls.media.reports import MediaReports
from softswitch.calls.ported_leg import PortedLeg
from softswitch.calls.queues.queues import Queues
from softswitch.calls.replacement import Replacement
from softswitch.calls.ringing import Ringing, RingingObserver
from softswitch.calls.routing import Caller, Router
from softswitch.calls.services.services import Services
from softswitch.calls.sip.dialler import SipDialler
from softswitch.calls.sip.intake import SipIntake
from softswitch.calls.sip.leg import SipLeg
from softswitch.calls.sip.trunk import Trunk, Trunks
from softswitch.calls.talkgroups.talkgroups import Talkgroups
from softswitch.events import EventBus
from softswitch.media import MediaEvent
from softswitch.sip.errors import ProtocolError
from softswitch.sip.events import IncomingInvite
from softswitch.sip.message import Request
from softswitch.sip.timerwheel import TimerWheel
from softswitch.sip.uri import SipUri, parse_uri
from softswitch.sip.useragent import UserAgent

_NO_SERVICES = Cause(503, 63, "services are not running")
_NOT_FOLLOWED = Cause(480, 20, "redirections are not followed")
_BAD_REDIRECTION = Cause(480, 20, "redirected to an address that cannot be called")


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
        self.trunks = trunks
        self.bus = bus
        self.now = now
        self.wall = wall
        self.settings = settings
        self.services: Services | None = None
        #: takes the position that an INVITE may carry, and describes it for the call's record.
        self.located: Callable[[Identity, Request], dict[str, object]] = lambda identity, request: {}
        self.conferences: Conferences | None = None
        self.talkgroups: Talkgroups | None = None
        self.queues: Queues | None = None
        self._gateways = Gateways(media, new_id)
        #: services that take their own SIP requests before the dialplan.
        self.applications: list[Application] = []
        self.calls: dict[str, Call] = {}
        self.answered = 0
        self.attempts = 0
        #: makes identifiers of calls and legs.
        self.new_id = new_id
        self.keys = Keys(media, trunks, router.directory, timers, now)
        self._key_frames = KeyFrames(media, now)
        self._media_reports = MediaReports(self, self._key_frames)
        media.keys = self.keys
        self._dialler = SipDialler(agent, media, trunks, domain, now, new_id, self._leg_for)
        self.intake = SipIntake(self, access, admit, new_id)
        #: handles an INVITE outside any dialog.
        self.incoming: Callable[[IncomingInvite, float], None] = self.intake.incoming
        #: takes in the calls that gateways bring.
        self.gateway_intake = GatewayIntake(self, admit, new_id)
        self._legs: dict[Leg, Call] = {}
        # Under which number each leg was counted: an exchange may tell another one when it answers.
        self._counted_as: dict[Leg, str] = {}
        self._by_number: dict[str, dict[Call, int]] = {}

    def add_gateway(self, name: str, gateway: Gateway) -> None:
        """Let routes lead to `gateway:name`."""
        self._gateways.add(name, gateway)
        self.router.gateways |= {name}

    def add_sdp_gateway(self, name: str, gateway: SdpGateway) -> None:
        """Let targets lead to a gateway whose parties speak SDP themselves."""
        self._gateways.add_sdp(name, gateway)

    def soon(self, action: Callable[[], None]) -> None:
        """Do something when the present turn is over."""
        self.timers.schedule(self.now(), lambda now: action())

    def add(self, call: Call) -> None:
        """A new call exists."""
        self.attempts += 1
        self.calls[call.id] = call

    # -- CallHost ---------------------------------------------------------------------------------------------------

    def dial(self, target: Target, ringing: Ringing, observer: RingingObserver) -> Leg | Cause:
        """See CallHost."""
        if target.gateway:
            return self._gateways.dial(target, observer.caller, ringing.offer, ringing)
        return self._dialler.dial(target, observer.caller, ringing.offer, ringing)

    def stages(self, number: str, caller: Leg) -> list[Stage] | Cause:
        """See CallHost."""
        rights = caller.caller if isinstance(caller, SipLeg | PortedLeg) else None
        if rights is None:
            rights = Caller(caller.party.number, self.router.directory.class_of(caller.party.number))
        return self.router.stages(number, rights)[1]

    def diverted(self, number: str, history: History, observer: RingingObserver) -> list[Stage] | Cause:
        """See CallHost."""
        return self.router.diverted(number, history)

    def redirected(self, uri: str, target: Target, stage: Stage | None) -> list[Stage] | Cause:
        """See CallHost."""
        if not self.settings.follow_redirects:
            return _NOT_FOLLOWED
        try:
            parsed = parse_uri(uri)
        except ProtocolError:
            return _BAD_REDIRECTION
        if not isinstance(parsed, SipUri) or parsed.secure:
            return _BAD_REDIRECTION
        history = (*target.history, Diverted(target.number, "deflection"))
        if self._dialler.is_own(parsed):
            return self.router.diverted(parsed.username, history)
        plain = parsed.replace(headers=())
        number = parsed.username or target.number
        elsewhere = Target(number, str(plain), plain, media=target.media, codecs=target.codecs, history=history)
        return [Stage([elsewhere], stage.ring_s if stage is not None else self.settings.ring_s, history=history)]

    def serve(self, call: Call, leg: Leg, target: Target) -> Cause | None:
        """See CallHost."""
        return _NO_SERVICES if self.services is None else self.services.serve(call, leg, target)

    def pass_key(self, leg: Leg, key: Key) -> bool:
        """See CallHost."""
        return self.keys.informed(leg, key)

    def picture_requested(self, leg: Leg, information: Information) -> bool:
        """See CallHost."""
        return self._key_frames.informed(leg, information)

    def information(self, leg: Leg, information: Information) -> bool:
        """See CallHost."""
        return self.talkgroups is not None and self.talkgroups.wishes.receive_information(leg, information)

    def renewed(self, leg: Leg) -> None:
        """See CallHost."""
        if self.conferences is not None:
            self.conferences.renewed(leg)

    def find_leg(self, call_id: str, to_tag: str, from_tag: str) -> Leg | None:
        """See CallHost."""
        session = self.agent.find_dialog(call_id, to_tag, from_tag)
        return session.owner if session is not None and isinstance(session.owner, SipLeg) else None

    def call_of(self, leg: Leg) -> Call | None:
        """See CallHost."""
        return self._legs.get(leg)

    def joined(self, leg: Leg, call: Call) -> None:
        """See CallHost."""
        if self._legs.get(leg) is call:
            return
        self._legs[leg] = call
        self._counted_as[leg] = leg.party.number
        calls = self._by_number.setdefault(leg.party.number, {})
        calls[call] = calls.get(call, 0) + 1
        trunk = self._trunk_of(leg)
        if trunk is not None:
            trunk.active += 1

    def left(self, leg: Leg, call: Call) -> None:
        """See CallHost."""
        if self._legs.get(leg) is not call:
            return
        del self._legs[leg]
        number = self._counted_as.pop(leg)
        calls = self._by_number[number]
        calls[call] -= 1
        if not calls[call]:
            del calls[call]
            if not calls:
                del self._by_number[number]
        trunk = self._trunk_of(leg)
        if trunk is not None:
            trunk.active = max(trunk.active - 1, 0)

    def finished(self, call: Call) -> None:
        """See CallHost."""
        self.calls.pop(call.id, None)
        if call.record.answered_at:
            self.answered += 1

    def application_of(self, request: Request) -> Application | None:
        """The application that claims a request outside a dialog."""
        return next((each for each in self.applications if each.claims(request)), None)

    def _leg_for(self, target: Target, caller: Leg) -> SipLeg | None:
        found = (each.leg_for(target, caller) for each in self.applications)
        return next((leg for leg in found if leg is not None), None)

    def _trunk_of(self, leg: Leg) -> Trunk | None:
        return self.trunks.by_name.get(leg.trunk) if isinstance(leg, SipLeg) and leg.trunk else None

    # -- for services, operators and the media engine -----------------------------------------------------------------

    def calls_of(self, number: str) -> Iterable[Call]:
        """The calls that the devices of `number` take part in."""
        return tuple(self._by_number.get(number, ()))

    def leg_named(self, leg_id: str) -> Leg | None:
        """The leg of that id, if it takes part in a call."""
        return next((leg for leg in self._legs if leg.id == leg_id), None)

    def active_calls(self, number: str) -> int:
        """How many calls the devices of `number` take part in."""
        return len(self._by_number.get(number, ()))

    def ringing_calls(self) -> list[Call]:
        """Calls that ring somewhere now, oldest first."""
        return [call for call in self.calls.values() if call.ringing is not None or call.replacement is not None]

    def ring_back(self, call: Call, number: str) -> Cause | None:
        """Ring `number` for the only party of `call`."""
        found = self.stages(number, call.caller)
        if isinstance(found, Cause):
            return found
        call.replacement = Replacement(self, call, None, call.caller, None)
        call.replacement.start(Hunt.through(found))
        return None

    def media_event(self, event: MediaEvent) -> None:
        """Something happened at a media port that a call should know."""
        self._media_reports.take(event)

    def held(self, leg: Leg) -> None:
        """An operator keeps `leg` apart from everybody."""
        if self.talkgroups is not None:
            self.talkgroups.held(leg)

    def resumed(self, leg: Leg) -> None:
        """An operator lets `leg` talk again."""
        for rooms in (self.conferences, self.talkgroups):
            if rooms is not None:
                rooms.resumed(leg)

    def disconnect_all(self, cause: Cause) -> None:
        """End every call, for a shutdown."""
        for call in list(self.calls.values()):
            call.disconnect(cause)
