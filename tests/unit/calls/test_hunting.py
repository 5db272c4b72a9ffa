"""Hunts: the order of stages, and which refusal a caller hears."""

from __future__ import annotations

import pytest

from softswitch.calls.hunting import UNAVAILABLE, Hunt, Stage, Target, may_try_next_trunk
from softswitch.calls.leg import Cause


def stage(*numbers: str) -> Stage:
    return Stage([Target(number) for number in numbers], 20.0)


def test_stages_come_in_order_and_empty_ones_are_passed_over() -> None:
    hunt = Hunt.through([stage("1001", "1002"), Stage([], 20.0), stage("1003")])
    first, second = hunt.next_stage(), hunt.next_stage()
    assert first is not None and [target.number for target in first.targets] == ["1001", "1002"]
    assert second is not None and [target.number for target in second.targets] == ["1003"]
    assert hunt.next_stage() is None


def test_inserted_stages_are_tried_before_those_that_remain() -> None:
    hunt = Hunt.through([stage("1003")])
    hunt.insert([stage("1001"), stage("1002")])
    order = [found.targets[0].number for found in iter(hunt.next_stage, None)]
    assert order == ["1001", "1002", "1003"]


@pytest.mark.parametrize(
    ("statuses", "heard"),
    [
        ([486, 404], 404),
        ([404, 486], 404),
        ([408, 486], 486),
        ([503, 486], 486),
        ([500, 404], 404),
        ([486, 603], 603),
        ([486, 484], 484),
        ([503], 503),
    ],
)
def test_the_most_telling_refusal_is_reported(statuses: list[int], heard: int) -> None:
    hunt = Hunt.through([])
    for status in statuses:
        hunt.note(Cause(status, 16, ""))
    assert hunt.refusal().status == heard, f"of {statuses} the caller must hear {heard} (RFC 3261 §16.7)"


def test_a_hunt_without_any_answer_says_unavailable() -> None:
    assert Hunt.through([]).refusal() is UNAVAILABLE


@pytest.mark.parametrize(("status", "expected"), [(503, True), (408, True), (500, True), (486, False), (404, False)])
def test_only_failures_of_the_trunk_itself_lead_to_the_next_trunk(status: int, expected: bool) -> None:
    assert may_try_next_trunk(status) is expected
