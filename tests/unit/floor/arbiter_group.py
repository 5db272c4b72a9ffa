"""A started arbiter of a few participants, and what its events say."""

from __future__ import annotations

from typing import TypeVar

from softswitch.floor import Arbiter, ArbiterSettings, Event, Member


def drain(arbiter: Arbiter) -> list[Event]:
    events = []
    while (event := arbiter.next_event()) is not None:
        events.append(event)
    return events


def group(
    settings: ArbiterSettings | None = None, members: dict[str, Member] | None = None, names: str = "abcd"
) -> Arbiter:
    """A started group of the participants a, b, c, d, nothing of it left to read."""
    arbiter = Arbiter(settings)
    for name in names:
        arbiter.participant_joined(name, 0.0, (members or {}).get(name))
    arbiter.start(0.0)
    drain(arbiter)
    return arbiter


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


_Kind = TypeVar("_Kind")


def only(events: list[Event], kind: type[_Kind]) -> list[_Kind]:
    return [event for event in events if isinstance(event, kind)]


def run(arbiter: Arbiter, start: float, end: float, talking: str = "") -> list[tuple[float, Event]]:
    """Let time pass until `end` with media of `talking` every 0.5 s; what happened, and when."""
    seen: list[tuple[float, Event]] = []
    now = start
    while now < end:
        due = arbiter.next_timer()
        now = min(end, now + 0.5 if due is None else max(now, min(due, now + 0.5)))
        if talking:
            arbiter.media_heard(talking, now)
        arbiter.handle_timer(now)
        seen += [(now, event) for event in drain(arbiter)]
    return seen
