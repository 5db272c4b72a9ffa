"""The directory: who exists, with which password, rights and features. No I/O, no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace

from softswitch.directory.events import (
    DirectoryEvent,
    FeaturesChanged,
    SubscriberAdded,
    SubscriberChanged,
    SubscriberRemoved,
)
from softswitch.directory.subscriber import FEATURES, HashedPassword, Subscriber

Choice = str | float | bool
MAX_FORWARD_LENGTH = 64
MAX_NO_ANSWER_S = 600.0
MAX_EVENTS = 100_000
_ATTRIBUTES = tuple(field.name for field in fields(Subscriber) if field.name not in ("number", "password"))


class Directory:
    """All subscribers by number, with what they chose for themselves laid over what they were given.

    Changes queue events; whoever changes the directory drains them with `next_event` (persistence and the event bus
    live outside). Of more than `MAX_EVENTS` that nobody drains the oldest are dropped.
    """

    def __init__(
        self, subscribers: Iterable[Subscriber] = (), choices: Mapping[str, Mapping[str, Choice]] | None = None
    ) -> None:
        self._basis: dict[str, Subscriber] = {}
        self._current: dict[str, Subscriber] = {}
        self._choices: dict[str, dict[str, Choice]] = {}
        self._pickup: dict[str, set[str]] = {}
        self._events: deque[DirectoryEvent] = deque(maxlen=MAX_EVENTS)
        self.restore(choices or {})
        for subscriber in subscribers:
            self._place(subscriber)

    def restore(self, choices: Mapping[str, Mapping[str, Choice]]) -> None:
        """Take up what subscribers chose in an earlier run; no event tells of it."""
        self._choices = {number: kept for number, chosen in choices.items() if (kept := _valid_choices(chosen))}
        for subscriber in self._basis.values():
            self._place(subscriber)

    def get(self, number: str) -> Subscriber | None:
        """The subscriber with this number."""
        return self._current.get(number)

    def __contains__(self, number: object) -> bool:
        return number in self._current

    def __len__(self) -> int:
        return len(self._current)

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(self._current.values())

    def password_of(self, user: str) -> HashedPassword | None:
        """HA1 values for digest authentication; None for an unknown user."""
        subscriber = self._current.get(user)
        return None if subscriber is None else subscriber.password

    def has_role(self, number: str, role: str) -> bool:
        """Whether this number exists and has the role."""
        subscriber = self._current.get(number)
        return subscriber is not None and role in subscriber.roles

    def class_of(self, number: str) -> str:
        """Class of service of a number; "" when it has none or is not ours."""
        subscriber = self._current.get(number)
        return "" if subscriber is None else subscriber.class_of_service

    def may_pick_up(self, picker: str, ringing: str) -> bool:
        """Whether `picker` may take a call that rings at `ringing`: same pickup group, or dispatcher."""
        if self.has_role(picker, "dispatcher"):
            return True
        mine, theirs = self._current.get(picker), self._current.get(ringing)
        return mine is not None and theirs is not None and mine.pickup_group == theirs.pickup_group != ""

    def pickup_members(self, number: str) -> frozenset[str]:
        """The other numbers of the pickup group that `number` belongs to."""
        subscriber = self._current.get(number)
        if subscriber is None or not subscriber.pickup_group:
            return frozenset()
        return frozenset(self._pickup[subscriber.pickup_group]) - {number}

    def choices_of(self, number: str) -> dict[str, Choice]:
        """What this subscriber chose for itself."""
        return dict(self._choices.get(number, {}))

    def choose(self, number: str, choices: Mapping[str, Choice | None]) -> Subscriber:
        """Set features of a subscriber; None goes back to what it was given.

        Raises LookupError for an unknown number, ValueError for an unknown feature, a wrong value or a call forwarded
        to itself.
        """
        basis = self._basis.get(number)
        if basis is None:
            raise LookupError(f"there is no subscriber {number}")
        chosen = dict(self._choices.get(number, {}))
        for name, value in choices.items():
            if value is None and name in FEATURES:
                chosen.pop(name, None)
            else:
                chosen[name] = _checked_choice(number, name, value)
        if chosen != self._choices.get(number, {}):
            if chosen:
                self._choices[number] = chosen
            else:
                self._choices.pop(number, None)
            self._current[number] = _with_choices(basis, chosen)
            self._events.append(FeaturesChanged(number, tuple(sorted(chosen.items()))))
        return self._current[number]

    def put(self, subscriber: Subscriber) -> None:
        """Add a subscriber or replace the one of this number."""
        before = self._basis.get(subscriber.number)
        if before == subscriber:
            return
        self._place(subscriber)
        if before is None:
            self._events.append(SubscriberAdded(subscriber.number))
            return
        changed = tuple(name for name in _ATTRIBUTES if getattr(before, name) != getattr(subscriber, name))
        self._events.append(
            SubscriberChanged(subscriber.number, changed, credentials=before.password != subscriber.password)
        )

    def remove(self, number: str) -> bool:
        """Remove a subscriber and its choices; False when there was none."""
        basis = self._basis.pop(number, None)
        if basis is None:
            return False
        del self._current[number]
        self._choices.pop(number, None)
        self._leave_pickup(basis)
        self._events.append(SubscriberRemoved(number))
        return True

    def reload(self, subscribers: Iterable[Subscriber]) -> None:
        """Make the directory hold exactly these subscribers; choices of those who stay are kept."""
        wanted = {subscriber.number: subscriber for subscriber in subscribers}
        for number in [number for number in self._basis if number not in wanted]:
            self.remove(number)
        for subscriber in wanted.values():
            self.put(subscriber)

    def next_event(self) -> DirectoryEvent | None:
        """The oldest change not yet told; None when all are."""
        return self._events.popleft() if self._events else None

    def _place(self, subscriber: Subscriber) -> None:
        before = self._basis.get(subscriber.number)
        if before is not None:
            self._leave_pickup(before)
        self._basis[subscriber.number] = subscriber
        chosen = self._choices.get(subscriber.number)
        self._current[subscriber.number] = _with_choices(subscriber, chosen) if chosen else subscriber
        if subscriber.pickup_group:
            self._pickup.setdefault(subscriber.pickup_group, set()).add(subscriber.number)

    def _leave_pickup(self, subscriber: Subscriber) -> None:
        group = self._pickup.get(subscriber.pickup_group)
        if group is not None:
            group.discard(subscriber.number)
            if not group:
                del self._pickup[subscriber.pickup_group]


def _with_choices(subscriber: Subscriber, choices: Mapping[str, Choice]) -> Subscriber:
    return replace(subscriber, **choices)  # type: ignore[arg-type]  # _checked_choice made every value fit its field


def _valid_choices(choices: Mapping[str, Choice]) -> dict[str, Choice]:
    """Stored choices; those that an older release wrote and this one does not know are left out."""
    kept: dict[str, Choice] = {}
    for name, value in choices.items():
        try:
            kept[name] = _checked_choice("", name, value)
        except ValueError:
            continue
    return kept


def _checked_choice(number: str, name: str, value: object) -> Choice:
    if name not in FEATURES:
        raise ValueError(f"{name} is no feature; known: {', '.join(FEATURES)}")
    if name == "do_not_disturb":
        if not isinstance(value, bool):
            raise ValueError("do_not_disturb must be true or false")
        return value
    if name == "no_answer_s":
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= MAX_NO_ANSWER_S:
            raise ValueError(f"no_answer_s must be a number of seconds up to {MAX_NO_ANSWER_S:.0f}")
        return float(value)
    if not isinstance(value, str) or len(value) > MAX_FORWARD_LENGTH or not value.isprintable() or " " in value:
        raise ValueError(f"{name} must be a number of at most {MAX_FORWARD_LENGTH} characters")
    if value and value == number:
        raise ValueError(f"{name}: a number cannot be forwarded to itself")
    return value
