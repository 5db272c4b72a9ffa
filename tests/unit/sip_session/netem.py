"""User agents joined in memory: a clock that is told what time it is and a network that loses, delays and repeats."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from itertools import count
from random import Random
from typing import TypeVar

from softswitch.sip.address import Address
from softswitch.sip.events import (
    DialogRequest,
    Event,
    IncomingInvite,
    OfferReceived,
    RequestReceived,
    SessionEnded,
    SessionRejected,
)
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Request, Response
from softswitch.sip.parser import parse_message
from softswitch.sip.session import Session
from softswitch.sip.settings import UserAgentSettings
from softswitch.sip.timerwheel import TimerWheel
from softswitch.sip.uri import SipUri
from softswitch.sip.useragent import UserAgent

OFFER = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
ANSWER = OFFER.replace(b"40000", b"50000")
SECOND_OFFER = OFFER.replace(b"1 1 IN", b"1 2 IN")
SECOND_ANSWER = ANSWER.replace(b"1 1 IN", b"1 2 IN")

E = TypeVar("E")


class Phone:
    """A user agent at one address, with everything it has told its owner.

    By default it rings (180) and answers each INVITE at once; `on_invite` and `on_offer` change that.
    """

    def __init__(self, net: Net, name: str, port: int, settings: UserAgentSettings, transport: str) -> None:
        self.net = net
        self.name = name
        self.address = Address(transport, "127.0.0.1", port)
        numbers = count(1)
        self.agent = UserAgent(
            timers=TimerWheel(),
            new_id=lambda: f"{name}{next(numbers):06d}",
            sent_by=lambda listener, transport: ("127.0.0.1", port),
            settings=settings,
        )
        self.events: list[Event] = []
        self.on_invite: Callable[[Session, float], None] = answer_at_once
        self.on_offer: Callable[[OfferReceived, float], None] = answer_offer
        self.on_request: Callable[[Phone, Event, float], None] = accept_request
        self.session: Session | None = None

    def call(self, other: Phone, body: bytes = OFFER, **options: object) -> Session:
        """Send an INVITE to another phone and let the network run until nothing moves at this moment."""
        options.setdefault("next_hop", other.address)
        self.session = self.agent.invite(
            request_uri=f"sip:{other.name}@127.0.0.1:{other.address.port}",
            from_=NameAddr(f"sip:{self.name}@example.net"),
            to=NameAddr(f"sip:{other.name}@example.net"),
            body=body,
            now=self.net.now,
            **options,  # type: ignore[arg-type]
        )
        return self.session

    def take(self, kind: type[E]) -> list[E]:
        """The events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def only(self, kind: type[E]) -> E:
        """The one event of a kind."""
        found = self.take(kind)
        assert len(found) == 1, f"{self.name} expected one {kind.__name__}, has {len(found)} in {self.events}"
        return found[0]

    def endings(self) -> list[SessionEnded | SessionRejected]:
        """All terminal events."""
        return [event for event in self.events if isinstance(event, SessionEnded | SessionRejected)]

    def drain(self) -> None:
        """Take the events of the agent and act on them as a simple phone would."""
        while (event := self.agent.next_event()) is not None:
            self.events.append(event)
            if isinstance(event, IncomingInvite):
                self.session = event.session
                self.on_invite(event.session, self.net.now)
            elif isinstance(event, OfferReceived):
                self.on_offer(event, self.net.now)
            elif isinstance(event, RequestReceived | DialogRequest):
                self.on_request(self, event, self.net.now)


def answer_at_once(session: Session, now: float) -> None:
    session.progress(180, now)
    session.accept(ANSWER if session.offered else OFFER, now)


def ring(session: Session, now: float) -> None:
    session.progress(180, now)


def ignore_invite(session: Session, now: float) -> None:
    """Leave an INVITE without an answer."""


def answer_offer(event: OfferReceived, now: float) -> None:
    event.session.answer(SECOND_OFFER if event.sdp is None else SECOND_ANSWER, now)


def ignore_offer(event: OfferReceived, now: float) -> None:
    """Leave an offer without an answer."""


def accept_request(phone: Phone, event: Event, now: float) -> None:
    assert isinstance(event, RequestReceived | DialogRequest)
    phone.agent.respond(event.transaction, 200, now)


class Net:
    """A network between phones; every fault is drawn from a seeded generator.

    `log` holds (time, source port, destination port, octets) of all that was sent, lost or not.
    """

    def __init__(
        self,
        seed: int = 1,
        loss: float = 0.0,
        delay: float = 0.0,
        jitter: float = 0.0,
        duplicate: float = 0.0,
    ) -> None:
        self.now = 0.0
        self.random = Random(seed)
        self.loss = loss
        self.delay = delay
        self.jitter = jitter
        self.duplicate = duplicate
        self.drop: Callable[[bytes, Phone | None], bool] = lambda data, sender: False
        self.phones: dict[int, Phone] = {}
        self.log: list[tuple[float, int, int, bytes]] = []
        self.lookups: dict[str, list[Address]] = {}
        self._order = count()
        self._flying: list[tuple[float, int, bytes, Address, Address]] = []

    def phone(self, name: str, port: int, settings: UserAgentSettings | None = None, transport: str = "udp") -> Phone:
        """Connect one more phone."""
        phone = Phone(self, name, port, settings or UserAgentSettings(session_expires=0), transport)
        self.phones[port] = phone
        return phone

    def inject(self, data: bytes, source: Address, destination: Phone) -> None:
        """Deliver octets at once, as if sent from `source`."""
        destination.agent.receive_data(data, source, self.now)
        self.settle()

    def settle(self) -> None:
        """Deliver what arrives now until nothing moves without the clock moving."""
        moving = True
        while moving:
            moving = self._collect()
            while self._flying and self._flying[0][0] <= self.now:
                _, _, data, source, destination = heapq.heappop(self._flying)
                phone = self.phones.get(destination.port)
                if phone is not None:
                    phone.agent.receive_data(data, source, self.now)
                    phone.drain()
                moving = True

    def run(self, seconds: float) -> None:
        """Let time pass, with every timer and every packet at its moment."""
        end = self.now + seconds
        self.settle()
        while True:
            times = [self._flying[0][0]] if self._flying else []
            times += [at for phone in self.phones.values() if (at := phone.agent.next_timer()) is not None]
            following = min(times, default=end)
            if following > end:
                break
            self.now = max(self.now, following)
            for phone in self.phones.values():
                phone.agent.handle_timer(self.now)
                phone.drain()
            self.settle()
            if not times or following >= end:
                break
        self.now = end
        self.settle()

    def _collect(self) -> bool:
        moved = False
        for phone in self.phones.values():
            phone.drain()
            while (uri := phone.agent.next_lookup()) is not None:
                phone.agent.lookup_done(uri, self.lookups.get(uri.host, []), self.now)
                moved = True
            for data, destination in phone.agent.data_to_send():
                moved = True
                self.log.append((self.now, phone.address.port, destination.port, data))
                if self.drop(data, phone) or self.random.random() < self.loss:
                    continue
                for _ in range(2 if self.random.random() < self.duplicate else 1):
                    at = self.now + self.delay + self.random.random() * self.jitter
                    heapq.heappush(self._flying, (at, next(self._order), data, phone.address, destination))
            phone.drain()
        return moved

    def messages(self, sender: Phone | None = None) -> Iterator[tuple[float, Request | Response]]:
        """Everything sent so far, read; of one sender if given."""
        for at, source, _, data in self.log:
            if sender is None or source == sender.address.port:
                yield at, parse_message(data)

    def sent(self, sender: Phone, what: str | int, method: str = "") -> list[tuple[float, Request | Response]]:
        """Requests of a method, or responses of a status (to a method), that a phone has sent."""
        found: list[tuple[float, Request | Response]] = []
        for at, message in self.messages(sender):
            if isinstance(message, Request):
                if message.method == what:
                    found.append((at, message))
            elif message.status == what and (not method or message.cseq.method == method):
                found.append((at, message))
        return found

    def is_empty(self) -> bool:
        """Whether no phone keeps anything any more."""
        return all(not any(phone.agent.gauges().values()) for phone in self.phones.values())


def first_line(data: bytes) -> str:
    """The start line of a message."""
    return data.split(b"\r\n", 1)[0].decode()


def is_request(data: bytes, method: str) -> bool:
    """Whether the octets are a request of this method."""
    return data.startswith(method.encode() + b" ")


def is_response(data: bytes, status: int, method: str) -> bool:
    """Whether the octets are a response of this status to this method."""
    return data.startswith(f"SIP/2.0 {status} ".encode()) and f" {method}\r\n".encode() in data


def uri(text: str) -> SipUri:
    """Short for SipUri.parse."""
    return SipUri.parse(text)
