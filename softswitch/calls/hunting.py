"""Whom to ring, in which order, and which refusal to report when nobody answers.

A hunt is a line of stages. The targets of one stage ring together (parallel forking); the next stage begins when all
of them failed or the stage rang long enough (serial forking, hunt groups, trunk failover, call forwarding). Refusals
are weighed as a forking proxy weighs them (RFC 3261 §16.7).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from softswitch.calls.leg import Cause
from softswitch.sip.address import Address
from softswitch.sip.uri import SipUri

#: Statuses after which another trunk may do better (RFC 3263 §4.3, RFC 3398 §8.2.6.1); others are the callee's.
_TRUNK_FAILURES = frozenset({408, 430, 500, 502, 503, 504})

#: Refusals a caller can do something about, preferred over other 4xx (RFC 3261 §16.7 step 6).
_USEFUL = frozenset({415, 420, 484})

NOT_FOUND = Cause(404, 1, "no such number")
UNAVAILABLE = Cause(480, 20, "not registered")


class Diverted(NamedTuple):
    """A number that sent the call on, and why, in the words of RFC 5806 §4.1."""

    number: str
    reason: str = "unknown"


#: The numbers a call was diverted from, the first callee first.
History = tuple[Diverted, ...]


@dataclass(slots=True)
class Target:
    """One device or peer to ring.

    `request_uri` is what the INVITE is addressed to, `next_hop` where it goes ("None": where the URI or the first of
    `routes` leads). `media` is relay or passthrough; `codecs` (RTP encoding names, best first; empty: the caller's own)
    are what the callee may be offered. `gateway` names the gateway for targets that are not SIP, `service` the service
    of the switch itself. `fields` are header fields added to the INVITE. `srtp` says whether its media is secured
    (empty: as for everybody), `keying` "dtls" that its keys are agreed on by DTLS, not in SDP. `ambience`: the device
    is called to be listened to, and shall not show it.
    """

    number: str
    request_uri: str = ""
    next_hop: Address | SipUri | None = None
    routes: tuple[str, ...] = ()
    trunk: str = ""
    gateway: str = ""
    service: str = ""
    media: str = "relay"
    codecs: tuple[str, ...] = ()
    history: History = ()
    fields: tuple[tuple[str, str], ...] = ()
    srtp: str = ""
    keying: str = ""
    ambience: bool = False


@dataclass(slots=True)
class Stage:
    """Targets that ring together for at most `ring_s` seconds, and where the call goes when they do not answer.

    The forward numbers belong to the subscriber `number` whose devices these are; empty means none. `history` tells
    how the call came to this stage.
    """

    targets: list[Target]
    ring_s: float
    number: str = ""
    forward_busy: str = ""
    forward_no_answer: str = ""
    failover_only: bool = False
    history: History = ()


@dataclass(slots=True)
class Hunt:
    """The stages still to come and the best refusal so far."""

    stages: deque[Stage]
    best: Cause | None = None
    redirected: set[str] = field(default_factory=set)

    @classmethod
    def through(cls, stages: Iterable[Stage]) -> Hunt:
        """A hunt through `stages` in order."""
        return cls(deque(stages))

    def next_stage(self) -> Stage | None:
        """The next stage with anyone in it, or None when the hunt is over."""
        while self.stages:
            stage = self.stages.popleft()
            if stage.targets:
                return stage
        return None

    def insert(self, stages: Iterable[Stage]) -> None:
        """Try `stages` before all others that remain."""
        self.stages.extendleft(reversed(list(stages)))

    def note(self, cause: Cause) -> None:
        """Remember a refusal if it says more than the ones before."""
        if self.best is None or _weight(cause.status) < _weight(self.best.status):
            self.best = cause

    def stop(self) -> None:
        """Ring nobody else: a global refusal (6xx) or the caller gave up."""
        self.stages.clear()

    def refusal(self) -> Cause:
        """What the caller is told when nobody answered."""
        return self.best or UNAVAILABLE


def _weight(status: int) -> tuple[int, int]:
    if status >= 600:
        return 0, status
    if status in _USEFUL:
        return status // 100, 0
    if status == 408:
        return status // 100, 998  # silence says less than any answer of the same class
    if status == 503:
        return 5, 999
    return status // 100, status


def may_try_next_trunk(status: int) -> bool:
    """Whether a refusal came from the trunk itself rather than from the callee behind it."""
    return status in _TRUNK_FAILURES
