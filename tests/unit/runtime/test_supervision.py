"""Services are restarted, the last failure ends the switch, signals end it gracefully."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from softswitch.runtime.supervision import Service, ServiceFailed, Supervisor


async def test_failing_service_is_restarted_and_counted() -> None:
    runs: list[int] = []
    supervisor = Supervisor()

    async def flaky() -> None:
        runs.append(1)
        if len(runs) < 3:
            raise OSError("lost")
        supervisor.stop()
        await asyncio.sleep(60)

    supervisor.add(Service("flaky", flaky, restarts=5, backoff=0.001))
    await asyncio.wait_for(supervisor.run(signals=False), 20)
    assert len(runs) == 3
    assert supervisor.failures == {"flaky": 2}
    assert supervisor.running == set()


async def test_service_beyond_its_restarts_ends_everything() -> None:
    cancelled = asyncio.Event()

    async def broken() -> None:
        raise OSError("lost")

    async def healthy() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    supervisor = Supervisor()
    supervisor.add(Service("healthy", healthy))
    supervisor.add(Service("broken", broken, restarts=1, backoff=0.001))
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(supervisor.run(signals=False), 20)
    assert caught.group_contains(ServiceFailed, match="broken failed 2 times")
    assert cancelled.is_set()


async def test_drain_runs_before_services_are_cancelled() -> None:
    order: list[str] = []

    async def service() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            order.append("service ended")

    async def drain() -> None:
        await asyncio.sleep(0)
        order.append("drained")

    supervisor = Supervisor(drain=drain)
    supervisor.add(Service("service", service))
    asyncio.get_running_loop().call_soon(supervisor.stop)
    await asyncio.wait_for(supervisor.run(signals=False), 20)
    assert order == ["drained", "service ended"]


async def test_second_stop_does_not_wait_for_the_drain() -> None:
    async def drain() -> None:
        supervisor.stop()
        await asyncio.sleep(60)

    supervisor = Supervisor(drain=drain)
    supervisor.stop()
    await asyncio.wait_for(supervisor.run(signals=False), 20)


async def test_failing_drain_still_ends(caplog: pytest.LogCaptureFixture) -> None:
    async def drain() -> None:
        raise RuntimeError("cannot")

    supervisor = Supervisor(drain=drain)
    supervisor.stop()
    await asyncio.wait_for(supervisor.run(signals=False), 20)
    assert "draining failed" in caplog.text


async def test_signals_reload_and_end() -> None:
    reloads: list[int] = []

    async def reload() -> None:
        reloads.append(1)
        os.kill(os.getpid(), signal.SIGTERM)
        raise ValueError("a broken file")

    async def hang_up() -> None:
        os.kill(os.getpid(), signal.SIGHUP)

    supervisor = Supervisor(reload=reload)
    supervisor.add(Service("hang up", hang_up))
    await asyncio.wait_for(supervisor.run(), 20)
    assert reloads == [1]


async def test_service_added_while_running_is_supervised() -> None:
    supervisor = Supervisor()

    async def late() -> None:
        supervisor.stop()

    asyncio.get_running_loop().call_soon(supervisor.add, Service("late", late))
    await asyncio.wait_for(supervisor.run(signals=False), 20)
