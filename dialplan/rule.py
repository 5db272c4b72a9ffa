"""What a dialplan is made of: targets, rules, hunt groups, classes of service, questions and answers.

These values are built once when a configuration is loaded; only `Destination`, `Refusal`, `RouteQuery` and `Decision`
are made per call and are therefore plain tuples and slotted objects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from dialplan.errors import DialplanError

#: Kinds of destination a call can be sent to. "number" starts again with another number (an alias).
KINDS = frozenset(
    {"subscriber", "hunt", "trunk", "service", "conference", "talkgroup", "queue", "gateway", "refuse", "number"}
)

#: Kinds whose value is the called number itself when the target names none.
_VALUE_FROM_NUMBER = frozenset({"subscriber", "conference", "talkgroup", "queue"})

STRATEGIES = frozenset({"parallel", "serial", "round-robin"})


class Target(NamedTuple):
    """Where a rule or a number leads: `kind` and the names after the colon (several trunks or gateways: failover)."""

    kind: str
    values: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read ``subscriber``, ``trunk:NAME[,NAME2]``, ``hunt:NAME``, ``refuse:403 text`` …; raises `DialplanError`."""
        kind, _, rest = text.strip().partition(":")
        kind = kind.strip()
        if kind not in KINDS:
            raise DialplanError(f"unknown destination {kind!r} in {text!r}; known: {', '.join(sorted(KINDS))}")
        if kind == "refuse":
            return cls(kind, _refusal_values(rest.strip(), text))
        values = tuple(part.strip() for part in rest.split(",") if part.strip())
        if not values and kind not in _VALUE_FROM_NUMBER:
            raise DialplanError(f"destination {text!r} names nothing: write {kind}:NAME")
        if len(values) > 1 and kind not in ("trunk", "gateway"):
            raise DialplanError(f"destination {text!r}: only trunk and gateway take a failover list")
        return cls(kind, values)

    def __str__(self) -> str:
        if self.kind == "refuse":
            return f"refuse:{' '.join(self.values)}"
        return f"{self.kind}:{','.join(self.values)}" if self.values else self.kind


def _refusal_values(rest: str, text: str) -> tuple[str, ...]:
    status, _, reason = rest.partition(" ")
    status = status or "403"
    if not (status.isascii() and status.isdigit() and len(status) == 3 and 400 <= int(status) <= 699):
        raise DialplanError(f"destination {text!r}: a refusal needs a status from 400 to 699")
    return (status, reason) if reason else (status,)


@dataclass(frozen=True, slots=True)
class Rule:
    """One routing rule: it applies when `prefix` or `pattern` matches and every condition given holds.

    The most specific match wins (longest literal beginning, then the narrower pattern), the order in the
    configuration breaks ties. `strip` digits are taken from the front of the number, then `add` is put before it.
    """

    name: str
    to: Target
    prefix: str = ""
    pattern: str = ""
    caller_class: str = ""
    source_trunk: str = ""
    schedule: str = ""
    strip: int = 0
    add: str = ""
    media: str = ""
    codecs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HuntGroup:
    """Numbers that ring together (`parallel`), one after the other (`serial`) or in turn (`round-robin`).

    `members` are numbers, routed through the plan; `ring_s` is how long each stage rings, in seconds.
    """

    name: str
    members: tuple[str, ...]
    strategy: str = "parallel"
    ring_s: float = 20.0
    number: str = ""


@dataclass(frozen=True, slots=True)
class Emergency:
    """Emergency numbers: matched before everything, blocked by nothing.

    `numbers` are patterns; `target` is where they go (None: the ordinary rules, with every block ignored).
    With `access_prefixes` a number is also recognised behind one of them (dialling 9 110 out of habit).
    """

    numbers: tuple[str, ...] = ()
    target: Target | None = None
    access_prefixes: tuple[str, ...] = ()


class Destination(NamedTuple):
    """One place to send the call to.

    `called` is the number to use there; destinations of the same `stage` ring together, a higher stage is tried when
    all of the lower ones failed or rang `ring_s` seconds (0: the caller's default).
    """

    kind: str
    value: str
    called: str
    stage: int = 0
    ring_s: float = 0.0
    media: str = ""
    codecs: tuple[str, ...] = ()


class Refusal(NamedTuple):
    """Why there is no destination: a SIP status and a phrase fit for the wire."""

    status: int
    reason: str


class RouteQuery(NamedTuple):
    """A question to the plan: who calls whom, from where and when.

    `caller_class` is the caller's class of service ("" = unrestricted), `source_trunk` the trunk the call came from
    ("" = a subscriber), `history` the numbers this call was already diverted from (loop guard).
    """

    caller: str
    caller_class: str
    called: str
    source_trunk: str
    when: datetime
    history: tuple[str, ...] = ()


@dataclass(slots=True)
class Decision:
    """The plan's answer: `destinations` in order of trial, or `refused`; never both empty."""

    called: str
    caller: str
    destinations: list[Destination] = field(default_factory=list)
    refused: Refusal | None = None
    emergency: bool = False
    rule: str = ""
    media: str = ""
    codecs: tuple[str, ...] = ()
    trace: list[tuple[str, tuple[object, ...]]] = field(default_factory=list)

    @property
    def steps(self) -> list[str]:
        """Numbered sentences that tell how the decision came about; rendered on demand."""
        return [f"{index}. {text.format(*values)}" for index, (text, values) in enumerate(self.trace, 1)]

    @property
    def stages(self) -> list[list[Destination]]:
        """Destinations grouped by stage: the members of an inner list ring together."""
        grouped: dict[int, list[Destination]] = {}
        for destination in self.destinations:
            grouped.setdefault(destination.stage, []).append(destination)
        return [grouped[stage] for stage in sorted(grouped)]
