"""Normalisation of numbers and E.164."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan import DialplanError, NumberFormat, is_e164, normalise

HANGZHOU = NumberFormat("86", "571")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1001", "1001"),
        (" 1001 ", "1001"),
        ("+1 (201) 555-0123", "+12015550123"),
        ("0571.8888 8888", "057188888888"),
        ("tel:+1-201-555-0123;phone-context=x", "+12015550123"),
        ("TEL:110", "110"),
        ("sip:1001@example.com;user=phone", "1001"),
        ("sips:anna.berg@example.com", "anna.berg"),
        ("sip:%2B123@example.com", "+123"),
        ("*72", "*72"),
        ("#21#", "#21#"),
        ("anna.berg", "anna.berg"),
        ("34020000001320000001", "34020000001320000001"),
        ("١٢٣", "١٢٣"),
        ("-", "-"),
        ("", ""),
        ("urn:service:sos", "urn:service:sos"),
    ],
)
def test_normal_form(text: str, expected: str) -> None:
    assert normalise(text) == expected
    assert normalise(expected) == expected, "the normal form is normal"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("+12015550123", True),
        ("+123456789012345", True),
        ("+1234567890123456", False),
        ("+0123", False),
        ("12015550123", False),
        ("+", False),
        ("+12a", False),
        ("+١٢", False),
    ],
)
def test_international_form_is_recognised(number: str, expected: bool) -> None:
    assert is_e164(number) is expected


@pytest.mark.parametrize(
    ("dialled", "expected"),
    [
        ("88888888", "+8657188888888"),
        ("01012345678", "+861012345678"),
        ("0012015550123", "+12015550123"),
        ("+12015550123", "+12015550123"),
        ("010-1234 5678", "+861012345678"),
    ],
)
def test_dialled_numbers_become_international(dialled: str, expected: str) -> None:
    assert HANGZHOU.to_e164(dialled) == expected


@pytest.mark.parametrize("dialled", ["", "anna", "00", "*72", "+", "1" * 20, "0" * 70])
def test_what_is_no_telephone_number_is_an_error(dialled: str) -> None:
    with pytest.raises(DialplanError):
        HANGZHOU.to_e164(dialled)


@pytest.mark.parametrize(
    ("number", "expected"),
    [("+8657188888888", "88888888"), ("+861012345678", "01012345678"), ("+12015550123", "0012015550123")],
)
def test_international_numbers_become_dialled(number: str, expected: str) -> None:
    assert HANGZHOU.from_e164(number) == expected
    assert HANGZHOU.to_e164(expected) == number


def test_only_international_numbers_are_turned_back() -> None:
    with pytest.raises(DialplanError):
        HANGZHOU.from_e164("1001")


@pytest.mark.parametrize("arguments", [("+86",), ("86", "5x"), ("86", "", "+"), ("86", "", "00", "o")])
def test_a_format_is_made_of_digits(arguments: tuple[str, ...]) -> None:
    with pytest.raises(DialplanError):
        NumberFormat(*arguments)


@given(st.text("0123456789+*#-. ()telsip:@%2B;?aü", max_size=30))
def test_any_text_has_a_normal_form(text: str) -> None:
    assert isinstance(normalise(text), str)
    with contextlib.suppress(DialplanError):
        assert is_e164(HANGZHOU.to_e164(text))
