"""Fan-outs with members on several packet threads: who listens does not notice."""

from __future__ import annotations

import gc
import os
from collections import deque
from itertools import pairwise

import pytest

from softswitch.media import PCMA, PCMU, PortSettings, StreamFormat
from softswitch.media.layouts.wire import LINE_PLACES, MAXIMUM_LINES
from softswitch.media.rooms import spreading

PACKET = 160
WIDE = StreamFormat(97, "L16", 16000)
EVENT = StreamFormat(101, "telephone-event", 8000)
VIDEO = StreamFormat(98, "H264", 90000)


@pytest.fixture
def large(monkeypatch):
    """Every room is large."""
    monkeypatch.setattr(spreading, "FEW", 0)


@pytest.fixture
def engine(mode, make_engine, large):
    """An engine of three packet threads."""
    return make_engine(threads=3)


def owner_on(engine, number):
    """The owner of ports that the thread of that number serves."""
    owners = (f"call-{i}" for i in range(100))
    return next(owner for owner in owners if engine._thread_of(owner).number == number)


@pytest.fixture
def room(engine):
    """An empty fan-out whose home is on the first thread."""
    return engine.open_fan_out(owner_on(engine, 0))


@pytest.fixture
def enter(make_leg):
    """Let a phone into a room, served by the thread of that number; keyword arguments are those of PortSettings."""

    def make(room, number, **settings):
        leg = make_leg(room.engine, owner=owner_on(room.engine, number), **settings)
        room.join(leg.port)
        return leg

    return make


def say(leg, count, first=0):
    """Packets whose payload tells which they are."""
    for i in range(first, first + count):
        leg.phone.send(leg.port, bytes([i]) * PACKET)
        leg.phone.stage.sleep(0.02)


def steps(values, bits=16):
    """The differences of numbers in a row."""
    return [(after - before) & ((1 << bits) - 1) for before, after in pairwise(values)]


def test_all_hear_every_packet_once_whoever_talks_in_whichever_wing(room, enter):
    legs = [enter(room, number) for number in (0, 1, 2, 1, 0, 2)]
    assert [wing.thread.number for wing in room.wings] == [0, 1, 2]
    assert [leg.port.thread.number for leg in legs] == [0, 1, 2, 1, 0, 2], "members are served where they were"
    for turn, talker in enumerate(legs):
        room.talk(talker.port)
        say(talker, 3, first=10 * turn)
    for place, leg in enumerate(legs):
        packets = leg.phone.take()
        said = [10 * turn + i for turn in range(len(legs)) if turn != place for i in range(3)]
        assert [packet.payload[0] for packet in packets] == said, f"what member {place} hears"
        assert set(steps([packet.sequence for packet in packets])) == {1}, "no gap and no number twice"
        assert {packet.ssrc for packet in packets} == {leg.port.ssrc}, "one stream"
        passed = {PACKET, 4 * PACKET} if 0 < place < len(legs) - 1 else {PACKET}  # while it talks it hears nothing
        assert set(steps([packet.timestamp for packet in packets], 32)) == passed, "time goes on by what has passed"
        assert [packet.payload[0] for packet in packets if packet.marker] == said[::3], "the marker tells of a change"


def test_what_was_lost_before_us_is_seen_in_all_wings(room, enter):
    talker, near, far, further = (enter(room, number) for number in (1, 0, 1, 2))
    room.talk(talker.port)
    say(talker, 2)
    talker.phone.sequence += 3
    talker.phone.timestamp += 3 * PACKET
    say(talker, 2)
    for leg in (near, far, further):
        packets = leg.phone.take()
        assert steps([packet.sequence for packet in packets]) == [1, 4, 1]
        assert steps([packet.timestamp for packet in packets], 32) == [PACKET, 4 * PACKET, PACKET]


def test_each_wing_gives_its_listeners_what_they_know(room, enter):
    """Another law, keys, and another codec, of talkers who know different ones; some come when somebody talks."""
    talker = enter(room, 1, formats=(PCMA, EVENT))
    room.talk(talker.port)
    laws = {number: enter(room, number, formats=(PCMU, EVENT)) for number in range(3)}
    coded = {number: enter(room, number, formats=(WIDE,)) for number in range(3)}
    assert len(room.wings) == 3
    say(talker, 3)
    talker.phone.send(talker.port, bytes([5, 0x80, 0, 160]), payload_type=101)
    talker.phone.stage.settle()
    for number in range(3):
        packets = laws[number].phone.take()
        assert [packet.payload_type for packet in packets] == [0, 0, 0, 101], f"what wing {number} takes"
        assert [packet.payload_type for packet in coded[number].phone.take()] == [97, 97, 97]
    room.talk(coded[2].port)
    sound = bytes([1, 2]) * 320
    for _ in range(3):
        coded[2].phone.send(coded[2].port, sound, payload_type=97)
        coded[2].phone.stage.sleep(0.02)
    for number in range(3):
        packets = laws[number].phone.take()
        assert [(packet.payload_type, len(packet.payload)) for packet in packets] == [(0, PACKET)] * 3
    assert [packet.payload for packet in coded[0].phone.take()] == [sound] * 3, "as it is"


def test_links_are_nobodys_ports(room, enter, wait_for):
    engine = room.engine
    talker, listener = enter(room, 0), enter(room, 1)
    room.talk(talker.port)
    say(talker, 5)
    assert len(room.wings) == 2 and room.members == (talker.port, listener.port)
    statistics = engine.statistics()
    assert (statistics.ports_open, statistics.packets_received, statistics.packets_sent) == (2, 5, 5)
    assert [worker.ports for worker in engine.workers()] == [1, 1, 0]
    assert engine.adopt() == [] and list(engine.table) == [talker.port, listener.port]
    room.close()
    wait_for(lambda: engine.poll() == [] and engine.statistics().ports_free == engine.capacity - 2, "no link is left")
    statistics = engine.statistics()
    assert (statistics.packets_received, statistics.packets_sent, statistics.dropped_unrouted) == (5, 5, 0)


def test_who_comes_and_goes_leaves_nothing_behind(make_engine, large, enter, stage):
    engine = make_engine(threads=3)
    first = engine.open_fan_out("first")
    legs = [enter(first, number) for number in (0, 1, 2)]
    first.close()

    def left():
        stage.settle()
        engine.settle()
        gc.collect()  # what tests before this one have left
        used = len(os.listdir("/proc/self/fd")), len(engine.table.links), len(engine.rooms.open_rooms)
        free = len(engine.table._free), len(engine.wires.lines._free), len(engine.rooms._free_rooms)
        return *used, *free, len(engine.rooms._free_voices)

    before = left()
    for turn in range(200):
        room = engine.open_fan_out("talkgroup")
        for leg in legs:
            room.join(leg.port)
        room.talk(legs[turn % 3].port)
        assert len(room.wings) > 1
        if turn % 2:
            room.close()
        else:
            for leg in legs:
                room.leave(leg.port)
            assert len(room.wings) == 1, "an empty wing is given up"
            room.close()
    (descriptors, *others), (descriptors_before, *others_before) = left(), before
    assert others == others_before
    assert descriptors <= descriptors_before, "fewer, when some that an earlier test had left were closed meanwhile"


def test_a_talker_who_goes_is_heard_in_no_wing_any_more(room, enter):
    talker, near, far = enter(room, 1), enter(room, 0), enter(room, 2)
    room.talk(talker.port)
    say(talker, 1)
    room.leave(talker.port)
    assert room.talker is None and len(room.wings) == 2
    room.talk(near.port)
    say(near, 1, first=1)
    assert [packet.payload[0] for packet in far.phone.take()] == [0, 1]
    assert [packet.payload[0] for packet in near.phone.take()] == [0]


def test_pictures_stay_in_one_wing(room, enter):
    """A key frame is asked for of the talker's own port, which has to be in the viewers' wing."""
    assert {enter(room, number, formats=(VIDEO,)).port.thread.number for number in (0, 1, 2)} == {0}
    assert len(room.wings) == 1


def test_without_room_for_a_wing_members_are_served_at_home(make_engine, large, enter, monkeypatch):
    engine = make_engine(threads=2)
    room = engine.open_fan_out(owner_on(engine, 0))
    enter(room, 0)
    with monkeypatch.context() as short:
        short.setattr(engine.wires.lines, "_free", deque())
        assert enter(room, 1).port.thread.number == 0, "no line is left for a link"
    with monkeypatch.context() as short:
        short.setattr(engine.rooms, "_free_rooms", deque())
        assert enter(room, 1).port.thread.number == 0, "no number is left for a wing"
    ports = engine.table._free
    with monkeypatch.context() as short:
        short.setattr(engine.table, "_free", deque([ports.popleft(), ports.popleft()]))
        assert enter(room, 1).port.thread.number == 0, "no port is left for the other end of a link"
    engine.settle()
    assert not engine.table.links and not engine.wires.lines._ends, "the links are given back"
    assert len(engine.wires.lines._free) == MAXIMUM_LINES and len(ports) == engine.capacity - len(engine.table)
    assert enter(room, 1).port.thread.number == 1


def test_members_of_a_large_room_are_spread_from_the_start(make_engine, monkeypatch):
    monkeypatch.setattr(spreading, "FEW", 2)
    engine = make_engine(threads=2)
    owner = owner_on(engine, 1)
    room = engine.open_fan_out(owner)
    ports = [engine.open_port(f"call-{i}", near=owner) for i in range(40)]
    for port in ports:
        port.configure(PortSettings(formats=(PCMA,)))
    places = [port.thread.number for port in ports]
    assert places[:10] == [1] * 10, "a small room is on one thread"
    assert places.count(0) == places.count(1) == 20, "a large one is spread evenly"
    for port in ports[::-1]:
        room.join(port)
    assert [port.thread.number for port in ports] == places, "nobody need be moved"
    for port in ports:
        port.close()
    assert engine.open_port("call", near=owner).thread.number == 1, "closed ports do not count"


def test_members_who_come_from_elsewhere_fill_all_threads(make_engine, monkeypatch):
    monkeypatch.setattr(spreading, "FEW", 1)
    monkeypatch.setattr(spreading, "_SLACK", 2)
    engine = make_engine(threads=2)
    room = engine.open_fan_out(owner_on(engine, 0))
    ports = [engine.open_port(owner_on(engine, 0)) for _ in range(30)]
    for port in ports:
        port.configure(PortSettings(formats=(PCMA,)))
        room.join(port)
    assert [len(wing.members) for wing in room.wings] == [20, 10]
    assert {port.thread.number for port in ports[:5]} == {0}, "while it was small it was on one thread"


def test_what_a_link_cannot_take_is_an_error_of_sending(engine, room, enter):
    talker, listener = enter(room, 0), enter(room, 1)
    room.talk(talker.port)
    talker.phone.stage.settle()
    for i in range(LINE_PLACES + 3):  # while the other thread does not run
        talker.phone.send(talker.port, bytes([i]) * PACKET)
        room.thread.turn()
    assert engine.statistics().send_errors == 3, "what was beyond the ring's places is counted"
    talker.phone.stage.settle()
    assert [packet.payload[0] for packet in listener.phone.take()] == list(range(LINE_PLACES)), "the rest is heard"
    room.close()
    engine.settle()
    assert engine.statistics().send_errors == 3, "and counted still when the link is gone"
