"""Routing a number through the plan."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan import (
    ClassOfService,
    Decision,
    DialplanError,
    Emergency,
    HuntGroup,
    Plan,
    RouteQuery,
    Rule,
    Schedule,
    Target,
)

NOON = datetime(2025, 9, 29, 12, tzinfo=UTC)


def rule(name: str, to: str, **fields: object) -> Rule:
    return Rule(name, Target.parse(to), **fields)  # type: ignore[arg-type]


def ask(plan: Plan, called: str, *, caller_class: str = "", trunk: str = "", **fields: object) -> Decision:
    decision = plan.route(RouteQuery("1001", caller_class, called, trunk, NOON, **fields))  # type: ignore[arg-type]
    assert (not decision.destinations) == (decision.refused is not None), "destinations or a refusal, never both"
    return decision


def places(decision: Decision) -> list[tuple[str, str, str, int]]:
    return [entry[:4] for entry in decision.destinations]


PLAN = Plan(
    [
        rule("special", "trunk:b", pattern="91XX", strip=2),
        rule("night", "hunt:night", pattern="1005", schedule="night"),
        rule("e1-out", "trunk:e1,backup", prefix="9", strip=1, media="relay", codecs=("PCMA",)),
        rule("office", "subscriber", pattern="2XXX", schedule="day"),
        rule("office closed", "refuse:480 Closed", pattern="2XXX"),
        rule("from sipp", "service:echo", prefix="55", source_trunk="sipp"),
        rule("for bosses", "trunk:gold", prefix="55", caller_class="boss"),
        rule("rooms", "conference", pattern="700[1-9]"),
        rule("groups", "talkgroup", pattern="~800[1-9]"),
        rule("radios", "gateway:pdt", prefix="328"),
        rule("alias", "number:1002", pattern="0"),
        rule("loop", "number:771", pattern="770"),
        rule("loop back", "number:770", pattern="771"),
        rule("empty", "trunk:e1", pattern="*9", strip=2),
        rule("added", "trunk:e1", prefix="*8", strip=2, add="0086"),
        rule("premium", "refuse", prefix="900"),
        rule("to emergency", "number:110", pattern="911"),
    ],
    {number: Target("subscriber") for number in ("1001", "1002", "1003", "1005")}
    | {"600": Target.parse("service:echo"), "500": Target.parse("hunt:all"), "501": Target.parse("hunt:serial")},
    classes=[ClassOfService("internal", deny=["9!"]), ClassOfService("boss"), ClassOfService("none", allow=["1001"])],
    schedules=[
        Schedule.create("day", start="08:00", end="18:00"),
        Schedule.create("night", start="20:00", end="06:00"),
    ],
    hunt_groups=[
        HuntGroup("all", ("1001", "1002", "91234"), "parallel", 15.0),
        HuntGroup("serial", ("1002", "500", "1003", "1002", "404"), "serial"),
        HuntGroup("turn", ("1001", "1002", "1003"), "round-robin"),
        HuntGroup("night", ("1003",)),
        HuntGroup("nobody", ("404", "refused")),
    ],
    emergency=Emergency(("110", "119", "12[02]"), Target.parse("trunk:e1,backup"), ("0",)),
)


@pytest.mark.parametrize(
    ("called", "expected"),
    [
        ("1001", [("subscriber", "1001", "1001", 0)]),
        ("sip:1002@example.com", [("subscriber", "1002", "1002", 0)]),
        ("600", [("service", "echo", "600", 0)]),
        ("9234", [("trunk", "e1", "234", 0), ("trunk", "backup", "234", 1)]),
        ("9112", [("trunk", "b", "12", 0)]),
        ("2001", [("subscriber", "2001", "2001", 0)]),
        ("7003", [("conference", "7003", "7003", 0)]),
        ("8009", [("talkgroup", "8009", "8009", 0)]),
        ("32800001", [("gateway", "pdt", "32800001", 0)]),
        ("0", [("subscriber", "1002", "1002", 0)]),
        ("*8138", [("trunk", "e1", "0086138", 0)]),
        ("1005", [("subscriber", "1005", "1005", 0)]),
    ],
)
def test_where_numbers_lead(called: str, expected: list[tuple[str, str, str, int]]) -> None:
    assert places(ask(PLAN, called)) == expected


@pytest.mark.parametrize(
    ("called", "status"),
    [("404", 404), ("", 484), ("*9", 484), ("770", 482), ("9001", 403), ("8000", 404), ("1" * 65, 404), ("anna", 404)],
)
def test_numbers_that_lead_nowhere(called: str, status: int) -> None:
    refused = ask(PLAN, called).refused
    assert refused is not None and refused.status == status


def test_the_decision_carries_what_the_rule_says() -> None:
    decision = ask(PLAN, "9 234-5")
    assert (decision.rule, decision.media, decision.codecs, decision.called) == ("e1-out", "relay", ("PCMA",), "2345")
    assert decision.destinations[0].codecs == ("PCMA",)


def test_the_reasons_are_sentences_with_numbers() -> None:
    decision = ask(PLAN, "9110", caller_class="internal")
    assert decision.steps == [
        "1. rule 1 'special': pattern 91XX matches 9110",
        "2. class 'internal' denies 9110 by 9! → refused 403",
    ]
    assert ask(PLAN, "9234").steps == [
        "1. rule 3 'e1-out': prefix 9 matches 9234",
        "2. 9234 becomes 234",
        "3. → trunk e1, backup, each after the one before failed",
    ]


def test_braces_in_a_number_do_not_disturb_the_reasons() -> None:
    assert ask(PLAN, "{0}{x}").steps == ["1. no rule matches {0}{x} → refused 404"]


@pytest.mark.parametrize(
    ("trunk", "caller_class", "expected"),
    [("sipp", "", "echo"), ("other", "boss", "gold"), ("sipp", "boss", "echo"), ("", "", None)],
)
def test_conditions_of_a_rule(trunk: str, caller_class: str, expected: str | None) -> None:
    decision = ask(PLAN, "5501", trunk=trunk, caller_class=caller_class)
    assert (decision.destinations[0].value if decision.destinations else None) == expected


def test_a_closed_schedule_leads_to_the_next_rule() -> None:
    query = RouteQuery("1001", "", "2001", "", datetime(2025, 9, 29, 21, tzinfo=UTC))
    decision = PLAN.route(query)
    assert decision.refused == (480, "Closed")
    assert decision.steps[0] == "1. rule 4 'office': pattern 2XXX matches 2001, but closed by schedule 'day'"


def test_an_exact_rule_goes_before_a_known_number() -> None:
    at_night = PLAN.route(RouteQuery("1001", "", "1005", "", datetime(2025, 9, 29, 21, tzinfo=UTC)))
    assert places(at_night) == [("subscriber", "1003", "1003", 0)]


def test_a_class_that_does_not_exist_may_call_nothing() -> None:
    refused = ask(PLAN, "1001", caller_class="forgotten").refused
    assert refused is not None and refused.status == 403


def test_the_class_is_asked_about_the_number_dialled_only() -> None:
    decision = ask(PLAN, "500", caller_class="internal")
    assert decision.refused is None, "the members of a hunt group are the administrator's choice"


# --- emergency -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "called", ["110", "119", "120", "122", "0110", "tel:110", "urn:service:sos", "urn:service:sos.fire"]
)
@pytest.mark.parametrize("caller_class", ["", "internal", "none", "forgotten"])
def test_emergency_numbers_pass_every_class(called: str, caller_class: str) -> None:
    decision = ask(PLAN, called, caller_class=caller_class, history=("110", "119", "120", "122"))
    assert decision.emergency
    assert [entry.value for entry in decision.destinations] == ["e1", "backup"]
    assert not decision.destinations[0].called.startswith("0"), "the access prefix is taken off"


@pytest.mark.parametrize("called", ["121", "1100", "9110", "urn:service:sosx"])
def test_other_numbers_are_no_emergency(called: str) -> None:
    assert not ask(PLAN, called).emergency
    assert PLAN.emergency_number(called) is None


def test_an_alias_of_an_emergency_number_is_one() -> None:
    decision = ask(PLAN, "911")
    assert decision.emergency and decision.called == "110"


@pytest.mark.parametrize(
    "rules",
    [
        [rule("r", "trunk:e1", prefix="1", schedule="never")],
        [rule("r", "trunk:e1", prefix="1", caller_class="boss")],
        [rule("r", "trunk:e1", prefix="1", source_trunk="sipp")],
        [rule("no", "refuse", pattern="110"), rule("r", "trunk:e1", prefix="1")],
        [rule("no", "hunt:nobody", pattern="110"), rule("r", "trunk:e1", prefix="1")],
        [rule("no", "number:110", pattern="110"), rule("r", "trunk:e1", prefix="1")],
        [rule("no", "refuse", prefix="11"), rule("r", "trunk:e1", pattern="~1.*")],
    ],
    ids=["schedule", "class", "trunk", "refusal", "empty hunt", "loop", "prefix refusal"],
)
@pytest.mark.parametrize("target", [None, "hunt:nobody", "number:404", "refuse:403"])
def test_emergency_calls_find_a_way_whatever_the_rules_say(rules: list[Rule], target: str | None) -> None:
    plan = Plan(
        rules,
        classes=[ClassOfService("boss"), ClassOfService("none", deny=["!"])],
        schedules=[Schedule.create("never", holidays=[NOON.date()])],
        hunt_groups=[HuntGroup("nobody", ("404",))],
        emergency=Emergency(("110",), Target.parse(target) if target else None),
    )
    decision = ask(plan, "110", caller_class="none")
    assert decision.emergency
    assert places(decision) == [("trunk", "e1", "110", 0)], decision.steps


# --- hunting -------------------------------------------------------------------------------------------------------


def test_a_parallel_group_rings_together() -> None:
    decision = ask(PLAN, "500")
    assert places(decision) == [
        ("subscriber", "1001", "1001", 0),
        ("subscriber", "1002", "1002", 0),
        ("trunk", "e1", "1234", 0),
        ("trunk", "backup", "1234", 1),
    ]
    assert {entry.ring_s for entry in decision.destinations} == {15.0}
    assert [len(stage) for stage in decision.stages] == [3, 1]


def test_a_serial_group_rings_in_turn_and_each_number_once() -> None:
    decision = ask(PLAN, "501")
    assert [(entry.value, entry.stage) for entry in decision.destinations] == [
        ("1002", 0),
        ("1001", 1),
        ("e1", 1),
        ("backup", 2),
        ("1003", 3),
    ]
    assert any("404" in step and "left out" in step for step in decision.steps)


def test_round_robin_begins_with_the_next_each_time_but_not_in_a_dry_run() -> None:
    group = HuntGroup("turn", ("1001", "1002", "1003"), "round-robin")
    plan = Plan(
        [], {"500": Target.parse("hunt:turn")} | {n: Target("subscriber") for n in group.members}, hunt_groups=[group]
    )
    query = RouteQuery("7", "", "500", "", NOON)
    firsts = [plan.route(query).destinations[0].value for _ in range(4)]
    assert firsts == ["1001", "1002", "1003", "1001"]
    assert [plan.route(query, dry_run=True).destinations[0].value for _ in range(2)] == ["1002", "1002"]
    assert [entry.stage for entry in plan.route(query).destinations] == [0, 1, 2]


def test_groups_within_each_other_end() -> None:
    groups = [HuntGroup("a", ("2", "1")), HuntGroup("b", ("1", "2"))]
    plan = Plan([], {"1": Target.parse("hunt:a"), "2": Target.parse("hunt:b")}, hunt_groups=groups)
    refused = ask(plan, "1").refused
    assert refused is not None and refused.status == 480


def test_a_large_web_of_groups_is_bounded() -> None:
    groups = [HuntGroup(f"g{n}", tuple(f"{m}" for m in range(400))) for n in range(400)]
    plan = Plan(
        [rule("out", "trunk:a,b", prefix="x")],
        {f"{n}": Target.parse(f"hunt:g{n}") for n in range(400)},
        hunt_groups=groups,
    )
    assert ask(plan, "1").refused is not None
    wide = Plan(
        [], {f"{n}": Target("subscriber") for n in range(400)} | {"h": Target.parse("hunt:g0")}, hunt_groups=groups
    )
    assert len(ask(wide, "h").destinations) == 64


def test_numbers_a_call_was_diverted_from_are_not_tried_again() -> None:
    refused = ask(PLAN, "1002", history=("1002",)).refused
    assert refused is not None and refused.status == 482
    assert next(entry.value for entry in ask(PLAN, "500", history=("1001",)).destinations) == "1002"


# --- many rules, building ------------------------------------------------------------------------------------------


def test_the_longest_prefix_wins_among_many() -> None:
    rules = [rule(f"p{n}", f"trunk:t{n}", prefix=str(n)) for n in range(1, 20000)]
    plan = Plan(rules)
    for called, expected in [("1", "t1"), ("19", "t19"), ("19999999", "t19999"), ("20000", "t2000"), ("9999", "t9999")]:
        assert ask(plan, called).destinations[0].value == expected


def test_the_order_of_the_configuration_breaks_ties() -> None:
    plan = Plan([rule("first", "trunk:a", prefix="9"), rule("second", "trunk:b", prefix="9"), rule("all", "trunk:c")])
    assert ask(plan, "91").rule == "first"
    assert ask(plan, "81").rule == "all"


def test_numbers_may_come_and_go() -> None:
    numbers: dict[str, Target] = {}
    plan = Plan([], numbers)
    assert ask(plan, "1001").refused
    numbers["1001"] = Target("subscriber")
    assert ask(plan, "1001").destinations


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rules": [rule("x", "trunk:a", prefix="1", pattern="1")]}, "rule 1 'x'"),
        ({"rules": [rule("x", "trunk:a", pattern="[")]}, "rule 1 'x'"),
        ({"rules": [rule("x", "trunk:a", prefix="1" * 65)]}, "rule 1 'x'"),
        ({"rules": [rule("x", "trunk:a", schedule="s")]}, "schedule 's'"),
        ({"rules": [rule("x", "trunk:a", caller_class="c")]}, "class of service 'c'"),
        ({"rules": [rule("x", "trunk:a", strip=-1)]}, "strip"),
        ({"rules": [rule("x", "hunt:h")]}, "hunt group 'h'"),
        ({"numbers": {"1": Target.parse("hunt:h")}}, "number 1"),
        ({"emergency": Emergency(("1",), Target.parse("hunt:h"))}, "emergency"),
        ({"emergency": Emergency(("[",))}, "["),
        ({"hunt_groups": [HuntGroup("g", ("1",), "random")]}, "strategy 'random'"),
        ({"hunt_groups": [HuntGroup("g", ())]}, "no members"),
    ],
)
def test_a_plan_that_cannot_work_is_an_error_that_names_the_place(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(DialplanError) as caught:
        Plan(**arguments)  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_every_problem_is_listed() -> None:
    with pytest.raises(DialplanError, match=r"'a'.*'b'"):
        Plan([rule("a", "hunt:x"), rule("b", "hunt:y")])


@pytest.mark.parametrize(
    "text",
    [
        "subscriber",
        "trunk:a",
        "trunk:a,b",
        "hunt:h",
        "service:echo",
        "conference",
        "conference:7001",
        "refuse:486 Busy here",
    ],
)
def test_targets_come_back_as_text(text: str) -> None:
    assert str(Target.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "nowhere", "trunk", "trunk:", "hunt:a,b", "refuse:200 OK", "refuse:x", "refuse:40", "number:"]
)
def test_targets_that_make_no_sense_are_errors(text: str) -> None:
    with pytest.raises(DialplanError):
        Target.parse(text)


_NUMBERS = st.text("0159*+x", max_size=6)
_TARGETS = st.one_of(
    st.sampled_from(
        ["subscriber", "trunk:a,b", "conference", "refuse:486", "hunt:g0", "hunt:g1", "gateway:p", "service:s"]
    ),
    _NUMBERS.filter(bool).map("number:{}".format),
).map(Target.parse)


@st.composite
def _plans(draw: st.DrawFn) -> Plan:
    def make(index: int) -> Rule:
        prefix, pattern = draw(
            st.one_of(
                st.tuples(_NUMBERS, st.just("")),
                st.tuples(st.just(""), st.sampled_from(["0", "15", "1X", "X.", "!", "5Z!", "~1.*", "[05]9"])),
            )
        )
        return Rule(
            f"r{index}",
            draw(_TARGETS),
            prefix,
            pattern,
            draw(st.sampled_from(["", "", "c"])),
            draw(st.sampled_from(["", "", "t"])),
            draw(st.sampled_from(["", "", "s"])),
            draw(st.integers(0, 3)),
            draw(_NUMBERS),
        )

    groups = [
        HuntGroup(
            f"g{n}",
            tuple(draw(st.lists(_NUMBERS, min_size=1, max_size=4))),
            draw(st.sampled_from(["parallel", "serial", "round-robin"])),
        )
        for n in range(2)
    ]
    return Plan(
        [make(index) for index in range(draw(st.integers(0, 6)))],
        draw(st.dictionaries(_NUMBERS, _TARGETS, max_size=4)),
        classes=[ClassOfService("c", draw(st.sampled_from([(), ("1!",)])), ("5!",))],
        schedules=[Schedule.create("s", start="08:00", end="11:00")],
        hunt_groups=groups,
        emergency=Emergency(("15",), draw(st.none() | _TARGETS)),
    )


@given(
    _plans(),
    st.text("0159*+x{}:;sip@", max_size=8) | st.just("15"),
    st.sampled_from(["", "c", "?"]),
    st.sampled_from(["", "t"]),
)
def test_every_question_has_an_answer(plan: Plan, called: str, caller_class: str, trunk: str) -> None:
    decision = ask(plan, called, caller_class=caller_class, trunk=trunk)
    assert decision.steps, "an answer without a reason"
    assert len(decision.destinations) <= 64
    assert all(entry.kind not in ("hunt", "number", "refuse") for entry in decision.destinations)
    assert all(entry.called for entry in decision.destinations)
