"""Waiting until what was changed is on disk."""

from __future__ import annotations

import asyncio

from softswitch.api.problems import Problem
from softswitch.app import Application
from softswitch.store.errors import StoreError

_PATIENCE_S = 10.0


async def flushed(app: Application) -> None:
    """Return when everything written so far is kept; raises Problem 503."""
    try:
        await asyncio.to_thread(app.store.flush, _PATIENCE_S)
    except StoreError as error:
        raise Problem(503, "the database does not answer", kind="storage") from error
