"""The lite side of ICE (RFC 8445 §2.5): it answers checks and leaves the choice of the way to the full peer.

A lite agent has an address that peers can reach, sends no checks of its own and is always controlled. The pair that
the peer nominates last is the one in use. A check from an address that no candidate named is as good as any other
(a peer-reflexive candidate, §7.3.1.3): its integrity proves that it is the peer's. Consent is the peer's checks going
on (RFC 7675): a lite agent sends none, so their absence is what tells that the peer is gone.
"""

from __future__ import annotations

import hmac
from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from softswitch.rtp.ice.stun import BINDING, ICE_CONTROLLED, REQUEST, USE_CANDIDATE, StunError, StunMessage

Address: TypeAlias = tuple[str, int]

#: RFC 7675 §5.1: a peer checks its consent about every 5 s and holds it for lost after 30 s.
CONSENT_S = 30.0
WAITING_ANSWERS = 64


@dataclass(frozen=True, slots=True)
class Selected:
    """The peer is to be reached at `remote` from now on."""

    remote: Address


@dataclass(frozen=True, slots=True)
class ConsentLost:
    """Nothing was heard from the selected address for `CONSENT_S`."""

    remote: Address


IceEvent: TypeAlias = Selected | ConsentLost


@dataclass(slots=True)
class IceCounters:
    """What the agent has seen: checks answered, and those refused or not understood."""

    answered: int = 0
    refused: int = 0
    malformed: int = 0


class IceLite:
    """One component (RTP with RTCP multiplexed) of one stream. `ufrag` and `password` are ours, told to the peer."""

    def __init__(self, ufrag: str, password: str) -> None:
        self.ufrag = ufrag
        self.password = password
        self.counters = IceCounters()
        self.selected: Address | None = None
        self._old: tuple[str, str] | None = None
        self._remote_ufrag = ""
        self._heard_at = 0.0
        self._answers: deque[tuple[bytes, Address]] = deque(maxlen=WAITING_ANSWERS)
        self._events: deque[IceEvent] = deque()

    def meet(self, remote_ufrag: str) -> None:
        """The peer's name is known: checks must bear it from now on."""
        self._remote_ufrag = remote_ufrag

    def restart(self, ufrag: str, password: str) -> None:
        """New credentials (RFC 8445 §9); the old ones hold until the peer uses the new ones."""
        self._old = self.ufrag, self.password
        self.ufrag, self.password = ufrag, password
        self._remote_ufrag = ""

    def receive_data(self, data: bytes, source: Address, now: float) -> None:
        """Take one STUN datagram."""
        try:
            message = StunMessage.parse(data)
        except StunError:
            self.counters.malformed += 1
            return
        if message.method != BINDING or message.message_class != REQUEST:
            return  # indications keep the path open (RFC 8445 §11), responses are to nothing we asked
        password = self._password_for(message.username)
        if password is None or not message.has_integrity(password):
            self.counters.refused += 1
            self._answers.append((message.refusal(401, "Unauthenticated"), source))
        elif message.unknown:
            self._answers.append((message.refusal(420, "Unknown Attribute", password), source))
        elif message.attribute(ICE_CONTROLLED) is not None:
            # A lite agent is controlled whatever the tie-breaker says (RFC 8445 §6.1.1).
            self._answers.append((message.refusal(487, "Role Conflict", password), source))
        else:
            self.counters.answered += 1
            self._answers.append((message.answer(source, password), source))
            self._checked(source, message.attribute(USE_CANDIDATE) is not None, now)

    def _password_for(self, username: str) -> str | None:
        """The password of the credentials that USERNAME (ours:theirs) names."""
        ours, _, theirs = username.partition(":")
        if _equal(ours, self.ufrag) and (not self._remote_ufrag or _equal(theirs, self._remote_ufrag)):
            return self.password
        if self._old is not None and _equal(ours, self._old[0]):
            return self._old[1]
        return None

    def _checked(self, source: Address, nominated: bool, now: float) -> None:
        """A good check: the first makes its source the way to try, a nomination settles it."""
        if source == self.selected:
            self._heard_at = now
        elif nominated or self.selected is None:
            self.selected = source
            self._heard_at = now
            self._events.append(Selected(source))
        if nominated:
            self._old = None if self._remote_ufrag else self._old

    def handle_timer(self, now: float) -> None:
        """Notice that the peer no longer checks."""
        due = self.next_timer()
        if due is not None and now >= due and self.selected is not None:
            remote, self.selected = self.selected, None
            self._events.append(ConsentLost(remote))

    def next_timer(self) -> float | None:
        """When consent ends unless the peer checks again."""
        return None if self.selected is None else self._heard_at + CONSENT_S

    def data_to_send(self) -> list[tuple[bytes, Address]]:
        """Answers, each with where it goes."""
        answers = list(self._answers)
        self._answers.clear()
        return answers

    def next_event(self) -> IceEvent | None:
        """The next thing that happened, None when there is nothing more."""
        return self._events.popleft() if self._events else None


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def answer_keepalive(data: bytes, source: Address) -> bytes | None:
    """The answer to a plain Binding request, as phones behind a NAT send to keep their path open; None for others.

    A request with credentials is a check of ICE, which was not agreed on: it is left alone.
    """
    try:
        message = StunMessage.parse(data)
    except StunError:
        return None
    if message.method != BINDING or message.message_class != REQUEST or message.username:
        return None
    return message.refusal(420, "Unknown Attribute") if message.unknown else message.answer(source)
