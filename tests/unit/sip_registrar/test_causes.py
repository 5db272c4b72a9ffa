"""SIP status and Q.850 cause (RFC 3398, RFC 4497), Reason (RFC 3326)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.causes import (
    CAUSE_OF_STATUS,
    CAUSE_TEXT,
    STATUS_OF_CAUSE,
    cause_of_status,
    cause_text,
    parse_reasons,
    q850_reason,
    release_cause,
    sip_reason,
    status_of_cause,
)
from softswitch.sip.headers import Reason


@pytest.mark.parametrize(
    ("cause", "status"),
    [(1, 404), (3, 404), (17, 486), (18, 408), (19, 480), (20, 480), (21, 403), (22, 410), (26, 404), (27, 502),
     (28, 484), (29, 501), (31, 480), (34, 503), (38, 503), (47, 503), (55, 403), (57, 403), (58, 503), (65, 488),
     (70, 488), (79, 501), (87, 403), (88, 503), (102, 504), (111, 500), (127, 500), (16, 500), (99, 500)],
)  # fmt: skip
def test_cause_becomes_status(cause: int, status: int) -> None:
    assert status_of_cause(cause) == status


def test_rejection_by_the_user_is_a_decline() -> None:
    assert (status_of_cause(21, from_user=True), status_of_cause(17, from_user=True)) == (603, 486)


@pytest.mark.parametrize(
    ("status", "cause"),
    [(200, 16), (302, 31), (400, 41), (401, 21), (403, 21), (404, 1), (405, 63), (406, 79), (407, 21), (408, 102),
     (410, 22), (415, 79), (420, 127), (480, 18), (481, 41), (482, 25), (483, 25), (484, 28), (485, 1), (486, 17),
     (487, 16), (488, 31), (499, 31), (500, 41), (501, 79), (502, 38), (503, 41), (504, 102), (505, 127), (600, 17),
     (603, 21), (604, 1), (606, 31)],
)  # fmt: skip
def test_status_becomes_cause(status: int, cause: int) -> None:
    assert cause_of_status(status) == cause


def test_tables_stay_within_their_ranges() -> None:
    assert set(STATUS_OF_CAUSE) | set(CAUSE_OF_STATUS.values()) <= set(CAUSE_TEXT), "every cause used has a name"
    assert all(400 <= status < 700 for status in set(STATUS_OF_CAUSE.values()) | set(CAUSE_OF_STATUS))


@given(st.integers(1, 127))
def test_every_cause_has_a_text(cause: int) -> None:
    assert cause_text(cause)


def test_reason_values_are_written_as_the_standard_has_them() -> None:
    assert q850_reason(17) == 'Q.850;cause=17;text="User busy"'
    assert q850_reason(16, "") == "Q.850;cause=16"
    assert sip_reason(200, "Call completed elsewhere") == 'SIP;cause=200;text="Call completed elsewhere"'
    assert sip_reason(487) == "SIP;cause=487"


@given(st.integers(1, 127), st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40))
def test_reason_comes_back_as_it_was_written(cause: int, text: str) -> None:
    assert parse_reasons([q850_reason(cause, text)]) == [Reason("Q.850", cause, text)]


def test_malformed_reason_is_passed_over() -> None:
    assert parse_reasons(["", "Q.850;cause=x", "SIP;cause=486"]) == [Reason("SIP", 486)]


@pytest.mark.parametrize(
    ("values", "status", "cause"),
    [
        (["SIP;cause=486", "Q.850;cause=27"], 200, 27),
        (["SIP;cause=486"], 200, 17),
        (["q.850;cause=0"], 200, 16),
        (["X;cause=5", "SIP"], 503, 41),
        ([], 200, 16),
    ],
)
def test_release_cause_prefers_q850_then_sip_then_the_status(values: list[str], status: int, cause: int) -> None:
    assert release_cause(parse_reasons(values), status) == cause
