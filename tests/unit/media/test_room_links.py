"""Linked rooms, each of which turns on its own: what one says is heard in the other once, in time, and never stale."""

from __future__ import annotations

import random

import numpy as np
import pytest

from softswitch.media.kernels import room_links, room_turns
from softswitch.media.kernels.sound import linking, loudness
from softswitch.media.layouts.commands import COMMAND
from softswitch.media.layouts.link import LINK, LINK_PLACES, LINKS_HOME, LINKS_ROOMS, LINKS_WING
from softswitch.media.layouts.port import PORT
from softswitch.media.layouts.room import ROOM
from softswitch.media.layouts.shared import NOBODY
from softswitch.media.layouts.voice import VOICE
from softswitch.media.layouts.worker import WORKER

TURN_NS = 10_000_000


def command(fields):
    """A command record with these fields."""
    record = np.zeros(1, COMMAND)[0]
    for name, value in fields.items():
        record[name] = value
    return record


class Rooms:
    """Rooms of 8 kHz whose members' sound is a number, served by one packet thread each."""

    def __init__(self, count):
        self.rooms = np.zeros(count, ROOM)
        self.rooms["samples"], self.rooms["links"], self.rooms["first"] = 80, NOBODY, NOBODY
        self.links = np.zeros(2 * count, LINK)
        self.workers = np.zeros(count, WORKER)
        self.workers["wheel"], self.workers["room_wheel"] = NOBODY, NOBODY
        self._sides = iter(range(2 * count))
        self.now_ns = 1_000_000_000_000

    def link(self, one, other):
        here, there = next(self._sides), next(self._sides)
        self.link_side(one, here, there)
        self.link_side(other, there, here)
        return here, there

    def link_side(self, room, side, peer, role=LINKS_ROOMS):
        fields = {"room": room, "link": side, "peer": peer, "role": role}
        room_links.link_room(self.rooms, self.links, self.workers[room], command(fields), None, self.now_ns)

    def unlink_side(self, room, side):
        fields = {"room": room, "link": side}
        room_links.unlink_room(self.rooms, self.links, self.workers[room], command(fields))

    def hold(self):
        """Join all but the first room to the first as its wings."""
        for room in range(1, len(self.rooms)):
            here, there = next(self._sides), next(self._sides)
            self.link_side(0, here, there, LINKS_HOME)
            self.link_side(room, there, here, LINKS_WING)

    def turn(self, room, said=0.0):
        """A room's turn in which its members say `said`; returns what it hears of others, None for silence in all."""
        record = self.rooms[room]
        record["total"][:80] = said
        silent = linking.exchange(record, self.links, self.workers[room], said == 0, self.now_ns)
        assert len(set(record["total"][:80])) == 1, "a frame is heard whole"
        return None if silent else float(record["total"][0]) - said

    def pass_by(self, turns=1):
        self.now_ns += turns * TURN_NS

    def counted(self, room):
        return int(self.workers[room]["link_frames_missing"]), int(self.workers[room]["link_frames_skipped"])


@pytest.fixture(autouse=True)
def plain_python(monkeypatch):
    """The kernels as the Python functions they were compiled from."""
    for module in (linking, loudness, room_links, room_turns):
        for name, value in list(vars(module).items()):
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)
    monkeypatch.setattr(room_turns, "arm_wheel", lambda worker, scratch: None)


@pytest.fixture
def rooms():
    """Two linked rooms."""
    pair = Rooms(2)
    pair.link(0, 1)
    return pair


def test_each_hears_the_other_within_a_turn_and_never_itself(rooms):
    heard = []
    for number in range(1, 50):
        heard.append((rooms.turn(0, number), rooms.turn(1, 1000 + number)))
        rooms.pass_by()
    of_first, of_second = zip(*heard, strict=True)
    assert of_second == tuple(range(1, 50)), "in the turn that follows at once"
    assert of_first == (0, *range(1001, 1049)), "in the next"
    assert (rooms.counted(0), rooms.counted(1)) == ((0, 0), (0, 0))


def test_rooms_are_silent_when_nobody_speaks_in_any(rooms):
    for _ in range(3):
        assert rooms.turn(0) is rooms.turn(1) is None
    rooms.turn(0, 7)
    assert rooms.turn(1) == 7
    assert rooms.turn(0) is None, "what it said itself does not come back"


def test_a_frame_that_comes_too_late_for_a_turn_is_silence_and_waits_for_the_next(rooms):
    rooms.turn(0, 1)
    assert rooms.turn(1) == 1
    rooms.pass_by()
    assert rooms.turn(1) is None, "nothing has come"
    heard = []
    for number in range(2, 8):
        rooms.turn(0, number)
        rooms.pass_by()
        if number == 2:
            rooms.turn(0, 2.5)  # both at once
        heard.append(rooms.turn(1))
    assert heard == [2, 2.5, 3, 4, 5, 6], "from now on one frame waits, and none is lost"
    assert rooms.counted(1) == (1, 0)


def test_of_many_frames_that_wait_all_but_two_are_left_out(rooms):
    for number in range(1, 5):
        rooms.turn(0, number)
    assert [rooms.turn(1), rooms.turn(1), rooms.turn(1)] == [3, 4, None]
    assert rooms.counted(1)[1] == 2


def test_the_way_is_short_again_when_a_frame_has_waited_all_the_time(rooms):
    rooms.turn(0, 1)
    for number in range(2, 400):
        rooms.turn(0, number if number < 300 else 0)
        heard = rooms.turn(1)
        assert heard == (number - 1 if number <= 300 else None)
        rooms.pass_by()
    rooms.turn(0, 1000)
    assert rooms.turn(1) == 1000, "a silent frame was passed over"
    assert rooms.counted(1) == (0, 0), "which nobody has missed"


def test_what_was_said_to_an_empty_room_is_not_heard_later(rooms):
    rooms.turn(0, 1)
    rooms.turn(1)
    for number in range(2, 20):  # the second room is empty
        rooms.turn(0, number)
        rooms.pass_by()
    rooms.pass_by(10)  # and so is the first
    assert rooms.turn(1) is None
    rooms.turn(0, 20)
    assert rooms.turn(1) == 20
    assert rooms.counted(1)[1] == LINK_PLACES


def test_a_room_that_was_empty_for_long_was_not_late(rooms):
    rooms.turn(0, 1)
    for _ in range(100):
        rooms.turn(1)
        rooms.pass_by()
    rooms.turn(0, 2)
    assert rooms.turn(1) == 2
    assert rooms.counted(1)[0] == 0


@pytest.mark.parametrize("first", [0, 1])
def test_nothing_is_heard_after_a_link_has_ended_nor_by_the_next_one(rooms, first):
    rooms.turn(0, 1)
    rooms.turn(1, 2)
    rooms.unlink_side(first, first)  # the sides have the numbers of their rooms
    assert rooms.turn(first) is None
    rooms.unlink_side(1 - first, 1 - first)
    for _ in range(3):
        assert rooms.turn(0) is rooms.turn(1) is None
    rooms.link_side(0, 0, 1)
    rooms.turn(0, 3)
    rooms.link_side(1, 1, 0)
    assert rooms.turn(1) is None, "what was said before"
    rooms.turn(0, 4)
    assert rooms.turn(1) == 4


def test_a_room_whose_packet_thread_was_replaced_hears_what_is_said_from_then_on(rooms):
    rooms.turn(0, 1)
    rooms.turn(1, 2)
    for number in range(3, 9):  # the first room's thread is gone
        rooms.turn(1, number)
        rooms.pass_by()
    rooms.rooms[0]["links"] = NOBODY
    rooms.link_side(0, 0, 1)
    assert rooms.turn(0, 100) == 0
    assert rooms.turn(1, 9) == 100
    assert rooms.turn(0, 101) == 9


@pytest.mark.parametrize("seed", range(5))
def test_rooms_of_a_tree_hear_all_others_whatever_the_order_of_their_turns(seed):
    chance = random.Random(seed)
    count = 7
    tree = Rooms(count)
    for room in range(1, count):
        tree.link(chance.randrange(room), room)
    heard = [set() for _ in range(count)]
    for speaker in range(count):
        for turn in range(12):
            for room in chance.sample(range(count), count):
                value = tree.turn(room, 1.0 if room == speaker and turn == 0 else 0.0)
                if value:
                    heard[room].add((speaker, value))
            tree.pass_by()
    for room in range(count):
        assert heard[room] == {(other, 1.0) for other in range(count) if other != room}, "each once, itself never"


def test_the_list_of_links_stays_whole_whichever_ends():
    star = Rooms(4)
    sides = [star.link(0, room) for room in (1, 2, 3)]
    for k, room in ((1, 2), (2, 3), (0, 1)):
        here, there = sides[k]
        star.unlink_side(0, here)
        star.unlink_side(room, there)
        star.unlink_side(0, here)  # once more is passed over
        star.turn(0, 5)
        left = [star.turn(number) for number in (1, 2, 3)]
        assert left[room - 1] is None
        assert sum(value == 5 for value in left) == {1: 2, 2: 1, 0: 0}[k]


def test_a_home_takes_its_turns_while_it_has_a_wing():
    rooms = Rooms(3)
    home = rooms.workers[0]
    rooms.hold()
    assert (home["rooms"], rooms.rooms[0]["held"]) == (1, 2)
    assert [rooms.workers[room]["rooms"] for room in (1, 2)] == [0, 0], "wings have turns when they have members"
    rooms.unlink_side(0, 0)
    assert home["rooms"] == 1
    rooms.unlink_side(0, 0)
    assert home["rooms"] == 1, "a side that is not linked any more holds nothing"
    rooms.unlink_side(0, 2)
    assert (home["rooms"], rooms.rooms[0]["held"]) == (0, 0)
    assert set(home["room_wheel"]) == {NOBODY}


class Levels:
    """A home (room 0) and two wings, one member in each: slot 0, 1, 2."""

    def __init__(self):
        self.rooms = Rooms(3)
        self.rooms.hold()
        self.records = self.rooms.rooms
        self.records["first"] = range(3)
        self.records["tells_loudest"] = (1, 0, 0)
        self.records["loudest"] = self.records["candidate"] = NOBODY
        self.ports, self.voices = np.zeros(3, PORT), np.zeros(3, VOICE)
        self.ports["member_next"] = NOBODY
        self.ports["voice"] = range(3)

    def look(self, *amplitudes):
        """Whom the home tells to be the loudest now, None when it tells nothing."""
        self.voices["level"] = np.square(amplitudes)
        told = [
            loudness.another_is_loudest(self.ports, self.records[room], self.voices, self.rooms.links)
            for room in (2, 1, 0)
        ]
        assert told[:2] == [False, False], "a wing tells nothing by itself"
        return int(self.records[0]["loudest"]) if told[2] else None


def test_the_home_tells_who_is_loudest_in_all_wings():
    levels = Levels()
    assert [levels.look(0, 3000, 0) for _ in range(4)] == [None, None, 1, None]
    assert [levels.look(0, 3000, 4000) for _ in range(6)] == [None] * 6, "2.5 dB are not enough"
    assert [levels.look(0, 3000, 6000) for _ in range(4)] == [None, None, 2, None]
    assert [levels.look(9000, 3000, 6000) for _ in range(5)].count(0) == 1
    assert [levels.look(0, 0, 0) for _ in range(12)].count(NOBODY) == 1, "nobody, a second later"
