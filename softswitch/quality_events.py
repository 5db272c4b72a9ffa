"""Events about how calls sound."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from softswitch.events import Event


@dataclasses.dataclass(slots=True)
class QualityDegraded(Event):
    """A party sounds bad to the others; told once until it has recovered.

    The figures are those of the last report interval: `loss` a share (0–1), `rtt_ms` −1 where it is not known.
    """

    type: ClassVar[str] = "call.quality_degraded"
    call_id: str
    leg_id: str
    party: str
    mos: float
    loss: float
    jitter_ms: float
    rtt_ms: float


@dataclasses.dataclass(slots=True)
class QualityRecovered(Event):
    """A party that sounded bad sounds well again; the figures are those of QualityDegraded."""

    type: ClassVar[str] = "call.quality_recovered"
    call_id: str
    leg_id: str
    party: str
    mos: float
    loss: float
    jitter_ms: float
    rtt_ms: float


@dataclasses.dataclass(slots=True)
class OneWayMedia(Event):
    """We send to a party and nothing that we may take has come back: a firewall, NAT or wrong address in its SDP.

    `port` is ours, `advertised` where the party said it is, `seen` where packets came from that were refused, "" when
    there were none, `sent` how many went out; `detail` says it all in a sentence.
    """

    type: ClassVar[str] = "call.one_way"
    call_id: str
    leg_id: str
    party: str
    port: int
    advertised: str
    seen: str
    sent: int
    detail: str
