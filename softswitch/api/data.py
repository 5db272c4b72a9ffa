"""`/data`: subscribers and their features, the directory, call detail records, statistics, audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from softswitch.api.kept import with_seconds
from softswitch.api.models import (
    AddedSubscriber,
    AuditEntry,
    AuditQuery,
    CallDetailRecord,
    CdrQuery,
    ChangeFeatures,
    ChangeSubscriber,
    DirectoryEntry,
    Features,
    NewPassword,
    NewSubscriber,
    NumbersQuery,
    PasswordChanged,
    PeriodQuery,
    Statistics,
    Subscriber,
)
from softswitch.api.operations import Context, Operation
from softswitch.api.problems import not_found
from softswitch.api.services import ApiServices, Row, Rows, SubscriberServices


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component."""
    found = [*_reading(services), *_history(services)]
    if services.edit is not None:
        found.extend(_subscriber_changes(services, services.edit))
        found.extend(_features(services.edit))
    return found


def _reading(services: ApiServices) -> list[Operation]:
    async def subscribers(context: Context) -> Iterable[Row]:
        return _page(services.subscribers, context.query)

    async def directory(context: Context) -> Iterable[Row]:
        return _page(services.directory, context.query)

    async def subscriber(context: Context) -> Row:
        return _existing(services, context)

    return [
        Operation(
            method="GET",
            path="/data/subscribers",
            summary="Subscribers by number",
            component="data",
            role="viewer",
            handler=subscribers,
            query=NumbersQuery,
            answer=Subscriber,
            many=True,
            cursor="number",
        ),
        Operation(
            method="GET",
            path="/data/subscribers/{number}",
            summary="One subscriber",
            component="data",
            role="viewer",
            handler=subscriber,
            answer=Subscriber,
            tagged=True,
        ),
        Operation(
            method="GET",
            path="/data/directory",
            summary="Every number that can be dialled, with the presence of subscribers",
            component="data",
            role="viewer",
            handler=directory,
            query=NumbersQuery,
            answer=DirectoryEntry,
            many=True,
            cursor="number",
        ),
    ]


def _page(rows: Rows, query: Mapping[str, Any]) -> list[Row]:
    chosen = [row for row in rows() if row["number"].startswith(query["prefix"]) and row["number"] > query["after"]]
    chosen.sort(key=lambda row: str(row["number"]))
    return chosen[: query["limit"]]


def _existing(services: ApiServices, context: Context) -> Row:
    row = services.subscriber(context.path["number"])
    if row is None:
        raise not_found("subscriber", context.path["number"])
    return row


def _subscriber_changes(services: ApiServices, edit: SubscriberServices) -> list[Operation]:
    async def current(context: Context) -> Row:
        return _existing(services, context)

    async def add(context: Context) -> Row:
        return await edit.add(context.body)

    async def change(context: Context) -> Row:
        _existing(services, context)
        given = {name: value for name, value in context.body.items() if name in context.given and value is not None}
        return await edit.change(context.path["number"], given)

    async def remove(context: Context) -> None:
        _existing(services, context)
        await edit.remove(context.path["number"])

    async def password(context: Context) -> Row:
        _existing(services, context)
        return await edit.password(context.path["number"], context.body["password"])

    return [
        Operation(
            method="POST",
            path="/data/subscribers",
            summary="Add a subscriber",
            component="data",
            role="admin",
            handler=add,
            body=NewSubscriber,
            answer=AddedSubscriber,
            status=201,
            location="/data/subscribers/{number}",
        ),
        Operation(
            method="PATCH",
            path="/data/subscribers/{number}",
            summary="Change a subscriber of the store",
            component="data",
            role="admin",
            handler=change,
            body=ChangeSubscriber,
            answer=Subscriber,
            current=current,
        ),
        Operation(
            method="DELETE",
            path="/data/subscribers/{number}",
            summary="Remove a subscriber of the store, its registrations and its choices",
            component="data",
            role="admin",
            handler=remove,
            current=current,
            status=204,
        ),
        Operation(
            method="POST",
            path="/data/subscribers/{number}/password",
            summary="Give a subscriber of the store another password",
            component="data",
            role="admin",
            handler=password,
            body=NewPassword,
            answer=PasswordChanged,
        ),
    ]


def _features(edit: SubscriberServices) -> list[Operation]:
    async def features(context: Context) -> Row:
        return edit.features(context.path["number"])

    async def choose(context: Context) -> Row:
        given = {name: value for name, value in context.body.items() if name in context.given}
        return await edit.choose(context.path["number"], given)

    return [
        Operation(
            method="GET",
            path="/data/subscribers/{number}/features",
            summary="Forwarding and do-not-disturb of a subscriber",
            component="data",
            role="viewer",
            handler=features,
            answer=Features,
            tagged=True,
        ),
        Operation(
            method="PATCH",
            path="/data/subscribers/{number}/features",
            summary="Set forwarding and do-not-disturb",
            component="data",
            role="dispatcher",
            handler=choose,
            body=ChangeFeatures,
            answer=Features,
            current=features,
        ),
    ]


def _history(services: ApiServices) -> list[Operation]:
    async def cdrs(context: Context) -> Iterable[Row]:
        return await services.cdrs(with_seconds(context.query))

    async def cdr(context: Context) -> Row:
        row = await services.cdr(context.path["id"])
        if row is None:
            raise not_found("call detail record", context.path["id"])
        return row

    async def audit(context: Context) -> Iterable[Row]:
        return await services.audit(with_seconds(context.query))

    found = [
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
            cursor="cursor",
        ),
        Operation(
            method="GET",
            path="/data/cdrs/{id}",
            summary="One call detail record",
            component="data",
            role="dispatcher",
            handler=cdr,
            answer=CallDetailRecord,
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
            cursor="sequence",
            sensitive=True,
        ),
    ]
    if services.statistics is not None:
        found.append(_statistics(services))
    return found


def _statistics(services: ApiServices) -> Operation:
    async def statistics(context: Context) -> Row:
        assert services.statistics is not None
        return await services.statistics(with_seconds(context.query))

    return Operation(
        method="GET",
        path="/data/statistics",
        summary="Calls of a period, counted",
        component="data",
        role="viewer",
        handler=statistics,
        query=PeriodQuery,
        answer=Statistics,
    )
