"""The timer wheel: never early, soon after, cancelled in no time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.timerwheel import Timer, TimerWheel

TICK = 1 / 64


def test_timers_run_in_order_and_never_early() -> None:
    wheel = TimerWheel()
    ran: list[tuple[str, float]] = []
    for name, at in (("late", 2.0), ("early", 0.5), ("middle", 1.0)):
        wheel.schedule(at, lambda now, name=name: ran.append((name, now)))  # type: ignore[misc]
    wheel.advance(0.49)
    assert ran == []
    assert wheel.next_at() == 0.5
    wheel.advance(1.5)
    assert ran == [("early", 1.5), ("middle", 1.5)]
    wheel.advance(2.0)
    assert [name for name, _ in ran] == ["early", "middle", "late"]
    assert wheel.next_at() is None and len(wheel) == 0


def test_cancelled_timer_leaves_nothing() -> None:
    wheel = TimerWheel()
    timer = wheel.schedule(1.0, lambda now: (_ for _ in ()).throw(AssertionError("a cancelled timer ran")))
    timer.cancel()
    timer.cancel()
    assert wheel.next_at() is None and len(wheel) == 0
    wheel.advance(5.0)


def test_callback_may_schedule_and_cancel() -> None:
    wheel = TimerWheel()
    ran: list[str] = []
    other = wheel.schedule(1.0, lambda now: ran.append("other"))

    def first(now: float) -> None:
        ran.append("first")
        other.cancel()
        wheel.schedule(now, lambda now: ran.append("at once"))
        wheel.schedule(now + 1, lambda now: ran.append("next"))

    wheel.schedule(0.5, first)
    wheel.advance(1.0)
    assert ran == ["first", "at once"]
    wheel.advance(2.0)
    assert ran == ["first", "at once", "next"]


def test_timer_cancelled_by_its_neighbour_in_the_same_slot_does_not_run() -> None:
    wheel = TimerWheel()
    ran: list[int] = []
    timers: list[Timer] = []
    for number in range(3):

        def run(now: float, number: int = number) -> None:
            ran.append(number)
            for timer in timers:
                timer.cancel()

        timers.append(wheel.schedule(1.0, run))
    wheel.advance(1.0)
    assert ran == [0]


def test_lane_keeps_its_order_and_wakes_on_ticks() -> None:
    wheel = TimerWheel()
    ran: list[str] = []
    lane = wheel.lane(0.5, lambda key, now: ran.append(key))
    for number in range(100):
        lane.add(str(number), number / 1000)
    assert wheel.next_at() == 0.5
    wheel.advance(0.55)
    assert ran == [str(number) for number in range(51)]
    following = wheel.next_at()
    assert following is not None and 0.551 <= following <= 0.551 + TICK
    assert following * 64 == int(following * 64), "a busy core is woken once a tick, not once a key"


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=50), st.lists(st.floats(0, 110), max_size=20))
def test_every_timer_runs_once_within_a_tick(plan: list[tuple[float, bool]], steps: list[float]) -> None:
    wheel = TimerWheel()
    ran: dict[int, float] = {}
    timers = [
        wheel.schedule(at, lambda now, n=n: ran.__setitem__(n, now))  # type: ignore[misc]
        for n, (at, _) in enumerate(plan)
    ]
    for timer, (_, cancel) in zip(timers, plan, strict=True):
        if cancel:
            timer.cancel()
    now = 0.0
    for step in [*sorted(steps), 200.0]:
        while (at := wheel.next_at()) is not None and at <= step:
            now = max(now, at)
            wheel.advance(now)
        now = max(now, step)
    for number, (at, cancel) in enumerate(plan):
        if cancel:
            assert number not in ran, f"timer {number} was cancelled and ran"
        else:
            assert at <= ran[number] <= at + TICK, f"timer due {at} ran at {ran[number]}"
