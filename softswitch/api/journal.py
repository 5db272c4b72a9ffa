"""The bounded journal of events behind `/events`: sequence numbers, resume, and no buffer per client.

Every client reads the one ring at its own pace. A slow client falls behind the ring's oldest entry and is told how
many it missed; nothing is kept for it, so a thousand slow clients cost nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Protocol

from softswitch.api.frames import text_frame
from softswitch.api.models.base import with_times
from softswitch.sip.grammar import readable

#: Members of events that name what they are about.
_SUBJECTS = frozenset(
    {
        "call_id",
        "leg_id",
        "caller",
        "callee",
        "party",
        "number",
        "user",
        "trunk",
        "sender",
        "recipient",
        "source",
        "talkgroup",
        "group",
        "by",
        "target",
    }
)


class BusEvent(Protocol):
    """What the journal needs of an event."""

    @property
    def type(self) -> str:
        """The event's name."""

    def to_dict(self) -> dict[str, Any]:
        """Its JSON-ready fields, `type` and `time` among them."""


class Entry:
    """One journalled event, encoded once for all clients, and not before the first of them reads it."""

    __slots__ = ("_event", "_frame", "_subjects", "_text", "sequence", "type")

    def __init__(self, sequence: int, event: BusEvent) -> None:
        self.sequence = sequence
        self.type = event.type
        self._event: BusEvent | None = event
        self._text = ""
        self._frame = b""
        self._subjects: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The JSON object as it goes to clients."""
        if self._event is not None:
            body = {"seq": self.sequence, **with_times(self._event.to_dict())}
            # Whatever got into one event must not end the streams of all clients.
            self._text = readable(json.dumps(body, ensure_ascii=False, default=str))
            self._subjects = frozenset(
                value for name, value in body.items() if name in _SUBJECTS and isinstance(value, str)
            )
            self._event = None
        return self._text

    @property
    def subjects(self) -> frozenset[str]:
        """The identifiers and numbers that the event is about."""
        if self._event is not None:
            _ = self.text
        return self._subjects

    @property
    def frame(self) -> bytes:
        """The event as a WebSocket message of a server."""
        if not self._frame:
            self._frame = text_frame(self.text)
        return self._frame


class EventJournal:
    """Subscribe `append` to the bus. Sequence numbers begin at 1 with each start; `identity` names the start."""

    def __init__(self, identity: str, capacity: int = 20_000) -> None:
        self.identity = identity
        self.last = 0
        self._entries: deque[Entry] = deque(maxlen=capacity)
        self._waiting: set[asyncio.Event] = set()
        #: how far the live clients have read; set by whoever serves them
        self.positions: Callable[[], Iterable[int]] = tuple

    @property
    def lag(self) -> int:
        """How many events the slowest live client is behind."""
        return self.last - min(self.positions(), default=self.last)

    @property
    def oldest(self) -> int:
        """Sequence number of the oldest entry held; `last + 1` when there is none."""
        return self._entries[0].sequence if self._entries else self.last + 1

    def append(self, event: BusEvent) -> None:
        """Journal one event and wake the readers."""
        self.last += 1
        self._entries.append(Entry(self.last, event))
        for waiting in self._waiting:
            waiting.set()

    def read(self, after: int, limit: int = 256) -> list[Entry]:
        """Up to `limit` entries with a sequence number above `after`, oldest first."""
        skip = max(0, after + 1 - self.oldest)
        return list(islice(self._entries, skip, skip + limit))

    def missed(self, after: int) -> int:
        """How many entries above `after` the ring holds no more."""
        return max(0, self.oldest - 1 - after)

    def watch(self, event: asyncio.Event) -> None:
        """Set `event` whenever there is a new entry, until `unwatch`."""
        self._waiting.add(event)

    def unwatch(self, event: asyncio.Event) -> None:
        """See `watch`."""
        self._waiting.discard(event)

    async def wait(self, after: int) -> None:
        """Return as soon as there is an entry above `after`."""
        if self.last > after:
            return
        event = asyncio.Event()
        self.watch(event)
        try:
            await event.wait()
        finally:
            self.unwatch(event)

    async def wait_for(self, after: int, timeout_s: float) -> bool:
        """As `wait`, but no longer than `timeout_s`; False when nothing came."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.wait(after)
        except TimeoutError:
            return False
        return True
