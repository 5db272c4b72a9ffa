"""Shapes of ladders."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from softswitch.api.models.base import Request


class LadderQuery(Request):
    """How a ladder is wanted."""

    format: Literal["", "json", "text", "svg"] = Field(default="", description="Instead of the Accept header.")
    limit: int = Field(default=200, ge=1, le=2000, description="Most messages, the latest.")
