"""The lowest floor: clocks, identifiers, the bus, storage, the media engine, the SIP stack, and who is who."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from softswitch.app.addresses import OwnAddresses
from softswitch.calls.access import Access
from softswitch.calls.sip.trunk import Trunks
from softswitch.config.models import Settings
from softswitch.directory import Directory
from softswitch.directory.departments import Departments
from softswitch.directory.rules import AccessRules
from softswitch.events import AccessRefused, EventBus
from softswitch.identifiers import Identifiers
from softswitch.media import MediaEngine
from softswitch.runtime.driver import SipDriver
from softswitch.runtime.guard import Guard
from softswitch.runtime.message_store import MessageStore
from softswitch.runtime.metrics import Metrics
from softswitch.runtime.overload import Overload
from softswitch.runtime.trace import TraceHub
from softswitch.sip.binding import BindingChange
from softswitch.sip.digest import Authenticator
from softswitch.sip.events import Event
from softswitch.sip.nonces import Nonces
from softswitch.sip.registrar import Registrar
from softswitch.sip.timerwheel import TimerWheel
from softswitch.sip.useragent import UserAgent
from softswitch.store.batch import Done
from softswitch.store.store import Store
from softswitch.wiring import kept_values, room_values, sip_values

logger = logging.getLogger(__name__)


class Foundations:
    """Made inside a running loop."""

    #: Feeds the SIP stack and carries out mutations. The floor of the node makes it; nothing is posted before.
    driver: SipDriver[Event]

    def __init__(self, settings: Settings, data_directory: Path, engine: MediaEngine) -> None:
        self.settings = settings
        self.data_directory = data_directory
        self.started_at = time.time()
        self.loop = asyncio.get_running_loop()
        self.now: Callable[[], float] = self.loop.time
        self.wall = time.time
        self.ids = Identifiers(settings.node.id)
        self.bus = EventBus(time.time)
        self.trace = TraceHub()
        self.messages = MessageStore(kept_values.message_limits(settings))
        self.trace.subscribe(self.messages)
        self.metrics = Metrics()
        self.store = Store(
            data_directory / settings.storage.path,
            settings.storage.durability,
            queue_limit=settings.storage.queue,
            deliver=self._deliver,
        )
        self.engine = engine
        self._build_directory()
        self._build_stack()

    @property
    def domain(self) -> str:
        """The host that stands for us in From, To and identities."""
        return self.addresses.domain

    def _build_directory(self) -> None:
        settings = self.settings
        self.directory = Directory()
        self.departments = Departments()
        self.departments.replace(room_values.departments(settings))
        self.access_rules = AccessRules(self.departments)
        self.access_rules.configured = room_values.access_rules(settings)
        self.trunks = Trunks.of(sip_values.trunks(settings))

    def _build_stack(self) -> None:
        settings = self.settings
        self.addresses = OwnAddresses(lambda: self.settings)
        self.timers = TimerWheel()
        self.registrar = Registrar(sip_values.registrar_settings(settings), self.ids.token)
        self.guard = Guard(sip_values.guard_settings(settings))
        self.overload = Overload(sip_values.overload_settings(settings), random.random)
        self.agent = UserAgent(
            timers=self.timers,
            new_id=self.ids.token,
            sent_by=self.addresses.sent_by,
            settings=sip_values.agent_settings(settings),
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

    def _verdict(self, host: str, user: str, accepted: bool) -> None:
        if accepted:
            self.guard.authentication_succeeded(host, self.now())
        else:
            self.guard.authentication_failed(host, user, self.now())
            self.bus.publish(AccessRefused(host, user, "", "wrong credentials"))

    def persist(self, changes: Sequence[BindingChange], durable: Callable[[bool], None]) -> None:
        """Keep what has changed of the bindings; `durable(stored)` is called after the commit."""
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
