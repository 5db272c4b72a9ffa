"""The channel: who gets which octets, acknowledgements, dialects in one group."""

from __future__ import annotations

from softswitch.floor import Arbiter, ArbiterSettings, Member, Tier, mcptt, tbcp
from softswitch.floor import talkburst as burst
from softswitch.floor.channel import Dialect, GroupChannel, Peer
from softswitch.floor.messages import FloorMessage, Kind, Source

SSRC = 0x0A0A0A01


def channel(settings: ArbiterSettings | None = None, **peers: Peer) -> GroupChannel:
    one = GroupChannel(Arbiter(settings), SSRC)
    for name, peer in peers.items():
        one.add_peer(name, peer)
        one.arbiter.participant_joined(name, 0.0, Member(may_override=True, priority=255))
    one.arbiter.start(0.0)
    sent(one, 0.0)
    return one


def sent(one: GroupChannel, now: float) -> list[tuple[tuple[str, ...], FloorMessage | burst.TalkBurstMessage]]:
    while one.next_event(now) is not None:
        pass
    return [
        (tuple(receivers), mcptt.parse(data) if data[8:12] == b"MCPT" else tbcp.parse(data))
        for data, receivers in one.data_to_send()
    ]


def request(ssrc: int, **fields: object) -> bytes:
    return mcptt.serialize(FloorMessage(Kind.REQUEST, ssrc, **fields))  # type: ignore[arg-type]


def test_everyone_is_told_in_his_own_dialect_and_encoded_once() -> None:
    peers = {name: Peer(f"sip:{name}@x", number) for number, name in enumerate("abc", 1)}
    one = channel(**peers, p=Peer("sip:p@x", 9, Dialect.TBCP), phone=Peer("sip:phone@x", 0, Dialect.NONE))
    one.receive_data("a", request(1, priority=5, indicator=0x8000), 1.0)
    granted, taken, poc = sent(one, 1.0)
    assert granted == (
        ("a",),
        FloorMessage(Kind.GRANTED, SSRC, priority=5, duration_s=30, indicator=0x8400, talker_ssrc=1),
    )
    assert taken[0] == ("b", "c") and isinstance(taken[1], FloorMessage)
    assert (taken[1].granted_party, taken[1].sequence, taken[1].talker_ssrc) == ("sip:a@x", 2, 1)
    assert poc == (("p",), burst.TalkBurstTaken(SSRC, 1, "sip:a@x", participants=5))


def test_identities_may_be_private_or_of_the_user_behind_a_gateway() -> None:
    one = channel(a=Peer("sip:a@x", 1, private=True), b=Peer("sip:gw@x", 2, proxy=True), c=Peer("sip:c@x", 3))
    one.receive_data("a", request(1), 1.0)
    assert sent(one, 1.0)[1][1].granted_party is None  # type: ignore[union-attr]
    one.arbiter.release("a", 2.0)
    one.receive_data("b", request(2, user="sip:201@radio"), 2.0)
    assert sent(one, 2.0)[-1][1].granted_party == "sip:201@radio"  # type: ignore[union-attr]
    one.arbiter.release("b", 3.0)
    one.receive_data("c", request(3, user="sip:somebody-else"), 3.0)
    assert sent(one, 3.0)[-1][1].granted_party == "sip:c@x", "only a gateway speaks for others"  # type: ignore[union-attr]


def test_a_message_that_wants_an_ack_gets_it_at_once() -> None:
    one = channel(a=Peer("sip:a@x", 1), b=Peer("sip:b@x", 2))
    one.receive_data("a", mcptt.serialize(FloorMessage(Kind.RELEASE, 1, ack_required=True)), 1.0)
    ack = FloorMessage(Kind.ACK, SSRC, source=Source.CONTROLLING_FUNCTION, acknowledged=Kind.RELEASE)
    assert sent(one, 1.0)[0] == (("a",), ack)


def test_a_peer_that_acknowledges_is_told_again_until_it_does() -> None:
    one = channel(ArbiterSettings(t1=50.0), a=Peer("sip:a@x", 1), b=Peer("sip:b@x", 2, acknowledges=True))
    one.receive_data("a", request(1), 1.0)
    assert sent(one, 1.0)[1][1].ack_required  # type: ignore[union-attr]
    one.handle_timer(2.0)
    ((receivers, again),) = sent(one, 2.0)
    assert receivers == ("b",) and isinstance(again, FloorMessage) and again.kind is Kind.TAKEN
    one.receive_data("b", mcptt.serialize(FloorMessage(Kind.ACK, 2, source=0, acknowledged=Kind.TAKEN)), 2.1)
    one.handle_timer(10.0)
    assert sent(one, 10.0) == []
    one.receive_data("b", request(2), 11.0)
    assert [message.kind for _, message in sent(one, 11.0)] == [Kind.QUEUE_POSITION_INFO]  # type: ignore[union-attr]
    one.arbiter.release("a", 12.0)
    sent(one, 12.0)
    for at in (13.0, 14.0, 15.0):
        one.handle_timer(at)
    assert one.counters["resent"] == 1 + 2, "three sendings at most"


def test_talk_burst_priorities_are_override_and_unwillingness_to_wait() -> None:
    one = channel(a=Peer("sip:a@x", 1), p=Peer("sip:p@x", 9, Dialect.TBCP))
    one.receive_data("a", request(1), 1.0)
    sent(one, 1.0)
    one.receive_data("p", tbcp.serialize(burst.TalkBurstRequest(9, 0)), 2.0)
    assert sent(one, 2.0) == [(("p",), burst.TalkBurstDeny(SSRC, 1, "another user talks"))]
    one.receive_data("p", tbcp.serialize(burst.TalkBurstRequest(9, 1)), 2.1)
    assert sent(one, 2.1) == [(("p",), burst.QueueStatusResponse(SSRC, 1, 1))]
    one.receive_data("p", tbcp.serialize(burst.TalkBurstRequest(9, 3)), 2.2)
    assert [message.kind for _, message in sent(one, 2.2) if isinstance(message, FloorMessage)] == [Kind.REVOKE]
    one.receive_data("a", mcptt.serialize(FloorMessage(Kind.RELEASE, 1)), 2.3)
    assert (("p",), burst.TalkBurstGranted(SSRC, 30, 2)) in sent(one, 2.3)
    one.receive_data("p", tbcp.serialize(burst.QueueStatusRequest(9)), 2.4)
    one.receive_data("p", tbcp.serialize(burst.TalkBurstRelease(9)), 2.5)
    assert (("p",), burst.TalkBurstIdle(SSRC)) in sent(one, 2.5)


def test_several_talkers_are_listed_for_releases_that_know_them() -> None:
    peers = {"a": Peer("sip:a", 1, release=15), "b": Peer("sip:b", 2, release=15)}
    one = channel(ArbiterSettings(max_talkers=2), **peers, c=Peer("sip:c", 3, release=15), d=Peer("sip:d", 4))
    one.receive_data("a", request(1), 1.0)
    one.receive_data("b", request(2), 1.1)
    taken = {receivers: message for receivers, message in sent(one, 1.1) if message.kind is Kind.TAKEN}  # type: ignore[union-attr]
    assert taken["a", "c"].talkers == ("sip:a", "sip:b")  # type: ignore[union-attr]
    assert taken["d",].granted_party == "sip:b"  # type: ignore[union-attr]
    one.receive_data("a", mcptt.serialize(FloorMessage(Kind.RELEASE, 1)), 2.0)
    stopped = [(to, message) for to, message in sent(one, 2.0) if message.kind is Kind.RELEASE_MULTI_TALKER]  # type: ignore[union-attr]
    assert [to for to, _ in stopped] == [("a", "b", "c")]


def test_a_request_put_out_of_the_queue_is_denied_on_the_wire() -> None:
    one = channel(ArbiterSettings(queue_wait=3.0, t1=50.0), a=Peer("sip:a", 1), b=Peer("sip:b", 2))
    one.receive_data("a", request(1), 1.0)
    one.receive_data("b", request(2), 1.0)
    sent(one, 1.0)
    one.handle_timer(4.0)
    assert (("b",), FloorMessage(Kind.DENY, SSRC, cause=255, phrase="timed out")) in sent(one, 4.0)


def test_octets_that_are_nothing_and_strangers_are_dropped() -> None:
    one = channel(a=Peer("sip:a", 1), b=Peer("sip:b", 2))
    one.receive_data("a", b"\x80\xcc", 1.0)
    one.receive_data("x", request(1), 1.0)
    assert sent(one, 1.0) == [] and one.counters["malformed"] == 1


def test_an_emergency_is_told_with_its_indicator() -> None:
    one = channel(a=Peer("sip:a", 1), b=Peer("sip:b", 2))
    one.arbiter.request("a", 1.0, tier=Tier.EMERGENCY)
    assert [message.indicator for _, message in sent(one, 1.0)] == [0x1400, 0x1000]  # type: ignore[union-attr]


def test_a_peer_that_is_gone_gets_nothing_more() -> None:
    one = channel(a=Peer("sip:a", 1), b=Peer("sip:b", 2, acknowledges=True), c=Peer("sip:c", 3))
    one.arbiter.request("a", 1.0)
    sent(one, 1.0)
    one.arbiter.participant_left("b", 1.5)
    one.remove_peer("b")
    one.handle_timer(2.0)
    assert sent(one, 2.0) == []
    one.arbiter.release("a", 3.0)
    assert [receivers for receivers, _ in sent(one, 3.0)] == [("a", "c")]
