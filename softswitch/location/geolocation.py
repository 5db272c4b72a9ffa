"""Positions in SIP requests: a body of PIDF-LO, a part of a multipart body that Geolocation points to (RFC 6442)."""

from __future__ import annotations

import re
from typing import NamedTuple

from softswitch.location.pidf_lo import CONTENT_TYPE, LocationObject, parse_pidf_lo
from softswitch.location.position import Position
from softswitch.sip.errors import ProtocolError
from softswitch.sip.message import Request
from softswitch.sip.multipart import Part, parse_multipart

_URI = re.compile(r"<([^<>]{1,512})>")


class Conveyed(NamedTuple):
    """What a request says of where its sender is; `references` are URIs that would have to be asked (by reference)."""

    locations: tuple[LocationObject, ...] = ()
    references: tuple[str, ...] = ()

    @property
    def best(self) -> LocationObject | None:
        """The first location with a point, else the first address."""
        return next((each for each in self.locations if each.point), self.locations[0] if self.locations else None)

    def describe(self) -> dict[str, object]:
        """JSON-ready: what a call's record keeps."""
        found: dict[str, object] = {}
        best = self.best
        if best is not None:
            if best.point is not None:
                found |= {"latitude": best.point[0], "longitude": best.point[1]}
            more = {"accuracy_m": best.uncertainty_m, "altitude_m": best.altitude_m, "method": best.method}
            found |= {name: value for name, value in more.items() if value not in (None, "")}
            if best.time:
                found["time"] = best.time
            if best.civic:
                found["civic"] = dict(best.civic)
        if self.references:
            found["references"] = list(self.references)
        return found


def conveyed(request: Request) -> Conveyed:
    """The locations that a request carries.

    Location by value counts without a Geolocation header too, because many senders forget it. Raises ProtocolError.
    """
    uris = [uri for value in request.get_all("Geolocation") for uri in _URI.findall(value)]
    wanted = {uri[4:].lower() for uri in uris if uri.lower().startswith("cid:")}
    references = tuple(uri for uri in uris if not uri.lower().startswith("cid:"))
    kind = request.content_type if request.body else None
    if kind is None:
        return Conveyed((), references)
    if kind.essence == CONTENT_TYPE:
        return Conveyed(tuple(parse_pidf_lo(request.body)), references)
    if kind.type != "multipart":
        return Conveyed((), references)
    parts = [part for part in parse_multipart(kind, request.body) if part.content_type.essence == CONTENT_TYPE]
    named = [part for part in parts if _content_id(part) in wanted]
    found = [location for part in named or parts for location in parse_pidf_lo(part.body)]
    return Conveyed(tuple(found), references)


def _content_id(part: Part) -> str:
    return (part.get("Content-ID") or "").strip().strip("<>").lower()


def positions_of(number: str, locations: Conveyed, wall: float) -> list[Position]:
    """The positions of a sender out of what it conveyed, one at most: a document lists the best first."""
    best = locations.best
    if best is None or best.point is None:
        return []
    return [
        Position(
            number,
            best.point[0],
            best.point[1],
            best.time or wall,
            best.altitude_m,
            best.uncertainty_m,
            best.speed_mps,
            best.heading_deg,
            "sip",
        )
    ]


__all__ = ["Conveyed", "ProtocolError", "conveyed", "positions_of"]
