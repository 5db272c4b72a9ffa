"""Positions and areas, as the client offers them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from softswitch.api.models.location import FenceInside, FenceRow, PositionRow, PositionsTaken, SubscriptionRow
from softswitch.client.connection import Connection, part


class LocationOperations(Connection):
    """Where devices are and have been; places in degrees, WGS 84."""

    async def report_position(self, number: str, latitude: float, longitude: float, **members: Any) -> PositionRow:
        """Say where a device is; members: time, accuracy_m, speed_mps, heading_deg, altitude_m, device, source."""
        body = {"number": number, "latitude": latitude, "longitude": longitude, **members}
        return await self.one("POST", "/location/positions", PositionRow, body)

    async def report_positions(self, positions: Iterable[Mapping[str, Any]]) -> PositionsTaken:
        """Up to a thousand at once; the answer names those that were not taken."""
        return await self.one("POST", "/location/positions/batch", PositionsTaken, {"positions": list(positions)})

    def positions(self, **query: str) -> AsyncIterator[PositionRow]:
        """The newest position of each device: of `numbers`, in a `box`, or `near` a point."""
        return self.pages("/location/positions", PositionRow, "after", query)

    async def position(self, number: str) -> PositionRow:
        """The newest position of a device."""
        return await self.one("GET", f"/location/positions/{part(number)}", PositionRow)

    async def track(self, number: str, **query: str) -> list[PositionRow]:
        """Where a device was, oldest first: since, until, limit, tolerance_m, suspects."""
        answer = await self.request("GET", f"/location/positions/{part(number)}/track", query=query)
        return [PositionRow.model_validate(item) for item in answer["items"]]

    async def forget_position(self, number: str) -> None:
        """Forget where a device is and was."""
        await self.request("DELETE", f"/location/positions/{part(number)}")

    async def geofences(self) -> list[FenceRow]:
        """The areas that are watched."""
        return await self.items("/location/geofences", FenceRow)

    async def geofence(self, identifier: str) -> FenceRow:
        """One area."""
        return await self.one("GET", f"/location/geofences/{part(identifier)}", FenceRow)

    async def add_geofence(self, **shape: Any) -> FenceRow:
        """Watch an area: `center` and `radius_m`, or `polygon`."""
        return await self.one("POST", "/location/geofences", FenceRow, shape)

    async def change_geofence(self, identifier: str, **shape: Any) -> FenceRow:
        """Give an area another shape."""
        return await self.one("PUT", f"/location/geofences/{part(identifier)}", FenceRow, shape)

    async def remove_geofence(self, identifier: str) -> None:
        """Watch an area no more."""
        await self.request("DELETE", f"/location/geofences/{part(identifier)}")

    async def inside_geofence(self, identifier: str) -> list[str]:
        """Who is in an area now."""
        return (await self.one("GET", f"/location/geofences/{part(identifier)}/inside", FenceInside)).numbers

    async def follow(self, numbers: Iterable[str], **members: Any) -> SubscriptionRow:
        """Be told of these devices by events `location.followed`: interval_s, distance_m, lifetime_s."""
        return await self.one("POST", "/location/subscriptions", SubscriptionRow, {"numbers": list(numbers), **members})

    async def followed(self) -> list[SubscriptionRow]:
        """Subscriptions in force."""
        return await self.items("/location/subscriptions", SubscriptionRow)

    async def unfollow(self, identifier: str) -> None:
        """End a subscription."""
        await self.request("DELETE", f"/location/subscriptions/{part(identifier)}")
