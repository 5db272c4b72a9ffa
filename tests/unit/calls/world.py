"""The calls layer of a whole switch, with phones around it, joined in memory on a clock of its own.

Everything is real but the sockets, the media engine, the store and the time: the user agents speak SIP to each other,
datagrams travel at once (or are lost, when a test says so), and `advance` lets virtual time pass.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any, cast

from dialplan import ClassOfService, Emergency, HuntGroup, Plan, Rule, Schedule
from dialplan import Target as To
from softswitch.calls.access import Access
from softswitch.calls.exchange import Exchange
from softswitch.calls.host import CallSettings
from softswitch.calls.media.path import MediaPath
from softswitch.calls.media.terms import MediaTerms
from softswitch.calls.routing import Router
from softswitch.calls.services.parking import Parking
from softswitch.calls.services.pickup import Pickup
from softswitch.calls.services.services import ServiceDefinition, Services
from softswitch.calls.sip.dispatch import SipDispatch
from softswitch.calls.sip.presence import Presence
from softswitch.calls.sip.registration import Registrations
from softswitch.calls.sip.trunk import Trunk, Trunks
from softswitch.calls.sip.trunk_watch import TrunkWatch
from softswitch.directory import Directory, HashedPassword, Subscriber
from softswitch.events import CallOpened, CallRecorded, CallStateChanged, Event, EventBus, LegStateChanged
from softswitch.media import MediaEngine
from softswitch.messaging.model import Delivery, MessagingSettings
from softswitch.messaging.model import Message as ShortMessage
from softswitch.messaging.service import Messaging
from softswitch.sip.address import Address
from softswitch.sip.digest import Authenticator, HA1s, Nonces
from softswitch.sip.message import Message, Request, Response
from softswitch.sip.parser import parse_message
from softswitch.sip.publication import Publications, PublicationSettings
from softswitch.sip.registrar import Registrar, RegistrarSettings
from softswitch.sip.settings import Login, UserAgentSettings
from softswitch.sip.timerwheel import TimerWheel
from softswitch.sip.useragent import UserAgent
from tests.unit.calls.engine import FakeEngine
from tests.unit.calls.phone import Phone, PhoneCall, sdp

REALM = "example.net"
SWITCH = "192.0.2.1"
#: Ports of the two listeners.
PORTS = {"main": 5060, "trusted": 5066}
EPOCH = 1_700_000_000.0


@dataclass(slots=True)
class Sent:
    """One datagram as it was put on the wire."""

    at: float
    source: str
    destination: str
    data: bytes

    @property
    def message(self) -> Message:
        return cast(Message, parse_message(self.data))

    @property
    def text(self) -> str:
        return self.data.decode()

    @property
    def line(self) -> str:
        return self.text.partition("\r\n")[0]


class MemoryKeeper:
    """What the outbox keeps; `working` False: the disk is full. `slow` keeps answers until `commit`."""

    def __init__(self) -> None:
        self.kept: dict[str, ShortMessage] = {}
        self.working = True
        self.slow = False
        self._told: list[Callable[[], None]] = []
        self.confirmed: list[tuple[str, str, str]] = []

    def put(self, message: ShortMessage, done: Callable[[bool], None] | None = None) -> None:
        if self.working:
            self.kept[message.id] = message
        if done is not None:
            working = self.working
            self._told.append(lambda: done(working))
        if not self.slow:
            self.commit()

    def commit(self) -> None:
        told, self._told = self._told, []
        for each in told:
            each()

    def update(self, delivery: Delivery) -> None:
        assert delivery.message.id in self.kept or not self.working, "a delivery changes of a message that is kept"

    def confirm(self, imdn_id: str, recipient: str, state: str, when: float) -> None:
        self.confirmed.append((imdn_id, recipient, state))


class World:
    """A switch with numbers 1001 to 1009, services and whatever a test adds."""

    domain = REALM

    def __init__(
        self,
        *,
        subscribers: Mapping[str, Mapping[str, Any]] | None = None,
        rules: Sequence[Rule] = (),
        hunt_groups: Sequence[HuntGroup] = (),
        classes: Sequence[ClassOfService] = (),
        trunks: Sequence[Trunk] = (),
        emergency: Emergency | None = None,
        settings: CallSettings | None = None,
        authenticate: bool = False,
        engine: FakeEngine | None = None,
        without_engine: bool = False,
        rtp_timeout_s: float = 60.0,
        session_expires: int = 0,
        numbers: Mapping[str, To] | None = None,
        schedules: Sequence[Schedule] = (),
        messages: MessagingSettings | None = None,
    ) -> None:
        self.now = 1000.0
        self.message_settings = messages or MessagingSettings(enabled=False)
        self.address = Address("udp", SWITCH, PORTS["main"])
        self.engine = engine or FakeEngine()
        self.wire: deque[Sent] = deque()
        self.log: list[Sent] = []
        self.lost: Callable[[Sent], bool] = lambda sent: False
        self.events: list[Event] = []
        self.records: list[dict[str, Any]] = []
        self.overloaded = 0
        self.stored = True
        self._ids = 0
        self._phones: dict[tuple[str, int], Phone] = {}
        chosen = dict(subscribers or {})
        people = {str(number): chosen.pop(str(number), {}) for number in range(1001, 1010)} | chosen
        self._build_core(people, trunks, settings or CallSettings(max_duration_s=0.0), session_expires)
        self._build_routes(people, rules, hunt_groups, classes, emergency, numbers or {}, schedules)
        self._build_calls(authenticate=authenticate, rtp_timeout_s=rtp_timeout_s, without_engine=without_engine)

    # -- building ---------------------------------------------------------------------------------------------------

    def _build_core(
        self,
        people: Mapping[str, Mapping[str, Any]],
        trunks: Sequence[Trunk],
        settings: CallSettings,
        session_expires: int,
    ) -> None:
        self.settings = settings
        self.timers = TimerWheel()
        self.bus = EventBus(self.wall)
        self.bus.subscribe(self._on_event)
        self.directory = Directory(self.subscriber(number, **options) for number, options in people.items())
        self.registrar = Registrar(RegistrarSettings(), lambda: self.new_id("r"))
        self.trunks = Trunks.of(trunks)
        self.agent = UserAgent(
            timers=self.timers,
            new_id=lambda: self.new_id("s"),
            sent_by=lambda listener, transport: (SWITCH, PORTS[listener or "main"]),
            settings=UserAgentSettings(session_expires=session_expires, datagram_limit=0, user_agent="switch"),
        )

    def _build_routes(
        self,
        people: Iterable[str],
        rules: Sequence[Rule],
        hunt_groups: Sequence[HuntGroup],
        classes: Sequence[ClassOfService],
        emergency: Emergency | None,
        numbers: Mapping[str, To],
        schedules: Sequence[Schedule],
    ) -> None:
        known = {number: To("subscriber") for number in people}
        known |= {"600": To("service", ("600",)), "601": To("service", ("601",)), "602": To("service", ("602",))}
        known |= {str(place): To("service", ("700",)) for place in range(700, 704)}
        known |= {"7001": To("conference"), "8001": To("talkgroup")}
        known |= {group.number: To("hunt", (group.name,)) for group in hunt_groups if group.number}
        known |= numbers
        codes = [Rule(f"code {code}", To("service", (code,)), prefix=code) for code in ("*8", "*45", "*46")]
        plan = Plan(
            [*codes, *rules], known, classes=classes, hunt_groups=hunt_groups, emergency=emergency, schedules=schedules
        )
        self.router = Router(
            plan,
            self.directory,
            self.registrar,
            self.trunks,
            lambda: self.now,
            lambda: datetime.fromtimestamp(self.wall(), UTC),
            lambda number: self.exchange.active_calls(number),
        )

    def _build_calls(self, *, authenticate: bool, rtp_timeout_s: float, without_engine: bool) -> None:
        engine = cast(MediaEngine, self.engine)
        self.access = Access(
            self.directory,
            self.trunks,
            Authenticator(REALM, Nonces(b"0123456789abcdef")),
            lambda host, user, accepted: None,
            trusted_listeners=frozenset({"trusted"}),
            authenticate=authenticate,
        )
        self.media = MediaPath(
            None if without_engine else engine,
            terms=MediaTerms(timeout_s=rtp_timeout_s, dscp=46, dscp_video=34),
            session_id=lambda: 4711,
            random=bytes,
        )
        self.exchange = Exchange(
            agent=self.agent,
            timers=self.timers,
            media=self.media,
            router=self.router,
            access=self.access,
            trunks=self.trunks,
            bus=self.bus,
            now=lambda: self.now,
            wall=self.wall,
            new_id=lambda: self.new_id("c"),
            domain=self.domain,
            settings=self.settings,
            admit=lambda emergency: self.overloaded,
        )
        parking = Parking(self.exchange, engine, lambda: cast(Any, "music"))
        pickup = Pickup(self.directory, self.exchange.ringing_calls)
        definitions = [
            ServiceDefinition("600", "echo"),
            ServiceDefinition("601", "tone"),
            ServiceDefinition("602", "announcement"),
            ServiceDefinition("700", "park", slots=3, timeout_s=120.0),
            ServiceDefinition("*8", "pickup"),
            ServiceDefinition("*45", "queue_login"),
            ServiceDefinition("*46", "queue_logout"),
        ]
        self.services = Services(definitions, engine, lambda file: cast(Any, "announcement"), parking, pickup)
        self.exchange.services = self.services
        self._build_desks()

    def _build_desks(self) -> None:
        self.registrations = Registrations(
            agent=self.agent,
            access=self.access,
            registrar=self.registrar,
            bus=self.bus,
            persist=lambda changes, durable: durable(self.stored),
            now=lambda: self.now,
            wall=self.wall,
            admit=lambda: self.overloaded,
        )
        self.presence = Presence(
            agent=self.agent,
            access=self.access,
            directory=self.directory,
            registrar=self.registrar,
            publications=Publications(PublicationSettings(), lambda: self.new_id("e")),
            calls=self.exchange.calls.values,
            calls_of=self.exchange.calls_of,
            contact=lambda peer: f"sip:{SWITCH}:{PORTS[peer.listener or 'main']}",
            new_id=lambda: self.new_id("n"),
            now=lambda: self.now,
            wall=self.wall,
            domain=self.domain,
        )
        self.registrations.changed = self._registration_changed
        self.bus.on(CallStateChanged, self.presence.call_moved)
        self.bus.on(LegStateChanged, self.presence.leg_moved)
        self.keeper = MemoryKeeper()
        self.groups: dict[str, list[str]] = {}
        self.messaging = Messaging(
            agent=self.agent,
            access=self.access,
            router=self.router,
            bus=self.bus,
            timers=self.timers,
            keeper=self.keeper,
            members=self.groups.get,
            present=lambda number: [],
            may_address_all=lambda number: self.directory.has_role(number, "dispatcher"),
            new_id=lambda: self.new_id("M"),
            new_token=lambda: self.new_id("m"),
            now=lambda: self.now,
            wall=self.wall,
            domain=self.domain,
            settings=self.message_settings,
        )
        self.trunk_watch = TrunkWatch(
            self.agent,
            self.timers,
            self.trunks,
            self.bus,
            lambda: self.new_id("t"),
            lambda: self.now,
            lambda trunk: f"sip:{trunk.login.username if trunk.login else 'switch'}@{SWITCH}:{PORTS['main']}",
        )
        self.dispatch = SipDispatch(
            self.agent, self.exchange, self.registrations, self.presence, self.messaging.pager.handle, self.access
        )

    def _registration_changed(self, number: str) -> None:
        self.presence.registration_changed(number)
        self.messaging.outbox.registered(number)

    @staticmethod
    def password(number: str) -> str:
        return f"secret-{number}"

    def subscriber(self, number: str, **options: Any) -> Subscriber:
        """A subscriber whose password is `password(number)`."""
        known = HA1s.of(number, REALM, self.password(number))
        return Subscriber(number, HashedPassword(known.md5 or "", known.sha256 or ""), **options)

    def phone(
        self,
        number: str,
        *,
        register: bool = True,
        q: str = "",
        codecs: Sequence[str] = (),
        extensions: tuple[str, ...] = (),
    ) -> Phone:
        """One more device for a number, at an address of its own."""
        phone = Phone(self, number, f"198.51.100.{len(self._phones) + 1}", codecs=codecs, extensions=extensions)
        self._phones[phone.host, phone.address.port] = phone
        if register:
            phone.register(q)
        return phone

    def phones(self, *numbers: str) -> list[Phone]:
        """A registered device for each number."""
        return [self.phone(number) for number in numbers]

    def peer(self, trunk: str, codecs: Sequence[str] = ()) -> Phone:
        """The far end of a trunk."""
        hop = self.trunks.by_name[trunk].next_hop
        assert hop is not None and hop.port is not None
        peer = Phone(self, trunk, hop.host, port=hop.port, codecs=codecs)
        self._phones[peer.host, peer.address.port] = peer
        return peer

    # -- time and wire ----------------------------------------------------------------------------------------------

    def wall(self) -> float:
        """Seconds since the epoch."""
        return EPOCH + self.now

    def new_id(self, prefix: str) -> str:
        """An identifier that says who made it."""
        self._ids += 1
        return f"{prefix}{self._ids:06x}"

    @staticmethod
    def listener(name: str) -> Address:
        """Where phones reach one of the switch's listeners."""
        return Address("udp", SWITCH, PORTS[name])

    def settle(self) -> None:
        """Let everything that is on its way arrive, and everything that follows from it."""
        for _ in range(10_000):
            self._drain_events()
            self._collect()
            if not self.wire:
                return
            self._deliver(self.wire.popleft())
        raise AssertionError("the world does not come to rest")

    def _drain_events(self) -> None:
        while (event := self.agent.next_event()) is not None:
            self.dispatch.handle(event, self.now)
        for phone in self._phones.values():
            while (event := phone.agent.next_event()) is not None:
                phone.on_event(event)

    def _collect(self) -> None:
        for data, destination in self.agent.data_to_send():
            self._put(f"{SWITCH}:{PORTS[destination.listener or 'main']}", destination, data)
        for phone in self._phones.values():
            for data, destination in phone.agent.data_to_send():
                self._put(f"{phone.host}:{phone.address.port}", destination, data)

    def _put(self, source: str, destination: Address, data: bytes) -> None:
        sent = Sent(self.now, source, f"{destination.host}:{destination.port}", data)
        self.log.append(sent)
        if not self.lost(sent):
            self.wire.append(sent)

    def _deliver(self, sent: Sent) -> None:
        host, _, port = sent.destination.rpartition(":")
        source_host, _, source_port = sent.source.rpartition(":")
        if host == SWITCH:
            listener = next(name for name, number in PORTS.items() if number == int(port))
            self.agent.receive_data(sent.data, Address("udp", source_host, int(source_port), listener), self.now)
            return
        phone = self._phones.get((host, int(port)))
        if phone is not None:
            phone.received.append(sent.message)
            phone.agent.receive_data(sent.data, Address("udp", source_host, int(source_port)), self.now)

    def advance(self, seconds: float) -> None:
        """Let time pass, timer by timer."""
        end = self.now + seconds
        while True:
            agents = [self.agent, *(phone.agent for phone in self._phones.values())]
            due = [at for agent in agents if (at := agent.next_timer()) is not None]
            if not due or min(due) > end:
                break
            self.now = max(self.now, min(due))
            for agent in agents:
                agent.handle_timer(self.now)
            self.settle()
        self.now = end
        self.presence.handle_timer(self.now)
        self.registrations.expire(self.now)
        self.settle()

    # -- what a test asks -------------------------------------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, CallRecorded):
            self.records.append(cast(Any, event.record).to_dict())

    def told(self, kind: type) -> list[Any]:
        """Every event of one type."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def record(self) -> dict[str, Any]:
        """The only call record so far."""
        assert len(self.records) == 1, f"one call was recorded, not {len(self.records)}"
        return self.records[0]

    def sent_by(self, phone: Phone) -> list[str]:
        """First lines of what a phone has sent."""
        return [sent.line for sent in self.log if sent.source == f"{phone.host}:{phone.address.port}"]

    def requests_to(self, phone: Phone, method: str) -> list[Request]:
        """Requests of one method that the switch has sent to a phone, copies left out."""
        found = {
            m.get(
                "CSeq",
            )
            + (m.call_id or ""): m
            for m in phone.received
            if self._is(m, method)
        }  # type: ignore[operator]
        return cast("list[Request]", list(found.values()))

    @staticmethod
    def _is(message: Message, method: str) -> bool:
        return isinstance(message, Request) and message.method == method

    def responses_to(self, phone: Phone, method: str = "INVITE") -> list[int]:
        """Statuses of the responses that a phone got to its requests of one method."""
        return [m.status for m in phone.received if isinstance(m, Response) and m.cseq.method == method]

    def check_empty(self) -> None:
        """Nothing is left of any call, at once: legs, sides, ports, places."""
        exchange = self.exchange
        assert not exchange.calls, "calls are left"
        assert not exchange._legs and not exchange._by_number, "legs are left"
        assert not len(self.media) and not self.media._legs, "sides are left"
        assert not self.engine.ports, "engine ports are left open"
        assert not self.services._parking._places, "a parking place is taken"
        assert all(trunk.active == 0 for trunk in self.trunks.by_name.values()), "a trunk counts a call"
        opened = [event.call_id for event in self.told(CallOpened)]
        recorded = [event.call_id for event in self.told(CallRecorded)]
        assert sorted(opened) == sorted(recorded), "every attempt is recorded exactly once"

    def check_over(self) -> None:
        """Everything has been released, in the switch at once and on the wire after a while."""
        self.check_empty()
        self.advance(100)
        assert not self.agent.sessions, f"sessions are left: {self.agent.sessions}"
        for phone in self._phones.values():
            assert not phone.agent.sessions, f"{phone} still has {phone.agent.sessions}"


def trunk(name: str, host: str, port: int = 5060, **options: Any) -> Trunk:
    """A trunk to a peer at a numeric address, whose calls are its own."""
    hop = Address("udp", host, port, "main")
    return Trunk(name, (ip_network(host),), next_hop=hop, domain=options.pop("domain", host), **options)


__all__ = ["EPOCH", "REALM", "SWITCH", "FakeEngine", "Login", "Phone", "PhoneCall", "World", "sdp", "trunk"]
