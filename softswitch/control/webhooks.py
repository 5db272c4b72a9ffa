"""Webhooks that were added by the API, kept in the store as one value."""

from __future__ import annotations

import json
import logging
from functools import partial

from softswitch.api.webhooks import WebhookSettings
from softswitch.store.errors import StoreError
from softswitch.store.queries import get_meta, put_meta
from softswitch.store.store import Store

logger = logging.getLogger(__name__)

_KEY = "webhooks"


class StoredWebhooks:
    """Reads and writes them; their secrets lie in the database as it must be able to sign with them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def load(self) -> list[WebhookSettings]:
        """Those kept; none when there are none or the database does not answer."""
        try:
            text = self._store.read(partial(get_meta, key=_KEY)) or "[]"
            return [WebhookSettings(**each) for each in json.loads(text)]
        except (StoreError, ValueError, TypeError):
            logger.exception("the stored webhooks cannot be read")
            return []

    def save(self, webhooks: list[WebhookSettings]) -> None:
        """Keep exactly these."""
        text = json.dumps([each._asdict() for each in webhooks])
        try:
            self._store.write(put_meta(_KEY, text))
        except StoreError:
            logger.exception("the webhooks are not stored")
