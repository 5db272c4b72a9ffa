"""Who is hung and who only has to wait; when a lost worker is started again; ports that are not given to another."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from softswitch.media.layouts.worker import WORKER
from softswitch.media.workers import pulse
from softswitch.media.workers.replacements import Patience
from softswitch.media.workers.suspects import bereaved


@pytest.fixture
def thread(monkeypatch):
    """A thread whose turns, state and processor time the test sets."""
    record = np.zeros(1, WORKER)[0]
    made = SimpleNamespace(record=record, state="S", ran_s=0.0, pulse=pulse.Pulse(record, 0))
    monkeypatch.setattr(pulse.Pulse, "_state", lambda self: made.state)
    monkeypatch.setattr(pulse.Pulse, "_run_time_s", lambda self: made.ran_s)
    return made


def noticed_after(thread, looks_s):
    """The first of the times at which it is seen to hang, None for never."""
    return next((at for at in looks_s if thread.pulse.hung(at)), None)


def every(period_s, until_s):
    return [1 + i * period_s for i in range(round(until_s / period_s))]


def test_a_thread_that_turns_is_never_hung(thread):
    for at in every(0.2, 20):
        thread.record["turns"] += 1
        assert not thread.pulse.hung(at)


@pytest.mark.parametrize(("state", "share"), [("T", 0.0), ("S", 0.0), ("R", 1.0), ("", 0.0)])
def test_one_that_stands_still_is_noticed_within_a_second(thread, state, share):
    """Stopped, waiting for ever, running in a circle, or gone."""
    thread.state = state
    for at in every(0.25, 20):
        thread.ran_s = share * at
        if thread.pulse.hung(at):
            break
    assert at - 1 <= 1.0, f"state {state!r} is noticed after {at - 1} s"


@pytest.mark.parametrize("state", ["R", "D"])
def test_one_that_waits_for_a_processor_or_a_disk_is_left_alone_for_a_while(thread, state):
    thread.state = state
    assert noticed_after(thread, every(0.25, 30)) == pytest.approx(11.0, abs=0.5)


def test_when_nobody_has_looked_for_long_it_is_given_time(thread):
    """The switch itself was stopped, or the whole machine: what stands still then is no sign."""
    assert noticed_after(thread, [1.0, 1.2, 60.0, 60.01, 60.02]) is None
    thread.record["turns"] += 1
    assert noticed_after(thread, [60.3, 60.5, 60.7]) is None


def test_a_worker_that_keeps_ending_is_given_up_and_one_that_has_lived_well_is_not():
    patience = Patience()
    assert [patience.lost(0.1) for _ in range(6)] == [0.0, 0.5, 1.0, 2.0, 4.0, 300.0]
    assert patience.given_up
    assert patience.lost(3600.0) == 0.0
    assert not patience.given_up


def test_a_port_that_three_workers_were_lost_with_within_a_minute_is_suspicious():
    port, other = SimpleNamespace(losses=()), SimpleNamespace(losses=())
    assert bereaved([port, other], 0.0) == []
    assert bereaved([port], 20.0) == []
    assert bereaved([port, other], 59.0) == [port]
    assert bereaved([other], 70.0) == [], "three losses, but over more than a minute"
