"""Identity at the edge of trust (RFC 3323, RFC 3325)."""

from __future__ import annotations

import pytest

from softswitch.sip.errors import ProtocolError
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Request
from softswitch.sip.privacy import (
    anonymous_from,
    asserted_identities,
    check_critical,
    is_anonymous,
    outgoing_identity,
    preferred_identity,
    privacy_values,
)

FROM = NameAddr.parse('"Ann" <sip:1001@pbx.example.com>')
ASSERTED = '"Ann" <sip:+15551001@pbx.example.com>'
OWN = "sip:1001@pbx.example.com"
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'


def message(*fields: tuple[str, str]) -> Request:
    return Request("INVITE", "sip:x", list(fields))


@pytest.mark.parametrize(
    ("privacy", "source", "destination", "from_", "asserted", "left", "hide"),
    [
        # nobody asked for privacy
        (None, True, True, str(FROM), [ASSERTED], None, False),
        (None, True, False, str(FROM), [ASSERTED], None, False),
        (None, False, True, str(FROM), [f"<{OWN}>"], None, False),
        (None, False, False, str(FROM), [f"<{OWN}>"], None, False),
        # the identity stays within the trusted network
        ("id", True, True, str(FROM), [ASSERTED], "id", False),
        ("id", True, False, ANONYMOUS, [], "id", False),
        ("id", False, True, str(FROM), [f"<{OWN}>"], "id", False),
        ("id", False, False, ANONYMOUS, [], "id", False),
        # the user hides altogether
        ("user;id", True, True, str(FROM), [ASSERTED], "id;user", False),
        ("user;id", True, False, ANONYMOUS, [], "id", True),
        ("user", False, False, ANONYMOUS, [], None, True),
        ("header;session", True, False, str(FROM), [ASSERTED], None, False),
        # the user wants to be shown
        ("none", True, False, str(FROM), [ASSERTED], "none", False),
    ],
)
def test_identity_crosses_the_edge_by_trust_and_privacy(
    privacy: str | None, source: bool, destination: bool, from_: str, asserted: list[str], left: str | None, hide: bool
) -> None:
    fields = [("P-Asserted-Identity", ASSERTED)] + ([("Privacy", privacy)] if privacy else [])
    received = message(*fields)
    vouched_for = asserted_identities(received) if source else (f"<{OWN}>",)
    identity = outgoing_identity(privacy_values(received), vouched_for, destination_trusted=destination, from_=FROM)
    assert (str(identity.from_), list(identity.asserted), identity.privacy, identity.hide) == (
        from_,
        asserted,
        left,
        hide,
    )
    expected = [("P-Asserted-Identity", value) for value in asserted] + ([("Privacy", left)] if left else [])
    assert identity.fields() == expected


def test_nothing_is_asserted_of_a_caller_nobody_vouches_for() -> None:
    identity = outgoing_identity(frozenset(), (), destination_trusted=True, from_=FROM)
    assert identity.asserted == ()


def test_identity_is_withheld_from_untrusted_peers_where_so_configured() -> None:
    identity = outgoing_identity(
        frozenset(), (ASSERTED,), destination_trusted=False, from_=FROM, assert_to_untrusted=False
    )
    assert (identity.asserted, identity.from_) == ((), FROM)


def test_at_most_one_sip_and_one_tel_identity_is_taken() -> None:
    fields = [
        ("P-Asserted-Identity", f"{ASSERTED}, <tel:+15551001>"),
        ("P-Asserted-Identity", "<sip:other@example.com>"),
        ("P-Asserted-Identity", "<broken"),
        ("P-Asserted-Identity", "<mailto:ann@example.com>"),
    ]
    assert asserted_identities(message(*fields)) == (ASSERTED, "<tel:+15551001>")


@pytest.mark.parametrize(
    ("preferred", "chosen"),
    [
        ("<sip:1001@PBX.example.com>", OWN),
        ("<tel:+1-555-1001>", "tel:+15551001"),
        ("<sip:1002@pbx.example.com>", None),
        ("<nonsense", None),
    ],
)
def test_only_an_identity_of_ones_own_can_be_preferred(preferred: str, chosen: str | None) -> None:
    assert preferred_identity(message(("P-Preferred-Identity", preferred)), [OWN, "tel:+15551001"]) == chosen


@pytest.mark.parametrize(
    ("from_", "anonymous"),
    [
        ("<sip:anonymous@anonymous.invalid>;tag=1", True),
        ("<sip:c8oqz84zk7z@privacy.anonymous.invalid>", True),
        ("<sip:Anonymous@example.com>", True),
        ('"Anonymous" <sip:1001@example.com>', False),
        ("<tel:+15551001>", False),
        ("<sip:@broken>", False),
    ],
)
def test_anonymous_callers_are_recognized(from_: str, anonymous: bool) -> None:
    assert is_anonymous(NameAddr.parse(from_)) is anonymous
    assert is_anonymous(anonymous_from())


def test_privacy_values_come_from_every_field_in_any_case() -> None:
    assert privacy_values(message(("Privacy", "ID;user"), ("Privacy", "critical"))) == {"id", "user", "critical"}
    assert privacy_values(message()) == frozenset()


def test_unknown_privacy_is_an_error_only_when_critical() -> None:
    check_critical(message(("Privacy", "telepathy")))
    check_critical(message(("Privacy", "id;critical")))
    with pytest.raises(ProtocolError) as caught:
        check_critical(message(("Privacy", "telepathy;critical")))
    assert caught.value.status == 500
