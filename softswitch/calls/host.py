"""What a call asks of the exchange that keeps it: everything outside the call itself, behind one interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from softswitch.calls.hunting import History, Stage, Target
from softswitch.calls.leg import Cause, Information, Leg, LegObserver
from softswitch.calls.media.path import MediaPath
from softswitch.events import EventBus
from softswitch.sip.timerwheel import TimerWheel

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.calls.media.digits import Key
    from softswitch.calls.ringing import Ringing, RingingObserver


@dataclass(frozen=True, slots=True)
class CallSettings:
    """Limits and habits of calls; times in seconds, 0 switches a limit off."""

    max_duration_s: float = 14400.0
    max_calls: int = 0
    ring_s: float = 60.0
    max_diversions: int = 5
    follow_redirects: bool = True
    park_timeout_s: float = 120.0


class CallHost(Protocol):
    """The exchange as a call sees it."""

    timers: TimerWheel
    bus: EventBus
    media: MediaPath
    settings: CallSettings

    def now(self) -> float:
        """Monotonic seconds."""

    def wall(self) -> float:
        """Seconds since the epoch."""

    def dial(self, target: Target, ringing: Ringing, observer: RingingObserver) -> Leg | Cause:
        """Call one target on behalf of `observer`; the leg reports to `ringing`. A Cause says why it cannot be."""

    def stages(self, number: str, caller: Leg) -> list[Stage] | Cause:
        """Whom to ring for `number` when the party of `caller` dials it."""

    def diverted(self, number: str, history: History, observer: RingingObserver) -> list[Stage] | Cause:
        """Whom to ring when the last of `history` sends the call on to `number`."""

    def redirected(self, uri: str, target: Target, stage: Stage | None) -> list[Stage] | Cause:
        """Whom to ring for one URI of a 3xx that came from `target`, rung in `stage`."""

    def serve(self, call: Call, leg: Leg, target: Target) -> Cause | None:
        """Let a service of the switch answer `leg`; a Cause says why it cannot."""

    def pass_key(self, leg: Leg, key: Key) -> bool:
        """Press a key towards `leg` that the other party told by INFO; False: pass the INFO on."""

    def picture_requested(self, leg: Leg, information: Information) -> bool:
        """Whether INFO of `leg` asked for a key frame, which is asked for now of whoever it sees."""

    def information(self, leg: Leg, information: Information) -> bool:
        """Application data from a party that talks to the switch; False when it means nothing here."""

    def renewed(self, leg: Leg) -> None:
        """A party that talks to the switch has agreed on its media anew."""

    def find_leg(self, call_id: str, to_tag: str, from_tag: str) -> Leg | None:
        """The leg whose dialog a Replaces names (RFC 3891 §3), as the party that wrote it sees it."""

    def call_of(self, leg: Leg) -> Call | None:
        """The call that `leg` takes part in."""

    def joined(self, leg: Leg, call: Call) -> None:
        """`leg` belongs to `call` now."""

    def left(self, leg: Leg, call: Call) -> None:
        """`leg` does not belong to `call` any more."""

    def finished(self, call: Call) -> None:
        """The call is over and released."""


__all__ = ["CallHost", "CallSettings", "LegObserver"]
