"""One talks, many hear: continuity for every listener, payload types, conversion, coming and going."""

from __future__ import annotations

import itertools

import pytest

from softswitch.media import PCMA, PCMU, MediaError, NotTranscodable, PortClosed, PortSettings, StreamFormat

G722 = StreamFormat(9, "G722", 8000)
EVENT = StreamFormat(101, "telephone-event", 8000)


@pytest.fixture
def room(engine):
    return engine.open_fan_out("talkgroup-1")


@pytest.fixture
def make_member(engine, room, make_leg):
    """A leg in the room."""

    def make(**settings):
        leg = make_leg(engine, **settings)
        room.join(leg.port)
        return leg

    return make


def test_all_but_the_talker_hear_the_talker(room, make_member):
    talker, *listeners = [make_member() for _ in range(5)]
    room.talk(talker.port)
    for i in range(3):
        talker.phone.send(talker.port, bytes([i]) * 160)
    for listener in listeners:
        packets = [listener.phone.receive() for _ in range(3)]
        assert [packet.payload for packet in packets] == [bytes([i]) * 160 for i in range(3)]
        assert {packet.ssrc for packet in packets} == {listener.port.ssrc}
        assert packets[0].marker
        assert not packets[1].marker
    assert talker.phone.silent(), "the talker does not hear itself"


def test_listeners_see_one_stream_when_the_talker_changes(room, make_member):
    first, second, listener = make_member(), make_member(), make_member()
    second.phone.sequence, second.phone.timestamp, second.phone.ssrc = 40000, 0xFFFFFF00, 77
    packets = []
    for leg in (first, second, first):
        room.talk(leg.port)
        for _ in range(3):
            leg.phone.send(leg.port)
            packets.append(listener.phone.receive())
    numbers = [packet.sequence for packet in packets]
    assert numbers == [(numbers[0] + i) & 0xFFFF for i in range(9)]
    steps = [(after.timestamp - before.timestamp) & 0xFFFFFFFF for before, after in itertools.pairwise(packets)]
    assert [steps[i] for i in (0, 1, 3, 4, 6, 7)] == [160] * 6
    assert all(0 < steps[i] < 8000 for i in (2, 5)), f"time goes on by what has passed: {steps}"
    assert [packet.marker for packet in packets] == [True, False, False] * 3
    assert len({packet.ssrc for packet in packets}) == 1


def test_what_a_member_says_without_the_floor_is_dropped_without_a_gap(room, make_member, wait_for):
    talker, other, listener = make_member(), make_member(), make_member()
    room.talk(talker.port)
    talker.phone.send(talker.port)
    before = listener.phone.receive()
    other.phone.send(other.port)
    wait_for(lambda: other.port.counters().dropped_unrouted == 1, "the packet without the floor")
    room.talk(None)
    talker.phone.send(talker.port)
    wait_for(lambda: talker.port.counters().dropped_unrouted == 1, "the packet after the floor was taken away")
    room.talk(talker.port)
    talker.phone.send(talker.port)
    after = listener.phone.receive()
    assert after.sequence == (before.sequence + 1) & 0xFFFF, "nobody has lost anything"
    assert after.marker


def test_payload_types_are_each_listeners_own(room, make_member):
    talker = make_member(formats=(PCMA, EVENT))
    dynamic = make_member(formats=(StreamFormat(97, "PCMA", 8000), StreamFormat(120, "telephone-event", 8000)))
    plain = make_member()
    room.talk(talker.port)
    talker.phone.send(talker.port)
    talker.phone.send(talker.port, b"\1\0\0\xa0", payload_type=101)
    talker.phone.send(talker.port)
    assert [dynamic.phone.receive().payload_type for _ in range(3)] == [97, 120, 97]
    packets = [plain.phone.receive() for _ in range(2)]
    assert [packet.payload_type for packet in packets] == [8, 8]
    assert packets[1].sequence == (packets[0].sequence + 1) & 0xFFFF, "what is not agreed leaves no gap"


def test_laws_are_converted_for_those_who_need_it(room, make_member):
    alaw, ulaw, both = make_member(), make_member(formats=(PCMU,)), make_member(formats=(PCMU, PCMA))
    other_alaw = make_member()
    room.talk(alaw.port)
    alaw.phone.send(alaw.port, b"\xd5" * 160)
    assert ulaw.phone.receive().payload == b"\xfe" * 160
    assert both.phone.receive().payload == b"\xd5" * 160, "what is known is not converted"
    assert other_alaw.phone.receive().payload == b"\xd5" * 160
    room.talk(ulaw.port)
    ulaw.phone.send(ulaw.port, b"\xfe" * 160, payload_type=0)
    assert alaw.phone.receive().payload == b"\xd5" * 160
    assert both.phone.receive().payload == b"\xfe" * 160


def test_members_come_and_go_while_one_talks(room, make_member):
    talker, stays, goes = make_member(), make_member(), make_member()
    room.talk(talker.port)
    talker.phone.send(talker.port)
    stays.phone.receive()
    goes.phone.receive()
    room.leave(goes.port)
    comes = make_member()
    assert room.members == (talker.port, stays.port, comes.port)
    talker.phone.send(talker.port)
    assert comes.phone.receive().marker
    stays.phone.receive()
    assert goes.phone.silent()
    stays.port.close()
    talker.phone.send(talker.port)
    comes.phone.receive()
    room.leave(talker.port)
    assert room.talker is None
    room.leave(talker.port)
    room.close()
    assert room.members == ()


def test_a_format_nobody_had_before_reaches_those_who_were_there(room, make_member):
    early = make_member(formats=(PCMU, StreamFormat(111, "G722", 8000)))
    talker = make_member(formats=(G722, PCMA))
    room.talk(talker.port)
    talker.phone.send(talker.port, payload_type=9)
    assert early.phone.receive().payload_type == 111


def test_new_settings_of_a_member_take_effect(room, make_member):
    talker, listener = make_member(), make_member()
    room.talk(talker.port)
    listener.port.configure(PortSettings(remote=listener.phone.address, formats=(PCMU,)))
    talker.phone.send(talker.port, b"\xd5" * 160)
    assert listener.phone.receive().payload_type == 0
    listener.port.configure(PortSettings(remote=listener.phone.address, formats=(PCMU,), send=False))
    talker.phone.send(talker.port)
    assert listener.phone.silent()


def test_a_listener_on_hold_misses_packets_and_no_numbers(room, make_member, wait_for):
    talker, listener = make_member(), make_member()
    room.talk(talker.port)
    talker.phone.send(talker.port)
    before = listener.phone.receive()
    settings = listener.port.settings
    listener.port.configure(PortSettings(remote=settings.remote, formats=settings.formats, send=False))
    talker.phone.send(talker.port)
    wait_for(lambda: listener.port.counters().dropped_direction == 1, "a packet not sent")
    listener.port.configure(settings)
    talker.phone.send(talker.port)
    after = listener.phone.receive()
    assert after.sequence == (before.sequence + 1) & 0xFFFF
    assert after.marker


def test_profiles_of_one_encoding_are_told_apart(room, make_member):
    baseline, high = "profile-level-id=42e01f", "profile-level-id=640028"
    video = lambda number, fmtp: StreamFormat(number, "H264", 90000, fmtp=fmtp)  # noqa: E731
    talker = make_member(formats=(video(96, baseline), video(97, high)))
    listener = make_member(formats=(video(100, high), video(101, baseline)))
    room.talk(talker.port)
    for payload_type in (96, 97):
        talker.phone.send(talker.port, b"\x67\x42\xe0\x1f", payload_type=payload_type)  # where one may join
    assert [listener.phone.receive().payload_type for _ in range(2)] == [101, 100]


def test_what_is_played_takes_the_place_of_the_talker(engine, room, make_member):
    import numpy as np

    talker, listener = make_member(), make_member()
    room.talk(talker.port)
    engine.play(listener.port, np.zeros(800, np.int16), loop=True)
    assert listener.phone.receive().payload == b"\xd5" * 160
    talker.phone.send(talker.port, b"\x11" * 160)
    assert all(listener.phone.receive().payload == b"\xd5" * 160 for _ in range(3))
    engine.stop(listener.port)
    talker.phone.send(talker.port, b"\x12" * 160)
    while listener.phone.receive().payload != b"\x12" * 160:
        pass


def test_connecting_a_member_takes_it_out(engine, room, make_member, make_leg):
    talker, listener, outside = make_member(), make_member(), make_leg(engine)
    engine.connect(listener.port, outside.port)
    assert room.members == (talker.port,)
    outside.phone.send(outside.port)
    listener.phone.receive()
    room.join(listener.port)
    outside.phone.send(outside.port)
    assert listener.phone.silent()
    room.talk(talker.port)
    talker.phone.send(talker.port)
    listener.phone.receive()


def test_refusals(engine, room, make_member, make_leg):
    make_member()
    with pytest.raises(NotTranscodable, match="VP8"):
        make_member(formats=(StreamFormat(98, "VP8", 90000),))
    stranger = make_leg(engine)
    with pytest.raises(ValueError, match="not in the room"):
        room.talk(stranger.port)
    stranger.port.close()
    with pytest.raises(PortClosed):
        room.join(stranger.port)
    room.close()
    with pytest.raises(MediaError, match="closed"):
        room.join(make_leg(engine).port)


def test_rooms_are_bounded_and_given_back(make_engine):
    engine = make_engine()
    rooms = [engine.open_fan_out(str(i)) for i in range(4096)]
    with pytest.raises(MediaError, match="4096"):
        engine.open_fan_out("one more")
    rooms[5].close()
    rooms[5].close()
    engine.open_fan_out("in its place")


def test_members_of_any_thread(make_engine, make_leg):
    engine = make_engine(threads=3)
    room = engine.open_fan_out("talkgroup")
    legs = [make_leg(engine, owner=f"call-{i}") for i in range(6)]
    assert len({leg.port.thread.number for leg in legs}) > 1, "the members are served by several threads"
    for leg in legs:
        room.join(leg.port)
    room.talk(legs[0].port)
    legs[0].phone.send(legs[0].port)
    for leg in legs[1:]:
        leg.phone.receive()
