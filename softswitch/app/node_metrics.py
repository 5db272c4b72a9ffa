"""What the node itself tells Prometheus: calls, registrations, gateways, trunks, what waits."""

from __future__ import annotations

from collections import Counter

from softswitch.app.node import Node
from softswitch.calls.machine import State
from softswitch.observing.floor_metrics import FloorMetrics
from softswitch.runtime.metrics import Metrics


def watch_node(metrics: Metrics, node: Node) -> None:
    """Show the node's own numbers."""
    exchange = node.exchange
    metrics.gauge("calls_active", "Calls in progress, ringing ones among them.", lambda: len(exchange.calls))
    metrics.gauge(
        "calls_in_state",
        "Calls in progress, by the state of the call's machine.",
        lambda: _calls_by_state(node),
        ("state",),
    )
    metrics.counter("calls_attempted", "Calls begun since the start.", lambda: exchange.attempts)
    metrics.counter("calls_answered", "Calls that were answered and are over.", lambda: exchange.answered)
    metrics.gauge("bindings", "Contacts registered now.", lambda: len(node.registrar))
    metrics.gauge(
        "registrations",
        "Numbers with at least one contact registered now.",
        lambda: len({binding.aor for binding in node.registrar}),
    )
    metrics.gauge("subscriptions", "Subscriptions held by the notifier.", lambda: len(node.presence.notifier))
    metrics.gauge("store_waiting", "Writes that wait for the database.", lambda: node.store.waiting)
    metrics.gauge("messages_waiting", "Short messages that wait.", lambda: node.messaging.outbox.waiting)
    metrics.counter("positions_received", "Positions of devices since the start.", lambda: node.locations.received)
    metrics.gauge("ladder_messages", "SIP messages kept in memory for ladders.", lambda: len(node.messages))
    metrics.gauge("ladder_octets", "Octets of SIP messages kept in memory for ladders.", lambda: node.messages.octets)
    metrics.gauge(
        "trunk_up",
        "Whether each trunk answers.",
        lambda: {(trunk.name,): float(trunk.up) for trunk in node.trunks.by_name.values()},
        ("trunk",),
    )
    metrics.gauge(
        "trunk_calls",
        "Calls over each trunk now.",
        lambda: {(trunk.name,): float(trunk.active) for trunk in node.trunks.by_name.values()},
        ("trunk",),
    )
    metrics.gauge("gateway_up", "Whether each gateway takes part.", lambda: _gateways(node), ("gateway",))
    FloorMetrics(metrics, node.bus)


def _calls_by_state(node: Node) -> dict[tuple[str, ...], float]:
    counts = Counter(call.machine.state for call in node.exchange.calls.values())
    return {(state.value,): float(counts[state]) for state in State}


def _gateways(node: Node) -> dict[tuple[str, ...], float]:
    """Each by the name of its package; browsers are always served."""
    found: dict[tuple[str, ...], float] = {("webrtc",): 1.0}
    for gateway in node.gateways:
        found[(type(gateway).__module__.split(".")[1],)] = float(node.gateways_open)
    return found
