"""What is added to log lines, how many of a kind there may be, and levels changed while running."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from softswitch.runtime.log_levels import log_levels, set_log_level
from softswitch.runtime.logs import CorrelatingFilter, RepetitionFilter


def record(created: float = 1.0, level: int = logging.WARNING, line: int = 7) -> logging.LogRecord:
    made = logging.LogRecord("softswitch.calls", level, "calls.py", line, "text", None, None)
    made.created = created
    return made


def test_a_flood_from_one_place_is_cut_and_counted() -> None:
    repetition = RepetitionFilter(most=3, window_s=1)
    assert [repetition.filter(record(1.0 + i / 100)) for i in range(5)] == [True, True, True, False, False]
    assert repetition.filter(record(1.0, line=8)), "another place has its own count"
    after = record(2.5)
    assert repetition.filter(after)
    assert vars(after)["left_out"] == 2


def test_lines_are_told_which_call_they_belong_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CorrelatingFilter, "correlate", staticmethod(lambda line: {"call": "c1"}))
    plain, said = record(), record()
    said.call = "c2"
    for each in (plain, said):
        assert CorrelatingFilter().filter(each)
    assert (vars(plain)["call"], vars(said)["call"]) == ("c1", "c2"), "what a line says itself stays"


@pytest.fixture
def logger() -> Iterator[str]:
    name = "softswitch.tested_part"
    yield name
    logging.getLogger(name).setLevel(logging.NOTSET)


def test_levels_change_while_running(logger: str) -> None:
    set_log_level(logger, "debug")
    assert log_levels()[logger] == "debug"
    assert logging.getLogger(logger).isEnabledFor(logging.DEBUG)
    set_log_level(logger, None)
    assert logger not in log_levels()


@pytest.mark.parametrize(("name", "level"), [("urllib3", "debug"), ("", None)])
def test_what_is_not_ours_keeps_its_level(name: str, level: str | None) -> None:
    with pytest.raises(ValueError, match=r"part of the switch|needs a level"):
        set_log_level(name, level)
