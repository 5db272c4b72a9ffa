"""From a SIP URI to addresses: at once when it names a number, else by a question to the resolver (RFC 3263 §4)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from softswitch.sip.address import Address
from softswitch.sip.flow import literal
from softswitch.sip.timerwheel import Timer, TimerWheel
from softswitch.sip.uri import SipUri

DEFAULT_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}

# Told of the addresses in order of preference; none when the name leads nowhere.
Located = Callable[[Sequence[Address], float], None]


def default_transport(uri: SipUri) -> str:
    """The transport of a URI whose host is a number: its parameter, else UDP, and TLS for sips (RFC 3263 §4.1)."""
    transport = uri.transport
    if uri.secure:
        return {"": "tls", "tcp": "tls", "ws": "wss"}.get(transport, transport)
    return transport or "udp"


def numeric_address(uri: SipUri, listener: str = "", transport: str = "") -> Address | None:
    """The address a URI spells out, or None when it has a name to be looked up or a transport nobody knows.

    `listener` is used when the URI's transport is `transport`, the one of that listener.
    """
    host = uri.param("maddr") or uri.host
    address = literal(host)
    if address is None:
        return None
    wanted = default_transport(uri)
    default_port = DEFAULT_PORTS.get(wanted)
    if default_port is None:
        return None
    if ":" in host:
        host = str(address)  # one spelling for one IPv6 address
    return Address(wanted, host, uri.port or default_port, listener if wanted == transport else "")


class Lookups:
    """Names on their way through the resolver, each asked once for all who wait for it; bounded in number and time."""

    __slots__ = ("_limit", "_questions", "_timeout", "_waiting", "_wheel")

    def __init__(self, wheel: TimerWheel, limit: int, timeout: float) -> None:
        self._wheel = wheel
        self._limit = limit
        self._timeout = timeout
        self._questions: deque[SipUri] = deque()
        self._waiting: dict[str, tuple[list[Located], Timer]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def ask(self, uri: SipUri, located: Located, now: float) -> None:
        """Have `located` told of the addresses of `uri`, with none when there is no answer in time."""
        question = str(uri)
        waiting = self._waiting.get(question)
        if waiting is not None:
            waiting[0].append(located)
            return
        if literal(uri.host) is not None or len(self._waiting) >= self._limit:
            self._wheel.schedule(now, partial(located, ()))  # a transport we lack, or too many questions
            return
        timer = self._wheel.schedule(now + self._timeout, partial(self.done, uri, ()))
        self._waiting[question] = ([located], timer)
        self._questions.append(uri)

    def next_question(self) -> SipUri | None:
        """The next URI to be resolved, or None."""
        return self._questions.popleft() if self._questions else None

    def done(self, uri: SipUri, addresses: Sequence[Address], now: float) -> None:
        """Answer everybody who waits for `uri`; an answer nobody waits for is ignored."""
        waiting = self._waiting.pop(str(uri), None)
        if waiting is None:
            return
        waiting[1].cancel()
        for located in waiting[0]:
            located(addresses, now)
