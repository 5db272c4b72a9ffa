"""Background work is owned, bounded, and its failures stay its own; the lag monitor measures."""

from __future__ import annotations

import asyncio
import time

import pytest

from softswitch.runtime.lag import LagMonitor
from softswitch.runtime.tasks import TaskOwner


async def test_failure_of_one_task_leaves_the_others(caplog: pytest.LogCaptureFixture) -> None:
    done = asyncio.Event()

    async def broken() -> None:
        raise RuntimeError("no")

    async def sound() -> None:
        await asyncio.sleep(0)
        done.set()

    async with TaskOwner() as owner:
        assert owner.start(broken(), "broken")
        assert owner.start(sound(), "sound")
        await asyncio.wait_for(done.wait(), 20)
    assert owner.failed == 1
    assert "background task broken failed" in caplog.text


async def test_leaving_cancels_what_runs() -> None:
    cancelled = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    async with TaskOwner() as owner:
        owner.start(endless(), "endless")
        await asyncio.sleep(0)
    assert cancelled.is_set()
    assert len(owner) == 0


async def test_room_is_bounded_and_needs_an_owner() -> None:
    async def endless() -> None:
        await asyncio.sleep(60)

    owner = TaskOwner(limit=1)
    assert not owner.start(endless(), "before")
    async with owner:
        assert owner.start(endless(), "first")
        assert not owner.start(endless(), "second")
    assert not owner.start(endless(), "after")
    assert owner.refused == 3


async def test_lag_monitor_notices_a_blocked_loop() -> None:
    measured: list[float] = []
    monitor = LagMonitor(measured.append, interval=0.01)
    async with asyncio.timeout(20), TaskOwner() as owner:
        owner.start(monitor.run(), "lag")
        await asyncio.sleep(0.005)
        time.sleep(0.06)  # noqa: ASYNC251 (blocking the loop is what is measured)
        await asyncio.sleep(0.02)
    assert monitor.worst >= 0.04, f"50 ms of blocking must show, measured {measured}"
