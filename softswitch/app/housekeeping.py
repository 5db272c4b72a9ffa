"""What is done again and again while the switch runs."""

from __future__ import annotations

from softswitch.app.node import Node
from softswitch.calls.sip.keepalive import PING
from softswitch.directory import FeaturesChanged, SubscriberRemoved

_HOUSEKEEPING_S = 0.25
_TIDY_S = 3600.0


class Housekeeping:
    """Two rounds of a node: often what must not wait, once an hour what has been kept long enough."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def start(self, now: float) -> None:
        """Go both rounds, and again from then on."""
        self._round(now)
        self._tidy(now)

    def _round(self, now: float) -> None:
        node = self._node
        node.registrations.expire(now)
        node.presence.handle_timer(now)
        self._follow_directory()
        self._follow_positions()
        for flow in node.keepalive.due(now, len(node.registrar)):
            node.network.send(PING, flow)
        node.media_events.poll()
        node.media_watch.handle_timer(now)
        node.quality_watch.handle_timer(now)
        node.captures.handle_timer(now)
        if node.hep_reports is not None:
            node.hep_reports.handle_timer(now)
        node.timers.schedule(now + _HOUSEKEEPING_S, self._round)

    def _follow_directory(self) -> None:
        """What subscribers chose is kept; a number that is gone has no contacts any more."""
        node = self._node
        while (event := node.directory.next_event()) is not None:
            if isinstance(event, FeaturesChanged):
                node.store.save_features(event.number, dict(event.choices), node.wall())
            elif isinstance(event, SubscriberRemoved):
                node.registrations.dropped(node.registrar.remove(event.number))

    def _follow_positions(self) -> None:
        node = self._node
        node.locations.flush()
        for identifier in node.locations.subscriptions.ended(node.wall()):
            node.locations.subscriptions.remove(identifier)
            node.location_keeper.delete_subscription(identifier)

    def _tidy(self, now: float) -> None:
        node = self._node
        messages, location, storage = node.settings.messaging, node.settings.location, node.settings.storage
        if storage.cdr_days:
            node.records.forget_before(node.wall() - storage.cdr_days * 86400)
        if messages.history_days:
            node.message_keeper.forget_before(node.wall() - messages.history_days * 86400)
        if location.history_days:
            node.location_keeper.forget_before(node.wall() - location.history_days * 86400)
        node.timers.schedule(now + _TIDY_S, self._tidy)
