"""The vocoders that are configured, by name: opened with the switch, leased by gateways, shown to operators."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from mediacodecs.codec import CodecUnavailable
from mediacodecs.vocoders import VocoderLost
from softswitch.runtime.vocoders import VocoderPool, open_pool

logger = logging.getLogger(__name__)

#: `told(vocoder, channel, ready, reason)`: a channel answers now, or does not any more.
StateListener = Callable[[str, str, bool, str], None]


class VocoderBank:
    """A pool for each `[[vocoder]]` entry. One that cannot be opened stops nothing: it is lost, and says why."""

    def __init__(self, entries: Sequence[Any], told: StateListener) -> None:
        self._entries = tuple(entries)
        self._told = told
        self._pools: dict[str, VocoderPool] = {}
        self._refused: dict[str, str] = {}

    async def open(self) -> None:
        """Open every vocoder; chips are looked for from then on."""
        for entry in self._entries:
            try:
                self._pools[entry.name] = await open_pool(entry, self._listener(entry.name))
            except (OSError, ValueError, CodecUnavailable) as problem:
                self._refused[entry.name] = str(problem)
                logger.error("vocoder %s cannot be used: %s", entry.name, problem)

    def close(self) -> None:
        """Close every channel."""
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()

    def pool(self, name: str) -> VocoderPool:
        """The channels of a vocoder; raises LookupError for an unknown name, VocoderLost when it cannot be used."""
        if name in self._refused:
            raise VocoderLost(f"vocoder {name} cannot be used: {self._refused[name]}")
        if name not in self._pools:
            raise LookupError(f"there is no vocoder {name!r}; the configuration names {sorted(self._pools) or 'none'}")
        return self._pools[name]

    def describe(self) -> list[dict[str, Any]]:
        """Each vocoder with its channels: how many there are, answer, and are leased to a talker."""
        return [self._row(entry) for entry in self._entries]

    def problems(self) -> list[str]:
        """What is wrong now, one sentence each."""
        found = [f"vocoder {name} cannot be used: {reason}" for name, reason in self._refused.items()]
        for row in self.describe():
            silent = row["channels"] - row["ready"]
            if silent and not row["reason"]:
                found.append(f"vocoder {row['name']}: {silent} of {row['channels']} channels do not answer")
        return found

    def _row(self, entry: Any) -> dict[str, Any]:
        pool = self._pools.get(entry.name)
        counts = {"ready": 0, "leased": 0, "exhausted": 0} if pool is None else pool.counts()
        refused = self._refused.get(entry.name, "")
        return {"name": entry.name, "kind": entry.kind, "channels": entry.channels, "reason": refused, **counts}

    def _listener(self, name: str) -> Callable[[str, bool, str], None]:
        return lambda channel, ready, reason: self._told(name, channel, ready, reason)
