"""Log lines: one a second for each flooding source, readable fields, no secrets."""

from __future__ import annotations

import json
import logging

import pytest

from softswitch.runtime.logs import FloodLog, JsonFormatter, KeyValueFormatter, RedactingFilter


def record(text: str, *arguments: object, **extra: object) -> logging.LogRecord:
    made = logging.getLogger("t").makeRecord("t", logging.INFO, "f", 1, text, arguments, None, extra=extra)
    RedactingFilter().filter(made)
    return made


def test_flood_is_summed_up_per_source(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    flood = FloodLog(logging.getLogger("flood"), lambda: now[0])
    assert [flood.warn("a", "bad") for _ in range(5)] == [True, False, False, False, False]
    assert flood.warn("b", "bad"), "another source has a line of its own"
    now[0] = 1.0
    assert flood.warn("a", "worse")
    assert [each.getMessage() for each in caplog.records] == [
        "a: bad",
        "b: bad",
        "a: worse (4 more since the last line)",
    ]
    assert flood.total == 7


def test_flood_table_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    flood = FloodLog(logging.getLogger("flood"), lambda: 0.0, sources=10)
    for index in range(100):
        flood.warn(str(index), "bad")
    assert len(flood._last) == 10


def test_key_value_line_quotes_what_needs_it() -> None:
    line = KeyValueFormatter().format(record("call %s", 7, call_id="a b", leg="x"))
    assert line.split(" ", 1)[1] == 'info t call 7 call_id="a b" leg=x'


def test_json_line_is_one_object() -> None:
    entry = json.loads(JsonFormatter().format(record("call %s", 7, call_id="a b", count=3)))
    assert (entry["message"], entry["call_id"], entry["count"], entry["level"]) == ("call 7", "a b", 3, "info")
    assert entry["time"].endswith("Z")


def test_secrets_are_redacted_in_message_arguments_and_extras() -> None:
    line = KeyValueFormatter().format(
        record("got %s", "password=hunter2", user_password="hunter2", note="Bearer hunter2")
    )
    assert "hunter2" not in line


def test_broken_arguments_do_not_break_logging() -> None:
    assert "two %s %s" in KeyValueFormatter().format(record("two %s %s", "one"))
