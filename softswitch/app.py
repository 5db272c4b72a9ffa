"""The whole switch put together: the only module that knows every room."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import random
import secrets
import time
from collections.abc import Callable, Container, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dialplan import Plan, Target
from gateways.e1.gateway import E1Gateway
from gateways.webrtc import WebRtcGateway
from softswitch import wiring, wiring_gateways
from softswitch.calls.access import Access, Identity
from softswitch.calls.call import Call
from softswitch.calls.conference import Conferences
from softswitch.calls.conference_call import ConferenceCalls
from softswitch.calls.conference_definition import ConferenceDefinition, conference_of, describe_conference
from softswitch.calls.exchange import Exchange
from softswitch.calls.group_calls import GroupCalls
from softswitch.calls.invitation import Inviter
from softswitch.calls.keepalive import PING, Keepalive
from softswitch.calls.leg import Cause, Leg
from softswitch.calls.media_path import MediaPath
from softswitch.calls.parking import Parking
from softswitch.calls.pickup import Pickup
from softswitch.calls.presence import Presence
from softswitch.calls.queue_definition import QueueDefinition, describe_queue, queue_of
from softswitch.calls.queues import Queues
from softswitch.calls.registration import Registrations
from softswitch.calls.regrouping import Regrouping
from softswitch.calls.roll_call import RollCalls
from softswitch.calls.routing import Router
from softswitch.calls.services import Services
from softswitch.calls.sip_dispatch import SipDispatch
from softswitch.calls.supervision import Supervision
from softswitch.calls.talkgroup_definition import TalkgroupDefinition, definition_of, describe_definition
from softswitch.calls.talkgroups import Talkgroups
from softswitch.calls.trunk import Trunk, Trunks
from softswitch.calls.trunk_watch import TrunkWatch
from softswitch.conference_events import ConferenceRollCallEnded
from softswitch.config.models import ListenSettings, Settings
from softswitch.config.plan import to_plan
from softswitch.correlation import Correlation
from softswitch.directory import Directory, FeaturesChanged, SubscriberRemoved, merge
from softswitch.directory.departments import Departments
from softswitch.directory.rules import AccessRules
from softswitch.events import AccessRefused, EventBus
from softswitch.identifiers import Identifiers
from softswitch.location.locations import Locations
from softswitch.media import MediaEngine, MediaError, MediaEvent, Port
from softswitch.media.hold import hold_music
from softswitch.media.sounds import announcement, load_wav
from softswitch.media_metrics import watch_media
from softswitch.media_watch import MediaWatch
from softswitch.message_keeping import MessageKeeper
from softswitch.messaging.service import Messaging
from softswitch.own_metrics import watch_application
from softswitch.position_keeping import LocationKeeper
from softswitch.quality_watch import QualityWatch
from softswitch.recordings.index import Index
from softswitch.recordings.playback import Playbacks
from softswitch.recordings.remote import RemoteRecorder
from softswitch.recordings.service import Recordings
from softswitch.records import Records
from softswitch.runtime.driver import SipDriver
from softswitch.runtime.guard import Guard
from softswitch.runtime.hep import HepExporter
from softswitch.runtime.lag import LagMonitor
from softswitch.runtime.logs import CorrelatingFilter
from softswitch.runtime.message_store import MessageStore
from softswitch.runtime.metrics import Metrics
from softswitch.runtime.network import SipNetwork
from softswitch.runtime.overload import Overload
from softswitch.runtime.resolver import Resolver, ResolverSettings
from softswitch.runtime.tasks import TaskOwner
from softswitch.runtime.trace import TraceHub
from softswitch.sip.address import Address
from softswitch.sip.binding import BindingChange
from softswitch.sip.digest import Authenticator
from softswitch.sip.events import Event
from softswitch.sip.message import Request
from softswitch.sip.nonces import Nonces
from softswitch.sip.publication import Publications, PublicationSettings
from softswitch.sip.registrar import Registrar
from softswitch.sip.timerwheel import TimerWheel
from softswitch.sip.useragent import UserAgent
from softswitch.store.batch import Done
from softswitch.store.documents import delete_document, list_documents, put_document
from softswitch.store.queries import list_subscribers
from softswitch.store.store import Store
from softswitch.store.talkgroups import delete_talkgroup, list_scan_lists, list_talkgroups, put_talkgroup

logger = logging.getLogger(__name__)

SHUTTING_DOWN = Cause(503, 41, "the switch is shutting down")
_HOUSEKEEPING_S = 0.25
_TIDY_S = 3600.0
#: How long a start waits for the recorder, how long that may need to complete what is recorded, how often we look.
_RECORDER_S, _RECORDINGS_S, _RECORDINGS_LOOK_S = 60.0, 10.0, 0.02
#: Numbers of temporary talkgroups and patches for which none is given.
TEMPORARY_GROUPS = range(89001, 90000)
#: Messages and calls are many small objects without cycles that last: looking through them often only costs.
_GARBAGE_THRESHOLDS = (50_000, 20, 50)


class Application:
    """One node of the switch. Made inside a running loop; `open` binds the sockets, `close` ends everything."""

    def __init__(self, settings: Settings, data_directory: Path, tasks: TaskOwner) -> None:
        loop = asyncio.get_running_loop()
        self.settings = settings
        self.data_directory = data_directory
        self.started_at = time.time()
        self._hep: HepExporter | None = None
        self.now = loop.time
        self.wall = time.time
        self._loop = loop
        self.ids = Identifiers(settings.node.id)
        self.bus = EventBus(time.time)
        self.trace = TraceHub()
        self.messages = MessageStore(wiring.message_limits(settings))
        self.trace.subscribe(self.messages)
        self.metrics = Metrics()
        self.store = Store(
            data_directory / settings.storage.path,
            settings.storage.durability,
            queue_limit=settings.storage.queue,
            deliver=self._deliver,
        )
        self._build_core()
        self._build_calls()
        self._build_runtime(tasks)
        self.e1: list[E1Gateway] = []
        self.gateways = wiring_gateways.build(self)
        self.gateways_open = False
        watch_application(self.metrics, self)

    # -- building ---------------------------------------------------------------------------------------------------

    def _build_core(self) -> None:
        settings = self.settings
        self.timers = TimerWheel()
        self.directory = Directory()
        self.departments = Departments()
        self.departments.replace(wiring.departments(settings))
        self.access_rules = AccessRules(self.departments)
        self.access_rules.configured = wiring.access_rules(settings)
        self.trunks = Trunks.of(wiring.trunks(settings))
        self.registrar = Registrar(wiring.registrar_settings(settings), self.ids.token)
        self.guard = Guard(wiring.guard_settings(settings))
        self.overload = Overload(wiring.overload_settings(settings), random.random)
        self.agent = UserAgent(
            timers=self.timers,
            new_id=self.ids.token,
            sent_by=self.sent_by,
            settings=wiring.agent_settings(settings),
        )
        nonces = Nonces(secrets.token_bytes(32), lifetime=float(settings.security.nonce_seconds))
        self.access = Access(
            self.directory,
            self.trunks,
            Authenticator(settings.sip.realm, nonces, algorithms=settings.security.digest_algorithms),
            self._verdict,
            trusted_listeners=frozenset(listen.name for listen in settings.sip.listen if listen.trusted),
            authenticate=settings.security.authentication,
        )
        self.engine = MediaEngine(**wiring.media_options(settings.rtp, self.data_directory))

    def _build_calls(self) -> None:
        settings, domain = self.settings, self.domain
        self.router = Router(
            to_plan(settings),
            self.directory,
            self.registrar,
            self.trunks,
            self.now,
            lambda: datetime.now().astimezone(),
            lambda number: self.exchange.active_calls(number),
            ring_s=settings.sip.invite_timeout_s,
            services=frozenset({"service", "conference", "talkgroup", "queue"}),
        )
        media = MediaPath(
            self.engine,
            timeout_s=settings.rtp.timeout_s,
            address6="::1" if settings.loopback_only else None,
            session_id=lambda: secrets.randbits(52),
            random=secrets.token_bytes,
            srtp=settings.rtp.srtp,
            suites=settings.rtp.srtp_suites,
            reports=settings.rtp.extended_reports,
        )
        self.exchange = Exchange(
            agent=self.agent,
            timers=self.timers,
            media=media,
            router=self.router,
            access=self.access,
            trunks=self.trunks,
            bus=self.bus,
            now=self.now,
            wall=time.time,
            new_id=self.ids.next,
            domain=domain,
            settings=wiring.call_settings(settings),
            admit=lambda emergency: self.overload.admit("call", self.now(), emergency=emergency),
        )
        self._build_rooms()
        self._build_desks()
        self._build_gateways()
        self._build_recordings()
        self.records = Records(self.store, settings.node.id)
        self.bus.subscribe(self.records.on_event, *self.records.types)
        self.bus.subscribe(self.presence.on_event, "call.state", "leg.state")
        self.bus.subscribe(self.metrics.observe_event)

    def _build_rooms(self) -> None:
        """What the switch answers by itself: services, conferences, talkgroups."""
        settings = self.settings
        parking = Parking(self.exchange, self.engine, hold_music)
        pickup = Pickup(self.directory, self.exchange.ringing_calls)
        self.services = Services(wiring.services(settings), self.engine, _sound, parking, pickup)
        self.exchange.services = self.services
        self.conferences = Conferences(self.exchange, self.engine, wiring.conferences(settings))
        rights = wiring.floor_rights(self.directory)
        self.talkgroups = Talkgroups(self.exchange, self.engine, wiring.talkgroups(settings), rights)
        self.exchange.conferences, self.exchange.talkgroups = self.conferences, self.talkgroups
        self.queues = Queues(self.exchange, self.engine, hold_music, wiring.queues(settings))
        self.exchange.queues = self.services.queues = self.queues
        self.services.rooms = {"conference": self.conferences, "talkgroup": self.talkgroups, "queue": self.queues}
        self._build_dispatching()

    def _build_dispatching(self) -> None:
        """What dispatchers do: group calls, temporary groups, roll-calls, supervision of calls."""
        exchange, new_id = self.exchange, self.ids.next
        inviter = Inviter(exchange, new_id, self.domain)
        self.group_calls = GroupCalls(exchange, self.talkgroups, inviter, new_id)
        self.roll_calls = RollCalls(exchange, inviter, new_id, lambda: self._play_announcement)
        self.supervision = Supervision(exchange, self.engine, inviter)
        self.inviter = inviter
        self.conference_calls = ConferenceCalls(exchange, self.conferences, inviter, new_id)
        self.conference_roll_calls = RollCalls(
            exchange, inviter, new_id, lambda: self._play_announcement, ConferenceRollCallEnded
        )
        self.regrouping = Regrouping(
            exchange,
            self.talkgroups,
            self.group_calls,
            taken=lambda number: number in self.router.plan.numbers,
            keep=self._keep_group,
            forget=self._forget_group,
            free=(str(number) for number in TEMPORARY_GROUPS),
        )

    def _play_announcement(self, port: Port) -> Cause | None:
        try:
            self.engine.play(port, announcement())
        except MediaError as error:
            return Cause(488, 88, str(error))
        return None

    def _keep_group(self, definition: TalkgroupDefinition) -> None:
        """A talkgroup was made or changed: it can be dialled, and outlasts this process."""
        number = definition.number
        self._dial_rooms(self.router.plan)
        self.store.write(put_talkgroup(number, describe_definition(definition)))

    def _forget_group(self, number: str) -> None:
        self._not_dialled(number, self.talkgroups.definitions)
        self.store.write(delete_talkgroup(number))

    def keep_conference(self, definition: ConferenceDefinition) -> None:
        """A conference was made or changed: it can be dialled, and outlasts this process."""
        self.conferences.put(definition)
        self._dial_rooms(self.router.plan)
        self.store.write(put_document("conferences", definition.number, describe_conference(definition)))

    def forget_conference(self, number: str) -> None:
        """A conference was given up; raises LookupError when it stands in no store."""
        self.conferences.remove(number)
        self._not_dialled(number, self.conferences.definitions)
        self.store.write(delete_document("conferences", number))

    def keep_queue(self, definition: QueueDefinition) -> None:
        """A queue was made or changed: it can be dialled, and outlasts this process."""
        self.queues.put(definition)
        self._dial_rooms(self.router.plan)
        self.store.write(put_document("queues", definition.number, describe_queue(definition)))

    def forget_queue(self, number: str) -> None:
        """A queue was given up; raises LookupError when it stands in no store."""
        self.queues.remove(number)
        self._not_dialled(number, self.queues.definitions)
        self.store.write(delete_document("queues", number))

    def _not_dialled(self, number: str, left: Container[str]) -> None:
        """Let a number lead nowhere unless it is `left` in the configuration."""
        numbers = self.router.plan.numbers
        if number not in left and isinstance(numbers, dict):
            numbers.pop(number, None)

    def _dial_rooms(self, plan: Plan) -> Plan:
        """Let rooms that stand in no configuration be dialled."""
        numbers = plan.numbers
        assert isinstance(numbers, dict), "the plan of a running switch is made with a dictionary"
        for kind, definitions in (
            ("talkgroup", self.talkgroups.definitions),
            ("conference", self.conferences.definitions),
            ("queue", self.queues.definitions),
        ):
            for number in definitions:
                numbers.setdefault(number, Target(kind))
        return plan

    def _build_recordings(self) -> None:
        """What is recorded, and what is played into calls."""
        recording = self.settings.recording
        policy = wiring.recording_policy(self.settings)
        self.recorder = RemoteRecorder(self.engine, recording.minimum_free_mb)
        directory = (self.data_directory / recording.directory).resolve()
        self.recording_index = Index(self.store, self.bus, directory, time.time)
        self.recordings = Recordings(
            self.exchange, self.engine, self.recording_index, self.recorder.ask, self.ids.next, policy
        )
        self.recorder.on_notice = self.recordings.on_notice
        self.recorder.on_change = lambda pid, started: self.recordings.recorder_changed(pid, started=started)
        self.recording_index.policy = policy
        self.bus.subscribe(self.recordings.on_event, *self.recordings.types)
        self.playbacks = Playbacks(self.engine, self.now)

    def _build_desks(self) -> None:
        """Who answers requests outside calls, and the trunks that are asked by us."""
        settings, domain = self.settings, self.domain
        self.registrations = Registrations(
            agent=self.agent,
            access=self.access,
            registrar=self.registrar,
            bus=self.bus,
            persist=self._persist,
            now=self.now,
            wall=time.time,
            admit=lambda: self.overload.admit("registration", self.now()),
        )
        self.keepalive = Keepalive(self.registrar, settings.sip.nat_keepalive_s)
        self.publications = Publications(PublicationSettings(), self.ids.token)
        self.presence = Presence(
            agent=self.agent,
            access=self.access,
            directory=self.directory,
            registrar=self.registrar,
            publications=self.publications,
            calls=lambda: self.exchange.calls.values(),
            calls_of=self.exchange.calls_of,
            contact=self._contact,
            new_id=self.ids.token,
            now=self.now,
            wall=time.time,
            domain=domain,
        )
        self.registrations.changed = self._registration_changed
        self.message_keeper = MessageKeeper(self.store)
        self.location_keeper = LocationKeeper(self.store)
        self.locations = Locations(
            bus=self.bus, keeper=self.location_keeper, wall=time.time, settings=wiring.location(settings)
        )
        self.presence.published = self._heard_position
        self.exchange.located = self.locations.hear
        self.messaging = Messaging(
            agent=self.agent,
            access=self.access,
            router=self.router,
            bus=self.bus,
            timers=self.timers,
            keeper=self.message_keeper,
            members=self.talkgroups.members_of,
            present=self.talkgroups.present,
            may_address_all=lambda number: self.directory.has_role(number, "dispatcher"),
            new_id=self.ids.next,
            new_token=self.ids.token,
            now=self.now,
            wall=time.time,
            domain=domain,
            settings=wiring.messaging(settings),
        )
        self.messaging.pager.heard = self._heard_position
        self.trunk_watch = TrunkWatch(
            self.agent, self.timers, self.trunks, self.bus, self.ids.token, self.now, self._trunk_contact
        )
        self.dispatch = SipDispatch(
            self.agent, self.exchange, self.registrations, self.presence, self.messaging.pager.handle, self.access
        )

    def _registration_changed(self, number: str) -> None:
        self.presence.registration_changed(number)
        self.messaging.outbox.registered(number)

    def _heard_position(self, identity: Identity, request: Request) -> None:
        self.locations.hear(identity, request)

    def _build_gateways(self) -> None:
        self.webrtc = WebRtcGateway(self.exchange, self.ids.next, lambda work: self.driver.post(lambda now: work()))
        self.exchange.add_sdp_gateway("webrtc", self.webrtc)
        self.router.gateway_devices = self.webrtc.devices

    def _build_runtime(self, tasks: TaskOwner) -> None:
        self.resolver = Resolver(ResolverSettings(), random=random.random, clock=self.now)
        sip = self.settings.sip
        self.network = SipNetwork(tasks, limits=wiring.stream_limits(sip), server_name=self.resolver.server_name)
        self.network.use_client_tls(wiring.outgoing_tls(sip))
        self.network.on_closed = self._connection_closed
        self.lag = LagMonitor(self.overload.note_lag, self.metrics.loop_lag.observe)
        self.correlation = Correlation(self.exchange, self.dispatch.handle)
        CorrelatingFilter.correlate = self.correlation.about
        self.driver: SipDriver[Event] = SipDriver(
            self.agent,
            self.correlation.handle,
            network=self.network,
            tasks=tasks,
            resolver=self.resolver,
            guard=self.guard,
            trace=self.trace,
            counters=self.agent.counters,
        )
        self.metrics.watch_counters(self.agent.counters)
        self.metrics.watch_driver(self.driver)
        self.metrics.watch_network(self.network)
        self.metrics.watch_guard(self.guard, self.now)
        self.metrics.watch_overload(self.overload)
        self.media_watch = MediaWatch(self.engine, self.bus, self.settings.rtp.unclaimed_s)
        self.metrics.counter(
            "softswitch_media_workers_lost",
            "Media workers that ended unasked since the start.",
            lambda: self.media_watch.workers_lost,
        )
        self.quality_watch = QualityWatch(
            self.engine, self.bus, wiring.quality_limits(self.settings), self._party_of, time.monotonic_ns
        )
        watch_media(self.metrics, self.engine, self.quality_watch)

    def _party_of(self, port: Port) -> tuple[Call, Leg] | None:
        """The call and the leg that a port serves."""
        leg = self.exchange.media.leg_of(port)
        call = self.exchange.call_of(leg) if leg is not None else None
        return (call, leg) if call is not None and leg is not None else None

    # -- life -------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Open storage, media and every listener. Raises OSError, StoreError, MediaError."""
        self.store.start()
        self._load()
        self.engine.start()
        self.media_watch.begin(self.now())
        self._loop.add_reader(self.engine.event_fd, self._poll_media)
        await self._begin_recording()
        self.driver.post(lambda now: self.recordings.start())
        for listen in self.settings.sip.listen:
            await self._listen(listen)
        for gateway in self.gateways:
            await gateway.open()
        self.gateways_open = True
        self._export_hep()
        self.driver.post(self._housekeeping)
        self.driver.post(self._tidy)
        self.driver.post(self.trunk_watch.start)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GARBAGE_THRESHOLDS)

    async def _listen(self, listen: ListenSettings) -> None:
        if listen.transport == "udp":
            await self.network.listen_udp(listen.name, listen.address, listen.port)
        elif listen.transport == "tcp":
            await self.network.listen_tcp(listen.name, listen.address, listen.port)
        else:
            contexts = wiring.tls_contexts(listen, self.data_directory, self.settings.local_domains)
            await self.network.listen_tls(listen.name, listen.address, listen.port, contexts)

    def _export_hep(self) -> None:
        hep = self.settings.hep
        if hep.enabled:
            key = hep.password.get_secret_value() if hep.password else ""
            self._hep = HepExporter(hep.host, hep.port, agent=hep.agent_id, key=key)
            self.trace.subscribe(self._hep)

    def _load(self) -> None:
        """Take in what outlived the last run."""
        self.directory.reload(merge(self.settings, self.store.read(list_subscribers)))
        self.directory.restore(self.store.load_features())
        self._load_rooms()
        self.router.plan = self._plan(self.settings)
        self.records.close_interrupted(time.time())
        bindings = self.store.load_bindings(time.time())
        gone = self.registrar.restore(bindings, self.now(), time.time())
        if gone:
            self._persist(gone, lambda stored: None)
        if bindings:
            logger.info("%d registrations are back", len(bindings) - len(gone))
        self.messaging.outbox.restore(self.message_keeper.waiting())
        self._load_locations()

    def _load_rooms(self) -> None:
        definitions = []
        for document in self.store.read(list_talkgroups):
            try:
                definitions.append(definition_of(document))
            except (KeyError, TypeError, ValueError):
                logger.exception("a stored talkgroup cannot be read")
        self.regrouping.restore(definitions)
        for document in self.store.read(list_documents("conferences")):
            self.conferences.put(conference_of(document))
        for document in self.store.read(list_documents("queues")):
            self.queues.put(queue_of(document))
        self.talkgroups.scan_lists.update(self.store.read(list_scan_lists))

    def _load_locations(self) -> None:
        for fence in self.location_keeper.fences():
            self.locations.fences.put(fence)
        for subscription in self.location_keeper.subscriptions():
            self.locations.subscriptions.add(subscription)
        self.locations.restore(self.location_keeper.newest())

    def _plan(self, settings: Settings) -> Plan:
        return self._dial_rooms(to_plan(settings, [subscriber.number for subscriber in self.directory]))

    async def drain(self) -> None:
        """End calls politely before the sockets close."""
        self.driver.post(lambda now: self._say_goodbye())
        await asyncio.sleep(0.2)

    def _say_goodbye(self) -> None:
        self.exchange.disconnect_all(SHUTTING_DOWN)
        self.presence.close()
        self.trunk_watch.stop()

    async def close(self) -> None:
        """Close every socket, the engine and the database, in this order."""
        self.driver.stop()
        with contextlib.suppress(ValueError, OSError):
            self._loop.remove_reader(self.engine.event_fd)
        for gateway in self.gateways:
            await gateway.close()
        await self.network.close()
        self.locations.flush()
        self.recordings.stop_all()
        await self._complete_recordings()
        self.engine.close()
        self.store.close()
        if self._hep is not None:
            self._hep.close()

    async def _begin_recording(self) -> None:
        """See that the recorder is there before the first call is."""
        self.recorder.begin()
        deadline = time.monotonic() + _RECORDER_S
        while not self.recorder.ready and time.monotonic() < deadline:
            await asyncio.sleep(_RECORDINGS_LOOK_S)
            self._poll_media()

    async def _complete_recordings(self) -> None:
        """Wait until the recorder has completed what was ended, and the index knows."""
        deadline = time.monotonic() + _RECORDINGS_S
        while not self.recordings.settled and time.monotonic() < deadline:
            await asyncio.sleep(_RECORDINGS_LOOK_S)
            for event in self.engine.poll():
                self.recorder.media_event(event)
        await asyncio.sleep(0)

    def _housekeeping(self, now: float) -> None:
        self.registrations.expire(now)
        self.presence.handle_timer(now)
        self._follow_directory()
        self.locations.flush()
        for identifier in self.locations.subscriptions.ended(self.wall()):
            self.locations.subscriptions.remove(identifier)
            self.location_keeper.delete_subscription(identifier)
        for flow in self.keepalive.due(now, len(self.registrar)):
            self.network.send(PING, flow)
        self._poll_media()
        self.media_watch.handle_timer(now)
        self.quality_watch.handle_timer(now)
        self.timers.schedule(now + _HOUSEKEEPING_S, self._housekeeping)

    def _tidy(self, now: float) -> None:
        """Remove what has been kept long enough."""
        messages = self.settings.messaging
        if messages.history_days:
            self.message_keeper.forget_before(self.wall() - messages.history_days * 86400)
        location = self.settings.location
        if location.history_days:
            self.location_keeper.forget_before(self.wall() - location.history_days * 86400)
        self.timers.schedule(now + _TIDY_S, self._tidy)

    def _follow_directory(self) -> None:
        """What subscribers chose is kept; a number that is gone has no contacts any more."""
        while (event := self.directory.next_event()) is not None:
            if isinstance(event, FeaturesChanged):
                self.store.save_features(event.number, dict(event.choices), self.wall())
            elif isinstance(event, SubscriberRemoved):
                self.registrations.dropped(self.registrar.remove(event.number))

    def _poll_media(self) -> None:
        events = self.engine.poll()
        if events:
            self.driver.post(lambda now: self._tell_media(events))

    def _tell_media(self, events: Sequence[MediaEvent]) -> None:
        for event in events:
            self.media_watch.handle(event)
            if not (self.recorder.media_event(event) or self.playbacks.media_event(event)):
                self.exchange.media_event(event)

    # -- reload -----------------------------------------------------------------------------------------------------

    def reload(self, settings: Settings) -> list[str]:
        """Put `settings` in force as far as that is possible while running; returns what needs a restart.

        Raises ValueError and keeps everything as it was when the dialplan cannot be made.
        """
        to_plan(settings)
        needs_restart = wiring.needs_restart(self.settings, settings)
        self.settings = settings
        self.directory.reload(merge(settings, self.store.read(list_subscribers)))
        self.talkgroups.replace(wiring.talkgroups(settings))
        self.conferences.replace(wiring.conferences(settings))
        self.queues.replace(wiring.queues(settings))
        self.departments.replace(wiring.departments(settings))
        self.access_rules.configured = wiring.access_rules(settings)
        self.router.plan = self._plan(settings)
        self.trunks.replace(wiring.trunks(settings))
        self.services.replace(wiring.services(settings))
        self.registrar.configure(wiring.registrar_settings(settings))
        self.guard.configure(wiring.guard_settings(settings))
        self.overload.configure(wiring.overload_settings(settings))
        self.recordings.policy = self.recording_index.policy = wiring.recording_policy(settings)
        self.messaging.configure(wiring.messaging(settings))
        self.locations.settings = wiring.location(settings)
        self.quality_watch.limits = wiring.quality_limits(settings)
        self.messages.limits = wiring.message_limits(settings)
        self.keepalive.interval_s = settings.sip.nat_keepalive_s
        self.exchange.settings = wiring.call_settings(settings)
        self.driver.post(self.trunk_watch.start)
        self.network.reload_certificates()
        self.resolver.forget()
        return needs_restart

    def problems(self) -> list[str]:
        """What is wrong now, one sentence each, for the health answer."""
        found = [f"trunk {trunk.name} is down" for trunk in self.trunks.by_name.values() if not trunk.up]
        if self.recordings.storage_full:
            found.append(f"recordings cannot be written: {self.recordings.storage_full}")
        if self.store.failures:
            found.append(f"{self.store.failures} writes to the database failed")
        if self.driver.handler_failures:
            found.append(f"{self.driver.handler_failures} messages could not be handled; the log tells which")
        found += [problem for gateway in self.e1 for problem in gateway.problems()]
        found += [f"media worker {w.number} does not run" for w in self.engine.workers() if not w.alive]
        return found

    # -- small glue -------------------------------------------------------------------------------------------------

    @property
    def domain(self) -> str:
        """The host that stands for us in From, To and identities."""
        sip = self.settings.sip
        return sip.domains[0] if sip.domains else self.sent_by("", "udp")[0]

    def sent_by(self, listener: str, transport: str) -> tuple[str, int]:
        """Host and port written into Via and Contact for a listener; raises LookupError when there is none."""
        sip = self.settings.sip
        for listen in sip.listen:
            if listener in ("", listen.name) and transport in ("", listen.transport):
                return wiring.advertised(sip, listen), listen.port
        if transport in ("ws", "wss"):
            return wiring.advertised(sip, sip.listen[0]), self.settings.http.port
        raise LookupError(f"no listener for {transport} {listener}".strip())

    def _contact(self, peer: Address) -> str:
        host, port = self.sent_by(peer.listener, peer.transport)
        suffix = f";transport={peer.transport}" if peer.transport != "udp" else ""
        return f"sip:{f'[{host}]' if ':' in host else host}:{port}{suffix}"

    def _trunk_contact(self, trunk: Trunk) -> str:
        host, port = self.sent_by(trunk.listener, trunk.transport)
        user = trunk.login.username if trunk.login else "softswitch"
        suffix = f";transport={trunk.transport}" if trunk.transport != "udp" else ""
        return f"sip:{user}@{f'[{host}]' if ':' in host else host}:{port}{suffix}"

    def _verdict(self, host: str, user: str, accepted: bool) -> None:
        if accepted:
            self.guard.authentication_succeeded(host, self.now())
        else:
            self.guard.authentication_failed(host, user, self.now())
            self.bus.publish(AccessRefused(host, user, "", "wrong credentials"))

    def _persist(self, changes: Sequence[BindingChange], durable: Callable[[bool], None]) -> None:
        try:
            self.store.save_changes(changes, lambda error: durable(error is None))
        except RuntimeError as error:
            logger.error("registrations are not stored: %s", error)
            durable(False)

    def _deliver(self, results: list[tuple[Done, BaseException | None]]) -> None:
        """Carry the writer thread's call-backs to the loop, all of one commit with one wake-up."""

        def run(now: float) -> None:
            for done, error in results:
                done(error)

        self.driver.post_threadsafe(run)

    def _connection_closed(self, address: Address) -> None:
        self.driver.post(lambda now: self.registrations.dropped(self.registrar.connection_closed(address, now)))


def _sound(file: Path | None) -> NDArray[np.int16]:
    return announcement() if file is None else load_wav(file)
