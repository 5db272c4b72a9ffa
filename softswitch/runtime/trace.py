"""The tap every SIP message passes: HEP export, live ladder and tests subscribe here.

With no subscriber the cost for a message is one attribute test (`hub.active`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal, NamedTuple

from softswitch.sip.address import Address

logger = logging.getLogger(__name__)

Direction = Literal["in", "out"]


class TracedMessage(NamedTuple):
    """One SIP message as it was on the wire; `time` is UTC seconds since 1970, `local` the switch's own end."""

    time: float
    direction: Direction
    remote: Address
    local: tuple[str, int]
    data: bytes


Subscriber = Callable[[TracedMessage], None]


class TraceHub:
    """Fans traced messages out to subscribers; a subscriber that raises is removed, not the message path."""

    __slots__ = ("_limit", "_subscribers", "active")

    def __init__(self, limit: int = 64) -> None:
        self._limit = limit
        self._subscribers: tuple[Subscriber, ...] = ()
        self.active = False

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` for each message until the returned function is called. Raises RuntimeError when full."""
        if len(self._subscribers) >= self._limit:
            raise RuntimeError(f"the trace hub serves at most {self._limit} subscribers")
        self._subscribers = (*self._subscribers, subscriber)
        self.active = True

        return lambda: self._remove(subscriber)

    def _remove(self, subscriber: Subscriber) -> None:
        self._subscribers = tuple(each for each in self._subscribers if each is not subscriber)
        self.active = bool(self._subscribers)

    def publish(self, message: TracedMessage) -> None:
        """Hand one message to every subscriber."""
        for subscriber in self._subscribers:
            try:
                subscriber(message)
            except Exception:
                logger.exception("a trace subscriber failed and was removed")
                self._remove(subscriber)
