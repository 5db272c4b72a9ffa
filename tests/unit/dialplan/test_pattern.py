"""Number patterns."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan import DialplanError, Pattern


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("1001", ["1001"], ["100", "10011", ""]),
        ("_1XXX", ["1000", "1999"], ["100", "10000", "1x00", "2000"]),
        ("ZXX", ["100", "999"], ["099", "10"]),
        ("NXX", ["200", "999"], ["100", "099"]),
        ("[1-3579]X", ["10", "29", "39", "50", "99"], ["40", "80", "00"]),
        ("9.", ["91", "9110", "9abc"], ["9", "8"]),
        ("9!", ["9", "9110"], ["8", ""]),
        (".", ["1", "anna"], [""]),
        ("!", ["", "1"], []),
        ("+86-571-XXXX!", ["+865711234", "+8657112345"], ["+86571123"]),
        ("anna", ["anna"], ["ann", "annab"]),
        ("*7X", ["*72"], ["72"]),
        ("[a-c]1", ["a1", "c1"], ["d1"]),
        ("~1[0-9]{3}", ["1000"], ["10000", "x1000"]),
        ("~(?:110|119)", ["110", "119"], ["120", "1101"]),
        ("~", [""], ["1"]),
    ],
)
def test_what_a_pattern_matches(pattern: str, yes: list[str], no: list[str]) -> None:
    compiled = Pattern(pattern)
    assert [number for number in yes if not compiled.matches(number)] == []
    assert [number for number in no if compiled.matches(number)] == []


@pytest.mark.parametrize(
    ("pattern", "prefix", "exact"),
    [
        ("9XX", "9", False),
        ("1001", "1001", True),
        ("[5]1X", "51", False),
        ("X9", "", False),
        ("9!", "9", False),
        ("~9", "", False),
    ],
)
def test_the_literal_beginning(pattern: str, prefix: str, exact: bool) -> None:
    compiled = Pattern(pattern)
    assert (compiled.prefix, compiled.exact) == (prefix, exact)


def test_narrow_patterns_rank_before_wide_ones() -> None:
    ordered = ["9110", "911X", "91[1-5]X", "91NX", "91ZX", "91XX", "91.", "9!", "X!", "~.*"]
    assert sorted(reversed(ordered), key=lambda text: Pattern(text).rank) == ordered


@pytest.mark.parametrize(
    "pattern",
    ["", "_", "-", "9.1", "9!X", "[1-3", "[]", "[3-1]", "1]", "1 2", "X" * 65, "~(", "~[", "~*", "~" + "a" * 300],
)
def test_what_cannot_be_a_pattern_is_an_error(pattern: str) -> None:
    with pytest.raises(DialplanError):
        Pattern(pattern)


@pytest.mark.parametrize(
    "source",
    [
        "(a+)+",
        "(a*)*b",
        "(?:a|aa)+",
        "((a?)b)*",
        "(a+){2,}",
        "(a?){60}",
        "(([0-9])+)*",
        "a*a*a*b",
        "a?" * 9,
        r"(a)\1",
        "(?=a)a",
        "(?P<x>a)(?P=x)",
        "(?i)a",
        "[0-9]{1,9}[0-9]*[0-9]+",
    ],
)
def test_regular_expressions_that_could_take_long_are_refused(source: str) -> None:
    re.compile(source)
    with pytest.raises(DialplanError):
        Pattern("~" + source)


@pytest.mark.parametrize(
    "source",
    [
        "1[0-9]{3}",
        r"\+?86(1\d{10})",
        "(?:00|\\+)[1-9]\\d*",
        "[^]0]+",
        r"9(\d+)#?",
        "(ab)+c",
        "[*+]1",
        r"\(1\)+",
        "a{x}",
    ],
)
def test_ordinary_regular_expressions_are_accepted(source: str) -> None:
    assert Pattern("~" + source).text == "~" + source


def test_a_number_longer_than_64_characters_matches_nothing() -> None:
    assert not Pattern(".").matches("1" * 65)
    assert not Pattern("~.*").matches("1" * 65)


def test_the_worst_accepted_expression_is_quick() -> None:
    pattern = Pattern("~" + "a?" * 8 + "a*a*b")
    begun = time.thread_time()
    for _ in range(10):
        assert not pattern.matches("a" * 64)
    assert time.thread_time() - begun < 2.0


@given(st.text("0189XZN[]-.!~_()*+?{}|\\a1,^", max_size=12), st.text("0189a*", max_size=12))
def test_any_text_is_a_pattern_or_an_error(text: str, number: str) -> None:
    try:
        pattern = Pattern(text)
    except DialplanError:
        return
    if pattern.matches(number):
        assert number.startswith(pattern.prefix)
        assert not pattern.exact or number == pattern.prefix
