"""A switch with the push-to-talk server, and clients around it, joined in memory on a clock of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, cast

from gateways.poc.affiliations import Affiliations
from gateways.poc.client import PocClient
from gateways.poc.client_host import Clients
from gateways.poc.client_requests import Habits
from gateways.poc.context import Context
from gateways.poc.floor_desk import FloorDesk
from gateways.poc.leg import Terms
from gateways.poc.recognition import System
from gateways.poc.server import PocServer
from gateways.poc.settings import PocServerSettings
from softswitch.calls.talkgroups.definition import TalkgroupDefinition
from softswitch.floor import Member
from softswitch.floor.participant_events import ParticipantEvent
from softswitch.sip.address import Address
from softswitch.sip.settings import UserAgentSettings
from softswitch.sip.timerwheel import TimerWheel
from softswitch.sip.useragent import UserAgent
from tests.unit.calls.room_engine import RoomWorld
from tests.unit.calls.world import SWITCH, Sent

#: Where the switch takes floor control.
FLOOR = (SWITCH, 5072)


class Device:
    """A client at an address of its own, as the world delivers to it."""

    def __init__(self, world: PocWorld, number: str, host: str, system: System, **options: Any) -> None:
        self.world = world
        self.host = host
        self.address = Address("udp", host, 5060)
        self.received: list[Any] = []
        self.agent = UserAgent(
            timers=TimerWheel(),
            new_id=lambda: world.new_id("p"),
            sent_by=lambda listener, transport: (host, 5060),
            settings=UserAgentSettings(session_expires=0, datagram_limit=0),
        )
        habits = Habits(Address("udp", SWITCH, 5060), world.domain, f"{host}:5060")
        media, floor = (host, 4000), (host, 4002)
        ssrc = int(number)
        self.client = PocClient(
            self.agent,
            habits,
            number,
            world.password(number),
            media=media,
            floor=floor,
            ssrc=ssrc,
            system=system,
            **options,
        )
        self.clients = Clients(self.agent)
        self.clients.add(self.client)
        self.events: list[ParticipantEvent] = []
        self.floor_in: list[bytes] = []

    def on_event(self, event: Any) -> None:
        """See `World`."""
        self.clients.handle(event, self.world.now)


class PocWorld(RoomWorld):
    """A switch with talkgroup 8001 and clients; floor control datagrams travel at once, unless a test loses them."""

    def __init__(
        self,
        *,
        talkgroup: TalkgroupDefinition | None = None,
        settings: PocServerSettings | None = None,
    ) -> None:
        super().__init__(talkgroup=talkgroup)
        self.floor_wire: deque[tuple[bytes, tuple[str, int], tuple[str, int]]] = deque()
        self.floor_log: list[tuple[str, str, bytes]] = []
        self.floor_lost: Callable[[bytes], bool] = lambda data: False
        self.devices: dict[str, Device] = {}
        self._queue: list[tuple[str, bytes, tuple[str, int]]] = []
        desk = FloorDesk(self.talkgroups.wishes.receive_floor)
        desk.open(lambda data, place: self.floor_wire.append((data, FLOOR, place)))
        rights: Callable[[str], Member] = lambda number: Member(dispatcher=number == "1009")  # noqa: E731
        terms = Terms(desk, FLOOR, self.domain, f"<sip:{SWITCH}:5060>", rights=rights)
        context = Context(
            self.exchange,
            self.talkgroups,
            self.directory,
            terms,
            settings or PocServerSettings(),
            lambda: self.new_id("c"),
            Affiliations(self.domain),
            self.domain,
        )
        self.desk = desk
        self.server = PocServer(context)
        self.exchange.applications.append(self.server)
        self.registrations.accepted.append(self.server.registered)

    def client(self, number: str, system: System = System.MCPTT, *, register: bool = True, **options: Any) -> PocClient:
        """A client of a number."""
        device = Device(self, number, f"203.0.113.{len(self.devices) + 1}", system, **options)
        self.devices[number] = device
        self._phones[device.host, 5060] = cast(Any, device)
        if register:
            self.do(lambda: device.client.register(self.now))
            assert device.client.told[-1] == ("REGISTER", 200), f"{number} could not register: {device.client.told}"
        return device.client

    def clients(self, *numbers: str) -> list[PocClient]:
        """Registered clients."""
        return [self.client(number) for number in numbers]

    def do(self, act: Callable[[], object]) -> None:
        """Let a client do something, and everything that follows from it."""
        act()
        self.settle()

    def settle(self) -> None:
        """See World; floor control too."""
        for _ in range(1000):
            super().settle()
            self._collect_floor()
            if not self.floor_wire:
                return
            self._carry(*self.floor_wire.popleft())
        raise AssertionError("the floor does not come to rest")

    def _collect_floor(self) -> None:
        for device in self.devices.values():
            self.floor_wire += [(data, device.client.floor, place) for data, place in device.client.floor_to_send()]
            while (event := device.client.next_floor_event()) is not None:
                device.events.append(event)

    def _carry(self, data: bytes, source: tuple[str, int], place: tuple[str, int]) -> None:
        self.floor_log.append((source[0], place[0], data))
        if self.floor_lost(data):
            return
        if place == FLOOR:
            self.desk.receive_data(data, source)
            return
        device = next((each for each in self.devices.values() if each.client.floor == place), None)
        if device is not None:
            device.floor_in.append(data)
            device.client.receive_floor(data, self.now)

    def advance(self, seconds: float) -> None:
        """See World; the clients' floor timers run too, in tenths of a second."""
        end = self.now + seconds
        while self.now < end:
            super().advance(min(0.1, end - self.now))
            for device in self.devices.values():
                device.client.participant.handle_timer(self.now)
            self.settle()

    def told_floor(self, number: str) -> list[str]:
        """What the user of a client was told of the floor, by the names of the events."""
        return [type(event).__name__ for event in self.devices[number].events]

    def talking(self) -> list[str]:
        """Who believes to have the floor."""
        return [number for number, device in self.devices.items() if device.client.participant.transmitting]

    def invites_to(self, number: str) -> list[Sent]:
        """INVITEs that the switch has sent to a client."""
        host = self.devices[number].host
        return [sent for sent in self.log if sent.destination.startswith(f"{host}:") and sent.line.startswith("INVITE")]

    def check_over(self) -> None:
        """See World; the floor desk serves nobody any more."""
        super().check_over()
        assert not len(self.desk), "the floor desk still serves somebody"
        assert not self.server.groups._running and not self.server.parties._meetings, "a session is left"
