"""What is recorded by itself: by subscriber, trunk, direction and group, as long as there is something to record."""

from __future__ import annotations

import pytest

from softswitch.calls.talkgroups.definition import TalkgroupDefinition
from softswitch.recordings.policy import Policy
from softswitch.recordings.wish import Wish
from tests.unit.recordings.house import House


@pytest.mark.parametrize(
    ("policy", "recorded"),
    [
        (Policy(), []),
        (Policy(calls=True), ["1001", "1003", "555", "1001"]),
        (Policy(subscribers=frozenset({"1002"})), ["1001", "555"]),
        (Policy(trunks=frozenset({"city"})), ["555"]),
        (Policy(directions=frozenset({"inbound"})), ["555"]),
        (Policy(directions=frozenset({"outbound"})), ["1001"]),
        (Policy(directions=frozenset({"internal"})), ["1001", "1003"]),
        (Policy(directions=frozenset({"inbound", "internal"})), ["1001", "1003", "555"]),
    ],
)
def test_calls_are_chosen_by_who_and_whence(policy: Policy, recorded: list[str]) -> None:
    house = House(policy)
    house.call("1001", "1002")
    house.call("1003", "1004")
    house.call("555", "1002", inbound="city")
    house.call("1001", "556", outbound="far")
    assert house.running == recorded


def test_a_recording_ends_with_its_call() -> None:
    house = House(Policy(calls=True))
    call = house.call("1001", "1002")
    house.hang_up(call)
    assert house.running == []
    assert [request["op"] for request in house.asked][-3:] == ["stop", "forget", "forget"]


def test_a_talkgroup_is_recorded_while_somebody_talks_and_a_while_after() -> None:
    house = House(Policy(talkgroups=frozenset({"8001"}), group_idle_s=60))
    house.join("8001", "1001", "1002")
    house.join("8002", "1003", "1004")
    assert house.running == [], "nobody has said anything"
    house.grant("8001", "1001")
    house.grant("8002", "1003")
    house.wait(5)
    house.idle("8001")
    house.wait(50)
    house.grant("8001", "1002")
    house.wait(3)
    house.idle("8001")
    assert house.running == ["8001"]
    house.wait(60)
    assert house.running == [], "a minute of silence completes it"
    bursts = {
        row["party"]: (row["offset_s"], row["ended_at"] - row["started_at"]) for row in house.bursts if row["ended_at"]
    }
    assert bursts == {"1001": (0.3, 5.0), "1002": (55.3, 3.0)}, "each from who, when, and where in the recording"


def test_the_definition_of_a_group_counts_also_where_it_is_patched_in() -> None:
    house = House(Policy())
    house.definitions["8001"] = TalkgroupDefinition("8001", record=True)
    house.definitions["8002"] = TalkgroupDefinition("8002")
    house.definitions["89"] = TalkgroupDefinition("89", groups=("8001", "8002"), kind="patch")
    house.definitions["88"] = TalkgroupDefinition("88", groups=("8002",), kind="patch")
    house.definitions["87"] = TalkgroupDefinition("87", groups=("8001",))
    for number in house.definitions:
        house.join(number, "1001", "1002")
        house.grant(number, "1001")
    assert house.running == ["8001", "89"]


def test_a_group_that_is_to_be_recorded_from_now_on_is_when_somebody_talks() -> None:
    house = House(Policy())
    house.definitions["8001"] = TalkgroupDefinition("8001")
    house.join("8001", "1001", "1002")
    house.grant("8001", "1001")
    house.idle("8001")
    assert house.running == []
    house.definitions["8001"] = TalkgroupDefinition("8001", record=True)
    house.grant("8001", "1002")
    assert house.running == ["8001"]


def test_the_parties_hear_that_they_are_recorded_as_often_as_is_wanted() -> None:
    house = House(Policy(calls=True, beep=True, beep_interval_s=15))
    call = house.call("1001", "1002")
    assert len(house.beeps) == 2, "both, at the beginning"
    house.wait(29)
    assert len(house.beeps) == 4, "and after fifteen seconds"
    house.beeps[0].playback = object()
    (recording,) = house.recordings.of_call(call)
    house.wait(1)
    assert len(house.beeps) == 5, "nothing that is played is cut off"
    house.recordings.pause(recording, "test")
    house.wait(20)
    assert len(house.beeps) == 5, "and what is paused is not recorded"


@pytest.mark.parametrize(("container", "shown"), [("mkv", True), ("mka", False)])
def test_of_a_room_that_is_recorded_with_pictures_every_camera_is_kept(container: str, shown: bool) -> None:
    house = House(Policy())
    cameras = [list(house.camera(number)) for number in ("1001", "1003")]
    house.join("8001", "1001", "1002")
    house.recordings.record_room("talkgroup", "8001", Wish(container=container))
    house.join("8001", "1003")
    kept = [request["source"] for request in house.asked if request["op"] == "bind" and request["source"] in cameras]
    assert kept == (cameras if shown else []), "those that were there, and those that come"
