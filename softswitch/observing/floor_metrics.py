"""What talkgroups tell Prometheus: what became of requests for the floor, how long talkers waited and spoke."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from softswitch.events import (
    Event,
    EventBus,
    FloorDenied,
    FloorGranted,
    FloorIdle,
    FloorQueued,
    FloorRevoked,
    FloorWithdrawn,
)
from softswitch.runtime.metrics import PREFIX, Metrics

_WAIT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SPURT_BUCKETS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300)
_RESULTS: dict[type[Event], str] = {FloorGranted: "granted", FloorDenied: "denied", FloorQueued: "queued"}
_ENDINGS = (FloorIdle, FloorRevoked, FloorGranted)
#: Talkgroups whose talker's beginning is remembered.
_MOST_TALKERS = 10_000


class FloorMetrics:
    """Counts what became of requests for the floor, and how long talkers waited and spoke."""

    def __init__(self, metrics: Metrics, bus: EventBus) -> None:
        registry = metrics.registry
        self._requests = Counter(
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
        self._revoked = Counter(
            f"{PREFIX}floor_revocations", "Times the floor was taken away from a talker.", registry=registry
        )
        self._talking: dict[str, float] = {}
        kinds = (FloorGranted, FloorDenied, FloorQueued, FloorWithdrawn, FloorRevoked, FloorIdle)
        bus.subscribe(self.on_event, *(kind.type for kind in kinds))

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
