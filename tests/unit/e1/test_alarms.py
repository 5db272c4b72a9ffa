"""Alarms of a line: defects that last, told once, and cleared when they have been away for long."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from gateways.e1.alarms import AlarmCleared, AlarmRaised, Alarms, AlarmTimes
from gateways.e1.line import Line, LineEvent
from gateways.e1.q921 import Side
from gateways.e1.q931 import B_CHANNELS
from gateways.e1.span.interface import Alarm, SpanObserver

from .test_between_platforms import Pair

_NONE: frozenset[Alarm] = frozenset()
_PACKETS = frozenset({Alarm.PACKETS})


def drain(alarms: Alarms) -> list[AlarmRaised | AlarmCleared]:
    found = []
    while (event := alarms.next_event()) is not None:
        found.append(event)
    return found


def test_a_defect_that_comes_and_goes_is_no_alarm() -> None:
    alarms = Alarms()
    for second in range(60):
        alarms.defects_are(_PACKETS, second)
        alarms.handle_timer(second + 0.4)
        alarms.defects_are(_NONE, second + 0.5)
        alarms.handle_timer(second + 0.9)
    assert drain(alarms) == [] and alarms.raised == _NONE


def test_a_defect_that_lasts_is_told_once_until_it_has_been_away() -> None:
    alarms = Alarms()
    alarms.defects_are(_PACKETS, 0.0)
    assert alarms.next_timer() == 2.5
    alarms.handle_timer(2.5)
    assert drain(alarms) == [AlarmRaised(Alarm.PACKETS, 0)]
    for second in range(3, 30):  # away for half a second, again and again
        alarms.defects_are(_NONE, second)
        alarms.defects_are(_PACKETS, second + 0.5)
        alarms.handle_timer(second + 0.9)
    assert drain(alarms) == [] and alarms.raised == _PACKETS
    alarms.defects_are(_NONE, 30.0)
    alarms.handle_timer(39.9)
    assert drain(alarms) == [], "G.7710: ten seconds without the defect"
    alarms.handle_timer(40.0)
    assert drain(alarms) == [AlarmCleared(Alarm.PACKETS)] and alarms.next_timer() is None


def test_repetitions_are_counted() -> None:
    alarms = Alarms(AlarmTimes(1.0, 1.0))
    repetitions = []
    for now in (0.0, 10.0, 20.0, 1000.0):
        alarms.defects_are(_PACKETS, now)
        alarms.handle_timer(now + 1)
        repetitions += [event.repetition for event in drain(alarms) if isinstance(event, AlarmRaised)]
        alarms.defects_are(_NONE, now + 2)
        alarms.handle_timer(now + 3)
    assert repetitions == [0, 1, 2, 0], "after ten minutes it is news again"


class SilentSpan:
    """A span whose far end never sends anything."""

    slots = B_CHANNELS

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    async def open(self, observer: SpanObserver) -> None:
        observer.defects_changed(_PACKETS, 0.0)

    def send_dframe(self, frame: bytes) -> None:
        self.sent.append(frame)


@pytest.mark.parametrize("optional", [False, True])
async def test_a_far_end_that_never_came_is_an_alarm(optional: bool) -> None:
    told: list[LineEvent] = []
    span: Any = SilentSpan()
    line = Line("x", span, Side.USER, deliver=lambda _, e: told.append(e), rearm=lambda _: None, optional=optional)
    await span.open(line)
    line.handle_timer(2.4)
    assert told == span.sent == [], "it has a moment to come"
    line.handle_timer(2.5)
    assert told == ([] if optional else [AlarmRaised(Alarm.PACKETS, 0)]), "a line that waits may be alone"
    assert line.fault == ("" if optional else "E1 span x: loss of packets")
    line.defects_changed(_NONE, 3.0)
    line.defects_changed(_PACKETS, 4.0)
    line.handle_timer(6.5)
    assert AlarmRaised(Alarm.PACKETS, 0) in told, "a far end that was there and is gone"


async def test_repetitions_are_not_logged_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    pair = await Pair().up()
    for _ in range(5):
        pair.a.span.observer.defects_changed(frozenset({Alarm.AIS}), pair.a.world.now)
        pair.run(3)
        pair.a.span.observer.defects_changed(_NONE, pair.a.world.now)
        pair.run(11)
    lines = [text for _, level, text in caplog.record_tuples if level == logging.WARNING and "span1" in text]
    assert lines == [
        "E1 span span1: alarm indication signal",
        "E1 span span1: alarm indication signal again; events alone tell how often it comes back",
    ]
