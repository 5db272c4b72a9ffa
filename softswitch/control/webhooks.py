"""Webhooks that were added by the API, kept in the store as one value."""

from __future__ import annotations

import json
import logging

from sqlite_utils import Database

from softswitch.api.webhooks import WebhookSettings
from softswitch.store.errors import StoreError
from softswitch.store.store import Store

logger = logging.getLogger(__name__)

_KEY = "webhooks"


class StoredWebhooks:
    """Reads and writes them; their secrets lie in the database as it must be able to sign with them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def load(self) -> list[WebhookSettings]:
        """Those kept; none when there are none or the database does not answer."""

        def read(database: Database) -> str:
            row = database.execute("SELECT value FROM meta WHERE key = ?", [_KEY]).fetchone()
            return row[0] if row else "[]"

        try:
            return [WebhookSettings(**each) for each in json.loads(self._store.read(read))]
        except (StoreError, ValueError, TypeError):
            logger.exception("the stored webhooks cannot be read")
            return []

    def save(self, webhooks: list[WebhookSettings]) -> None:
        """Keep exactly these."""
        text = json.dumps([each._asdict() for each in webhooks])

        def write(database: Database) -> None:
            database.table("meta").insert({"key": _KEY, "value": text}, pk="key", replace=True)

        try:
            self._store.write(write)
        except StoreError:
            logger.exception("the webhooks are not stored")
