"""The floor of who answers requests outside calls, of messages and positions, and of recordings."""

from __future__ import annotations

from pathlib import Path

from softswitch.app.rooms import Rooms
from softswitch.calls.access import Identity
from softswitch.calls.sip.dispatch import SipDispatch
from softswitch.calls.sip.keepalive import Keepalive
from softswitch.calls.sip.presence import Presence
from softswitch.calls.sip.registration import Registrations
from softswitch.calls.sip.trunk_watch import TrunkWatch
from softswitch.config.models import Settings
from softswitch.events import CallStateChanged, LegStateChanged
from softswitch.keeping.call_records import CallRecords
from softswitch.keeping.messages import MessageKeeper
from softswitch.keeping.positions import LocationKeeper
from softswitch.location.locations import Locations
from softswitch.media import MediaEngine
from softswitch.messaging.service import Messaging
from softswitch.recordings.index import Index
from softswitch.recordings.playback import Playbacks
from softswitch.recordings.remote import RemoteRecorder
from softswitch.recordings.service import Recordings
from softswitch.sip.message import Request
from softswitch.sip.publication import Publications, PublicationSettings
from softswitch.wiring import kept_values


class Desks(Rooms):
    """Everything that requests and events of SIP are handed to."""

    def __init__(self, settings: Settings, data_directory: Path, engine: MediaEngine) -> None:
        super().__init__(settings, data_directory, engine)
        self._build_registrations()
        self._build_presence()
        self._build_locations()
        self._build_messaging()
        self.trunk_watch = TrunkWatch(
            self.agent, self.timers, self.trunks, self.bus, self.ids.token, self.now, self.addresses.trunk_contact
        )
        self.dispatch = SipDispatch(
            self.agent, self.exchange, self.registrations, self.presence, self.messaging.pager.handle, self.access
        )
        self._build_recordings()
        self.records = CallRecords(self.store, settings.node.id)
        # Recordings come first: a call's record names them.
        self.recordings.follow(self.bus)
        self.bus.subscribe(self.records.on_event, *self.records.types)
        self.bus.on(CallStateChanged, self.presence.call_moved)
        self.bus.on(LegStateChanged, self.presence.leg_moved)

    def _build_registrations(self) -> None:
        self.registrations = Registrations(
            agent=self.agent,
            access=self.access,
            registrar=self.registrar,
            bus=self.bus,
            persist=self.persist,
            now=self.now,
            wall=self.wall,
            admit=lambda: self.overload.admit("registration", self.now()),
        )
        self.registrations.changed = self._registration_changed
        self.keepalive = Keepalive(self.registrar, self.settings.sip.nat_keepalive_s)

    def _registration_changed(self, number: str) -> None:
        self.presence.registration_changed(number)
        self.messaging.outbox.registered(number)

    def _build_presence(self) -> None:
        self.publications = Publications(PublicationSettings(), self.ids.token)
        self.presence = Presence(
            agent=self.agent,
            access=self.access,
            directory=self.directory,
            registrar=self.registrar,
            publications=self.publications,
            calls=lambda: self.exchange.calls.values(),
            calls_of=self.exchange.calls_of,
            contact=self.addresses.contact,
            new_id=self.ids.token,
            now=self.now,
            wall=self.wall,
            domain=self.domain,
        )

    def _build_locations(self) -> None:
        self.location_keeper = LocationKeeper(self.store)
        self.locations = Locations(
            bus=self.bus, keeper=self.location_keeper, wall=self.wall, settings=kept_values.location(self.settings)
        )
        self.exchange.located = self.locations.hear
        self.presence.published = self._heard

    def _heard(self, identity: Identity, request: Request) -> None:
        self.locations.hear(identity, request)

    def _build_messaging(self) -> None:
        self.message_keeper = MessageKeeper(self.store)
        self.messaging = Messaging(
            agent=self.agent,
            access=self.access,
            router=self.router,
            bus=self.bus,
            timers=self.timers,
            keeper=self.message_keeper,
            members=self.talkgroups.book.members_of,
            present=self.talkgroups.present,
            may_address_all=lambda number: self.directory.has_role(number, "dispatcher"),
            new_id=self.ids.next,
            new_token=self.ids.token,
            now=self.now,
            wall=self.wall,
            domain=self.domain,
            settings=kept_values.messaging(self.settings),
        )
        self.messaging.pager.heard = self._heard

    def _build_recordings(self) -> None:
        """What is recorded, and what is played into calls."""
        recording, policy = self.settings.recording, kept_values.recording_policy(self.settings)
        self.recorder = RemoteRecorder(self.engine, recording.minimum_free_mb)
        directory = (self.data_directory / recording.directory).resolve()
        self.recording_index = Index(self.store, self.bus, directory, self.wall)
        self.recordings = Recordings(
            self.exchange, self.engine, self.recording_index, self.recorder.ask, self.ids.next, policy
        )
        self.recorder.on_notice = self.recordings.on_notice
        self.recorder.on_change = lambda pid, started: self.recordings.recorder_changed(pid, started=started)
        self.recording_index.policy = policy
        self.playbacks = Playbacks(self.engine, self.now)
