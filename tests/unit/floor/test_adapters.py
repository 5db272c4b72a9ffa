"""Keys, SIP INFO, documents, browser keys and voice as requests for the floor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.floor import Arbiter, Denied, FloorError, Granted, Queued, Tier
from softswitch.floor.adapters import (
    FLOOR_MEDIA_TYPE,
    Action,
    Command,
    CommandError,
    Keypad,
    KeypadSettings,
    apply,
    command_of_document,
    command_of_info,
    key_of_info,
)

REQUEST, RELEASE = Command(Action.REQUEST), Command(Action.RELEASE)


@pytest.mark.parametrize(
    ("settings", "keys", "wanted"),
    [
        (KeypadSettings(), "*", [REQUEST]),
        (KeypadSettings(), "5*1#", [None, REQUEST, None, RELEASE]),
        (KeypadSettings(request="*1", release="*0"), "*1*0", [None, REQUEST, None, RELEASE]),
        (KeypadSettings(emergency="*9"), "*9", [REQUEST, Command(Action.REQUEST, Tier.EMERGENCY)]),
        (KeypadSettings(position="0"), "0", [Command(Action.POSITION)]),
        (KeypadSettings(toggle=True, release=""), "***", [REQUEST, RELEASE, REQUEST]),
        (KeypadSettings(request="A"), "a", [REQUEST]),
    ],
)
def test_keys_ask_and_release(settings: KeypadSettings, keys: str, wanted: list[Command | None]) -> None:
    keypad = Keypad(settings)
    assert [keypad.key(key, number * 0.3) for number, key in enumerate(keys)] == wanted


def test_keys_far_apart_are_no_sequence() -> None:
    keypad = Keypad(KeypadSettings(request="*1", release="*0", between=2.0))
    assert keypad.key("*", 0.0) is None and keypad.key("1", 2.5) is None


def test_a_toggle_begins_anew_after_a_refusal() -> None:
    keypad = Keypad(KeypadSettings(toggle=True))
    keypad.key("*", 0.0)
    keypad.stopped()
    assert keypad.key("*", 5.0) == REQUEST


@pytest.mark.parametrize(
    "wrong", [{"request": ""}, {"release": ""}, {"release": "*"}, {"emergency": "x"}, {"position": "#"}]
)
def test_sequences_that_make_no_sense_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(FloorError):
        KeypadSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content_type", "body", "key"),
    [
        ("application/dtmf-relay", b"Signal=*\r\nDuration=160\r\n", "*"),
        ("Application/DTMF-Relay; charset=utf-8", b"Duration=160\nsignal = 11\n", "#"),
        ("application/dtmf", b"5", "5"),
        ("application/dtmf", b" 10\r\n", "*"),
        ("application/dtmf-relay", b"Duration=160", None),
        ("application/dtmf", b"55", None),
        ("text/plain", b"5", None),
    ],
)
def test_the_key_in_an_info(content_type: str, body: bytes, key: str | None) -> None:
    assert key_of_info(content_type, body) == key


def test_an_info_asks_by_key_or_by_name() -> None:
    keypad = Keypad()
    assert command_of_info("application/dtmf", b"*", keypad, 0.0) == REQUEST
    assert command_of_info(FLOOR_MEDIA_TYPE, b'{"action": "release"}', keypad, 0.0) == RELEASE
    assert command_of_info("application/media_control+xml", b"<x/>", keypad, 0.0) is None


@given(st.sampled_from(["application/dtmf-relay", "application/dtmf", FLOOR_MEDIA_TYPE]), st.binary(max_size=60))
def test_any_info_is_a_command_or_an_error(content_type: str, body: bytes) -> None:
    try:
        command = command_of_info(content_type, body, Keypad(), 0.0)
    except CommandError:
        return
    assert command is None or isinstance(command, Command)


@pytest.mark.parametrize(
    ("document", "command"),
    [
        ({"action": "request"}, REQUEST),
        ({"action": "position"}, Command(Action.POSITION)),
        (
            {"action": "request", "tier": "emergency", "priority": 9, "override": True},
            Command(Action.REQUEST, Tier.EMERGENCY, 9, True),
        ),
    ],
)
def test_a_document_is_a_command(document: dict[str, object], command: Command) -> None:
    assert command_of_document(document) == command


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "object"),
        ({}, "action"),
        ({"action": ["request"]}, "action"),
        ({"action": "request", "tier": "red"}, "normal, peril, emergency"),
        ({"action": "request", "priority": 256}, "0 to 255"),
        ({"action": "request", "priority": True}, "0 to 255"),
        ({"action": "request", "override": 1}, "true or false"),
        ({"action": "request", "colour": 1}, "unknown: colour"),
    ],
)
def test_a_document_that_is_wrong_is_told_why(document: object, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        command_of_document(document)


def test_commands_reach_the_arbiter() -> None:
    arbiter = Arbiter()
    for name in "ab":
        arbiter.participant_joined(name, 0.0)
    arbiter.start(0.0)
    apply(REQUEST, arbiter, "a", 0.0)
    apply(REQUEST, arbiter, "b", 0.0)
    apply(Command(Action.POSITION), arbiter, "b", 0.0)
    apply(RELEASE, arbiter, "b", 0.0)
    apply(Command(Action.POSITION), arbiter, "b", 0.0)
    kinds = []
    while (event := arbiter.next_event()) is not None:
        kinds.append(type(event))
    assert [kind for kind in kinds if kind in (Granted, Queued, Denied)] == [Granted, Queued, Queued, Denied]
