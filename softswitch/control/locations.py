"""Positions, geofences and subscriptions for the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from softswitch.api.problems import Problem
from softswitch.api.services import LocationServices, Row
from softswitch.app import Application
from softswitch.control.paging import read
from softswitch.location.fences import Fence, fence_of
from softswitch.location.geodesy import Box, thinned
from softswitch.location.position import BadPosition, Position
from softswitch.location.subscriptions import Subscription
from softswitch.store import positions as rows

MAX_FENCES = 10_000
MAX_SUBSCRIPTIONS = 10_000
_THINNED_AT_MOST = 2_000


class LocationControl:
    """Where everybody is, as the API sees it."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._locations = app.locations
        self._keeper = app.location_keeper
        self.services = LocationServices(
            report=self._report,
            report_many=self._report_many,
            newest=self._newest,
            position=self._position,
            track=self._track,
            forget=self._forget,
            fences=lambda: [each.document() for each in self._locations.fences],
            fence=lambda identifier: self._locations.fences.get(identifier).document(),
            inside=self._inside,
            put_fence=self._put_fence,
            remove_fence=self._remove_fence,
            subscriptions=lambda: [each.document() for each in self._locations.subscriptions],
            subscribe=self._subscribe,
            unsubscribe=self._unsubscribe,
        )

    # -- positions --------------------------------------------------------------------------------------------------

    def _report(self, body: Mapping[str, Any]) -> Row:
        try:
            return self._take(body).to_dict()
        except BadPosition as error:
            members = {"errors": [{"field": error.field, "in": "body", "detail": str(error)}]} if error.field else {}
            raise Problem(422, str(error), kind="bad-position", members=members) from error

    def _report_many(self, bodies: list[Mapping[str, Any]]) -> Row:
        refused = []
        for index, body in enumerate(bodies):
            try:
                self._take(body)
            except BadPosition as error:
                refused.append({"index": index, "detail": str(error)})
        return {"taken": len(bodies) - len(refused), "refused": refused}

    def _take(self, body: Mapping[str, Any]) -> Position:
        time = body["time"] if body.get("time") is not None else self._app.wall()
        position = Position(**{**body, "time": float(time)})
        return self._app.driver.call(lambda now: self._locations.report(position))

    def _newest(self, query: Mapping[str, Any]) -> Iterable[Row]:
        latest, limit = self._locations.latest, int(query["limit"])
        wanted = {number.strip() for number in query["numbers"].split(",") if number.strip()}
        if query["near"] is not None:
            latitude, longitude = map(float, query["near"].split(","))
            radius = query["radius_m"] or float("inf")
            near = latest.near((latitude, longitude), len(latest) if wanted else limit, radius)
            return [
                {**each.position.to_dict(), "distance_m": round(each.distance_m, 1), "bearing_deg": each.bearing_deg}
                for each in near
                if not wanted or each.position.number in wanted
            ][:limit]
        if wanted:
            known = (latest.get(number) for number in sorted(wanted))
            found = [position for position in known if position is not None]
        else:
            found = sorted(latest, key=lambda position: position.number) if query["box"] is None else []
        if query["box"] is not None:
            box = Box(*map(float, query["box"].split(",")))
            inside = latest.within(box)
            found = [each for each in inside if not wanted or each.number in wanted]
        return [each.to_dict() for each in found if each.number > query["after"]][:limit]

    def _position(self, number: str) -> Row:
        position = self._locations.latest.get(number)
        if position is None:
            raise LookupError(f"the position of {number!r} is not known")
        return position.to_dict()

    async def _track(self, number: str, query: Mapping[str, Any]) -> Iterable[Row]:
        self._locations.flush()
        wanted = {**query, "all": query["suspects"]}

        def work(database: Any) -> list[Row]:
            found: list[Row] = list(rows.track(database, number, wanted))
            if not query["tolerance_m"]:
                return found
            thin: list[Row] = []
            for begin in range(0, len(found), _THINNED_AT_MOST):  # the work grows with the square of a piece
                piece = found[begin : begin + _THINNED_AT_MOST]
                points = [(row["latitude"], row["longitude"]) for row in piece]
                thin += [piece[index] for index in thinned(points, query["tolerance_m"])]
            return thin

        return await read(self._app, work)

    def _forget(self, number: str) -> None:
        if not self._app.driver.call(lambda now: self._locations.forget(number)):
            raise LookupError(f"the position of {number!r} is not known")
        self._keeper.forget(number)

    # -- geofences --------------------------------------------------------------------------------------------------

    def _inside(self, identifier: str) -> Row:
        fence = self._locations.fences.get(identifier)
        return {"id": fence.id, "numbers": self._locations.fences.inside(fence.id)}

    def _put_fence(self, identifier: str, body: Mapping[str, Any]) -> Row:
        fences = self._locations.fences
        if identifier:
            fences.get(identifier)
        elif len(fences) >= MAX_FENCES:
            raise Problem(409, f"there are {MAX_FENCES} geofences already", kind="too-many-geofences")
        try:
            fence: Fence = fence_of({**body, "id": identifier or self._app.ids.next()})
        except ValueError as error:
            raise Problem(422, str(error), kind="invalid-request") from error
        self._app.driver.call(lambda now: fences.put(fence))
        self._keeper.put_fence(fence)
        return fence.document()

    def _remove_fence(self, identifier: str) -> None:
        self._app.driver.call(lambda now: self._locations.fences.remove(identifier))
        self._keeper.delete_fence(identifier)

    # -- subscriptions ----------------------------------------------------------------------------------------------

    def _subscribe(self, body: Mapping[str, Any]) -> Row:
        subscriptions = self._locations.subscriptions
        if len(subscriptions) >= MAX_SUBSCRIPTIONS:
            raise Problem(409, f"there are {MAX_SUBSCRIPTIONS} subscriptions already", kind="too-many-subscriptions")
        numbers = tuple(dict.fromkeys(body["numbers"]))
        ends = self._app.wall() + body["lifetime_s"]
        made = Subscription(self._app.ids.next(), numbers, body["interval_s"], body["distance_m"], ends)
        self._app.driver.call(lambda now: subscriptions.add(made))
        self._keeper.put_subscription(made)
        return made.document()

    def _unsubscribe(self, identifier: str) -> None:
        self._app.driver.call(lambda now: self._locations.subscriptions.remove(identifier))
        self._keeper.delete_subscription(identifier)
