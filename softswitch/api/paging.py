"""Pages of lists that a service answers whole: parties, calls, rooms.

Lists that are read from the database have cursors of their own (`Operation.cursor`). Here a page's cursor is the key
of its last row, and the next page begins with the first row whose key is greater: so nothing is told twice and
nothing that stays is left out, whatever comes and goes meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from softswitch.api.models import Answer, Call, Registration, Trunk
from softswitch.api.models.access import Department, Token
from softswitch.api.models.base import Request
from softswitch.api.models.conference import Conference, PlanRow
from softswitch.api.models.group import Group
from softswitch.api.models.location import FenceRow, SubscriptionRow
from softswitch.api.models.queue import Queue
from softswitch.api.models.system import Ban
from softswitch.api.models.voice import AmbienceRow
from softswitch.api.models.webrtc import BrowserSession

#: What makes a row of a list unmistakable, in the order in which pages go through them.
KEYS: Mapping[type[Answer], tuple[str, ...]] = {
    AmbienceRow: ("ambience_id",),
    Ban: ("host",),
    BrowserSession: ("session_id",),
    Call: ("call_id",),
    Conference: ("number",),
    Department: ("id",),
    FenceRow: ("id",),
    Group: ("number",),
    PlanRow: ("name",),
    Queue: ("number",),
    Registration: ("number", "contact"),
    SubscriptionRow: ("id",),
    Token: ("name",),
    Trunk: ("name",),
}


class PageQuery(Request):
    """Which part of a list."""

    # Its longest form, percent-encoded, fits into a request line (8190 octets).
    after: str = Field(default="", max_length=640, description="Cursor: `next` of the page before.")
    limit: int = Field(default=1000, ge=1, le=1000)


def page_of(
    rows: Sequence[Mapping[str, Any]], key: tuple[str, ...], query: Mapping[str, Any]
) -> tuple[Sequence[Mapping[str, Any]], str | None]:
    """One page, and the cursor of the next; a list that fits in one page keeps its order."""
    after, limit = query["after"], query["limit"]
    if not after and len(rows) <= limit:
        return rows, None

    def cursor(row: Mapping[str, Any]) -> str:
        return " ".join(str(row[name]) for name in key)

    rest = sorted((row for row in rows if cursor(row) > after), key=cursor)
    return rest[:limit], cursor(rest[limit - 1]) if len(rest) > limit else None
