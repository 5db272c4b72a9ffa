"""What is watched of calls, and what is kept of their signalling."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from softswitch.config.base import PositiveCount, Seconds, Section

Score = Annotated[float, Field(ge=1.0, le=4.5)]


class QualitySettings(Section):
    """When a party counts as sounding bad (ITU-T G.107), and a media path as one-way."""

    degraded_mos: Score = Field(
        default=3.1, description="Mean opinion score of a report interval below which an event tells of it."
    )
    recovered_mos: Score = Field(default=3.6, description="Score from which on all is well again.")
    one_way_s: Seconds = Field(
        default=5, description="Seconds of sending without receiving after which an event tells of it; 0: never."
    )

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.recovered_mos < self.degraded_mos:
            raise ValueError("recovered_mos must not lie below degraded_mos")
        return self


class LadderSettings(Section):
    """The SIP messages and packets that are kept in memory, for ladders and captures of single calls."""

    messages_per_call: PositiveCount = Field(default=200, description="Most messages of one dialog; the oldest go.")
    megabytes: PositiveCount = Field(default=32, description="Most memory for messages of all calls.")
    capture_megabytes: PositiveCount = Field(
        default=32, description="Most memory for RTP and RTCP of calls that are being captured."
    )
    keep_s: Seconds = Field(
        default=900, description="How long, in seconds, messages and captures are kept after the last one."
    )
