"""One task that carries the journal to every WebSocket client.

A message is encoded once; clients with the same filter at the same place share the same octets, which go straight to
their transports. A client that does not read is passed over until it has: it then gets what the ring still holds and
is told how many events it missed. So the cost of an event is one write for each client, and nobody is buffered for.
"""

from __future__ import annotations

import asyncio
import json

from softswitch.api.filters import EventFilter
from softswitch.api.frames import text_frame
from softswitch.api.journal import EventJournal

#: Shortest time between two rounds: what happens within it goes out in one write.
ROUND_S = 0.01
#: Octets that may wait in a client's transport before it is passed over.
UNREAD_OCTETS = 256 * 1024
_CLIENTS_IN_A_ROW = 50


class Subscriber:
    """One client: its transport, what it wants, and the last sequence number it was given."""

    __slots__ = ("filter", "position", "transport")

    def __init__(self, transport: asyncio.WriteTransport, wanted: EventFilter, position: int) -> None:
        self.transport = transport
        self.filter = wanted
        self.position = position


class Fanout:
    """Run `run` as a task; `add` and `remove` clients at any time."""

    def __init__(self, journal: EventJournal) -> None:
        self._journal = journal
        self._clients: set[Subscriber] = set()
        self._news = asyncio.Event()
        journal.positions = lambda: [client.position for client in self._clients]

    def __len__(self) -> int:
        return len(self._clients)

    def add(self, client: Subscriber) -> None:
        """Serve `client` from now on."""
        self._clients.add(client)
        self._news.set()

    def remove(self, client: Subscriber) -> None:
        """Serve it no more."""
        self._clients.discard(client)

    async def run(self) -> None:
        """Serve until cancelled."""
        self._journal.watch(self._news)
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                behind = await self._round()
                if behind:
                    self._news.set()
                await asyncio.sleep(ROUND_S)
        finally:
            self._journal.unwatch(self._news)

    async def _round(self) -> bool:
        """Give every client what it lacks, as far as it reads; True when somebody still lacks something."""
        behind = False
        shared: dict[tuple[object, int], tuple[bytes, int]] = {}
        for number, client in enumerate(list(self._clients), 1):
            behind |= self._serve(client, shared)
            if number % _CLIENTS_IN_A_ROW == 0:
                await asyncio.sleep(0)
        return behind

    def _serve(self, client: Subscriber, shared: dict[tuple[object, int], tuple[bytes, int]]) -> bool:
        if client.position >= self._journal.last or client.transport.is_closing():
            return False
        if client.transport.get_write_buffer_size() > UNREAD_OCTETS:
            return True
        place = client.filter.key, client.position
        found = shared.get(place)
        if found is None:
            found = shared[place] = self._collect(client.filter, client.position)
        octets, client.position = found
        if octets:
            client.transport.write(octets)
        return client.position < self._journal.last

    def _collect(self, wanted: EventFilter, position: int) -> tuple[bytes, int]:
        parts: list[bytes] = []
        missed = self._journal.missed(position)
        if missed:
            parts.append(text_frame(json.dumps(missed_notice(position, missed))))
            position += missed
        for entry in self._journal.read(position):
            position = entry.sequence
            if wanted.wants(entry):
                parts.append(entry.frame)
        return b"".join(parts), position


def missed_notice(position: int, missed: int) -> dict[str, object]:
    """What a client is told in place of events that the journal holds no more."""
    return {"type": "stream.missed", "count": missed, "since": position, "until": position + missed}
