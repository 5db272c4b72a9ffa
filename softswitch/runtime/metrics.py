"""What the switch tells Prometheus, in a registry of its own.

Counters that exist elsewhere (driver, guard, transactions, media) are read by callables when the metrics are scraped,
so nothing is counted twice on the path of a message. Only what is an event is counted here, from the event bus.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from softswitch.events import AccessRefused, CallRecorded, EventBus, Record
from softswitch.runtime.driver import SipDriver
from softswitch.runtime.guard import Guard
from softswitch.runtime.network import SipNetwork
from softswitch.runtime.overload import Overload

logger = logging.getLogger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "softswitch_"
_SETUP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 180)
_LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5)

_MOST_REASONS = 32

Labels = tuple[str, ...]


@runtime_checkable
class Distribution(Protocol):
    """Values that were counted by class: (upper end, how many) in rising order, the last end infinite; their sum."""

    @property
    def classes(self) -> tuple[tuple[float, int], ...]: ...

    @property
    def total(self) -> float: ...


Reading = float | Mapping[Labels, float]


@dataclass(frozen=True, slots=True)
class _Source:
    kind: Literal["gauge", "counter", "histogram"]
    name: str
    help: str
    labels: Labels
    read: Callable[[], Reading | Distribution]


class Metrics(Collector):
    """The registry and everything in it; `render` is what `/metrics` answers."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._sources: dict[str, _Source] = {}
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.call_setup = self._histogram(
            "call_setup_seconds",
            "Seconds from the first INVITE to the answer of calls that were answered.",
            _SETUP_BUCKETS,
        )
        self.loop_lag = self._histogram(
            "event_loop_lag_seconds", "Seconds by which the signalling event loop ran late.", _LAG_BUCKETS
        )
        self._calls: dict[Labels, int] = {}
        self.counter(
            "calls", "Call attempts that have ended, by how they ended.", lambda: dict(self._calls), ("disposition",)
        )
        self._call_seconds = 0.0
        self.counter("call_duration_seconds", "Seconds of conversation of all ended calls.", lambda: self._call_seconds)
        self._reasons: set[str] = set()
        self._refused = Counter(
            f"{PREFIX}access_refused",
            "Requests refused for lack of rights, by reason.",
            ("reason",),
            registry=self.registry,
        )

    # --- what is read on scrape -------------------------------------------------------------------------------------

    def gauge(self, name: str, help_text: str, read: Callable[[], Reading], labels: Labels = ()) -> None:
        """Show `read()` as gauge `softswitch_<name>`; with labels it answers values by label tuple."""
        self._add(_Source("gauge", _prefixed(name), help_text, labels, read))

    def counter(self, name: str, help_text: str, read: Callable[[], Reading], labels: Labels = ()) -> None:
        """Show `read()` as counter `softswitch_<name>_total`; with labels it answers values by label tuple."""
        self._add(_Source("counter", _prefixed(name), help_text, labels, read))

    def histogram(self, name: str, help_text: str, read: Callable[[], Distribution]) -> None:
        """Show a distribution that is counted elsewhere as histogram `softswitch_<name>`."""
        self._add(_Source("histogram", _prefixed(name), help_text, (), read))

    def _add(self, source: _Source) -> None:
        self._sources[source.name] = source

    def collect(self) -> Iterator[Metric]:
        """Read every source; one that fails is left out of this scrape and logged."""
        for source in tuple(self._sources.values()):
            try:
                family = _family(source)
            except Exception:
                logger.exception("metric %s could not be read", source.name)
                continue
            yield family

    def describe(self) -> list[Metric]:
        """Nothing: sources are added after registration."""
        return []

    def render(self) -> bytes:
        """The text exposition of all metrics."""
        return generate_latest(self.registry)

    # --- what is counted from events --------------------------------------------------------------------------------

    def watch_events(self, bus: EventBus) -> None:
        """Show how many events there were, and count what some of them tell."""
        self.counter(
            "events",
            "Events published on the switch's bus, by type.",
            lambda: {(kind,): count for kind, count in bus.delivered.items()},
            ("type",),
        )
        bus.on(CallRecorded, lambda event: self._count_call(event.record))
        bus.on(AccessRefused, lambda event: self._refused.labels(self._reason(event.reason)).inc())

    def _reason(self, text: str) -> str:
        """A reason as a label, of which there are only so many: texts that name somebody are "other" in the end."""
        if text not in self._reasons and len(self._reasons) >= _MOST_REASONS:
            return "other"
        self._reasons.add(text)
        return text

    def _count_call(self, record: Record) -> None:
        ended = (record.disposition,)
        self._calls[ended] = self._calls.get(ended, 0) + 1
        self._call_seconds += record.billsec_ms / 1000.0
        if record.answered_at:
            self.call_setup.observe(max(0.0, record.answered_at - record.started_at))

    # --- the usual sources ------------------------------------------------------------------------------------------

    def watch_driver(self, driver: SipDriver[Any]) -> None:
        """Show a driver's counters."""
        self.counter(
            "sip_messages",
            "SIP messages taken from and given to the network.",
            lambda: {("in",): driver.messages_in, ("out",): driver.messages_out},
            ("direction",),
        )
        self.counter(
            "sip_octets",
            "Octets of SIP messages taken from and given to the network.",
            lambda: {("in",): driver.octets_in, ("out",): driver.octets_out},
            ("direction",),
        )
        self.counter(
            "handler_failures",
            "Unexpected exceptions caught while handling messages, timers or events.",
            lambda: driver.handler_failures,
        )

    def watch_counters(self, counters: Mapping[str, int]) -> None:
        """Show the counters of the SIP stack (`UserAgent.counters`)."""
        self.counter(
            "sip_stack",
            "What happened in the SIP stack, by kind.",
            lambda: {(kind,): count for kind, count in counters.items()},
            ("kind",),
        )

    def watch_network(self, network: SipNetwork) -> None:
        """Show connections and what could not be sent."""
        self.gauge("sip_connections", "Open TCP, TLS and WebSocket connections for SIP.", lambda: network.connections)
        self.counter(
            "sip_connections_refused",
            "Connections refused because a limit was reached.",
            lambda: network.refused_connections,
        )
        self.counter(
            "sip_connections_overdue",
            "Connections closed because they were idle or did not complete a message.",
            lambda: network.overdue_connections,
        )
        self.counter(
            "sip_streams_malformed",
            "Connections closed because messages on them could not be told apart.",
            lambda: network.unframeable,
        )
        self.counter(
            "sip_keepalives",
            "Datagrams that only kept a phone's NAT open: STUN, answered, and line ends.",
            lambda: network.keepalives,
        )
        self.counter(
            "sip_messages_unsendable",
            "SIP messages whose destination could not be reached.",
            lambda: network.unsendable,
        )

    def watch_guard(self, guard: Guard, clock: Callable[[], float]) -> None:
        """Show what the guard kept out."""
        counters = guard.counters
        self.counter(
            "guard_dropped_messages",
            "SIP messages dropped unread, by reason.",
            lambda: {
                ("rate",): counters.rate_limited,
                ("banned",): counters.banned_messages,
                ("scanner",): counters.scanners,
            },
            ("reason",),
        )
        self.counter("guard_bans", "Sources banned for scanning or guessing.", lambda: counters.bans)
        self.counter(
            "authentication_failures", "Requests with wrong credentials.", lambda: counters.authentication_failures
        )
        self.gauge("guard_banned_sources", "Sources banned at present.", lambda: len(guard.bans(clock())))

    def watch_overload(self, overload: Overload) -> None:
        """Show what overload control refused."""
        self.counter(
            "overload_refused",
            "New calls and registrations refused with 503 because of overload.",
            lambda: {(kind,): count for kind, count in overload.refused.items()},
            ("kind",),
        )

    def _histogram(self, name: str, help_text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(PREFIX + name, help_text, buckets=buckets, registry=self.registry)


def _family(source: _Source) -> Metric:
    """What a source says now."""
    reading = source.read()
    if source.kind == "histogram":
        assert isinstance(reading, Distribution)
        return _histogram_family(source, reading)
    family = (GaugeMetricFamily if source.kind == "gauge" else CounterMetricFamily)(
        source.name, source.help, labels=source.labels
    )
    assert not isinstance(reading, Distribution)
    values = reading.items() if isinstance(reading, Mapping) else [((), reading)]
    for labels, value in values:
        family.add_metric(labels, value)
    return family


def _histogram_family(source: _Source, distribution: Distribution) -> Metric:
    count = 0
    buckets = []
    for end, number in distribution.classes:
        count += number
        buckets.append(("+Inf" if math.isinf(end) else repr(float(end)), float(count)))
    return HistogramMetricFamily(source.name, source.help, buckets=buckets, sum_value=distribution.total)


def _prefixed(name: str) -> str:
    return name if name.startswith(PREFIX) else PREFIX + name
