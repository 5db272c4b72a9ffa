"""Idempotency-Key: a repeated request gets the answer of the first one, and nothing is started twice.

The key belongs to whoever sent it and to one operation. The same key with another body is a mistake of the client
(422); while the first request is still being answered, a second one is told to wait (409).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from softswitch.api.problems import Problem

LONGEST_KEY = 255
Key = tuple[str, str, str]


@dataclass(slots=True)
class Remembered:
    """One answered or running request; `status` 0 while it runs."""

    digest: bytes
    until: float
    status: int = 0
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class IdempotencyKeys:
    """The requests of the last `lifetime_s` seconds, `limit` at most; the oldest go first."""

    def __init__(self, clock: Callable[[], float], *, lifetime_s: float = 3600.0, limit: int = 10_000) -> None:
        self._clock = clock
        self._lifetime_s = lifetime_s
        self._limit = limit
        self._known: OrderedDict[Key, Remembered] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def begin(self, principal: str, operation: str, key: str, body: bytes) -> Remembered | None:
        """The answer given before, or None when this is the first request with that key; raises Problem 409, 422."""
        if not key.isprintable() or len(key) > LONGEST_KEY:
            raise Problem(422, "Idempotency-Key must be printable and no longer than 255 characters")
        self._forget_old()
        name, digest = (principal, operation, key), hashlib.sha256(body).digest()
        found = self._known.get(name)
        if found is None:
            self._known[name] = Remembered(digest, self._clock() + self._lifetime_s)
            return None
        if found.digest != digest:
            raise Problem(422, "this Idempotency-Key was used with another body", kind="idempotency-key-reused")
        if not found.status:
            raise Problem(
                409, "the first request with this Idempotency-Key is still being answered", kind="in-progress"
            )
        return found

    def finish(
        self, principal: str, operation: str, key: str, answer: tuple[int, bytes, dict[str, str]] | None
    ) -> None:
        """Keep the answer; None, after a failure, lets the request be tried again."""
        if answer is None:
            self._known.pop((principal, operation, key), None)
            return
        entry = self._known.get((principal, operation, key))
        if entry is not None:
            entry.status, entry.body, entry.headers = answer

    def _forget_old(self) -> None:
        now = self._clock()
        while self._known:
            oldest = next(iter(self._known.values()))
            if oldest.until > now and len(self._known) < self._limit:
                return
            self._known.popitem(last=False)
