"""What the application itself tells Prometheus: calls, registrations, floors, gateways, trunks, what waits."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client import Counter as CounterMetric
from prometheus_client import Histogram

from softswitch.calls.machine import State
from softswitch.events import (
    Event,
    FloorDenied,
    FloorGranted,
    FloorIdle,
    FloorQueued,
    FloorRevoked,
    FloorWithdrawn,
)
from softswitch.runtime.metrics import PREFIX, Metrics

if TYPE_CHECKING:
    from softswitch.app import Application

_WAIT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SPURT_BUCKETS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)
_RESULTS: dict[type[Event], str] = {FloorGranted: "granted", FloorDenied: "denied", FloorQueued: "queued"}
_ENDINGS = (FloorIdle, FloorRevoked, FloorGranted)
#: Talkgroups whose talker's beginning is remembered.
_MOST_TALKERS = 10_000


def watch_application(metrics: Metrics, app: Application) -> None:
    """Show the application's own numbers."""
    exchange = app.exchange
    metrics.gauge("calls_active", "Calls in progress, ringing ones among them.", lambda: len(exchange.calls))
    metrics.gauge(
        "calls_in_state",
        "Calls in progress, by the state of the call's machine.",
        lambda: _calls_by_state(app),
        ("state",),
    )
    metrics.counter("calls_attempted", "Calls begun since the start.", lambda: exchange.attempts)
    metrics.counter("calls_answered", "Calls that were answered and are over.", lambda: exchange.answered)
    metrics.gauge("bindings", "Contacts registered now.", lambda: len(app.registrar))
    metrics.gauge(
        "registrations",
        "Numbers with at least one contact registered now.",
        lambda: len({binding.aor for binding in app.registrar}),
    )
    metrics.gauge("subscriptions", "Subscriptions held by the notifier.", lambda: len(app.presence.notifier))
    metrics.gauge("store_waiting", "Writes that wait for the database.", lambda: app.store.waiting)
    metrics.gauge("messages_waiting", "Short messages that wait.", lambda: app.messaging.outbox.waiting)
    metrics.counter("positions_received", "Positions of devices since the start.", lambda: app.locations.received)
    metrics.gauge("ladder_messages", "SIP messages kept in memory for ladders.", lambda: len(app.messages))
    metrics.gauge("ladder_octets", "Octets of SIP messages kept in memory for ladders.", lambda: app.messages.octets)
    metrics.gauge(
        "trunk_up",
        "Whether each trunk answers.",
        lambda: {(trunk.name,): float(trunk.up) for trunk in app.trunks.by_name.values()},
        ("trunk",),
    )
    metrics.gauge(
        "trunk_calls",
        "Calls over each trunk now.",
        lambda: {(trunk.name,): float(trunk.active) for trunk in app.trunks.by_name.values()},
        ("trunk",),
    )
    metrics.gauge("gateway_up", "Whether each gateway takes part.", lambda: _gateways(app), ("gateway",))
    FloorMetrics(metrics, app)


def _calls_by_state(app: Application) -> dict[tuple[str, ...], float]:
    counts = Counter(call.machine.state for call in app.exchange.calls.values())
    return {(state.value,): float(counts[state]) for state in State}


def _gateways(app: Application) -> dict[tuple[str, ...], float]:
    """Each by the name of its package; browsers are always served."""
    found: dict[tuple[str, ...], float] = {("webrtc",): 1.0}
    for gateway in app.gateways:
        found[(type(gateway).__module__.split(".")[1],)] = float(app.gateways_open)
    return found


class FloorMetrics:
    """Counts what became of requests for the floor, and how long talkers waited and spoke."""

    def __init__(self, metrics: Metrics, app: Application) -> None:
        registry = metrics.registry
        self._requests = CounterMetric(
            f"{PREFIX}floor_requests",
            "Requests for the floor of talkgroups, by what became of them.",
            ("result",),
            registry=registry,
        )
        for result in (*_RESULTS.values(), "withdrawn"):
            self._requests.labels(result)
        self._waited = Histogram(
            f"{PREFIX}floor_grant_seconds",
            "Seconds from the request for the floor to its grant.",
            buckets=_WAIT_BUCKETS,
            registry=registry,
        )
        self._spoke = Histogram(
            f"{PREFIX}talk_spurt_seconds",
            "Seconds for which talkers held the floor.",
            buckets=_SPURT_BUCKETS,
            registry=registry,
        )
        self._revoked = CounterMetric(
            f"{PREFIX}floor_revocations", "Times the floor was taken away from a talker.", registry=registry
        )
        self._talking: dict[str, float] = {}
        kinds = (FloorGranted, FloorDenied, FloorQueued, FloorWithdrawn, FloorRevoked, FloorIdle)
        app.bus.subscribe(self.on_event, *(kind.type for kind in kinds))

    def on_event(self, event: Event) -> None:
        """A subscriber of the bus."""
        if isinstance(event, _ENDINGS):
            since = self._talking.pop(event.group, None)
            if since is not None:
                self._spoke.observe(max(event.time - since, 0.0))
        if isinstance(event, FloorGranted):
            self._waited.observe(event.waited_s)
            if len(self._talking) < _MOST_TALKERS:
                self._talking[event.group] = event.time
        if isinstance(event, FloorRevoked):
            self._revoked.inc()
        if isinstance(event, FloorWithdrawn):
            self._requests.labels("withdrawn").inc()
        elif type(event) in _RESULTS:
            self._requests.labels(_RESULTS[type(event)]).inc()
