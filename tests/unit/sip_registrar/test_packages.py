"""Bodies of the event packages: what is written is read back, the standards' examples are understood, hostile
documents are refused."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.address import Address
from softswitch.sip.binding import Binding, BindingChange
from softswitch.sip.errors import ProtocolError
from softswitch.sip.packages.dialog import DialogInfo, DialogState, Party
from softswitch.sip.packages.message_summary import MessageCount, MessageSummary
from softswitch.sip.packages.presence import Note, Presence, PresenceTuple, compose
from softswitch.sip.packages.reg import RegisteredContact, Registration, RegistrationInfo, contact_id, registration_info
from tests.unit.damage import damaged

DATA = Path(__file__).parents[2] / "data" / "event_bodies"
PARSERS = {
    "reg": RegistrationInfo.parse,
    "dialog": DialogInfo.parse,
    "presence": Presence.parse,
    "message-summary": MessageSummary.parse,
}
SOURCE = Address("udp", "192.0.2.1", 5060)
TEXT = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\x7f"), min_size=1)


def stripped(text: str) -> str:
    return "".join(c for c in text if c not in "\ufffe\uffff").strip()


# -- the shapes of the standards' examples


def test_reginfo_of_the_standard_is_understood() -> None:
    info = RegistrationInfo.parse((DATA / "reginfo.xml").read_bytes())
    assert (info.version, info.state) == (1, "partial")
    (registration,) = info.registrations
    assert (registration.aor, registration.id, registration.state) == ("sip:joe@example.com", "a7", "active")
    assert registration.contacts == (
        RegisteredContact("76", "sip:joe@pc34.example.com", "active", "registered", duration=7322, q="0.8"),
        RegisteredContact("77", "sip:joe@phone.example.com", "terminated", "expired", duration=3600, q="0.5"),
    )
    assert RegistrationInfo.parse(info.serialize()) == info


def test_dialog_info_of_the_standard_is_understood() -> None:
    info = DialogInfo.parse((DATA / "dialog-info.xml").read_bytes())
    assert (info.entity, info.version, info.state) == ("sip:alice@example.com", 4, "full")
    (dialog,) = info.dialogs
    assert dialog == DialogState(
        "as7d900as8",
        "confirmed",
        "initiator",
        "a84b4c76e66710",
        "1928301774",
        "456887766",
        duration=274,
        local=Party("sip:alice@example.com", None, "sip:alice@pc33.example.com", (("+sip.rendering", "no"),)),
        remote=Party("sip:bob@example.org", "Bob", "sip:bobster@phone21.example.org"),
    )
    assert DialogInfo.parse(info.serialize()) == info


def test_pidf_of_the_standard_is_understood_and_its_extensions_survive() -> None:
    document = Presence.parse((DATA / "pidf.xml").read_bytes())
    assert document.entity == "pres:someone@example.com"
    first, second = document.tuples
    assert (first.id, first.basic, first.contact, first.priority) == (
        "bs35r9",
        "open",
        "im:someone@mobilecarrier.net",
        "0.8",
    )
    assert first.notes == (Note("Don't Disturb Please!", "en"), Note("Ne derangez pas, s'il vous plait", "fr"))
    assert first.timestamp == "2001-10-27T16:49:29Z"
    assert (second.id, second.basic, document.notes) == ("eg92n8", "open", (Note("I'll be in Tokyo next week"),))
    assert [element.tag for element in first.status_extensions] == ["{urn:ietf:params:xml:ns:pidf:im}im"]
    assert [element.tag for element in document.extensions] == ["{urn:ietf:params:xml:ns:pidf:data-model}person"]
    again = Presence.parse(document.serialize())
    assert dataclasses.replace(again, extensions=(), tuples=()) == dataclasses.replace(
        document, extensions=(), tuples=()
    )
    assert [ET.tostring(element).strip() for element in again.extensions] == [
        ET.tostring(element).strip() for element in document.extensions
    ]
    assert again.tuples[0].status_extensions[0].text == "busy"


def test_message_summary_of_the_standard_is_understood() -> None:
    body = b"Messages-Waiting: yes\r\nMessage-Account: sip:alice@vmail.example.com\r\nVoice-Message: 2/8 (0/2)\r\n"
    summary = MessageSummary.parse(body)
    assert summary == MessageSummary(
        True, "sip:alice@vmail.example.com", (("voice-message", MessageCount(2, 8, 0, 2)),)
    )
    assert summary.serialize() == body


def test_message_summary_headers_of_single_messages_are_passed_over() -> None:
    body = b"Messages-Waiting: No\nFax-Message:0/1\nX-Other: 7\n\nTo: <sip:a@b>\nnonsense without colon\n"
    assert MessageSummary.parse(body) == MessageSummary(False, None, (("fax-message", MessageCount(0, 1)),))


# -- round trips


@given(st.integers(0, 2**32 - 1), TEXT, TEXT, st.integers(0, 10**6))
def test_written_bodies_are_read_back(version: int, text: str, other: str, number: int) -> None:
    text, other = stripped(text) or "x", stripped(other) or "y"
    contact = RegisteredContact("c", text, "active", "created", number, None, 3, "0.5", "call", number, other)
    reg = RegistrationInfo(version, (Registration("sip:a@b", "r", "active", (contact,)),))
    assert RegistrationInfo.parse(reg.serialize()) == reg
    party = Party(text, None, "sip:t@h", (("+sip.rendering", "no"),))
    state = DialogState("d", "early", "recipient", "c", "l", "r", "local-bye", 200, number, party, Party(other))
    info = DialogInfo("sip:a@b", version, (state,))
    assert DialogInfo.parse(info.serialize()) == info
    item = PresenceTuple("t", "open", text, "0.8", (Note(other, "en"),), "2001-10-27T16:49:29Z")
    presence = Presence("sip:a@b", (item,), (Note(text),))
    assert Presence.parse(presence.serialize()) == presence


@given(st.booleans(), st.integers(0, 9999), st.integers(0, 9999))
def test_written_summary_is_read_back(waiting: bool, new: int, old: int) -> None:
    counts = (("voice-message", MessageCount(new, old, old, new)), ("fax-message", MessageCount(old, new)))
    summary = MessageSummary(waiting, "sip:a@b", counts)
    assert MessageSummary.parse(summary.serialize()) == summary


def test_characters_that_xml_cannot_carry_are_left_out() -> None:
    info = DialogInfo.parse(DialogInfo("sip:\x00a\udcff@b", 0, (DialogState("\x01d", "trying"),)).serialize())
    assert (info.entity, info.dialogs[0].id) == ("sip:a@b", "d")


# -- hostile and broken documents

_BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
HOSTILE = {
    "entities": _BOMB,
    "entities in utf-16": _BOMB.decode().encode("utf-16"),
    "external entity": b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
    "too deep": b"<a>" * 100 + b"</a>" * 100,
    "too many elements": b"<a>" + b"<b/>" * 5000 + b"</a>",
    "too long": b"<a>" + b"x" * 70_000 + b"</a>",
    "another root": b"<a/>",
    "unknown encoding": b'<?xml version="1.0" encoding="klingon"?><a/>',
    "multi-octet encoding": b'<?xml version="1.0" encoding="shift_jis"?><a/>',
    "cut off": b"<a><b>",
    "empty": b"",
    "not text": b"\x00\xff\xfe",
    "undeclared entity": b"<a>&b;</a>",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("package", PARSERS)
def test_hostile_document_is_refused(package: str, body: bytes) -> None:
    with pytest.raises(ProtocolError):
        PARSERS[package](body)


@pytest.mark.parametrize(
    ("package", "body"),
    [
        ("reg", b'<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" state="full"/>'),
        ("reg", b'<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="-1" state="full"/>'),
        ("reg", b'<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="1"/>'),
        ("dialog", b'<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="full"/>'),
        (
            "dialog",
            b'<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="full" entity="sip:a@b">'
            b'<dialog id="1"><state>dreaming</state></dialog></dialog-info>',
        ),
        ("presence", b'<presence xmlns="urn:ietf:params:xml:ns:pidf"/>'),
        ("presence", b'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="x"><tuple id="1"/></presence>'),
        (
            "presence",
            b'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="x">'
            b'<tuple id="1"><status><basic>ajar</basic></status></tuple></presence>',
        ),
        (
            "presence",
            b'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="x">'
            b'<tuple id="1"><status/></tuple><tuple id="1"><status/></tuple></presence>',
        ),
        ("message-summary", b"Voice-Message: 1/2\r\n"),
        ("message-summary", b"Messages-Waiting: perhaps\r\n"),
        ("message-summary", b"Messages-Waiting: yes\r\nVoice-Message: 1\r\n"),
        ("message-summary", b"Messages-Waiting: yes\r\nVoice-Message: 1/2 (3/4\r\n"),
        ("message-summary", b"Messages-Waiting: yes\r\nVoice-Message: 1/\xb2\r\n"),
        ("message-summary", b"Messages-Waiting: yes\r\nnonsense\r\n"),
    ],
)
def test_broken_shape_is_refused(package: str, body: bytes) -> None:
    with pytest.raises(ProtocolError):
        PARSERS[package](body)


@given(st.sampled_from(sorted(PARSERS)), st.binary(max_size=200))
def test_any_octets_give_a_value_or_a_protocol_error(package: str, body: bytes) -> None:
    read_and_written(package, body)


@pytest.mark.parametrize(
    ("package", "name"), [("reg", "reginfo.xml"), ("dialog", "dialog-info.xml"), ("presence", "pidf.xml")]
)
@given(st.data())
def test_damaged_examples_give_a_value_or_a_protocol_error(package: str, name: str, data: st.DataObject) -> None:
    read_and_written(package, data.draw(damaged((DATA / name).read_bytes(), most=4)))


def read_and_written(package: str, body: bytes) -> None:
    """A document is refused, or is written in a form that is written the same again when it is read back."""
    try:
        value = PARSERS[package](body)
    except ProtocolError as error:
        assert error.status == 400, f"a broken document is a bad request, not {error.status}"
        return
    written = value.serialize()
    assert PARSERS[package](written).serialize() == written, f"{body!r} was written as {written!r}"


# -- what is made of bindings and publications


def test_registration_state_is_told_with_the_contacts_that_went() -> None:
    kept = Binding("u@x", "sip:u@192.0.2.1", SOURCE, 1600.0, q=0.5, call_id="c", cseq=3)
    gone = Binding("u@x", "sip:u@192.0.2.9", SOURCE, 900.0)
    changes = [BindingChange("refreshed", kept), BindingChange("expired", gone)]
    info = RegistrationInfo.parse(registration_info("sip:u@x", [kept], 4, 1000.0, changes=changes).serialize())
    (registration,) = info.registrations
    assert (info.version, registration.aor, registration.state) == (4, "sip:u@x", "active")
    assert registration.contacts == (
        RegisteredContact(
            contact_id(kept), "sip:u@192.0.2.1", "active", "refreshed", expires=600, q="0.5", call_id="c", cseq=3
        ),
        RegisteredContact(contact_id(gone), "sip:u@192.0.2.9", "terminated", "expired"),
    )


def test_registration_without_contacts_is_init_before_and_terminated_after() -> None:
    gone = BindingChange("unregistered", Binding("u@x", "sip:u@h", SOURCE, 0.0))
    before = registration_info("sip:u@x", [], 0, 0.0).registrations[0]
    after = registration_info("sip:u@x", [], 1, 0.0, changes=[gone]).registrations[0]
    assert (before.state, after.state, before.id) == ("init", "terminated", after.id)


def test_contact_id_outlives_a_change_of_address_on_one_flow() -> None:
    first = Binding("u@x", "sip:u@h:1", SOURCE, 0.0, instance="<urn:uuid:1>", reg_id=1)
    second = Binding("u@x", "sip:u@h:2", SOURCE, 0.0, instance="<urn:uuid:1>", reg_id=1)
    assert contact_id(first) == contact_id(second) != contact_id(Binding("u@x", "sip:u@h:1", SOURCE, 0.0))


def test_composition_takes_the_newest_word_of_each() -> None:
    newer = Presence("pres:a", (PresenceTuple("t", "open"),), ())
    older = Presence("pres:b", (PresenceTuple("t", "closed"), PresenceTuple("u", "closed")), (Note("away"),))
    assert compose("sip:x", [newer, older]) == Presence(
        "sip:x", (PresenceTuple("t", "open"), PresenceTuple("u", "closed")), (Note("away"),)
    )
