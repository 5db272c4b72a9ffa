"""What reading components of the API share: the store asked on another thread, and cursors."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Callable
from typing import TypeVar

from sqlite_utils import Database

from softswitch.api.problems import Problem
from softswitch.app import Application
from softswitch.store.errors import StoreError

Result = TypeVar("Result")


async def read(app: Application, function: Callable[[Database], Result]) -> Result:
    """Read what is written, and what still waits to be: who asks after an event wants to find it."""

    def work() -> Result:
        app.store.flush()
        return app.store.read(function)

    try:
        return await asyncio.to_thread(work)
    except StoreError as error:
        raise Problem(503, "the database does not answer", kind="storage") from error


def cursor_of(time: float, identifier: str) -> str:
    """The place behind a row, for the next page."""
    return base64.urlsafe_b64encode(json.dumps([time, identifier]).encode()).decode().rstrip("=")


def place_of(cursor: str) -> tuple[float, str]:
    """Where a cursor points; raises Problem 422 for one that was not made here."""
    try:
        time, identifier = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return float(time), str(identifier)
    except (binascii.Error, ValueError, TypeError):
        fields = [{"field": "cursor", "in": "query", "detail": "not a cursor of this resource"}]
        raise Problem(422, "the cursor is not valid", kind="invalid-request", members={"errors": fields}) from None
