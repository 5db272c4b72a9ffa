"""Shapes of ladders and captures."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from softswitch.api.models.base import Answer, Request, Time, example


class LadderQuery(Request):
    """How a ladder is wanted."""

    format: Literal["", "json", "text", "svg"] = Field(default="", description="Instead of the Accept header.")
    limit: int = Field(default=200, ge=1, le=2000, description="Most messages, the latest.")


class CaptureMedia(Request):
    """For how long the media of a call is captured."""

    model_config = example(seconds=30)

    seconds: int = Field(default=60, ge=0, le=3600, description="From now on; 0 ends it.")


class MediaCapture(Answer):
    """What is captured of a call's media."""

    call_id: str
    until: Time = Field(description="When it ends or ended, unless the call does before.")
    packets: int = Field(description="RTP and RTCP kept so far.")
    lost: int = Field(description="Packets of all captures that could not be kept because too many came at a time.")
    full: bool = Field(description="Whether it ended early: `ladder.capture_megabytes` are full.")
