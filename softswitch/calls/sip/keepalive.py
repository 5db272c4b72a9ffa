"""Keeps the way to phones behind NAT open: an empty line to each before its router forgets it (RFC 5626 §3.5.1).

Over UDP that RFC asks the phone to send STUN; phones that do not are kept reachable from our side, as registrars have
always done. Streams are left to the phones, which ping themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil

from softswitch.sip.address import Address
from softswitch.sip.binding import Binding

#: Two line ends: ignored by every SIP parser (RFC 3261 §7.5), answered by some.
PING = b"\r\n\r\n"


class Keepalive:
    """Goes round all `bindings` once in `interval_s` seconds, a share of them at each step; 0 switches it off."""

    def __init__(self, bindings: Iterable[Binding], interval_s: float) -> None:
        self._bindings = bindings
        self.interval_s = interval_s
        self._round: Iterator[Binding] = iter(())
        self._next_round_at = 0.0
        self._last_at = 0.0

    def due(self, now: float, count: int) -> list[Address]:
        """The flows to ping now; `count` is how many bindings there are."""
        if self.interval_s <= 0:
            return []
        if now >= self._next_round_at:
            self._round = iter(self._bindings)
            self._next_round_at = now + self.interval_s
            self._last_at = now
        share = max(1, ceil(count * (now - self._last_at) / (self.interval_s * 0.9)))
        self._last_at = now
        found: list[Address] = []
        for _ in range(share):
            binding = next(self._round, None)
            if binding is None:
                break
            if binding.nat and binding.source.transport == "udp":
                found.append(binding.source)
        return found
