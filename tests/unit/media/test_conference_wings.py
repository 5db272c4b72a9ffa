"""Conferences whose members are on several packet threads: to those who are in them, and to callers, they are one."""

from __future__ import annotations

import numpy as np
import pytest

from softswitch.media import PCMA, LoudestSpeaker, PortSettings, RoomPlaybackEnded
from softswitch.media.layouts.room import MAXIMUM_ROOMS
from softswitch.media.playing.clips import ClipStore
from softswitch.media.playing.tones import level_dbm0
from softswitch.media.rooms import spreading
from softswitch.media.rooms.store import RoomStore
from softswitch.media.workers.adoption import Adoption

from .test_conference import TONES_HZ, Speaker, decoded, level_at, tone

QUIET = -45
OWNERS = [f"call-{i}" for i in range(20)]


@pytest.fixture
def engine(make_engine, monkeypatch):
    """An engine of two packet threads, where every room is large."""
    monkeypatch.setattr(spreading, "FEW", 0)
    return make_engine(threads=2)


def owner_on(engine, number):
    return next(owner for owner in OWNERS if engine._thread_of(owner).number == number)


@pytest.fixture
def enter(engine, make_leg):
    """Let phones into a room, each served by the thread of that number."""

    def make(room, *numbers, **how):
        legs = []
        for number in numbers:
            legs.append(make_leg(engine, owner=owner_on(engine, number)))
            room.join(legs[-1].port, **how)
            assert legs[-1].port.thread.number == number
        return legs

    return make


@pytest.fixture
def room(engine):
    return engine.open_conference(owner_on(engine, 0))


def hear(legs, sounds, seconds=0.7):
    """What each of the legs hears after the first quarter of a second, while all say their sounds."""
    return [decoded(packets)[2000:] for packets in Speaker(legs, sounds).run(seconds)]


def check_all_hear_all(legs, level=-20):
    """Every member hears all others at their level, and not itself."""
    sounds = [tone(hz, 1.0, level) for hz in TONES_HZ[: len(legs)]]
    for i, samples in enumerate(hear(legs, sounds)):
        for k, hz in enumerate(TONES_HZ[: len(legs)]):
            if k == i:
                assert level_at(samples, hz) < QUIET, f"member {i} hears itself"
            else:
                assert level_at(samples, hz) == pytest.approx(level, abs=1.5), f"member {i} hears member {k}"


@pytest.mark.parametrize("numbers", [(0, 1, 0, 1), (1, 1, 0), (1, 1)])
def test_members_of_all_wings_hear_all_others_and_not_themselves(room, enter, numbers):
    legs = enter(room, *numbers)
    assert [wing.thread.number for wing in room.wings] == [0, 1]
    check_all_hear_all(legs)
    assert room.members == tuple(leg.port for leg in legs)


def test_a_wing_is_given_up_when_nobody_is_left_in_it(engine, room, enter):
    engine.settle()
    rooms, sides = len(engine.rooms._free_rooms), len(engine.rooms._free_sides)
    legs = enter(room, 0, 1, 0, 1)
    for leg in legs[1::2]:
        room.leave(leg.port)
    assert room.wings == (room.home,)
    check_all_hear_all(legs[::2])
    engine.settle()
    assert (len(engine.rooms._free_rooms), len(engine.rooms._free_sides)) == (rooms, sides)
    assert engine.arena.workers["rooms"].tolist() == [1, 0]
    room.join(legs[1].port)
    room.leave(legs[0].port)
    room.leave(legs[2].port)
    engine.settle()
    assert engine.arena.workers["rooms"].tolist() == [1, 1], "the home joins its wings also when it is empty"
    room.close()
    engine.settle()
    assert engine.arena.workers["rooms"].tolist() == [0, 0]
    assert (len(engine.rooms._free_rooms), len(engine.rooms._free_sides)) == (rooms + 1, sides)


def test_how_a_member_is_heard_and_hears_is_the_same_in_all_wings(room, enter):
    legs = enter(room, 0, 1, 1)
    room.adjust(legs[1].port, gain=0.5)
    room.adjust(legs[2].port, muted=True)
    room.adjust(legs[0].port, deaf=True)
    of_first, of_second, of_third = hear(legs, [tone(hz, 1.0, -20) for hz in TONES_HZ[:3]])
    assert np.abs(of_first).max() == 8, "silence in A-law"
    assert level_at(of_second, TONES_HZ[0]) == pytest.approx(-20, abs=1.5)
    assert level_at(of_second, TONES_HZ[2]) < QUIET
    assert level_at(of_third, TONES_HZ[1]) == pytest.approx(-26, abs=1.5)
    assert room.counters(legs[2].port).late == 0


def test_a_clip_is_heard_by_all_and_ends_once(engine, room, enter):
    legs = enter(room, 1, 1)
    playback = room.play(tone(1000, 0.5, -20))
    heard = hear(legs, [None, None], 0.45)
    assert [level_at(samples, 1000) for samples in heard] == pytest.approx([-20, -20], abs=1.5)
    hear(legs, [None, None], 0.4)
    ended = [event for event in engine.poll() if isinstance(event, RoomPlaybackEnded)]
    assert [(event.room, event.playback) for event in ended] == [(room, playback)]


def test_signals_are_heard_in_all_wings(engine, enter):
    room = engine.open_conference(owner_on(engine, 0), signals=True)
    legs = enter(room, 0, 1)
    for samples in (decoded(packets) for packets in Speaker(legs, [None, None]).run(0.15)):
        assert level_at(samples[800:1200], 880) > -25, "somebody has come"
    Speaker(legs, [None, None]).run(0.3)
    (last,) = enter(room, 1)
    Speaker(legs, [None, None]).run(0.3)
    room.leave(last.port)
    for samples in (decoded(packets) for packets in Speaker(legs, [None, None]).run(0.2)):
        assert level_at(samples[800:1200], 440) > -25, "and gone"


def test_one_event_tells_who_is_loudest_in_all_wings(engine, room, enter):
    legs = enter(room, 0, 1, 1)
    told = []
    for loudest in (1, 2, 0):
        sounds = [tone(hz, 1.5, -10 if k == loudest else -30) for k, hz in enumerate(TONES_HZ[:3])]
        Speaker(legs, sounds).run(0.9)
        told += [event.port for event in engine.poll() if isinstance(event, LoudestSpeaker)]
    assert told[-1] is legs[0].port
    assert [port for port in told if port is not None][:3] == [legs[1].port, legs[2].port, legs[0].port]
    Speaker(legs, [None] * 3).run(2.0)
    assert [event.port for event in engine.poll() if isinstance(event, LoudestSpeaker)] == [None]


def test_a_room_rustles_only_when_nobody_speaks_in_any_wing(engine, enter):
    room = engine.open_conference(owner_on(engine, 0), comfort_noise=True)
    legs = enter(room, 0, 1, 1)
    for samples in hear(legs, [None] * 3, 0.5):
        assert -62 < level_dbm0(samples.astype(np.int16)) < -50
    for speaker in (0, 1):
        sounds = [tone(700, 1.0, -20) if k == speaker else None for k in range(3)]
        for samples in hear(legs[:2], sounds[:2])[1 - speaker :][:1]:
            assert level_at(samples, 700) == pytest.approx(-20, abs=1.5)
            assert level_at(samples, 1500) < -75, "no noise beside what is said in another wing"


def test_who_whispers_comes_to_the_wing_of_who_hears_it(engine, room, enter):
    legs = enter(room, 0, 0, 1, 1)
    one, other, driver, last = (leg.port for leg in legs)
    room.whisper(one, other)
    room.whisper(other, driver)
    assert [port.thread.number for port in (one, other, driver, last)] == [1, 1, 1, 1], "with who whispers to it"
    heard = hear(legs, [tone(hz, 1.0, -20) for hz in TONES_HZ[:4]])
    levels = [[level_at(samples, hz) > QUIET for hz in TONES_HZ[:4]] for samples in heard]
    assert levels == [
        [False, False, True, True],
        [True, False, True, True],
        [False, True, False, True],
        [False, False, True, False],
    ]
    assert room.wings[0].members == {}
    for port in (one, other):
        room.whisper(port, None)
    check_all_hear_all(legs)


def test_conferences_with_wings_are_linked(engine, room, enter):
    other = engine.open_conference(owner_on(engine, 1))
    legs = enter(room, 1, 0) + enter(other, 0, 1)
    room.link(other)
    check_all_hear_all(legs)
    room.unlink(other)
    engine.settle()
    heard = hear(legs, [tone(hz, 1.0, -20) for hz in TONES_HZ[:4]])
    assert level_at(heard[0], TONES_HZ[2]) < QUIET
    assert level_at(heard[0], TONES_HZ[1]) == pytest.approx(-20, abs=1.5)


def test_a_small_conference_is_on_one_packet_thread(make_engine, make_leg):
    engine = make_engine(threads=2)
    room = engine.open_conference(owner_on(engine, 0))
    legs = [make_leg(engine, owner=owner_on(engine, number)) for number in (0, 1)]
    for leg in legs:
        room.join(leg.port)
    assert room.wings == (room.home,)
    assert {leg.port.thread.number for leg in legs} == {0}


def test_ports_opened_near_a_large_room_are_where_it_will_have_them(make_engine, make_phone, monkeypatch):
    monkeypatch.setattr(spreading, "FEW", 3)
    engine = make_engine(threads=2)
    room = engine.open_conference("room")
    ports = [engine.open_port(f"call-{i}", near="room") for i in range(6)]
    threads = [port.thread for port in ports]
    for port in ports:
        port.configure(PortSettings(remote=make_phone().address, formats=(PCMA,)))
        room.join(port)
    assert [port.thread for port in ports] == threads, "none is moved"
    assert [(wing.thread is room.thread, len(wing.members)) for wing in room.wings] == [(True, 3), (False, 3)]


def test_a_switch_that_finds_the_wings_of_an_earlier_one_lets_go_of_them(engine, room, enter):
    """What it finds is in the shared memory: here those of the engine that made it."""
    enter(room, 1, 1, 0)
    engine.settle()
    threads = engine._crew.threads
    store = RoomStore(engine.arena, ClipStore(engine.arena.clips), engine.afterwards.add, engine.settle)
    adoption = Adoption(engine.arena, threads, store, store.clips)
    here, there = room.wings
    taken = [store.open() for _ in range(MAXIMUM_ROOMS - 2)]
    assert {here.number, there.number}.isdisjoint(taken), "rooms in use are not dealt out"
    for record in list(adoption.waiting.values()):
        adoption.release(record, threads[record.worker])
    engine.settle()
    assert engine.arena.workers["rooms"].tolist() == [1, 0], "the home is held by its wing"
    adoption.let_go()
    assert engine.arena.workers["rooms"].tolist() == [0, 0]
    adoption.vacate()
    assert {store.open(), store.open()} == {here.number, there.number}
    engine.table.open.clear()  # they are closed already
    engine.rooms.open_rooms.clear()
