"""What is recorded without being asked for, how, and how long it is kept."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.calls.call import Call

ALL = "all"
#: Where a call comes from and goes to: from a trunk, to a trunk, or neither. One from a trunk to a trunk is both.
INBOUND, OUTBOUND, INTERNAL = "inbound", "outbound", "internal"


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules; `container` and `layout` are those of `softswitch.media.recording`, times in seconds."""

    calls: bool = False
    directions: frozenset[str] = frozenset()
    trunks: frozenset[str] = frozenset()
    subscribers: frozenset[str] = frozenset()
    conferences: frozenset[str] = frozenset()
    talkgroups: frozenset[str] = frozenset()
    container: str = "wav"
    layout: str = "stereo"
    rate_hz: int = 0
    pre_record_s: float = 0.0
    beep: bool = False
    beep_interval_s: float = 0.0
    group_idle_s: float = 60.0
    retention_s: float = 0.0
    most_octets: int = 0

    def wants_call(self, call: Call) -> bool:
        """Whether a call that was answered is recorded."""
        if self.calls:
            return True
        legs = [leg for leg in (call.caller, call.callee) if leg is not None]
        numbers = {call.record.caller, call.record.callee, *(leg.party.number for leg in legs)}
        trunks = {leg.trunk for leg in legs if leg.trunk}
        return bool(self.subscribers & numbers or self.trunks & trunks or self.directions & directions(call))

    def wants_room(self, kind: str, number: str) -> bool:
        """Whether a conference or talkgroup is recorded."""
        chosen = self.talkgroups if kind == "talkgroup" else self.conferences
        return ALL in chosen or number in chosen


def directions(call: Call) -> set[str]:
    """Which of INBOUND, OUTBOUND and INTERNAL a call is."""
    sides = ((call.caller, INBOUND), (call.callee, OUTBOUND))
    return {name for leg, name in sides if leg is not None and leg.trunk} or {INTERNAL}
