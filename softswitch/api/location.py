"""`/location`: positions, tracks, geofences, subscriptions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from softswitch.api.kept import with_seconds
from softswitch.api.models.location import (
    FenceInside,
    FenceRow,
    FenceShape,
    NewPosition,
    NewPositions,
    NewSubscription,
    PositionRow,
    PositionsQuery,
    PositionsTaken,
    SubscriptionRow,
    TrackQuery,
)
from softswitch.api.operations import Context, Operation
from softswitch.api.services import ApiServices, LocationServices, Row


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component."""
    if services.locations is None:
        return []
    return [*_positions(services.locations), *_fences(services.locations), *_subscriptions(services.locations)]


def _operation(method: str, path: str, summary: str, handler: Any, role: Any = "dispatcher", **more: Any) -> Operation:
    return Operation(
        method=method, path=path, summary=summary, component="location", role=role, handler=handler, **more
    )


def _positions(desk: LocationServices) -> list[Operation]:
    async def report(context: Context) -> Row:
        return desk.report(with_seconds(context.body))

    async def report_many(context: Context) -> Row:
        return desk.report_many([with_seconds(each) for each in context.body["positions"]])

    async def newest(context: Context) -> Iterable[Row]:
        return desk.newest(context.query)

    async def one(context: Context) -> Row:
        return desk.position(context.path["number"])

    async def track(context: Context) -> Iterable[Row]:
        return await desk.track(context.path["number"], with_seconds(context.query))

    async def forget(context: Context) -> None:
        desk.forget(context.path["number"])

    number = "/location/positions/{number}"
    return [
        _operation(
            "POST",
            "/location/positions",
            "Report where a device is",
            report,
            body=NewPosition,
            answer=PositionRow,
            status=201,
        ),
        _operation(
            "POST",
            "/location/positions/batch",
            "Report many positions",
            report_many,
            body=NewPositions,
            answer=PositionsTaken,
        ),
        _operation(
            "GET",
            "/location/positions",
            "Newest positions: all, of numbers, in a box, or next to a point",
            newest,
            "viewer",
            query=PositionsQuery,
            answer=PositionRow,
            many=True,
            cursor="number",
        ),
        _operation("GET", number, "The newest position of a device", one, "viewer", answer=PositionRow),
        _operation(
            "GET",
            number + "/track",
            "Where a device was, oldest first",
            track,
            query=TrackQuery,
            answer=PositionRow,
            many=True,
            sensitive=True,
        ),
        _operation("DELETE", number, "Forget where a device is and was", forget, "admin", status=204),
    ]


def _fences(desk: LocationServices) -> list[Operation]:
    async def every(context: Context) -> Iterable[Row]:
        return desk.fences()

    async def one(context: Context) -> Row:
        return desk.fence(context.path["id"])

    async def inside(context: Context) -> Row:
        return desk.inside(context.path["id"])

    async def add(context: Context) -> Row:
        return desk.put_fence("", context.body)

    async def change(context: Context) -> Row:
        return desk.put_fence(context.path["id"], context.body)

    async def remove(context: Context) -> None:
        desk.remove_fence(context.path["id"])

    path, item = "/location/geofences", "/location/geofences/{id}"
    return [
        _operation("GET", path, "Areas that are watched", every, "viewer", answer=FenceRow, many=True),
        _operation(
            "POST",
            path,
            "Watch an area: a circle or a polygon",
            add,
            body=FenceShape,
            answer=FenceRow,
            status=201,
            location=item,
            tagged=True,
        ),
        _operation("GET", item, "One area", one, "viewer", answer=FenceRow, tagged=True),
        _operation("PUT", item, "Change an area", change, body=FenceShape, answer=FenceRow, current=one),
        _operation("DELETE", item, "Watch an area no more", remove, answer=FenceRow, current=one, status=204),
        _operation("GET", item + "/inside", "Who is inside an area", inside, "viewer", answer=FenceInside),
    ]


def _subscriptions(desk: LocationServices) -> list[Operation]:
    async def every(context: Context) -> Iterable[Row]:
        return desk.subscriptions()

    async def add(context: Context) -> Row:
        return desk.subscribe(context.body)

    async def remove(context: Context) -> None:
        desk.unsubscribe(context.path["id"])

    path = "/location/subscriptions"
    return [
        _operation("GET", path, "Who is followed", every, answer=SubscriptionRow, many=True),
        _operation(
            "POST",
            path,
            "Follow devices: gateways have them report, events tell",
            add,
            body=NewSubscription,
            answer=SubscriptionRow,
            status=201,
        ),
        _operation("DELETE", path + "/{id}", "Follow them no more", remove, status=204),
    ]
