"""Fan-outs with members on several packet threads: who listens does not notice."""

from __future__ import annotations

from itertools import pairwise

import pytest

from softswitch.media.rooms import spreading

PACKET = 160
OWNERS = [f"call-{i}" for i in range(20)]


@pytest.fixture
def engine(mode, make_engine, monkeypatch):
    """An engine of three packet threads, where every room is large."""
    monkeypatch.setattr(spreading, "FEW", 0)
    return make_engine(threads=3)


@pytest.fixture
def enter(engine, make_leg):
    """Let a phone into a room, served by the thread of that number."""

    def make(room, number, **settings):
        owner = next(owner for owner in OWNERS if engine._thread_of(owner).number == number)
        leg = make_leg(engine, owner=owner, **settings)
        room.join(leg.port)
        assert leg.port.thread.number == number
        return leg

    return make


def owner_on(engine, number):
    return next(owner for owner in OWNERS if engine._thread_of(owner).number == number)


@pytest.fixture
def room(engine):
    return engine.open_fan_out(owner_on(engine, 0))


def say(leg, count, first=0):
    """Packets whose payload tells which they are."""
    for i in range(first, first + count):
        leg.phone.send(leg.port, bytes([i]) * PACKET)
        leg.phone.stage.sleep(0.02)


def consecutive(packets):
    return all((after.sequence - before.sequence) & 0xFFFF == 1 for before, after in pairwise(packets))


def test_all_wings_hear_every_packet_once_whoever_talks_in_whichever_wing(room, enter):
    legs = [enter(room, number) for number in (0, 1, 2, 1, 0, 2)]
    assert len(room.wings) == 3
    for turn, talker in enumerate(legs):
        room.talk(talker.port)
        say(talker, 3, first=10 * turn)
    for place, leg in enumerate(legs):
        packets = leg.phone.take()
        said = [10 * turn + i for turn in range(len(legs)) if turn != place for i in range(3)]
        assert [packet.payload[0] for packet in packets] == said, f"what member {place} hears"
        assert consecutive(packets), "no gap and no number twice, whoever talks"
        assert {packet.ssrc for packet in packets} == {leg.port.ssrc}, "one stream"
        times = [(after.timestamp - before.timestamp) & 0xFFFFFFFF for before, after in pairwise(packets)]
        own = 0 < place < len(legs) - 1  # while it talks itself it hears nothing
        assert sorted(set(times)) == [160, 4 * 160] if own else {160}, "time goes on by what has passed"
        marked = [packet.payload[0] for packet in packets if packet.marker]
        assert marked == said[::3], "the marker is where the talker changes"
