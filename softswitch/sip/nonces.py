"""Nonces of digest authentication and the counts used with them (RFC 7616 §3.3, §5.4, §5.5).

Nothing is remembered of a nonce that is handed out: it carries its time and a keyed hash. Only one that was answered
correctly is remembered, with the counts seen, in a bounded table; what falls out of the table leaves a floor behind,
so that forgetting never makes a replay possible.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict

from softswitch.sip.errors import LocalProtocolError

_WINDOW = 64


class Nonces:
    """Nonces that prove themselves, and the counts used with each.

    `secret` is at least 16 random octets, `lifetime` in seconds, `capacity` the number of answered nonces remembered.
    """

    def __init__(self, secret: bytes, *, lifetime: float = 300.0, capacity: int = 65536) -> None:
        if len(secret) < 16:
            raise LocalProtocolError("a nonce secret of fewer than 16 octets")
        self._key = hashlib.blake2b(secret, digest_size=32, person=b"sip-nonce").digest()
        self._lifetime = lifetime
        self._capacity = capacity
        self._issued = 0
        # nonce → (highest count, bits of the counts below it, time of issue), in order of first use
        self._used: OrderedDict[str, tuple[int, int, float]] = OrderedDict()
        self._floor = float("-inf")

    def __len__(self) -> int:
        return len(self._used)

    def issue(self, now: float) -> str:
        """A fresh nonce; nothing is remembered."""
        self._issued += 1
        stem = f"{int(now * 1000):x}.{self._issued:x}"
        return f"{stem}.{self._seal(stem)}"

    def _seal(self, stem: str) -> str:
        return hashlib.blake2b(stem.encode("utf-8", "surrogateescape"), digest_size=16, key=self._key).hexdigest()

    def use(self, nonce: str, count: int, now: float) -> str:
        """Note one correct use: "" when it counts, else why not ("nonce", "expired", "replayed").

        `count` 0 stands for a client without qop, which may use a nonce once.
        """
        stem, _, seal = nonce.rpartition(".")
        if not hmac.compare_digest(seal.encode("utf-8", "surrogateescape"), self._seal(stem).encode()):
            return "nonce"
        issued = int(stem.partition(".")[0], 16) / 1000
        if now - issued > self._lifetime:
            return "expired"
        known = self._used.get(nonce)
        if known is None:
            if issued <= self._floor:
                return "expired"
            self._make_room(now)
            self._used[nonce] = (count, 1, issued)
            return ""
        highest, seen, _ = known
        if count > highest:
            ahead = count - highest
            seen = (seen << ahead | 1) & ((1 << _WINDOW) - 1) if ahead < _WINDOW else 1
            self._used[nonce] = (count, seen, issued)
            return ""
        behind = highest - count
        if behind >= _WINDOW or seen >> behind & 1:
            return "replayed"
        self._used[nonce] = (highest, seen | 1 << behind, issued)
        return ""

    def _make_room(self, now: float) -> None:
        used = self._used
        while used:
            issued = next(iter(used.values()))[2]
            if len(used) < self._capacity and now - issued <= self._lifetime:
                return
            used.popitem(last=False)
            # Whatever was issued up to then and is unknown may have been used before: it must be asked for anew.
            self._floor = max(self._floor, issued)
