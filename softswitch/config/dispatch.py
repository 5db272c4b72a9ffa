"""The sections that describe short messages and positions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from softswitch.config.base import (
    PositiveCount,
    PositiveSeconds,
    Seconds,
    Section,
    Switch,
    Texts,
)


class MessagingSettings(Section):
    """Short messages (SIP MESSAGE): what is taken, kept and tried again."""

    store_and_forward: Switch = Field(
        default=True,
        description="Whether messages for subscribers and gateways that cannot be reached are kept and sent later.",
    )
    keep_hours: PositiveSeconds = Field(
        default=72, description="Hours that a message waits for its recipient when its sender names no time."
    )
    longest_hours: PositiveSeconds = Field(default=336, description="Longest time in hours that a sender may ask for.")
    history_days: Seconds = Field(
        default=30, description="Days after which messages that nobody waits for are removed; 0 keeps them."
    )
    max_octets: Annotated[int, Field(ge=160, le=60000, strict=True)] = Field(
        default=16384, description="Longest message taken; a longer one is answered 413."
    )
    content_types: Texts = Field(
        default=("text/*", "message/*", "multipart/*", "application/*"),
        description="Content types that are taken; others are answered 415.",
    )
    max_waiting: PositiveCount = Field(default=100_000, description="Most messages that wait in all.")
    max_per_recipient: PositiveCount = Field(default=500, description="Most messages that wait for one recipient.")
    max_per_sender: PositiveCount = Field(default=2_000, description="Most waiting messages of one sender.")


class LocationSettings(Section):
    """Positions of phones, radios and cameras."""

    history_days: Seconds = Field(default=30, description="Days for which tracks are kept; 0 keeps them for ever.")
    event_interval_s: Seconds = Field(
        default=1, description="Least time in seconds between two events of one device's position."
    )
    fastest_mps: PositiveSeconds = Field(
        default=350,
        description="Speed in metres a second above which a position is suspect, until a second one agrees.",
    )
    max_devices: PositiveCount = Field(default=100_000, description="Most devices whose newest position is known.")
