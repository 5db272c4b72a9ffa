"""What recordings and messages have in common: they are found by a query, page by page, and one by its id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from softswitch.api.models.base import Answer, Request
from softswitch.api.operations import Context, Operation
from softswitch.api.problems import not_found
from softswitch.api.services import Row
from softswitch.roles import Role


@dataclass(frozen=True, slots=True)
class Kept:
    """A collection at `path`; `what` names one of it, `find` and `get` look it up. `sensitive`: reading is audited."""

    what: str
    path: str
    component: str
    role: Role
    query: type[Request]
    answer: type[Answer]
    find: Callable[[Mapping[str, Any]], Awaitable[Iterable[Row]]]
    get: Callable[[str], Awaitable[Row | None]]
    sensitive: bool = False

    async def existing(self, identifier: str) -> Row:
        """One of it; raises Problem 404."""
        row = await self.get(identifier)
        if row is None:
            raise not_found(self.what, identifier)
        return row

    def operations(self, found: str, single: str) -> list[Operation]:
        """The two operations with their summaries; `cursor` of the last row is where the next page begins."""

        async def find(context: Context) -> Iterable[Row]:
            return await self.find(with_seconds(context.query))

        async def one(context: Context) -> Row:
            return await self.existing(context.path["id"])

        return [
            Operation(
                method="GET",
                path=self.path,
                summary=found,
                component=self.component,
                role=self.role,
                handler=find,
                query=self.query,
                answer=self.answer,
                many=True,
                cursor="cursor",
                sensitive=self.sensitive,
            ),
            Operation(
                method="GET",
                path=f"{self.path}/{{id}}",
                summary=single,
                component=self.component,
                role=self.role,
                handler=one,
                answer=self.answer,
                sensitive=self.sensitive,
            ),
        ]


def with_seconds(query: Mapping[str, Any]) -> dict[str, Any]:
    """The query with its times as seconds since 1970, as the store counts them; a time without zone is UTC."""
    return {name: _seconds(value) if isinstance(value, datetime) else value for name, value in query.items()}


def _seconds(value: datetime) -> float:
    try:
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    except (OverflowError, ValueError):
        return 0.0 if value.year < 1970 else 4e10
