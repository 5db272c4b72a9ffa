"""Events about how calls sound."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from softswitch.events.base import Event


@dataclasses.dataclass(slots=True)
class OfQuality(Event):
    """How a party sounds to the others.

    The figures are those of the last report interval: `loss` a share (0–1), `rtt_ms` −1 where it is not known.
    """

    call_id: str
    leg_id: str
    party: str
    mos: float
    loss: float
    jitter_ms: float
    rtt_ms: float


@dataclasses.dataclass(slots=True)
class QualityDegraded(OfQuality):
    """A party sounds bad to the others; told once until it has recovered."""

    type: ClassVar[str] = "call.quality_degraded"


@dataclasses.dataclass(slots=True)
class QualityRecovered(OfQuality):
    """A party that sounded bad sounds well again."""

    type: ClassVar[str] = "call.quality_recovered"


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
