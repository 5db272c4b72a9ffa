"""Which session an INVITE with Replaces means (RFC 3891)."""

from __future__ import annotations

import pytest

from softswitch.sip.errors import ProtocolError
from softswitch.sip.message import Request
from softswitch.sip.session import Session
from tests.unit.sip_session.netem import Net, Phone, ring


def invite(*values: str) -> Request:
    return Request("INVITE", "sip:a@b", [("Replaces", value) for value in values])


def call(answered: bool = True) -> tuple[Net, Phone, Phone, Session, Session]:
    net = Net()
    alice, bob = net.phone("alice", 5080), net.phone("bob", 5090)
    if not answered:
        bob.on_invite = ring
    session = alice.call(bob)
    net.settle()
    assert bob.session is not None
    return net, alice, bob, session, bob.session


def test_confirmed_session_is_found_from_either_side() -> None:
    _net, alice, bob, mine, theirs = call()
    value = f"{mine.call_id};to-tag={mine.id};from-tag={theirs.id}"
    assert alice.agent.match_replaces(invite(value)) is mine
    value = f"{mine.call_id};to-tag={theirs.id};from-tag={mine.id}"
    assert bob.agent.match_replaces(invite(value)) is theirs
    assert alice.agent.match_replaces(Request("INVITE", "sip:a@b")) is None


@pytest.mark.parametrize("change", ["call", "to-tag", "from-tag", "ended"])
def test_no_such_session_is_481(change: str) -> None:
    net, alice, _bob, mine, theirs = call()
    if change == "ended":
        mine.bye(net.now)
    parts = {"call": mine.call_id, "to-tag": mine.id, "from-tag": theirs.id}
    if change in parts:
        parts[change] += "x"
    value = f"{parts['call']};to-tag={parts['to-tag']};from-tag={parts['from-tag']}"
    with pytest.raises(ProtocolError) as caught:
        alice.agent.match_replaces(invite(value))
    assert caught.value.status == 481


def test_early_only_does_not_replace_a_confirmed_session() -> None:
    _net, alice, _bob, mine, theirs = call()
    with pytest.raises(ProtocolError) as caught:
        alice.agent.match_replaces(invite(f"{mine.call_id};to-tag={mine.id};from-tag={theirs.id};early-only"))
    assert caught.value.status == 486


def test_early_session_is_replaced_only_by_who_began_it() -> None:
    _net, alice, bob, mine, theirs = call(answered=False)
    value = f"{mine.call_id};to-tag={mine.id};from-tag={theirs.id};early-only"
    assert alice.agent.match_replaces(invite(value)) is mine
    with pytest.raises(ProtocolError) as caught:
        bob.agent.match_replaces(invite(f"{mine.call_id};to-tag={theirs.id};from-tag={mine.id}"))
    assert caught.value.status == 481


@pytest.mark.parametrize("values", [("a;to-tag=b;from-tag=c", "d;to-tag=e;from-tag=f"), ("a;to-tag=b",)])
def test_malformed_or_repeated_replaces_is_400(values: tuple[str, ...]) -> None:
    _net, alice, _bob, _mine, _theirs = call()
    with pytest.raises(ProtocolError) as caught:
        alice.agent.match_replaces(invite(*values))
    assert caught.value.status == 400
