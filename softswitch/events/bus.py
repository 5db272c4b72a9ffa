"""The one in-process bus that events travel on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar, cast

from softswitch.events.base import Event

logger = logging.getLogger(__name__)

Subscriber = Callable[[Event], None]
Kind = TypeVar("Kind", bound=Event)


class EventBus:
    """Delivers each event to every subscriber, in order, at once; a subscriber's failure is logged, not spread."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        #: how many events of each type have been delivered.
        self.delivered: dict[str, int] = {}
        self._subscribers: list[tuple[Subscriber, frozenset[str]]] = []
        self._by_type: dict[str, tuple[Subscriber, ...]] = {}

    def subscribe(self, subscriber: Subscriber, *types: str) -> Callable[[], None]:
        """Deliver events of `types` (none given: all) to `subscriber`; returns what ends it."""
        entry = subscriber, frozenset(types)
        self._subscribers.append(entry)
        self._by_type.clear()

        def unsubscribe() -> None:
            if entry in self._subscribers:
                self._subscribers.remove(entry)
            self._by_type.clear()

        return unsubscribe

    def on(self, kind: type[Kind], subscriber: Callable[[Kind], None]) -> Callable[[], None]:
        """Deliver events of `kind` to `subscriber`, which takes no other; returns what ends it."""
        return self.subscribe(cast(Subscriber, subscriber), kind.type)

    def wanted(self, event_type: str) -> bool:
        """Whether anyone listens, so that a costly event need not be made for nobody."""
        return bool(self._audience(event_type))

    def publish(self, event: Event) -> None:
        """Stamp `event` with the wall clock and deliver it."""
        self._deliver(event, self._audience(event.type))

    def tell(self, kind: type[Event], *values: object) -> None:
        """Make an event of `kind` out of `values` and publish it, if anyone listens."""
        audience = self._by_type.get(kind.type)
        if audience is None:
            audience = self._audience(kind.type)
        if audience:
            self._deliver(kind(*values), audience)

    def _deliver(self, event: Event, audience: tuple[Subscriber, ...]) -> None:
        event.time = self._wall()
        self.delivered[event.type] = self.delivered.get(event.type, 0) + 1
        for subscriber in audience:
            try:
                subscriber(event)
            except Exception:
                logger.exception("an event subscriber failed", extra={"event": event.type})

    def _audience(self, event_type: str) -> tuple[Subscriber, ...]:
        audience = self._by_type.get(event_type)
        if audience is None:
            audience = tuple(s for s, types in self._subscribers if not types or event_type in types)
            self._by_type[event_type] = audience
        return audience
