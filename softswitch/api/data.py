"""`/data`: subscribers, call detail records, audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from softswitch.api.models import AuditEntry, AuditQuery, CallDetailRecord, CdrQuery, Subscriber, SubscriberQuery
from softswitch.api.operations import Context, Operation
from softswitch.api.services import ApiServices, Row


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component."""

    async def subscribers(context: Context) -> Iterable[Row]:
        query = context.query
        chosen = sorted(
            (
                row
                for row in services.subscribers()
                if row["number"].startswith(query["prefix"]) and row["number"] > query["after"]
            ),
            key=lambda row: str(row["number"]),
        )
        return chosen[: query["limit"]]

    async def cdrs(context: Context) -> Iterable[Row]:
        return await services.cdrs(_with_seconds(context.query))

    async def audit(context: Context) -> Iterable[Row]:
        return await services.audit(_with_seconds(context.query))

    return [
        Operation(
            method="GET",
            path="/data/subscribers",
            summary="Subscribers by number",
            component="data",
            role="viewer",
            handler=subscribers,
            query=SubscriberQuery,
            answer=Subscriber,
            many=True,
            cursor="number",
        ),
        Operation(
            method="GET",
            path="/data/cdrs",
            summary="Call detail records, newest first",
            component="data",
            role="dispatcher",
            handler=cdrs,
            query=CdrQuery,
            answer=CallDetailRecord,
            many=True,
            cursor="started_at",
        ),
        Operation(
            method="GET",
            path="/data/audit",
            summary="The audit log, oldest first",
            component="data",
            role="admin",
            handler=audit,
            query=AuditQuery,
            answer=AuditEntry,
            many=True,
        ),
    ]


def _with_seconds(query: Mapping[str, Any]) -> dict[str, Any]:
    """The query with its times as seconds since 1970, as the store counts them; a time without zone is UTC."""
    return {name: _seconds(value) if isinstance(value, datetime) else value for name, value in query.items()}


def _seconds(value: datetime) -> float:
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
