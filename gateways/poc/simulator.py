"""Many push-to-talk clients in one process, on real sockets: for tests, benches and the demonstration.

All clients share one SIP socket and one audio socket; each has a floor control socket of its own, because that is how
the switch tells them apart. Audio is told apart by the switch's port, one for each client. A talker sends a tone of its
own (`tones`), so that what each listener heard can be counted by talker.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import resource
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Self

from gateways.poc import tones
from gateways.poc.client import PocClient
from gateways.poc.client_host import Clients
from gateways.poc.client_requests import Habits
from gateways.poc.recognition import System
from gateways.poc.simulated import Shim, Simulated
from softswitch.floor import Tier
from softswitch.floor.participant_events import ParticipantSettings
from softswitch.sip.address import Address
from softswitch.sip.settings import UserAgentSettings
from softswitch.sip.timerwheel import TimerWheel
from softswitch.sip.useragent import UserAgent

_PACKET_S = 0.02
_TICK_S = 0.005
_BUFFER_OCTETS = 4 << 20
_BATCH = 256
_SPARE_DESCRIPTORS = 256


class Simulator:
    """Clients of a switch at `server`; an asynchronous context manager. `password(number)` gives their secrets."""

    def __init__(
        self,
        server: tuple[str, int],
        domain: str,
        password: Callable[[str], str],
        *,
        host: str = "127.0.0.1",
        participant: ParticipantSettings | None = None,
        shim: Shim | None = None,
    ) -> None:
        self._server = Address("udp", server[0], server[1])
        self._domain = domain
        self._password = password
        self._host = host
        self._participant = participant or ParticipantSettings()
        self.shim = shim
        self.members: dict[str, Simulated] = {}
        self._by_media: dict[int, Simulated] = {}
        self._talking: set[Simulated] = set()
        self._known = tones.talkers_by_payload()
        self._ids = random.Random()
        self._timer: asyncio.TimerHandle | None = None
        self._talk_timer: asyncio.TimerHandle | None = None
        #: the most members that ever had the floor at the same time.
        self.most_at_once = 0
        #: audio that could not be given to anybody, by why.
        self.counters: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._sip = self._socket()
        self._audio = self._socket()
        self._sip_port: int = self._sip.getsockname()[1]
        self._audio_port: int = self._audio.getsockname()[1]
        self.agent = UserAgent(
            timers=TimerWheel(),
            new_id=lambda: f"{self._ids.getrandbits(64):016x}",
            sent_by=lambda listener, transport: self._place(transport),
            settings=UserAgentSettings(session_expires=0, datagram_limit=0, user_agent="poc-simulator"),
        )
        self._clients = Clients(self.agent)
        self._loop.add_reader(self._sip, self._read_sip)
        self._loop.add_reader(self._audio, self._read_audio)
        return self

    def _place(self, transport: str) -> tuple[str, int]:
        if transport not in ("", "udp"):
            raise LookupError(transport)
        return self._host, self._sip_port

    async def __aexit__(self, *exception: object) -> None:
        for member in self.members.values():
            self.do(member.client.hang_up)
        for handle in [self._timer, self._talk_timer, *(member.timer for member in self.members.values())]:
            if handle is not None:
                handle.cancel()
        for each in [self._sip, self._audio, *(member.floor for member in self.members.values())]:
            self._loop.remove_reader(each)
            each.close()

    def _socket(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setblocking(False)
        with contextlib.suppress(OSError):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_OCTETS)
        made.bind((self._host, 0))
        return made

    # -- members ----------------------------------------------------------------------------------------------------

    def add(self, numbers: Iterable[str], system: System = System.MCPTT) -> list[Simulated]:
        """Make clients for these numbers."""
        added = []
        for number in numbers:
            index = len(self.members)
            _allow_descriptors(index + _SPARE_DESCRIPTORS)
            floor = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            floor.setblocking(False)
            floor.bind((self._host, 0))
            client = PocClient(
                self.agent,
                Habits(self._server, self._domain, f"{self._host}:{self._sip_port}", participant=self._participant),
                number,
                self._password(number),
                media=(self._host, self._audio_port),
                floor=(self._host, floor.getsockname()[1]),
                ssrc=0x50000000 | index,
                system=system,
            )
            member = Simulated(client, floor, index)
            self.members[number] = member
            self._clients.add(client)
            self._loop.add_reader(floor, partial(self._read_floor, member))
            added.append(member)
        return added

    async def all_told(
        self, members: Iterable[Simulated], method: str, act: Callable[[PocClient, float], None]
    ) -> None:
        """Let each member do something and wait until all have been answered with 200; raises RuntimeError if not."""
        waiting: set[str] = set()
        done = asyncio.Event()
        refused: list[str] = []

        def told(number: str, what: str, status: int, now: float) -> None:
            if what == method and number in waiting:
                waiting.discard(number)
                if status != 200:
                    refused.append(f"{number}: {status} {self.members[number].client.warning}")
                if not waiting:
                    done.set()

        chosen = list(members)
        waiting.update(member.number for member in chosen)
        for position, member in enumerate(chosen):
            member.client.on_told = partial(told, member.number)
            self.do(lambda now, client=member.client: act(client, now))  # type: ignore[misc]
            if position % 20 == 19:
                await asyncio.sleep(0)
        if waiting:
            await done.wait()
        if refused:
            raise RuntimeError(f"{method} refused: {'; '.join(refused[:5])} ({len(refused)} in all)")

    async def register(self, members: Iterable[Simulated]) -> None:
        """Register members; raises RuntimeError when one is refused."""
        await self.all_told(members, "REGISTER", lambda client, now: client.register(now))

    async def join(self, members: Iterable[Simulated], group: str, *, chat: bool = True) -> None:
        """Let members join a group; raises RuntimeError when one is refused."""
        chosen = list(members)
        await self.all_told(chosen, "INVITE", lambda client, now: client.call_group(group, now, chat=chat))
        for member in chosen:
            self._learn(member)

    def _learn(self, member: Simulated) -> None:
        place = member.client.server_media
        if place is not None:
            self._by_media[place[1]] = member

    def press(self, member: Simulated, tier: Tier = Tier.NORMAL) -> None:
        """PTT down; once the floor is granted the member's tone is sent until it is let go, or taken away."""
        member.pressed_at = self._loop.time()
        self.act(member, lambda now: member.client.press(now, tier))

    def let_go(self, member: Simulated) -> None:
        """PTT up."""
        self.act(member, member.client.let_go)

    async def until(self, happened: Callable[[], bool], seconds: float) -> bool:
        """Wait for something, no longer than `seconds`; whether it happened."""
        end = self._loop.time() + seconds
        while not happened():
            if self._loop.time() > end:
                return False
            await asyncio.sleep(_TICK_S)
        return True

    @property
    def transmitting(self) -> list[str]:
        """Who believes to have the floor now."""
        return [number for number, member in self.members.items() if member.client.participant.transmitting]

    # -- the core ---------------------------------------------------------------------------------------------------

    def do(self, act: Callable[[float], object]) -> None:
        """One change, and everything that follows from it."""
        now = self._loop.time()
        act(now)
        self._drain(now)

    def act(self, member: Simulated, act: Callable[[float], object]) -> None:
        """One change of a member's floor control, and what follows from it."""
        now = self._loop.time()
        act(now)
        self._floor_moved(member, now)

    def _drain(self, now: float) -> None:
        agent = self.agent
        while True:
            while (event := agent.next_event()) is not None:
                self._clients.handle(event, now)
                owner = getattr(getattr(event, "session", None), "owner", None)
                if isinstance(owner, PocClient):
                    member = self.members[owner.number]
                    self._learn(member)
                    self._floor_moved(member, now)
            sent = agent.data_to_send()
            if not sent:
                break
            for data, address in sent:
                self._send(self._sip, data, (address.host, address.port))
        at = agent.next_timer()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if at is None else self._loop.call_at(max(at, now + _TICK_S), self._due)

    def _due(self) -> None:
        self._timer = None
        self.do(self.agent.handle_timer)

    def _send(self, by: socket.socket, data: bytes, place: tuple[str, int]) -> None:
        try:
            by.sendto(data, place)
        except BlockingIOError:
            self.counters["send_blocked"] += 1
        except OSError:
            self.counters["send_failed"] += 1

    def _read_sip(self) -> None:
        for data, source in _datagrams(self._sip):
            address = Address("udp", source[0], source[1])
            self.do(partial(self.agent.receive_data, data, address))

    # -- the floor --------------------------------------------------------------------------------------------------

    def _read_floor(self, member: Simulated) -> None:
        for data, _ in _datagrams(member.floor):
            for _ in range(1 if self.shim is None else self.shim.copies()):
                self.act(member, partial(member.client.receive_floor, data))

    def _floor_moved(self, member: Simulated, now: float) -> None:
        """Send what a member's floor control says, take its events, and follow what it may do now."""
        client = member.client
        for data, place in client.floor_to_send():
            for _ in range(1 if self.shim is None else self.shim.copies()):
                self._send(member.floor, data, place)
        while (event := client.next_floor_event()) is not None:
            member.events.append(event)
            if type(event).__name__ == "Permitted":
                member.granted_at = now
        if client.participant.transmitting and client.joined:
            self._begin(member)
        elif member in self._talking:
            self._talking.discard(member)
        if member.timer is not None:
            member.timer.cancel()
        at = client.participant.next_timer()
        member.timer = None if at is None else self._loop.call_at(at, partial(self._floor_due, member))

    def _floor_due(self, member: Simulated) -> None:
        member.timer = None
        self.act(member, member.client.participant.handle_timer)

    # -- audio ------------------------------------------------------------------------------------------------------

    def _begin(self, member: Simulated) -> None:
        if member in self._talking:
            return
        self._talking.add(member)
        self.most_at_once = max(self.most_at_once, len(self._talking))
        if self._talk_timer is None:
            self._talk(self._loop.time())

    def _talk(self, at: float) -> None:
        """Every talker says its next 20 ms."""
        for member in self._talking:
            place = member.client.server_media
            if place is not None:
                self._send(self._audio, tones.packet(member.index, member.client.ssrc, member.packets), place)
                member.packets += 1
        after = at + _PACKET_S
        self._talk_timer = self._loop.call_at(after, self._talk, after) if self._talking else None

    def _read_audio(self) -> None:
        now = self._loop.time()
        known, by_media = self._known, self._by_media
        for data, source in _datagrams(self._audio):
            member = by_media.get(source[1])
            talker = known.get(data[12:])
            if member is None or talker is None:
                self.counters["strange_audio"] += 1
                continue
            if not member.heard[talker]:
                member.first_heard_at = now
            member.heard[talker] += 1
            if member.heard[talker] % 25 == 1:
                self.act(member, member.client.participant.media_received)


def _datagrams(bound: socket.socket) -> Iterator[tuple[bytes, tuple[str, int]]]:
    """What has arrived, at most one batch."""
    for _ in range(_BATCH):
        try:
            data, source = bound.recvfrom(65536)
        except (BlockingIOError, ConnectionRefusedError):
            return
        yield data, source[:2]


def _allow_descriptors(wanted: int) -> None:
    """Let this process have so many sockets, as far as the system permits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        most = wanted * 2 if hard == resource.RLIM_INFINITY else min(wanted * 2, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


__all__ = ["Shim", "Simulated", "Simulator"]
