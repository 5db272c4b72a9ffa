"""Events of trunks: whether they answer, and of E1 trunks also their lines and channels."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from softswitch.events.base import Event


@dataclasses.dataclass(slots=True)
class TrunkStateChanged(Event):
    """A trunk answers or does not: `state` is up, down, registered or refused."""

    type: ClassVar[str] = "trunk.state"
    trunk: str
    state: str
    reason: str = ""


@dataclasses.dataclass(slots=True)
class OfSpan(Event):
    """A defect of an E1 line."""

    trunk: str
    span: str
    alarm: str


@dataclasses.dataclass(slots=True)
class SpanAlarmRaised(OfSpan):
    """A defect of an E1 line was found: `alarm` is LOS, LOF, LMFA, AIS, RAI or PACKETS."""

    type: ClassVar[str] = "trunk.alarm_raised"
    text: str


@dataclasses.dataclass(slots=True)
class SpanAlarmCleared(OfSpan):
    """A defect of an E1 line is gone."""

    type: ClassVar[str] = "trunk.alarm_cleared"


@dataclasses.dataclass(slots=True)
class ChannelsChanged(Event):
    """Channels of a span are blocked, faulty, restarted or in_service now, and why."""

    type: ClassVar[str] = "trunk.channels"
    trunk: str
    span: str
    channels: tuple[int, ...]
    state: str
    reason: str = ""
