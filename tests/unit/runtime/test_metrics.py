"""Metrics are read on scrape, carry a sentence of help, and one broken source does not hide the rest."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from softswitch.calls.leg import Cause
from softswitch.calls.record import CallRecord
from softswitch.events import AccessRefused, CallRecorded, EventBus
from softswitch.runtime.driver import SipDriver
from softswitch.runtime.guard import Guard
from softswitch.runtime.metrics import Metrics
from softswitch.runtime.network import SipNetwork
from softswitch.runtime.overload import Overload, OverloadSettings
from softswitch.runtime.tasks import TaskOwner
from tests.unit.runtime.test_driver import FakeCore


def ended(answered_at: float, ended_at: float, status: int = 200) -> CallRecorded:
    """A call that began at 100 s."""
    record = CallRecord("c", "1001", "1002", "udp:127.0.0.1:5060", 100.0)
    record.answered_at, record.ended_at = answered_at, ended_at
    record.cause = Cause(status, 16, "")
    return CallRecorded("c", record)


def samples(metrics: Metrics) -> dict[str, float]:
    """Every sample as `name{label=value,…}` to value."""
    found = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_sources_are_read_when_scraped() -> None:
    metrics = Metrics()
    load = {"calls": 1.0}
    metrics.gauge("active_calls", "Calls in progress.", lambda: load["calls"])
    metrics.counter("answers", "Answers sent, by status.", lambda: {("200",): 3.0, ("404",): 1.0}, ("status",))
    assert samples(metrics)["softswitch_active_calls"] == 1
    load["calls"] = 5
    found = samples(metrics)
    assert found["softswitch_active_calls"] == 5
    assert found["softswitch_answers_total{status=404}"] == 1
    assert "process_cpu_seconds_total" in found


def test_failing_source_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()

    def broken() -> float:
        raise KeyError("gone")

    metrics.gauge("broken", "Never shown.", broken)
    metrics.gauge("sound", "Always shown.", lambda: 1)
    found = samples(metrics)
    assert found["softswitch_sound"] == 1
    assert "softswitch_broken" not in found
    assert "softswitch_broken could not be read" in caplog.text


def test_call_records_are_counted() -> None:
    metrics, bus = Metrics(), EventBus(lambda: 0.0)
    metrics.watch_events(bus)
    bus.publish(ended(100.3, 102.8))
    bus.publish(ended(0.0, 103.0, 486))
    bus.publish(AccessRefused("192.0.2.1", "", "INVITE", "scanner"))
    found = samples(metrics)
    assert found["softswitch_calls_total{disposition=answered}"] == 1
    assert found["softswitch_calls_total{disposition=busy}"] == 1
    assert found["softswitch_call_duration_seconds_total"] == 2.5
    assert found["softswitch_access_refused_total{reason=scanner}"] == 1
    assert found["softswitch_events_total{type=call.record}"] == 2


def test_set_up_time_is_a_histogram_of_answered_calls() -> None:
    metrics, bus = Metrics(), EventBus(lambda: 0.0)
    metrics.watch_events(bus)
    bus.publish(ended(100.3, 102.8))
    bus.publish(ended(0.0, 103.0, 486))
    found = samples(metrics)
    assert found["softswitch_call_setup_seconds_count"] == 1
    assert found["softswitch_call_setup_seconds_sum"] == pytest.approx(0.3)


async def test_usual_sources_are_complete_and_explained() -> None:
    async with TaskOwner() as tasks:
        network = SipNetwork(tasks)
        driver = SipDriver[str](FakeCore(), lambda event, now: None, network=network, tasks=tasks)
        guard = Guard()
        guard.ban("203.0.113.1", 0.0, 10.0, "scanner")
        overload = Overload(OverloadSettings(calls_per_second=1), lambda: 0.0)
        overload.admit("call", 0.0)
        overload.admit("call", 0.0)
        metrics = Metrics()
        metrics.watch_driver(driver)
        metrics.watch_network(network)
        metrics.watch_guard(guard, lambda: 1.0)
        metrics.watch_overload(overload)
        metrics.watch_counters({"messages_malformed": 4})
        metrics.gauge("softswitch_once", "A name that has the prefix already.", lambda: 1)
        found = samples(metrics)
        await network.close()
    assert found["softswitch_guard_banned_sources"] == 1
    assert found["softswitch_overload_refused_total{kind=call}"] == 1
    assert found["softswitch_sip_stack_total{kind=messages_malformed}"] == 4
    assert found["softswitch_once"] == 1
    assert found["softswitch_sip_messages_total{direction=in}"] == 0
    for family in text_string_to_metric_families(metrics.render().decode()):
        if family.name.startswith("softswitch_"):
            assert family.documentation.endswith(".") and " " in family.documentation, f"{family.name} needs a sentence"
