"""Positions, areas and subscriptions on disk: between locations and the store."""

from __future__ import annotations

import logging
from operator import attrgetter

from softswitch.location.fences import Fence, fence_of
from softswitch.location.position import Position
from softswitch.location.subscriptions import Subscription, subscription_of
from softswitch.store import positions as rows
from softswitch.store.documents import delete_document, list_documents, put_document
from softswitch.store.errors import StoreError
from softswitch.store.store import Store

_VALUES = attrgetter(*rows.COLUMNS[:-1])
logger = logging.getLogger(__name__)


class LocationKeeper:
    """The durable memory of locations."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, positions: list[tuple[Position, float]]) -> None:
        """Keep positions with the time of each arrival, with one write for all."""
        self._write(rows.put_positions([(*_VALUES(each), at) for each, at in positions]))

    def newest(self) -> list[Position]:
        """The last place of every device. Raises StoreError."""
        return [position_of(row) for row in self._store.read(rows.newest_positions)]

    def forget(self, number: str) -> None:
        """Remove a device's track."""
        self._write(rows.delete_positions_of(number))

    def forget_before(self, until: float) -> None:
        """Remove what is older (Unix time)."""
        self._write(rows.delete_positions_before(until))

    def fences(self) -> list[Fence]:
        """The areas that are watched. Raises StoreError."""
        return [fence_of(document) for document in self._store.read(list_documents("geofences"))]

    def put_fence(self, fence: Fence) -> None:
        """Keep an area."""
        self._write(put_document("geofences", fence.id, fence.document()))

    def delete_fence(self, fence_id: str) -> None:
        """Forget an area."""
        self._write(delete_document("geofences", fence_id))

    def subscriptions(self) -> list[Subscription]:
        """Who follows whom. Raises StoreError."""
        return [subscription_of(document) for document in self._store.read(list_documents("location_subscriptions"))]

    def put_subscription(self, subscription: Subscription) -> None:
        """Keep a subscription."""
        self._write(put_document("location_subscriptions", subscription.id, subscription.document()))

    def delete_subscription(self, subscription_id: str) -> None:
        """Forget a subscription."""
        self._write(delete_document("location_subscriptions", subscription_id))

    def _write(self, write: rows.Write) -> None:
        try:
            self._store.write(write)
        except StoreError:
            logger.exception("a position is not stored")


def position_of(row: rows.Row) -> Position:
    """A position as it was kept."""
    return Position(**{name: row[name] for name in rows.COLUMNS[:-1]})
