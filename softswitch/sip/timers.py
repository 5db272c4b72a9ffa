"""The three base times of SIP and the named timers that follow from them (RFC 3261 §17, table 4; RFC 6026 §8.11)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TimerSettings:
    """Base times in seconds: `t1` a round trip, `t2` longest gap of retransmissions, `t4` longest stay in the net."""

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0

    @property
    def transaction_timeout(self) -> float:
        """Timers B, F, H, J, L and M: 64 × T1."""
        return 64 * self.t1

    @property
    def timer_d(self) -> float:
        """Timer D: how long a client absorbs answers to its ACKed INVITE, at least 32 s over UDP."""
        return max(32.0, 64 * self.t1)
