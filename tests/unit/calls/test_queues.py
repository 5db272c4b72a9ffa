"""Call queues: who is served first and by whom, what callers hear, and where they go when nobody comes."""

from __future__ import annotations

import pytest

from softswitch.calls.queues.agents import Agents
from softswitch.calls.queues.definition import QueueDefinition, Strategy, describe_queue, queue_of
from softswitch.events import CallStateChanged
from softswitch.events.queues import QueueAnswered, QueueJoined, QueueLeft, QueueOffered
from tests.unit.calls.phone import Phone
from tests.unit.calls.room_engine import RoomWorld
from tests.unit.calls.test_group_calls import answers, refuses

DESK = QueueDefinition("6000", "Desk", ("1001", "1002"), announce_s=0.0, wrap_up_s=2.0, ring_s=10.0, retry_s=1.0)


def opened(definition: QueueDefinition = DESK) -> RoomWorld:
    return RoomWorld(queues=(definition,))


def later(world: RoomWorld, seconds: float = 0.1) -> None:
    world.settle()
    world.advance(seconds)
    world.settle()


def test_a_caller_waits_with_music_and_talks_to_the_agent_who_answers() -> None:
    world = opened()
    caller, agent = world.phones("1005", "1001")
    call = caller.call("6000")
    assert call.talking and world.engine.port_to(caller.host).playing, "answered by the switch, with music"
    assert "queue" in [event.method for event in world.told(CallStateChanged)]
    later(world)
    assert agent.called and world.told(QueueOffered)[0].agents == ["1001"]
    agent.ringing.answer()
    later(world)
    assert {caller.host, agent.host} in world.engine.joined()
    (answered,) = world.told(QueueAnswered)
    assert (answered.queue, answered.party, answered.agent) == ("6000", "1005", "1001")
    state = world.queues.describe()[0]
    assert state["waiting"] == [] and state["statistics"]["answered"] == 1
    assert {row["number"]: row["state"] for row in state["agents"]}["1001"] == "talking"
    call.hang_up()
    world.settle()
    record = world.records[-1]
    assert (record["queue"], record["agent"], record["disposition"]) == ("6000", "1001", "answered")
    assert world.queues.describe()[0]["agents"][0]["state"] == "wrap_up"
    world.advance(3)
    assert world.queues.describe()[0]["agents"][0]["state"] == "available"
    world.check_over()


def test_who_does_not_answer_is_passed_over_and_the_caller_waits_on() -> None:
    world = opened()
    caller, first, second = world.phones("1005", "1001", "1002")
    refuses(first)
    answers(second)
    call = caller.call("6000")
    for _ in range(4):
        later(world, 1.2)
    assert [event.agent for event in world.told(QueueAnswered)] == ["1002"]
    rows = {row["number"]: row["missed"] for row in world.queues.describe()[0]["agents"]}
    assert rows["1001"] >= 1 and rows["1002"] == 0
    call.hang_up()
    world.check_over()


def test_emergencies_come_first_then_preferred_callers_then_the_others() -> None:
    definition = QueueDefinition("6000", agents=("1001",), announce_s=0.0, priority=("1006",))
    world = opened(definition)
    ordinary, preferred, urgent = world.phones("1005", "1006", "1007")
    calls = [phone.call("6000") for phone in (ordinary, preferred, urgent)]
    assert [(e.party, e.place) for e in world.told(QueueJoined)] == [("1005", 1), ("1006", 1), ("1007", 3)]
    waiting = world.queues.describe()[0]["waiting"]
    assert [row["party"] for row in waiting] == ["1006", "1005", "1007"]
    for call in calls:
        call.hang_up()
    assert [event.reason for event in world.told(QueueLeft)] == ["abandoned"] * 3
    world.check_over()


def test_a_caller_who_hangs_up_calls_the_ringing_agent_off() -> None:
    world = opened()
    caller, agent = world.phones("1005", "1001")
    call = caller.call("6000")
    later(world)
    assert agent.called
    call.hang_up()
    later(world)
    assert not world.exchange.calls and world.queues.agents.agent("1001").serving == ""
    world.check_over()


def test_the_place_is_told_and_the_music_goes_on() -> None:
    world = opened(QueueDefinition("6000", agents=("1001",), announce_s=10.0, join_empty=True))
    caller = world.phone("1005")
    call = caller.call("6000")
    port = world.engine.port_to(caller.host)
    music = port.playing
    world.advance(2.1)
    assert port.playing != music, "its place is told"
    world.exchange.media_event(world.engine.played(port))
    world.settle()
    assert port.playing == music and call.talking
    call.hang_up()
    world.check_over()


@pytest.mark.parametrize("overflow", ["", "1009"])
def test_after_the_longest_wait_a_caller_goes_elsewhere(overflow: str) -> None:
    world = opened(QueueDefinition("6000", agents=("1001",), announce_s=0.0, max_wait_s=5.0, overflow=overflow))
    caller, other = world.phones("1005", "1009")
    answers(other)
    call = caller.call("6000")
    world.advance(6)
    later(world)
    assert [event.reason for event in world.told(QueueLeft)] == ["timeout"]
    assert call.talking is bool(overflow) and other.called is bool(overflow)
    if overflow:
        assert {caller.host, other.host} in world.engine.joined()
        call.hang_up()
    world.check_over()


def test_a_full_queue_and_one_without_agents_refuse_or_overflow() -> None:
    world = opened(QueueDefinition("6000", agents=("1001",), announce_s=0.0, max_length=1))
    one, two = world.phones("1005", "1006")
    call = one.call("6000")
    assert two.call("6000").status == 486
    world.queues.put(QueueDefinition("6000", announce_s=0.0))
    assert two.call("6000").status == 480, "no agent is logged in"
    world.queues.put(QueueDefinition("6000", announce_s=0.0, overflow="1009"))
    other = world.phone("1009")
    answers(other)
    second = two.call("6000")
    later(world)
    assert {two.host, other.host} in world.engine.joined()
    for each in (call, second):
        each.hang_up()
    world.check_over()


def test_agents_log_in_and_out_and_are_paused() -> None:
    world = opened(QueueDefinition("6000", announce_s=0.0, join_empty=True))
    caller, agent = world.phones("1005", "1003")
    call = caller.call("6000")
    world.queues.log_in("6000", "1003")
    world.queues.pause("6000", "1003", paused=True)
    later(world)
    world.queues.pause("6000", "1003", paused=False)
    later(world)
    assert agent.called
    agent.ringing.answer()
    later(world)
    world.queues.log_out("6000", "1003")
    for wrong in (lambda: world.queues.log_out("6000", "1003"), lambda: world.queues.log_in("6999", "1003")):
        with pytest.raises(LookupError):
            wrong()
    with pytest.raises(LookupError):
        world.queues.pause("6000", "1004", paused=True)
    call.hang_up()
    world.check_over()


def test_agents_log_in_and_out_from_their_phones_and_hear_that_it_is_done() -> None:
    world = opened(QueueDefinition("6000", announce_s=0.0, join_empty=True))
    agent, caller = world.phones("1003", "1005")

    def dials(code: str) -> int:
        call = agent.call(code)
        world.settle()
        if call.talking:
            assert world.engine.port_to(agent.host).playing, "a tone says that it was done"
            call.hang_up()
            return 200
        return call.status

    assert dials("*456000") == 200
    assert [each.number for each in world.queues.agents.of(world.queues.definitions["6000"])] == ["1003"]
    waiting = caller.call("6000")
    later(world)
    assert agent.called, "who has logged in is rung"
    agent.ringing.reject(486)
    later(world)
    assert dials("*466000") == 200
    later(world, 30.0)
    assert len([call for call in agent.calls if call.session.role == "uas"]) == 1, "who has logged out is not rung"
    assert dials("*466000") == 404 and dials("*456999") == 404
    waiting.hang_up()
    world.check_over()


def test_all_agents_ring_at_once_and_those_who_were_slower_are_free() -> None:
    world = opened(QueueDefinition("6000", agents=("1001", "1002"), strategy="ring_all", announce_s=0.0))
    caller, first, second = world.phones("1005", "1001", "1002")
    call = caller.call("6000")
    later(world)
    assert first.called and second.called
    second.ringing.answer()
    later(world)
    states = {row["number"]: row["state"] for row in world.queues.describe()[0]["agents"]}
    assert states == {"1001": "available", "1002": "talking"}
    call.hang_up()
    world.check_over()


@pytest.mark.parametrize(
    ("strategy", "expected"), [("longest_idle", "c"), ("round_robin", "b"), ("fewest_calls", "b"), ("ring_all", "abc")]
)
def test_which_agent_is_rung(strategy: Strategy, expected: str) -> None:
    agents = Agents()
    definition = QueueDefinition("6000", agents=("a", "b", "c"), strategy=strategy)
    for number, idle_since, answered in (("a", 5.0, 2), ("b", 9.0, 1), ("c", 1.0, 3)):
        agent = agents.agent(number)
        agent.idle_since, agent.answered = idle_since, answered
    agents._turn["6000"] = "a"
    chosen = agents.choose(definition, agents.of(definition))
    assert "".join(agent.number for agent in chosen) == expected


def test_a_removed_queue_releases_who_waits_and_what_is_stored_comes_back() -> None:
    world = opened()
    definition = QueueDefinition("6001", agents=("1001",), announce_s=0.0, priority=("1",))
    assert queue_of(describe_queue(definition)) == definition
    world.queues.put(definition)
    world.router.plan.numbers["6001"] = world.router.plan.numbers["6000"]  # type: ignore[index]
    caller: Phone = world.phone("1005")
    call = caller.call("6001")
    world.queues.remove("6001")
    world.settle()
    assert not call.talking
    with pytest.raises(LookupError):
        world.queues.remove("6000")
    world.check_over()
