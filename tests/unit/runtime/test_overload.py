"""Overload control sheds new work, never emergency calls, and spreads the retries."""

from __future__ import annotations

import pytest

from softswitch.runtime.overload import Overload, OverloadSettings


def test_without_limits_everything_is_admitted() -> None:
    overload = Overload(OverloadSettings(), lambda: 0.5)
    assert all(overload.admit("call", 0.0) == 0 for _ in range(1000))


def test_rate_beyond_the_limit_is_refused_and_recovers() -> None:
    overload = Overload(OverloadSettings(calls_per_second=10), lambda: 0.0)
    answers = [overload.admit("call", 0.0) for _ in range(12)]
    assert answers == [0] * 10 + [2] * 2
    assert overload.refused == {"call": 2, "registration": 0}
    assert overload.admit("call", 0.1) == 0, "a tenth of a second earns one call at 10/s"
    assert overload.admit("registration", 0.1) == 0, "registrations have a limit of their own"


def test_long_run_holds_the_configured_rate() -> None:
    overload = Overload(OverloadSettings(calls_per_second=50), lambda: 0.0)
    admitted = sum(overload.admit("call", step / 1000) == 0 for step in range(10_000))
    assert 500 <= admitted <= 551, f"10 s at 50/s plus one burst, got {admitted}"


def test_emergency_calls_always_pass() -> None:
    overload = Overload(OverloadSettings(calls_per_second=1, lag_limit=0.01), lambda: 0.0)
    for _ in range(100):
        overload.note_lag(1.0)
    assert overload.admit("call", 0.0) > 0
    assert overload.admit("call", 0.0, emergency=True) == 0


@pytest.mark.parametrize(("lag", "share"), [(0.0, 0.0), (0.1, 0.0), (0.15, 0.5), (0.2, 0.95), (5.0, 0.95)])
def test_share_shed_grows_with_lag(lag: float, share: float) -> None:
    overload = Overload(OverloadSettings(lag_limit=0.1), lambda: 0.0)
    overload.lag = lag
    assert overload.shedding == pytest.approx(share)


def test_lag_is_smoothed() -> None:
    overload = Overload(OverloadSettings(lag_limit=0.1, lag_weight=0.2), lambda: 0.0)
    overload.note_lag(0.3)
    assert overload.shedding == 0.0, "one late turn is no overload"
    for _ in range(20):
        overload.note_lag(0.3)
    assert overload.shedding > 0.9
    for _ in range(20):
        overload.note_lag(0.0)
    assert overload.shedding == 0.0


@pytest.mark.parametrize(("random", "seconds"), [(0.0, 2), (0.5, 7), (0.999, 12)])
def test_retry_after_is_spread(random: float, seconds: int) -> None:
    overload = Overload(OverloadSettings(calls_per_second=1, lag_limit=0), lambda: random)
    overload.admit("call", 0.0)
    assert overload.admit("call", 0.0) == seconds
