"""Session timers: who refreshes when and how, and what happens to a session that nobody refreshes (RFC 4028)."""

from __future__ import annotations

import pytest

from softswitch.sip.events import OfferReceived, SessionAnswered, SessionEnded, SessionRejected
from softswitch.sip.settings import UserAgentSettings
from tests.unit.sip_session.netem import OFFER, Net, Phone, is_request, is_response


def phones(alice: int = 1800, bob: int = 1800, min_se: int = 90, bob_min_se: int = 90) -> tuple[Net, Phone, Phone]:
    net = Net()
    first = UserAgentSettings(session_expires=alice, min_se=min_se)
    second = UserAgentSettings(session_expires=bob, min_se=bob_min_se)
    return net, net.phone("alice", 5080, first), net.phone("bob", 5090, second)


def without_timer(data: bytes) -> bytes:
    return data.replace(b"timer, ", b"").replace(b"Session-Expires: 1800\r\n", b"")


@pytest.mark.parametrize(
    ("alice", "bob", "agreed"),
    [(1800, 1800, "1800;refresher=uac"), (1800, 600, "600;refresher=uac"), (0, 300, "300;refresher=uac")],
)
def test_interval_is_agreed(alice: int, bob: int, agreed: str) -> None:
    net, caller, called = phones(alice, bob)
    caller.call(called)
    net.settle()
    assert caller.only(SessionAnswered).response.get("Session-Expires") == agreed


def test_peers_without_wish_have_no_timer() -> None:
    net, alice, bob = phones(0, 0)
    alice.call(bob)
    net.settle()
    assert alice.only(SessionAnswered).response.get("Session-Expires") is None
    net.run(4000)
    assert not alice.endings() and not net.sent(alice, "UPDATE")


def test_refresher_refreshes_at_half_time_by_update() -> None:
    net, alice, bob = phones(600, 600)
    alice.call(bob)
    net.run(1000)
    assert [round(at) for at, _ in net.sent(alice, "UPDATE")] == [300, 600, 900]
    assert not bob.take(OfferReceived), "a refresh without a description is nobody's business"
    assert not alice.endings() and not bob.endings()


def test_refresh_goes_by_reinvite_to_a_peer_without_update() -> None:
    net, alice, bob = phones(600, 600)
    net.drop = lambda data, sender: False
    alice.call(bob)
    net.settle()
    assert alice.session is not None
    alice.session.peer_updates = False
    net.run(310)
    _, refresh = net.sent(alice, "INVITE")[1]
    assert refresh.body == OFFER, "the description that stands is offered again"
    assert refresh.get("Session-Expires") == "600;refresher=uac"
    assert len(alice.events) == 2, f"a refresh is silent at the refresher, yet {alice.events[2:]}"


def test_called_side_refreshes_for_a_caller_that_cannot() -> None:
    net, alice, bob = phones(0, 600)
    alice.call(bob, fields=[("Supported", "100rel"), ("Session-Expires", "600")])
    net.settle()
    response = alice.only(SessionAnswered).response
    assert response.get("Session-Expires") == "600;refresher=uas" and response.get("Require") is None
    net.run(310)
    assert len(net.sent(bob, "UPDATE")) == 1


def test_silent_refresher_loses_the_session() -> None:
    net, alice, bob = phones(600, 600)
    alice.call(bob)
    net.settle()
    net.phones.pop(5080)
    net.run(620)
    ended = bob.only(SessionEnded)
    assert ended.by == "session-timer"
    times = [at for at, _ in net.sent(bob, "BYE")]
    assert 567 <= times[0] <= 569, "the BYE leaves a third of the interval or 32 s before its end (RFC 4028 §10)"


def test_refresh_without_answer_ends_the_session() -> None:
    net, alice, bob = phones(600, 600)
    alice.call(bob)
    net.settle()
    net.phones.pop(5090)
    net.run(340)
    assert alice.only(SessionEnded).by == "timeout"


def test_refused_refresh_is_tried_again_before_the_end() -> None:
    net, alice, bob = phones(600, 600)
    alice.call(bob)
    net.settle()
    net.run(299)
    refused: list[bytes] = []

    def refuse(data: bytes, sender: object) -> bool:
        if is_response(data, 200, "UPDATE") and not refused:
            refused.append(data)
            net.inject(data.replace(b"200 OK", b"500 Busy"), bob.address, alice)
            return True
        return False

    net.drop = refuse
    net.run(200)
    assert refused and len(net.sent(alice, "UPDATE")) == 2
    assert not alice.endings()


def test_too_short_interval_is_refused_and_repeated() -> None:
    net, alice, bob = phones(200, 200, bob_min_se=300)
    alice.call(bob)
    net.settle()
    assert net.sent(bob, 422)[0][1].get("Min-SE") == "300"
    _, second = net.sent(alice, "INVITE")[1]
    assert (second.get("Session-Expires"), second.get("Min-SE"), second.cseq.number) == ("300", "300", 2)
    assert alice.only(SessionAnswered).response.get("Session-Expires") == "300;refresher=uac"
    assert not bob.take(SessionEnded), "a refused INVITE never became a session"


def test_422_without_a_higher_minimum_is_a_refusal() -> None:
    net, alice, bob = phones()
    bob.on_invite = lambda session, now: session.reject(422, now)
    alice.call(bob)
    net.settle()
    assert alice.only(SessionRejected).response.status == 422
    assert len(net.sent(alice, "INVITE")) == 1


def test_offer_of_the_peer_counts_as_refresh() -> None:
    net, alice, bob = phones(600, 600)
    alice.call(bob)
    net.run(200)
    assert alice.session is not None
    alice.session.update(OFFER, net.now)
    net.run(290)
    assert len(net.sent(alice, "UPDATE")) == 1, "the next refresh is due half an interval after the last exchange"
    net.run(20)
    assert len(net.sent(alice, "UPDATE")) == 2


def test_ended_session_leaves_no_timer() -> None:
    net, alice, bob = phones(600, 600)
    session = alice.call(bob)
    net.settle()
    session.bye(net.now)
    net.run(70)
    assert net.is_empty() and not len(alice.agent.timers) and not len(bob.agent.timers)
    net.run(2000)
    assert not any(is_request(data, "UPDATE") for _, _, _, data in net.log)
