"""Rooms that span worker processes: what happens to them when a worker, or the switch, is killed."""

from __future__ import annotations

import os
import signal

import pytest

from softswitch.media import PCMA, PCMU, PortSettings, WorkerLost, WorkerStarted
from softswitch.media.layouts.shared import LINK_NEAR, OPEN
from softswitch.media.rooms import spreading
from tests.unit.media.test_worker_losses import told as told
from tests.unit.media.test_workers import Caller, abandon, consecutive, eventually
from tests.unit.media.test_workers import start as start

pytestmark = pytest.mark.slow


@pytest.fixture
def phones():
    """A talker and three listeners."""
    made = [Caller() for _ in range(4)]
    yield made
    for phone in made:
        phone.socket.close()


@pytest.fixture
def spread(monkeypatch, start, phones):
    """A room on both workers, with a talker and a listener on the first, two of different laws on the other."""
    monkeypatch.setattr(spreading, "FEW", 0)
    engine = start()
    owners = {engine._thread_of(f"call {i}").number: f"call {i}" for i in range(20)}
    room = engine.open_fan_out(owners[0])
    for phone, number, law in zip(phones, (0, 0, 1, 1), (PCMA, PCMA, PCMA, PCMU), strict=True):
        port = engine.open_port(owners[number])
        port.configure(PortSettings(remote=phone.address, formats=(law, PCMA)))
        room.join(port)
    assert [len(wing.members) for wing in room.wings] == [2, 2]
    room.talk(room.members[0])
    return room


def heard(room, phones, count=5):
    """What the listeners are sent of so many packets of the talker."""
    phones[0].send(room.members[0], count)
    return [phone.numbers(count) for phone in phones[1:]]


def test_the_wings_of_a_lost_worker_go_on_in_another_one(spread, phones, told):
    room, engine = spread, spread.engine
    numbers = heard(room, phones)
    for victim in (room.wings[1], room.home):  # the second time both wings are served by one worker
        pid = victim.thread.pid
        members = sum(port.thread.pid == pid for port in room.members)
        os.kill(pid, signal.SIGKILL)
        event = told(engine, WorkerLost)
        assert (event.pid, event.ports, event.moved) == (pid, members, True), "links are not counted"
        numbers = [before + after for before, after in zip(numbers, heard(room, phones), strict=True)]
        told(engine, WorkerStarted)
    assert all(consecutive(each) for each in numbers), f"no listener sees a gap: {numbers}"
    room.talk(room.members[2])
    phones[2].send(room.members[2], 3)
    assert consecutive(numbers[0] + phones[1].numbers(3)) and consecutive(numbers[2] + phones[3].numbers(3))
    room.close()
    eventually(lambda: engine.statistics().ports_free == engine.capacity - 4, "the link is given back")


def test_a_switch_that_comes_back_closes_the_links_with_the_last_port(start, spread, phones):
    numbers = heard(spread, phones)
    abandon(spread.engine)
    after = heard(spread, phones)
    assert all(consecutive(each) for each in map(list.__add__, numbers, after)), "without the switch all go on"
    engine = start()
    records = engine.adopt()
    assert len(records) == 4, "links are nobody's ports"
    room = engine.open_fan_out("another")
    ports = engine.arena.ports
    taken = {int(number) for number in ports["room"][ports["kind"] >= LINK_NEAR]}
    assert len(taken) == 2 and room.number not in taken
    for record in records:
        engine.release(record)
    eventually(lambda: not (ports["state"] == OPEN).any(), "ports and links are closed")
    engine.settle()
    assert not engine.wires.lines._ends, "the line is free again"
