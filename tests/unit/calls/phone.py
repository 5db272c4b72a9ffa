"""A phone made of the product's own user agent, and what a test wants to do with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from softswitch.sip.address import Address
from softswitch.sip.events import (
    AnswerReceived,
    DialogRequest,
    Event,
    IncomingInvite,
    OfferFailed,
    OfferReceived,
    RequestReceived,
    ResponseReceived,
    SessionAnswered,
    SessionConfirmed,
    SessionEnded,
    SessionProgress,
    SessionRejected,
    TransactionFailed,
)
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Message, Request, Response
from softswitch.sip.session import Session, SessionState
from softswitch.sip.settings import Login, UserAgentSettings
from softswitch.sip.timerwheel import TimerWheel
from softswitch.sip.useragent import UserAgent

if TYPE_CHECKING:
    from tests.unit.calls.world import World

Fields = Sequence[tuple[str, str]]
_STATIC = {"PCMU": 0, "PCMA": 8, "G722": 9, "G729": 18}


def sdp(
    host: str,
    port: int = 4000,
    codecs: Sequence[str] = ("PCMA", "PCMU"),
    direction: str = "sendrecv",
    version: int = 1,
    *,
    keys: bool = True,
    protocol: str = "RTP/AVP",
) -> bytes:
    """A session description with one audio line; port 0 refuses it."""
    numbers = [_STATIC.get(codec, 96 + index) for index, codec in enumerate(codecs)]
    formats = [*map(str, numbers), *(["101"] if keys else [])]
    lines = [
        "v=0",
        f"o=phone 77 {version} IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} {protocol} {' '.join(formats)}",
    ]
    for number, codec in zip(numbers, codecs, strict=True):
        lines.append(f"a=rtpmap:{number} {codec}/{'48000/2' if codec == 'opus' else '8000'}")
    if keys:
        lines += ["a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16"]
    lines.append(f"a={direction}")
    return ("\r\n".join(lines) + "\r\n").encode()


class PhoneCall:
    """One call as a phone sees it. `heard` is what it was told, in order; `remote` the description it got last."""

    def __init__(self, phone: Phone, session: Session) -> None:
        self.phone = phone
        self.session = session
        self.heard: list[Event] = []
        self.remote: bytes | None = None
        self.progress: list[int] = []
        self.early_tag = ""
        self.rejected: Response | None = None
        self.ended: SessionEnded | None = None
        self.notifies: list[Request] = []
        self.requests: list[Request] = []
        self.offers: list[bytes | None] = []
        self.offer_failed: list[int] = []
        self.answers: list[bytes] = []
        self.responses: list[Response] = []
        self.local = phone.sdp()
        self.answer_offers = True

    # -- what the phone does

    @property
    def now(self) -> float:
        return self.phone.world.now

    def ring(self, status: int = 180, sdp: bytes | None = None, *, reliable: bool | None = None) -> None:
        self.session.progress(status, self.now, sdp, reliable)
        self.phone.world.settle()

    def answer(self, description: bytes | None = b"?") -> None:
        """200; without an argument the phone's own description goes with it."""
        self.session.accept(self.local if description == b"?" else description, self.now)
        self.phone.world.settle()

    def reject(self, status: int, fields: Fields = ()) -> None:
        self.session.reject(status, self.now, fields=fields)
        self.phone.world.settle()

    def hang_up(self, fields: Fields = ()) -> None:
        self.session.end(self.now, fields=fields)
        self.phone.world.settle()

    def offer(self, description: bytes | None) -> None:
        """re-INVITE."""
        if description is not None:
            self.local = description
        self.session.reinvite(description, self.now)
        self.phone.world.settle()

    def update(self, description: bytes | None) -> None:
        self.session.update(description, self.now)
        self.phone.world.settle()

    def hold(self, direction: str = "sendonly") -> None:
        self.offer(self.phone.sdp(direction=direction, version=2))

    def resume(self) -> None:
        self.offer(self.phone.sdp(version=3))

    def request(self, method: str, fields: Fields = (), body: bytes = b"", content_type: str = "text/plain") -> None:
        self.session.request(method, self.now, fields=fields, body=body, content_type=content_type, owner=self)
        self.phone.world.settle()

    def refer(self, target: str, fields: Fields = ()) -> None:
        """REFER to a number, or to a whole Refer-To value."""
        value = target if "<" in target else f"<sip:{target}@{self.phone.world.domain}>"
        self.request("REFER", [("Refer-To", value), *fields])

    def refer_to_call(self, other: PhoneCall) -> None:
        """Attended transfer: the other party of this call shall talk to that of `other` (RFC 5589 §7)."""
        replaces = other.replaces.replace(";", "%3B").replace("=", "%3D")
        self.refer(f"<sip:{other.peer_number}@{self.phone.world.domain}?Replaces={replaces}>")

    @property
    def peer_number(self) -> str:
        return str(self.session.remote.uri.username)  # type: ignore[union-attr]

    @property
    def replaces(self) -> str:
        """The Replaces value by which this call is meant at the switch."""
        session = self.session
        return f"{session.call_id};to-tag={session.remote_tag or self.early_tag};from-tag={session.id}"

    # -- what it sees

    @property
    def talking(self) -> bool:
        return self.session.state in (SessionState.CONFIRMED, SessionState.ACCEPTED) and self.ended is None

    @property
    def over(self) -> bool:
        return self.ended is not None or self.rejected is not None

    @property
    def status(self) -> int:
        """The final status of a refused call."""
        return self.rejected.status if self.rejected is not None else self.ended.status if self.ended else 0

    @property
    def reason(self) -> str:
        """The Reason of the message that ended this call."""
        message = self.rejected or (self.ended.request if self.ended else None)
        return (message.get("Reason") or "") if message is not None else ""

    @property
    def reports(self) -> list[str]:
        """Status lines that NOTIFY brought."""
        return [notify.body.decode().split("\r\n")[0].removeprefix("SIP/2.0 ") for notify in self.notifies]

    @property
    def remote_host(self) -> str:
        found = re.search(rb"c=IN IP4 (\S+)", self.remote or b"")
        return found.group(1).decode() if found else ""

    @property
    def remote_direction(self) -> str:
        found = re.search(rb"a=(sendrecv|sendonly|recvonly|inactive)", self.remote or b"")
        return found.group(1).decode() if found else "sendrecv"

    @property
    def remote_codecs(self) -> list[str]:
        return [name.decode() for name in re.findall(rb"a=rtpmap:\d+ ([\w-]+)/", self.remote or b"")]

    # -- for the owner of a client transaction

    def on_event(self, event: Event) -> None:
        self.heard.append(event)
        if isinstance(event, SessionProgress):
            self.progress.append(event.response.status)
            self.early_tag = event.early_id
            self.remote = event.sdp or self.remote
        elif isinstance(event, SessionAnswered | SessionConfirmed):
            self.remote = event.sdp or self.remote
        elif isinstance(event, SessionRejected):
            self.rejected = event.response
        elif isinstance(event, SessionEnded):
            self.ended = event
        elif isinstance(event, OfferReceived):
            self._offered(event)
        elif isinstance(event, AnswerReceived):
            self.remote = event.sdp
            self.answers.append(event.sdp)
        elif isinstance(event, OfferFailed):
            self.offer_failed.append(event.status)
        elif isinstance(event, DialogRequest):
            self._asked(event)

    def _offered(self, event: OfferReceived) -> None:
        self.offers.append(event.sdp)
        self.remote = event.sdp or self.remote
        if self.answer_offers:
            self.session.answer(self._answer_to(event.sdp), self.now)

    def _answer_to(self, offer: bytes | None) -> bytes:
        if offer is None:
            return self.local
        mirrored = {b"sendonly": "recvonly", b"recvonly": "sendonly", b"inactive": "inactive"}
        found = re.search(rb"a=(sendonly|recvonly|inactive)", offer)
        return self.phone.sdp(direction=mirrored[found.group(1)] if found else "sendrecv")

    def _asked(self, event: DialogRequest) -> None:
        request = event.request
        (self.notifies if request.method == "NOTIFY" else self.requests).append(request)
        self.phone.agent.respond(event.transaction, self.phone.answer_requests.get(request.method, 200), self.now)


class Phone:
    """One device or peer at an address of its own. Calls wait for the test unless `on_call` says what to do."""

    def __init__(
        self,
        world: World,
        number: str,
        host: str,
        *,
        port: int = 5060,
        codecs: Sequence[str] = (),
        extensions: tuple[str, ...] = (),
    ) -> None:
        self.world = world
        self.number = number
        self.host = host
        self.address = Address("udp", host, port)
        self.codecs = tuple(codecs) or ("PCMA", "PCMU")
        self.timers = TimerWheel()
        self.agent = UserAgent(
            timers=self.timers,
            new_id=lambda: world.new_id(number),
            sent_by=lambda listener, transport: (host, port),
            settings=UserAgentSettings(
                session_expires=0,
                datagram_limit=0,
                user_agent=f"phone {number}",
                supported=(*UserAgentSettings().supported, *extensions),
            ),
        )
        self.calls: list[PhoneCall] = []
        self.on_call: Callable[[PhoneCall], None] | None = None
        self.answer_requests: dict[str, int] = {}
        self.answer_fields: dict[str, Fields] = {}
        self.requests: list[Request] = []
        self.responses: list[Response] = []
        self.failures: list[int] = []
        self.received: list[Message] = []

    def __repr__(self) -> str:
        return f"<Phone {self.number} {self.host}>"

    # -- what it does

    def sdp(self, **changes: object) -> bytes:
        """The phone's own description."""
        return sdp(self.host, codecs=self.codecs, **changes)  # type: ignore[arg-type]

    def register(self, q: str = "", password: str = "", expires: int = 3600) -> None:
        """REGISTER with digest; the test fails unless it is accepted."""
        suffix = f";q={q}" if q else ""
        contact = f"<sip:{self.number}@{self.host}:{self.address.port}>{suffix};expires={expires}"
        own = f"<sip:{self.number}@{self.world.domain}>"
        fields = [("From", own), ("To", own), ("Contact", contact)]
        request = Request("REGISTER", f"sip:{self.world.domain}", fields)
        login = Login(self.number, password or self.world.password(self.number))
        self.agent.send(request, self.world.address, self.world.now, owner=self, credentials=login)
        self.world.settle()
        assert self.responses[-1].status == 200, f"{self} could not register: {self.responses[-1].status}"

    def call(
        self,
        number: str,
        body: bytes | None = b"?",
        fields: Fields = (),
        *,
        listener: str = "main",
        display: str = "",
        login: bool = False,
    ) -> PhoneCall:
        """INVITE; without an argument the phone's own description goes with it, with None no description does."""
        world = self.world
        uri = number if ":" in number else f"sip:{number}@{world.domain}"
        session = self.agent.invite(
            request_uri=uri,
            next_hop=world.listener(listener),
            from_=NameAddr(f"sip:{self.number}@{world.domain}", display or None),
            to=NameAddr(uri),
            now=world.now,
            fields=fields,
            body=self.sdp() if body == b"?" else body or b"",
            credentials=Login(self.number, world.password(self.number)) if login else None,
        )
        call = session.owner = PhoneCall(self, session)
        self.calls.append(call)
        world.settle()
        return call

    def send(self, method: str, number: str, fields: Fields = (), body: bytes = b"", *, login: bool = False) -> None:
        """A request outside any dialog; the answer is the last of `responses`."""
        own = f"<sip:{self.number}@{self.world.domain}>"
        uri = f"sip:{number}@{self.world.domain}"
        contact = [("Contact", f"<sip:{self.number}@{self.host}:{self.address.port}>")]
        request = Request(method, uri, [("From", own), ("To", f"<{uri}>"), *contact, *fields], body)
        credentials = Login(self.number, self.world.password(self.number)) if login else None
        self.agent.send(request, self.world.address, self.world.now, owner=self, credentials=credentials)
        self.world.settle()

    # -- what happens to it

    @property
    def ringing(self) -> PhoneCall:
        """The latest call that came in."""
        incoming = [call for call in self.calls if call.session.role == "uas"]
        assert incoming, f"{self} has not been called"
        return incoming[-1]

    @property
    def called(self) -> bool:
        return any(call.session.role == "uas" for call in self.calls)

    def on_event(self, event: Event) -> None:
        if isinstance(event, IncomingInvite):
            call = event.session.owner = PhoneCall(self, event.session)
            call.remote = event.request.body or None
            self.calls.append(call)
            if self.on_call is not None:
                self.on_call(call)
        elif isinstance(event, RequestReceived):
            self.requests.append(event.request)
            method = event.request.method
            status, fields = self.answer_requests.get(method, 200), self.answer_fields.get(method, ())
            self.agent.respond(event.transaction, status, self.world.now, fields=fields)
        elif isinstance(event, ResponseReceived | TransactionFailed):
            self._told(event)
        else:
            owner = event.session.owner  # type: ignore[union-attr]
            if isinstance(owner, PhoneCall):
                owner.on_event(event)

    def _told(self, event: ResponseReceived | TransactionFailed) -> None:
        if isinstance(event, TransactionFailed):
            self.failures.append(event.status)
            return
        owner = event.transaction.owner
        (owner.responses if isinstance(owner, PhoneCall) else self.responses).append(event.response)
