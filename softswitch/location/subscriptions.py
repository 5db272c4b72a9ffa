"""Who follows which devices how closely; gateways are asked to have them report accordingly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from softswitch.location.geodesy import distance_m
from softswitch.location.position import Position


class PositionSource(Protocol):
    """What a gateway registers that can ask its devices for positions."""

    def follow(self, number: str, interval_s: float) -> None:
        """Have a device report every `interval_s`; 0: nobody asks any more. Numbers of others are passed over."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """`numbers` are followed until `expires_at` (Unix time): at most every `interval_s`, `distance_m`."""

    id: str
    numbers: tuple[str, ...]
    interval_s: float = 10.0
    distance_m: float = 0.0
    expires_at: float = 0.0

    def document(self) -> dict[str, Any]:
        """JSON-ready mapping."""
        return asdict(self)


def subscription_of(document: Mapping[str, Any]) -> Subscription:
    """The subscription out of what `document` made. Raises KeyError, TypeError."""
    return Subscription(**{**document, "numbers": tuple(document["numbers"])})


class Subscriptions:
    """Every subscription, by number followed too."""

    def __init__(self) -> None:
        self._by_id: dict[str, Subscription] = {}
        self._of_number: dict[str, dict[str, Position | None]] = {}
        self._sources: dict[str, PositionSource] = {}

    def __iter__(self) -> Iterator[Subscription]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, subscription_id: str) -> Subscription:
        """One subscription; raises LookupError."""
        if subscription_id not in self._by_id:
            raise LookupError(f"there is no location subscription {subscription_id!r}")
        return self._by_id[subscription_id]

    def add_source(self, name: str, source: PositionSource) -> None:
        """A gateway can be asked from now on; it hears of all who are followed already."""
        self._sources[name] = source
        for number in self._of_number:
            source.follow(number, self._interval(number))

    def add(self, subscription: Subscription) -> None:
        """Follow more devices."""
        self._by_id[subscription.id] = subscription
        for number in subscription.numbers:
            self._of_number.setdefault(number, {})[subscription.id] = None
            self._ask(number)

    def remove(self, subscription_id: str) -> None:
        """Follow no more; raises LookupError."""
        for number in self.get(subscription_id).numbers:
            followers = self._of_number[number]
            del followers[subscription_id]
            if not followers:
                del self._of_number[number]
            self._ask(number)
        del self._by_id[subscription_id]

    def ended(self, wall: float) -> list[str]:
        """The ids of those whose time is over."""
        return [each.id for each in self._by_id.values() if each.expires_at <= wall]

    def move(self, position: Position) -> list[Subscription]:
        """A device is somewhere new: whose turn it is to be told."""
        followers = self._of_number.get(position.number)
        if not followers:
            return []
        told = []
        for identifier, last in followers.items():
            subscription = self._by_id[identifier]
            if last is None or _is_due(subscription, last, position):
                followers[identifier] = position
                told.append(subscription)
        return told

    def _interval(self, number: str) -> float:
        return min((self._by_id[each].interval_s for each in self._of_number.get(number, ())), default=0.0)

    def _ask(self, number: str) -> None:
        for source in self._sources.values():
            source.follow(number, self._interval(number))


def _is_due(subscription: Subscription, last: Position, position: Position) -> bool:
    if position.time - last.time < subscription.interval_s:
        return False
    moved = distance_m((last.latitude, last.longitude), (position.latitude, position.longitude))
    return moved >= subscription.distance_m
