"""What each side sees of the other: topology, identity and privacy by trust, hops (RFC 3323, RFC 3325)."""

from __future__ import annotations

import pytest

from dialplan import Rule
from dialplan import Target as To
from tests.unit.calls.world import SWITCH, World, trunk


def test_no_message_of_one_side_names_the_address_of_the_other() -> None:
    world = World()
    alice, bob, carol = world.phones("1001", "1002", "1003")
    call = alice.call("1002", display="Alice")
    bob.ringing.ring(183, bob.sdp())
    bob.ringing.answer()
    call.hold()
    call.resume()
    bob.ringing.offer(None)
    call.request("INFO", body=b"Signal=1\r\nDuration=100", content_type="application/dtmf-relay")
    bob.ringing.update(bob.sdp(version=9))
    call.refer("1003")
    carol.ringing.answer()
    bob.ringing.hang_up()
    identifiers = {"alice": call.session.call_id, "bob": bob.ringing.session.call_id}
    assert len(set(identifiers.values())) == 2
    own = {phone.host: phone for phone in (alice, bob, carol)}
    for sent in world.log:
        receiver = sent.destination.split(":")[0]
        if receiver not in own:
            continue
        for host in own:
            if host != receiver:
                assert host not in sent.text, f"{host} shows in what {receiver} was sent:\n{sent.text}"
        if receiver == bob.host:
            assert identifiers["alice"] not in sent.text, "each side has a Call-ID of its own"
    world.check_over()


def test_via_contact_and_media_of_what_the_callee_gets_are_the_switchs() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002", fields=[("Record-Route", f"<sip:{alice.host};lr>")])
    invite = world.requests_to(bob, "INVITE")[0]
    assert len(invite.vias) == 1 and invite.via.host == SWITCH
    assert invite.contact is not None and invite.contact.uri.host == SWITCH  # type: ignore[union-attr]
    assert not invite.has("Record-Route") and invite.get("User-Agent") == "switch"
    assert f"o=- 4711 1 IN IP4 {SWITCH}".encode() in invite.body
    call.hang_up()
    world.check_over()


# -- identity ---------------------------------------------------------

OWN = "<sip:1001@example.net>"


def call_out(
    *, trusting: bool, privacy: str = "", listener: str = "main", asserted: str = ""
) -> tuple[str, str | None, str | None]:
    """(From, P-Asserted-Identity, Privacy) of the INVITE to a trunk for a call of 1001."""
    world = World(
        trunks=[trunk("peer", "203.0.113.1", domain="example.net", trust_identity=trusting)],
        rules=[Rule("out", To("trunk", ("peer",)), prefix="9")],
    )
    alice, peer = world.phone("1001"), world.peer("peer")
    fields = [("Privacy", privacy)] if privacy else []
    if asserted:
        fields.append(("P-Asserted-Identity", asserted))
    call = alice.call("9100", fields=fields, listener=listener)
    invite = peer.ringing.session.invite
    call.hang_up()
    world.check_over()
    return (
        str(invite.from_.without_params()),
        invite.get("P-Asserted-Identity"),
        invite.get("Privacy"),
    )


ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'


@pytest.mark.parametrize(
    ("trusting", "privacy", "expected"),
    [
        (False, "", (OWN, None, None)),
        (True, "", (OWN, OWN, None)),
        (False, "id", (ANONYMOUS, None, "id")),
        (True, "id", (OWN, OWN, "id")),
        (False, "user", (ANONYMOUS, None, None)),
        (True, "user;id", (OWN, OWN, "id;user")),
        (False, "none", (OWN, OWN, "none")),
        (False, "header", (OWN, None, None)),
    ],
)
def test_identity_and_privacy_go_by_the_trust_in_the_peer(
    trusting: bool, privacy: str, expected: tuple[str, str | None, str | None]
) -> None:
    assert call_out(trusting=trusting, privacy=privacy) == expected


def test_what_a_trusted_listener_asserts_is_believed() -> None:
    shown = call_out(trusting=True, listener="trusted", asserted="<sip:1007@elsewhere.example>")
    assert shown == ("<sip:1007@example.net>", "<sip:1007@example.net>", None)


def test_a_subscriber_is_shown_as_itself_whatever_it_claims() -> None:
    world = World(authenticate=True, subscribers={"1001": {"display_name": "Alice A."}})
    alice, bob = world.phones("1001", "1002")
    fields = [("P-Asserted-Identity", "<sip:999@example.net>")]
    alice.number = "1002"
    assert alice.call("1002", fields=fields).status == 401, "nobody calls without credentials"
    alice.number = "1001"
    call = alice.call("1002", fields=fields, display="The President", login=True)
    invite = bob.ringing.session.invite
    assert str(invite.from_.without_params()) == '"Alice A." <sip:1001@example.net>'
    assert not invite.has("P-Asserted-Identity"), "phones are told by From"
    bob.ringing.answer()
    call.hang_up()
    assert [record["caller"] for record in world.records] == ["1001"]
    world.check_over()


@pytest.mark.parametrize(("trusting", "number"), [(True, "4711"), (False, "0815")])
def test_the_identity_a_trunk_asserts_counts_only_when_it_is_trusted(trusting: bool, number: str) -> None:
    world = World(trunks=[trunk("peer", "203.0.113.1", trust_identity=trusting)])
    bob, peer = world.phone("1002"), world.peer("peer")
    peer.number = "0815"
    call = peer.call("1002", fields=[("P-Asserted-Identity", '"Caller" <sip:4711@203.0.113.1>, <tel:+4711>')])
    assert bob.ringing.session.remote.uri.username == number  # type: ignore[union-attr]
    call.hang_up()
    assert world.record["caller"] == number
    world.check_over()


def test_a_private_caller_of_a_trunk_is_anonymous_to_a_phone() -> None:
    world = World(trunks=[trunk("peer", "203.0.113.1", trust_identity=True)])
    bob, peer = world.phone("1002"), world.peer("peer")
    fields = [("P-Asserted-Identity", "<sip:4711@203.0.113.1>"), ("Privacy", "id")]
    call = peer.call("1002", fields=fields)
    invite = bob.ringing.session.invite
    assert str(invite.from_.without_params()) == ANONYMOUS
    assert "4711" not in world.requests_to(bob, "INVITE")[0].serialize().decode().split("\r\n\r\n")[0]
    call.hang_up()
    assert world.record["caller"] == "4711", "the record knows"
    world.check_over()


def test_user_privacy_hides_by_whom_a_call_was_diverted() -> None:
    world = World(subscribers={"1002": {"forward_all": "1003"}})
    alice, carol = world.phones("1001", "1003")
    call = alice.call("1002", fields=[("Privacy", "user")])
    assert not carol.ringing.session.invite.has("Diversion")
    call.hang_up()
    world.check_over()


def test_critical_privacy_of_an_unknown_kind_is_500() -> None:
    world = World()
    assert world.phone("1001").call("1002", fields=[("Privacy", "telepathy;critical")]).status == 500
    world.check_over()


# -- hops -------------------------------------------------------------


@pytest.mark.parametrize(("given", "sent"), [("70", "69"), ("2", "1"), ("20", "19")])
def test_max_forwards_goes_down_by_one(given: str, sent: str) -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002", fields=[("Max-Forwards", given)])
    assert bob.ringing.session.invite.get("Max-Forwards") == sent
    call.hang_up()
    world.check_over()


def test_max_forwards_0_is_483() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002", fields=[("Max-Forwards", "0")])
    assert call.status == 483 and not bob.called
    world.check_over()


# -- numbers ----------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        ("tel:1-002", 0),
        ("sip:1002;phone-context=x@example.net", 404),
        ("sip:10%302@example.net", 0),
        ("sip:example.net", 484),
        ("urn:service:sos", 404),
        ("mailto:1002@example.net", 416),
    ],
)
def test_what_a_request_uri_dials(uri: str, status: int) -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call(uri)
    assert call.status == status
    assert bob.called is (status == 0)
    call.hang_up()
    world.check_over()


def test_a_caller_whose_number_and_name_are_no_utf8_is_on_record_in_readable_text() -> None:
    world = World(trunks=[trunk("peer", "203.0.113.1", domain="example.net")])
    alice, peer = world.phone("1001"), world.peer("peer")
    peer.number = "%EB"
    call = peer.call("1001", display="Zo\udceb")
    alice.ringing.answer()
    call.hang_up()
    assert world.record["caller"] == "?"
    assert world.record["legs"][0]["display_name"] == "Zo?"
