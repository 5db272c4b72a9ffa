"""What outlived the last run, taken in before the first socket opens."""

from __future__ import annotations

import logging

from softswitch.app.node import Node
from softswitch.config.plan import to_plan
from softswitch.directory import merge
from softswitch.store.queries import list_subscribers

logger = logging.getLogger(__name__)


def restore(node: Node) -> None:
    """Subscribers, rooms, registrations, waiting messages and positions. Raises StoreError."""
    node.directory.reload(merge(node.settings, node.store.read(list_subscribers)))
    node.directory.restore(node.store.load_features())
    node.room_keeper.load(node.regrouping)
    make_plan(node)
    node.records.close_interrupted(node.wall())
    _restore_bindings(node)
    node.messaging.outbox.restore(node.message_keeper.waiting())
    _restore_locations(node)


def make_plan(node: Node) -> None:
    """Let the dialplan be that of the settings in force, with all subscribers and rooms."""
    plan = to_plan(node.settings, [subscriber.number for subscriber in node.directory])
    node.router.plan = node.room_keeper.dial(plan)


def _restore_bindings(node: Node) -> None:
    wall = node.wall()
    bindings = node.store.load_bindings(wall)
    gone = node.registrar.restore(bindings, node.now(), wall)
    if gone:
        node.persist(gone, lambda stored: None)
    if bindings:
        logger.info("%d registrations are back", len(bindings) - len(gone))


def _restore_locations(node: Node) -> None:
    for fence in node.location_keeper.fences():
        node.locations.fences.put(fence)
    for subscription in node.location_keeper.subscriptions():
        node.locations.subscriptions.add(subscription)
    node.locations.restore(node.location_keeper.newest())
