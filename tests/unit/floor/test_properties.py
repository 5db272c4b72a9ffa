"""What holds whatever anybody does: random inputs to the arbiter, and groups whose network loses and repeats."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.floor import (
    Arbiter,
    ArbiterSettings,
    Denied,
    Event,
    FloorState,
    Granted,
    Idle,
    MediaGate,
    Member,
    Override,
    QueueCancelled,
    Queued,
    Revoked,
    Taken,
    Tier,
)
from softswitch.floor.channel import Dialect, Peer
from softswitch.floor.states import ParticipantState
from tests.unit.floor.group import Group

NAMES = "abcdef"

_names = st.sampled_from(NAMES)
_OTHER_ACTIONS = ["release", "media", "leave", "join", "revoke", "cancel", "position", "broadcast", "open", "mute"]
_actions = st.one_of(
    st.tuples(st.just("force"), _names, st.sampled_from(Tier), st.just(0), st.just(False), st.floats(0.0, 3.0)),
    st.tuples(st.just("request"), _names, st.sampled_from(Tier), st.integers(0, 9), st.booleans(), st.floats(0.0, 3.0)),
    st.tuples(
        st.sampled_from(_OTHER_ACTIONS),
        _names,
        st.just(Tier.NORMAL),
        st.just(0),
        st.just(False),
        st.floats(0.0, 3.0),
    ),
)
_ways = [(way, False, 1) for way in Override] + [(Override.REVOKE, True, 1), (Override.REVOKE, False, 2)]
_settings = st.builds(
    lambda way, **others: ArbiterSettings(override=way[0], cut_in=way[1], max_talkers=way[2], **others),
    way=st.sampled_from([*_ways, (Override.REVOKE, True, 2)]),
    t2=st.sampled_from([0.0, 3.0, 30.0]),
    t3=st.sampled_from([0.0, 3.0]),
    queue_limit=st.integers(0, 3),
    queue_wait=st.sampled_from([4.0, 20.0]),
    priority_preemption=st.booleans(),
    allow_alone=st.booleans(),
    retry_after=st.sampled_from([0.0, 2.0]),
)


class Watch:
    """Follows the events of an arbiter and asserts what must hold after each."""

    def __init__(self, arbiter: Arbiter) -> None:
        self.arbiter = arbiter
        self.open: set[str] = set()
        self.waiting: set[str] = set()
        self.holding: set[str] = set()

    def drain(self) -> list[Event]:
        events = []
        while (event := self.arbiter.next_event()) is not None:
            self._see(event)
            events.append(event)
        self._settled()
        return events

    def _see(self, event: Event) -> None:
        if isinstance(event, MediaGate):
            assert (event.participant in self.open) is not event.open, "a gate is told only when it changes"
            (self.open.add if event.open else self.open.discard)(event.participant)
        elif isinstance(event, Queued):
            self.waiting.add(event.participant)
        elif isinstance(event, Granted | QueueCancelled):
            self.waiting.discard(event.participant)
        elif isinstance(event, Idle):
            assert not self.open, "nobody's media passes while the floor is idle"
        elif isinstance(event, Taken):
            assert event.talkers, "a floor that is taken has a talker"

    def _settled(self) -> None:
        arbiter, rules = self.arbiter, self.arbiter.settings
        talkers = [talker.participant for talker in arbiter.talkers]
        most = rules.max_talkers if rules.override is Override.REVOKE else 2
        assert len(talkers) <= most, f"{talkers} talk at once"
        heard = 1 if rules.override is Override.DUAL_UNHEARD else most
        assert len(self.open) <= heard and self.open <= set(talkers)
        assert len(set(arbiter.waiting)) == len(arbiter.waiting)
        assert not set(arbiter.waiting) & set(talkers), "nobody waits for what he has"
        assert self.waiting == set(arbiter.waiting), "a request left the queue without a word"
        assert len(arbiter.waiting) <= max(1, rules.queue_limit)
        if arbiter.waiting:
            assert talkers, "nobody waits for a free floor"


@settings(max_examples=300)
@given(_settings, st.lists(_actions, max_size=40))
def test_the_rules_hold_whatever_anybody_does(
    rules: ArbiterSettings, actions: list[tuple[str, str, Tier, int, bool, float]]
) -> None:
    arbiter = Arbiter(rules)
    member = Member(priority=255, may_override=True)
    for name in NAMES:
        arbiter.participant_joined(name, 0.0, member)
    arbiter.start(0.0)
    watch = Watch(arbiter)
    now = 0.0
    for action, name, tier, priority, override, pause in actions:
        now += pause
        arbiter.handle_timer(now)
        watch.drain()
        if action in ("request", "force"):
            before = list(arbiter.talkers)
            arbiter.request(name, now, tier=tier, priority=priority, override=override, forced=action == "force")
            answers = [
                event
                for event in watch.drain()
                if isinstance(event, Granted | Denied | Queued | Revoked) and event.participant == name
            ]
            assert answers, "a request was not answered"
            if not rules.cut_in and any(talker.tier > tier for talker in before):
                urgent = [talker.participant for talker in before if talker.tier > tier]
                still = [talker.participant for talker in arbiter.talkers]
                assert any(each in still for each in urgent), "a less urgent request took the floor"
        elif action == "release":
            arbiter.release(name, now)
        elif action == "media":
            heard = arbiter.media_heard(name, now)
            watch.drain()
            assert heard is (name in watch.open)
        elif action == "leave":
            arbiter.participant_left(name, now)
            assert name not in arbiter.waiting
        elif action == "join":
            arbiter.participant_joined(name, now, member)
        elif action == "revoke":
            arbiter.revoke(name, now)
        elif action == "cancel":
            arbiter.cancel_request(name)
        elif action in ("broadcast", "open"):
            arbiter.configure(replace(rules, broadcast_by=name if action == "broadcast" else ""), now)
            if action == "broadcast":
                assert set(arbiter.waiting) <= {name}, "others wait for the floor of a broadcast"
        elif action == "mute" and name in arbiter.participants:
            arbiter.member_changed(name, replace(member, may_request=not arbiter.may_send(name)), now)
        else:
            arbiter.ask_position(name, now)
        watch.drain()
    _let_pass(arbiter, watch, now)
    assert arbiter.state is FloorState.IDLE and not arbiter.waiting, "with nobody speaking everything ends"


def _let_pass(arbiter: Arbiter, watch: Watch, now: float) -> None:
    for _ in range(1000):
        due = arbiter.next_timer()
        if due is None:
            return
        arbiter.handle_timer(max(now, due))
        watch.drain()
    pytest.fail("the timers never end")


@settings(max_examples=100)
@given(_settings, st.lists(_actions, max_size=20))
def test_a_restart_at_any_moment_changes_nothing(
    rules: ArbiterSettings, actions: list[tuple[str, str, Tier, int, bool, float]]
) -> None:
    arbiter = Arbiter(rules)
    for name in NAMES:
        arbiter.participant_joined(name, 0.0)
    arbiter.start(0.0)
    now = 0.0
    for action, name, tier, priority, override, pause in actions:
        now += pause
        arbiter.handle_timer(now)
        if action == "request":
            arbiter.request(name, now, tier=tier, priority=priority, override=override)
        elif action == "release":
            arbiter.release(name, now)
        elif action == "media":
            arbiter.media_heard(name, now)
    again = Arbiter.restore(rules, arbiter.export_state(now), now)
    for one in (arbiter, again):
        while one.next_event() is not None:
            pass
    assert (again.talkers, again.waiting, again.state) == (arbiter.talkers, arbiter.waiting, arbiter.state)
    assert again.export_state(now) == arbiter.export_state(now)


def test_nobody_of_one_priority_starves() -> None:
    arbiter = Arbiter(ArbiterSettings(t1=2.0, queue_wait=0.0))
    for name in NAMES:
        arbiter.participant_joined(name, 0.0)
    arbiter.start(0.0)
    talks: Counter[str] = Counter()
    for turn in range(600):
        now = float(turn)
        for name in NAMES:  # everyone asks all the time, and the first of them always first
            arbiter.request(name, now)
        while (event := arbiter.next_event()) is not None:
            if isinstance(event, Granted) and not event.repeated:
                talks[event.participant] += 1
        arbiter.release(arbiter.talkers[0].participant, now + 0.5)
    assert max(talks.values()) - min(talks.values()) <= 1, talks


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("rules", [ArbiterSettings(), ArbiterSettings(queue_limit=0), ArbiterSettings(cut_in=True)])
def test_a_lossy_network_leaves_nobody_stuck(seed: int, rules: ArbiterSettings) -> None:
    names = [f"m{number}" for number in range(8)]
    peers = {"m6": Peer("sip:m6@x", 6, Dialect.TBCP), "m7": Peer("sip:m7@x", 7, acknowledges=True)}
    group = Group(names, rules, loss=0.2, duplication=0.1, seed=seed, peers=peers)
    chance = group.chance
    for _ in range(60):
        name = chance.choice(names)
        if chance.random() < 0.6:
            group.press(name, Tier.EMERGENCY if chance.random() < 0.1 else Tier.NORMAL)
        else:
            group.let_go(name)
        group.run(chance.uniform(0.0, 2.0))
        assert len(group.arbiter.talkers) <= 1
    assert group.most_open == 1, "somebody talked, and never two at once"
    for name in names:
        group.let_go(name)
    group.run(60.0)
    resting = {ParticipantState.NO_PERMISSION}
    assert set(group.states().values()) == resting, f"stuck: {group.states()}"
    assert group.arbiter.state is FloorState.IDLE and not group.arbiter.waiting
    group.loss = 0.0
    group.press("m3")
    group.run(0.2)
    assert group.participants["m3"].transmitting


@pytest.mark.parametrize("seed", range(5))
def test_who_keeps_pressing_gets_the_floor_through_a_lossy_network(seed: int) -> None:
    names = [f"m{number}" for number in range(5)]
    group = Group(names, ArbiterSettings(t2=5.0), loss=0.2, duplication=0.1, seed=seed)
    got: set[str] = set()
    for name in names:
        group.press(name)
    for _ in range(400):
        group.run(0.25)
        for name in names:
            one = group.participants[name]
            if one.transmitting:
                got.add(name)
            elif one.state is ParticipantState.NO_PERMISSION and name not in got:
                group.press(name)
    assert got == set(names)
