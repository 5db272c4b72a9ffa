"""Shapes of `/system/log`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from softswitch.api.models.base import Answer, Request

Level = Literal["debug", "info", "warning", "error"]


class LogLevels(Answer):
    """From which level on each part of the switch logs; "" is everything that has no level of its own."""

    levels: dict[str, str]


class SetLogLevel(Request):
    """A part of the switch, and how much it logs from now on until the next start."""

    logger: str = Field(default="", max_length=120, pattern=r"^[A-Za-z0-9_.]*$", description="Module; empty: all.")
    level: Level | None = Field(default=None, description="Lowest level written; null: as the part above it.")
