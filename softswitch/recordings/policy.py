"""What is recorded without being asked for, how, and how long it is kept."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.calls.call import Call
from softswitch.calls.sip_leg import SipLeg

ALL = "all"


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules; `container` and `layout` are those of `softswitch.media.recording`, times in seconds."""

    calls: bool = False
    trunks: frozenset[str] = frozenset()
    subscribers: frozenset[str] = frozenset()
    conferences: frozenset[str] = frozenset()
    talkgroups: frozenset[str] = frozenset()
    container: str = "wav"
    layout: str = "stereo"
    rate_hz: int = 0
    pre_record_s: float = 0.0
    beep: bool = False
    group_idle_s: float = 60.0
    retention_s: float = 0.0
    most_octets: int = 0

    def wants_call(self, call: Call) -> bool:
        """Whether a call that was answered is recorded."""
        if self.calls:
            return True
        legs = [leg for leg in (call.caller, call.callee) if leg is not None]
        numbers = {call.record.caller, call.record.callee, *(leg.party.number for leg in legs)}
        trunks = {leg.trunk for leg in legs if isinstance(leg, SipLeg)}
        return bool(self.subscribers & numbers or self.trunks & trunks)

    def wants_room(self, kind: str, number: str) -> bool:
        """Whether a conference or talkgroup is recorded."""
        chosen = self.talkgroups if kind == "talkgroup" else self.conferences
        return ALL in chosen or number in chosen
