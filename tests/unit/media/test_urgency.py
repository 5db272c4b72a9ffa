"""How soon a packet thread is let run: as a real-time thread where that is allowed, else with short slices."""

from __future__ import annotations

import os
import threading

import pytest

from softswitch.media import MediaEngine
from softswitch.media.workers import urgency

_SCHED_GETATTR = {"x86_64": 315, "aarch64": 275}


def _in_thread(work):
    """What `work` returns when a thread of its own does it, whose scheduling ends with it."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(work()))
    thread.start()
    thread.join()
    return answers[0]


def _policy_after_hurry():
    return urgency.hurry(), os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK


def test_a_thread_that_may_becomes_a_real_time_thread_and_no_other():
    hurried, policy = _in_thread(_policy_after_hurry)
    assert policy == (os.SCHED_RR if hurried else os.SCHED_OTHER)
    assert os.sched_getscheduler(0) == os.SCHED_OTHER, "the thread that started it stays as it was"


def test_a_thread_that_shall_not_is_none_even_where_it_may():
    def policy():
        return urgency.hurry(realtime=False), os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK

    assert _in_thread(policy) == (False, os.SCHED_OTHER)


@pytest.mark.parametrize("realtime", [True, False])
def test_an_engine_is_told_whether_its_packet_threads_may(monkeypatch, realtime):
    asked = []
    monkeypatch.setattr("softswitch.media.workers.packet_loop.hurry", lambda **wish: asked.append(wish["realtime"]))
    with MediaEngine(first_port=20000, last_port=20003, realtime=realtime) as engine:
        engine.open_port("call")
        engine.settle()
    assert asked == [realtime], "asked at the start of the one packet thread, which has ended by now"


def test_a_thread_that_may_not_asks_for_short_slices(monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)

    def slice_after_hurry():
        assert not urgency.hurry()
        attributes = urgency._Attributes()
        number = _SCHED_GETATTR[os.uname().machine]
        urgency.ctypes.CDLL(None).syscall(
            number, 0, urgency.ctypes.byref(attributes), urgency.ctypes.sizeof(attributes), 0
        )
        return attributes.policy, attributes.runtime

    if os.uname().machine not in _SCHED_GETATTR or tuple(map(int, os.uname().release.split(".")[:2])) < (6, 12):
        pytest.skip("this kernel knows no slices of a thread's own")
    assert _in_thread(slice_after_hurry) == (0, 100_000)
