"""Timers and habits of one access (Q.931 §9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from gateways.e1.q921 import Side


@dataclass(frozen=True, slots=True)
class AccessParameters:
    """Times in seconds by the standard's names; `n316` repetitions of RESTART.

    `overlap_receiving`: an incoming number may come digit by digit; `overlap_sending`: ours is not marked as complete
    before the far end asks. `restart_at_start`: all idle channels are put in order whenever the D channel comes up for
    the first time.
    """

    t301: float = 180.0
    t302: float = 15.0
    t303: float = 4.0
    t304: float = 30.0
    t305: float = 30.0
    t306: float = 30.0
    t308: float = 4.0
    t309: float = 90.0
    t310: float = 60.0
    t313: float = 4.0
    t314: float = 4.0
    t316: float = 120.0
    t322: float = 4.0
    n316: int = 2
    overlap_receiving: bool = False
    overlap_sending: bool = False
    restart_at_start: bool = True

    @classmethod
    def of(cls, side: Side, **changed: Any) -> Self:
        """The standard's values for a side (tables 9-1 and 9-2), but for what is `changed`."""
        usual: dict[str, Any] = {"t304": 20.0, "t310": 10.0} if side is Side.NETWORK else {}
        return cls(**(usual | changed))
