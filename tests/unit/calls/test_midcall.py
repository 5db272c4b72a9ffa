"""Changes of media during a call: hold and resume, UPDATE, glare, offers asked for, codecs."""

from __future__ import annotations

import re

import pytest

from dialplan import Rule
from dialplan import Target as To
from softswitch.media import can_transcode
from tests.unit.calls.phone import Phone, PhoneCall
from tests.unit.calls.world import SWITCH, World, sdp, trunk

MEDIA = pytest.mark.parametrize("media", ["relay", "passthrough"])


def talk(media: str = "relay", **options: object) -> tuple[World, PhoneCall, PhoneCall]:
    """Two parties who talk, the callee behind a trunk."""
    world = World(
        trunks=[trunk("peer", "203.0.113.1", media=media)],
        rules=[Rule("out", To("trunk", ("peer",)), prefix="9")],
        **options,  # type: ignore[arg-type]
    )
    alice, peer = world.phone("1001"), world.peer("peer")
    call = alice.call("9100")
    peer.ringing.ring()
    peer.ringing.answer()
    assert call.talking
    return world, call, peer.ringing


def media_hosts(call: PhoneCall) -> str:
    return call.remote_host


@MEDIA
def test_a_call_is_relayed_or_left_alone_as_its_route_says(media: str) -> None:
    world, call, other = talk(media)
    if media == "relay":
        assert call.remote_host == other.remote_host == SWITCH
        assert len(world.engine.ports) == 2
    else:
        assert (call.remote_host, other.remote_host) == (other.phone.host, call.phone.host)
        assert call.remote == other.local, "a passed-through description is not touched"
        assert not world.engine.ports
    call.hang_up()
    world.check_over()


@MEDIA
@pytest.mark.parametrize("holding", ["caller", "callee"])
@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_hold_and_resume_reach_the_other_side(media: str, holding: str, direction: str) -> None:
    world, caller, callee = talk(media)
    holder, held = (caller, callee) if holding == "caller" else (callee, caller)
    holder.hold(direction)
    assert held.offers and held.remote_direction == direction
    assert holder.remote_direction == {"sendonly": "recvonly", "inactive": "inactive"}[direction]
    if media == "relay":
        settings = world.engine.port_to(held.phone.host).settings
        assert (settings.send, settings.receive) == (direction == "sendonly", False)
        assert world.engine.joined(), "the ports stay joined"
    holder.resume()
    assert held.remote_direction == "sendrecv" and holder.remote_direction == "sendrecv"
    if media == "relay":
        assert all(port.settings.send and port.settings.receive for port in world.engine.ports.values())
    caller.hang_up()
    world.check_over()


def test_hold_by_a_zero_address_is_told_as_a_direction() -> None:
    world, caller, callee = talk()
    caller.offer(caller.phone.sdp().replace(f"c=IN IP4 {caller.phone.host}".encode(), b"c=IN IP4 0.0.0.0"))
    assert callee.remote_direction == "sendonly" and callee.remote_host == SWITCH
    assert world.engine.port_to(callee.phone.host).settings.receive is False
    caller.hang_up()
    world.check_over()


def test_session_versions_rise_by_one_with_every_change_and_not_without() -> None:
    world, caller, callee = talk()

    def version() -> int:
        found = re.search(rb"o=\S+ \d+ (\d+) ", callee.remote or b"")
        assert found is not None
        return int(found.group(1))

    first = version()
    caller.hold()
    assert version() == first + 1
    caller.resume()
    assert version() == first + 2
    caller.offer(caller.local)
    assert version() == first + 2, "the same description keeps its version"
    caller.hang_up()
    world.check_over()


@MEDIA
def test_update_changes_a_confirmed_call(media: str) -> None:
    world, caller, callee = talk(media)
    caller.update(caller.phone.sdp(direction="sendonly", version=2))
    assert callee.remote_direction == "sendonly"
    assert caller.answers, "the UPDATE got its answer"
    caller.hang_up()
    world.check_over()


def test_update_changes_an_early_call_on_both_sides() -> None:
    world = World()
    alice, bob = world.phones("1001", "1002")
    call = alice.call("1002", fields=[("Require", "100rel")])
    bob.ringing.ring(183, bob.sdp(), reliable=True)
    call.update(alice.sdp(direction="sendonly", version=2))
    assert bob.ringing.offers and bob.ringing.remote_direction == "sendonly"
    assert call.answers and not call.offer_failed
    bob.ringing.update(bob.sdp(direction="inactive", version=2))
    assert call.offers and call.remote_direction == "inactive"
    bob.ringing.answer(None)
    assert call.talking
    call.hang_up()
    world.check_over()


def test_an_early_update_with_two_branches_is_refused() -> None:
    world = World()
    alice = world.phone("1001")
    desk, mobile = world.phone("1002"), world.phone("1002")
    call = alice.call("1002")
    desk.ringing.ring(183, desk.sdp(), reliable=True)
    mobile.ringing.ring()
    desk.ringing.update(desk.sdp(direction="inactive", version=2))
    assert desk.ringing.offer_failed == [488], "the caller can follow one branch only"
    call.hang_up()
    world.check_over()


def test_both_parties_offering_at_once_meet_491_and_come_to_an_end() -> None:
    world, caller, callee = talk()
    caller.session.reinvite(caller.phone.sdp(direction="sendonly", version=2), world.now)
    callee.session.reinvite(callee.phone.sdp(direction="sendonly", version=2), world.now)
    world.settle()
    refused = [sent for sent in world.log if " 491 " in sent.line]
    assert refused, "one of the two offers is refused"
    world.advance(10)
    assert caller.talking and callee.talking
    assert not caller.offer_failed and not callee.offer_failed, "each is tried again and accepted in the end"
    call_directions = {caller.remote_direction, callee.remote_direction}
    assert call_directions <= {"sendonly", "recvonly", "inactive"}
    caller.hang_up()
    world.check_over()


@MEDIA
@pytest.mark.parametrize("asking", ["caller", "callee"])
def test_an_offer_asked_for_is_asked_of_the_other_party(media: str, asking: str) -> None:
    world, caller, callee = talk(media)
    asker, other = (caller, callee) if asking == "caller" else (callee, caller)
    asker.offer(None)
    assert other.offers == [None], "the other party is asked too"
    assert asker.offers and asker.offers[0] is not None
    expected = SWITCH if media == "relay" else other.phone.host
    assert asker.remote_host == expected
    assert other.remote_host == (SWITCH if media == "relay" else asker.phone.host), "its answer comes back in the ACK"
    caller.hang_up()
    world.check_over()


def test_an_offer_the_other_party_refuses_leaves_everything_as_it_was() -> None:
    world, caller, callee = talk()
    before = {port.id: port.settings for port in world.engine.ports.values()}
    callee.answer_offers = False
    caller.session.reinvite(caller.phone.sdp(direction="sendonly", version=2), world.now)
    world.settle()
    callee.session.refuse_offer(488, world.now)
    world.settle()
    assert caller.offer_failed == [488] and caller.talking and callee.talking
    assert {port.id: port.settings for port in world.engine.ports.values()} == before
    caller.hang_up()
    world.check_over()


def test_an_offer_is_refused_while_the_other_partys_is_under_way() -> None:
    world, caller, callee = talk()
    callee.answer_offers = False
    caller.session.reinvite(caller.phone.sdp(direction="sendonly", version=2), world.now)
    world.settle()
    caller.session.bye(world.now)
    world.settle()
    assert caller.over and callee.over, "hanging up in the middle of an offer ends both"
    world.check_over()


def test_a_party_that_vanishes_in_the_middle_of_an_offer_is_found_out() -> None:
    world, caller, callee = talk()
    world.lost = lambda sent: sent.destination.startswith(callee.phone.host)
    caller.session.reinvite(caller.phone.sdp(direction="sendonly", version=2), world.now)
    world.settle()
    world.advance(40)
    assert caller.over
    assert world.record["released_by"] == "callee"
    world.lost = lambda sent: False
    callee.hang_up()
    world.check_over()


def test_a_second_stream_opens_a_port_of_its_own_on_each_side() -> None:
    world, caller, callee = talk()
    video = b"m=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    callee.answer_offers = False
    caller.session.reinvite(caller.phone.sdp(version=2) + video, world.now)
    world.settle()
    assert (callee.remote or b"").count(b"m=") == 2
    callee.session.answer(callee.phone.sdp(version=2) + video, world.now)
    world.settle()
    assert len(world.engine.ports) == 4 and len(world.engine.joined()) == 1
    assert sorted(port.dscp for port in world.engine.ports.values()) == [34, 34, 46, 46], (
        "pictures are marked otherwise"
    )
    callee.answer_offers = True
    caller.session.reinvite(caller.phone.sdp(version=3) + video.replace(b"4002", b"0"), world.now)
    callee.answer_offers = False
    world.settle()
    callee.session.answer(callee.phone.sdp(version=3) + video.replace(b"4002", b"0"), world.now)
    world.settle()
    assert len(world.engine.ports) == 2, "a stream that is ended gives its ports back"
    caller.hang_up()
    world.check_over()


# -- codecs -----------------------------------------------------------

_CLOCKS = {"opus": 48000, "AMR-WB": 16000}


def forced(*codecs: str, callee: tuple[str, ...], caller: tuple[str, ...]) -> tuple[World, PhoneCall, Phone]:
    world = World(
        trunks=[trunk("peer", "203.0.113.1")],
        rules=[Rule("out", To("trunk", ("peer",)), prefix="9", codecs=codecs)],
    )
    alice = world.phone("1001", codecs=caller)
    peer = world.peer("peer", codecs=callee)
    return world, alice.call("9100"), peer


def test_a_codec_forced_by_the_route_is_converted() -> None:
    world, call, peer = forced("PCMU", caller=("PCMA",), callee=("PCMU",))
    assert sorted(peer.ringing.remote_codecs) == ["PCMU", "telephone-event"]
    peer.ringing.answer()
    assert sorted(call.remote_codecs) == ["PCMA", "telephone-event"]
    ours, theirs = world.engine.port_to(call.phone.host), world.engine.port_to(peer.host)
    assert ours.peer is theirs
    assert [f.encoding for f in ours.settings.formats] == ["PCMA", "telephone-event"]
    assert [f.encoding for f in theirs.settings.formats] == ["PCMU", "telephone-event"]
    call.hang_up()
    assert [leg["codec"] for leg in world.record["legs"]] == ["PCMA", "PCMU"]
    world.check_over()


def test_a_codec_forced_by_the_route_that_the_caller_has_is_not_converted() -> None:
    world, call, peer = forced("PCMU", caller=("PCMA", "PCMU"), callee=("PCMU",))
    assert peer.ringing.remote_codecs == ["PCMU", "telephone-event"]
    peer.ringing.answer()
    assert call.remote_codecs == ["PCMU", "telephone-event"]
    call.hang_up()
    world.check_over()


@pytest.mark.parametrize("codec", ["G722", "opus", "G726-32", "GSM", "AMR", "AMR-WB", "CODEC2"])
def test_a_codec_the_engine_transcodes_is_offered_where_the_route_asks_for_it(codec: str) -> None:
    if not can_transcode(codec, _CLOCKS.get(codec, 8000)):
        pytest.skip(f"{codec} is not usable on this machine")
    world, call, peer = forced(codec, caller=("PCMA",), callee=(codec,))
    assert codec in peer.ringing.remote_codecs and "PCMA" not in peer.ringing.remote_codecs, peer.ringing.remote_codecs
    call.hang_up()
    world.check_over()


@pytest.mark.parametrize("codecs", [("G722",), ("opus",), ("PCMU",)])
def test_a_codec_that_can_be_neither_offered_nor_converted_is_488(codecs: tuple[str, ...]) -> None:
    world, call, peer = forced(*codecs, caller=("G729",), callee=codecs)
    assert call.status == 488 and not peer.called
    assert world.record["q850_cause"] == 88
    world.check_over()


def test_an_answer_that_cannot_be_brought_to_the_caller_is_488_and_the_callee_is_released() -> None:
    world, call, peer = forced(caller=("G729",), callee=("PCMU",))
    peer.ringing.answer(sdp(peer.host, codecs=("PCMU",)))
    assert call.status == 488 and peer.ringing.over
    world.check_over()


def test_payload_types_of_each_side_are_its_own() -> None:
    """The callee answers with numbers of its own (RFC 3264 §6.1): we send it those, and take the ones we offered."""
    world, call, peer = forced(caller=("opus", "PCMA"), callee=("opus",))
    offered = peer.ringing.remote or b""
    number = int(re.findall(rb"a=rtpmap:(\d+) opus", offered)[0])
    answer = sdp(peer.host, codecs=("opus",)).replace(b"96", b"112")
    peer.ringing.answer(answer)
    settings = world.engine.port_to(peer.host).settings
    assert [f.payload_type for f in settings.formats if f.encoding == "opus"] == [number]
    assert [f.payload_type for f in settings.sendable if f.encoding == "opus"] == [112]
    call.hang_up()
    world.check_over()


def test_ports_that_run_out_in_the_middle_of_a_call_refuse_the_change_alone() -> None:
    world, caller, callee = talk()
    world.engine.capacity = 2
    video = b"m=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    caller.session.reinvite(caller.phone.sdp(version=2) + video, world.now)
    world.settle()
    assert caller.offer_failed == [503] and caller.talking and callee.talking
    caller.hang_up()
    world.check_over()


def test_feedback_on_pictures_is_agreed_on_whatever_numbers_the_callee_gives_them() -> None:
    world, caller, callee = talk()
    line = b"m=video 4002 RTP/AVP %d\r\na=rtpmap:%d H264/90000\r\na=rtcp-fb:%d nack pli\r\n"
    callee.answer_offers = False
    caller.session.reinvite(caller.phone.sdp(version=2) + line % (96, 96, 96), world.now)
    world.settle()
    callee.session.answer(callee.phone.sdp(version=2) + line % (99, 99, 99), world.now)
    world.settle()
    assert b"a=rtpmap:96 H264/90000" in (caller.remote or b"") and b"a=rtcp-fb:96 nack pli" in (caller.remote or b"")
    caller.hang_up()
    world.check_over()


def test_both_packings_of_amr_are_offered() -> None:
    if not can_transcode("AMR"):
        pytest.skip("AMR is not usable on this machine")
    world, call, peer = forced("AMR", caller=("PCMA",), callee=("AMR",))
    offer = (peer.ringing.remote or b"").decode()
    numbers = re.findall(r"a=rtpmap:(\d+) AMR/8000", offer)
    assert len(numbers) == 2, offer
    assert len(re.findall(rf"a=fmtp:(?:{'|'.join(numbers)}) octet-align=1", offer)) == 1, offer
    call.hang_up()
    world.check_over()
