"""Schedules and classes of service."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan import ClassOfService, DialplanError, Schedule

OFFICE = Schedule.create(
    "office", days=["mon-fri"], start="08:00", end="18:00", zone="Asia/Shanghai", holidays=["2025-10-01"]
)
NIGHT = Schedule.create("night", days=["fri"], start="22:00", end="06:00")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2025-09-29T00:00", True),  # Monday 08:00 in Shanghai
        ("2025-09-28T23:59:59", False),
        ("2025-09-29T09:59:59", True),
        ("2025-09-29T10:00", False),
        ("2025-09-27T04:00", False),  # Saturday
        ("2025-10-01T04:00", False),  # holiday
        ("2025-10-02T04:00", True),
    ],
)
def test_office_hours_in_their_own_zone(when: str, expected: bool) -> None:
    assert OFFICE.is_open(utc(when)) is expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("2025-09-26T21:59", False),
        ("2025-09-26T22:00", True),  # Friday
        ("2025-09-27T05:59", True),  # Saturday morning belongs to Friday
        ("2025-09-27T06:00", False),
        ("2025-09-26T05:00", False),  # Friday morning belongs to Thursday
        ("2025-09-27T23:00", False),
    ],
)
def test_a_span_over_midnight_belongs_to_the_day_it_began(when: str, expected: bool) -> None:
    assert NIGHT.is_open(utc(when)) is expected


def test_daylight_saving_is_followed() -> None:
    berlin = Schedule.create("b", start="08:00", end="09:00", zone="Europe/Berlin")
    assert berlin.is_open(utc("2025-01-15T07:30")) and not berlin.is_open(utc("2025-07-15T07:30"))
    assert berlin.is_open(utc("2025-07-15T06:30"))


def test_equal_ends_mean_the_whole_day() -> None:
    sunday = Schedule.create("s", days=["sun"], end="24:00")
    assert sunday.is_open(utc("2025-09-28T00:00")) and sunday.is_open(utc("2025-09-28T23:59"))
    assert not sunday.is_open(utc("2025-09-29T00:00"))


def test_a_schedule_can_be_for_holidays() -> None:
    feast = Schedule.create("f", days=["sun"], holidays=[date(2025, 10, 1)], open_on_holidays=True)
    assert feast.is_open(utc("2025-10-01T12:00")) and not feast.is_open(utc("2025-10-02T12:00"))


def test_a_time_without_zone_is_local() -> None:
    assert OFFICE.is_open(datetime(2025, 9, 29, 8, 0))


def test_days_may_wrap_and_be_listed() -> None:
    assert Schedule.create("w", days=["sat-mon", "Wednesday"]).days == {5, 6, 0, 2}


@pytest.mark.parametrize(
    "arguments",
    [
        {"days": ["someday"]},
        {"start": "25:00"},
        {"end": "x"},
        {"zone": "Mars/Olympus"},
        {"zone": "../etc/passwd"},
        {"zone": "Europe"},
        {"holidays": ["soon"]},
    ],
)
def test_what_cannot_be_a_schedule_is_an_error(arguments: dict[str, object]) -> None:
    with pytest.raises(DialplanError):
        Schedule.create("x", **arguments)  # type: ignore[arg-type]


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_instant_is_open_or_closed(when: datetime) -> None:
    for schedule in (OFFICE, NIGHT):
        try:
            assert schedule.is_open(when) in (True, False)
        except OverflowError:
            assert when.year in (1, 9999)


@pytest.mark.parametrize(
    ("allow", "deny", "number", "expected"),
    [
        ((), (), "110", (True, "")),
        ((), ("9!",), "9110", (False, "9!")),
        ((), ("9!",), "1001", (True, "")),
        (("1XXX",), (), "1001", (True, "1XXX")),
        (("1XXX",), (), "2001", (False, "")),
        (("91[0-9]",), ("9!",), "911", (True, "91[0-9]")),
        (("9!",), ("900!",), "9001", (False, "900!")),
        (("9!",), ("9!",), "9001", (False, "9!")),
    ],
)
def test_the_narrowest_pattern_of_a_class_decides(
    allow: tuple[str, ...], deny: tuple[str, ...], number: str, expected: tuple[bool, str]
) -> None:
    assert ClassOfService("c", allow, deny).permits(number) == expected
