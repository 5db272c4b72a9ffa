"""PIDF-LO: location objects in presence documents (RFC 4119, shapes and rules of RFC 5491, motion of RFC 5962)."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import hypot, radians
from typing import Final

from softswitch.location.geodesy import Point, distance_m, moved
from softswitch.location.position import wrapped
from softswitch.sip.errors import ProtocolError
from softswitch.sip.packages.xml import add_text, clean, parse_document, serialize_document, text_of

CONTENT_TYPE: Final = "application/pidf+xml"
PIDF: Final = "urn:ietf:params:xml:ns:pidf"
_GP = "{urn:ietf:params:xml:ns:pidf:geopriv10}"
_GML = "{http://www.opengis.net/gml}"
_GS = "{http://www.opengis.net/pidflo/1.0}"
_CIVIC = "{urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr}"
_DYNAMIC = "{urn:ietf:params:xml:ns:pidf:geopriv10:dynamic}"
_DATA_MODEL = "{urn:ietf:params:xml:ns:pidf:data-model}"
_METRE = "urn:ogc:def:uom:EPSG::9001"
_RADIAN = "urn:ogc:def:uom:EPSG::9101"
_MOST_CORNERS = 256
_PART = r"(\d{1,3}):(\d{1,2}):(\d{1,2}(?:\.\d{1,6})?)"
_DEGREES_MINUTES_SECONDS = re.compile(rf"{_PART}([NS])[ ,]+{_PART}([EW])")
_LONGEST_CIVIC = 64


@dataclass(frozen=True, slots=True)
class LocationObject:
    """One location: a point with its uncertainty (None where only an address is given), and what else was said.

    `shape` is the GML name in lower case; `uncertainty_m` the radius that covers the shape; `time` Unix seconds, 0
    when none was written.
    """

    entity: str
    shape: str = ""
    point: Point | None = None
    altitude_m: float | None = None
    uncertainty_m: float | None = None
    civic: tuple[tuple[str, str], ...] = ()
    method: str = ""
    time: float = 0.0
    speed_mps: float | None = None
    heading_deg: float | None = None


def parse_pidf_lo(data: bytes) -> list[LocationObject]:
    """Every location of a presence document, the most preferred first (RFC 5491 §3.4); empty when it tells of none.

    Raises ProtocolError.
    """
    root = parse_document(data, f"{{{PIDF}}}presence")
    entity = root.get("entity", "")
    found = [location for holder in _holders(root) for location in _of_holder(entity, holder)]
    return [location for location in found if location.point is not None or location.civic]


def _holders(root: ET.Element) -> Iterator[ET.Element]:
    """What may hold a location, in the order of preference: device, tuple, person."""
    yield from root.findall(f"{_DATA_MODEL}device")
    yield from root.findall(f"{{{PIDF}}}tuple")
    yield from root.findall(f"{_DATA_MODEL}person")


def _of_holder(entity: str, holder: ET.Element) -> Iterator[LocationObject]:
    stamp = next((child for child in holder if child.tag.rpartition("}")[2] == "timestamp"), None)
    time = _time(text_of(stamp))
    for geopriv in holder.iter(f"{_GP}geopriv"):
        info = geopriv.find(f"{_GP}location-info")
        if info is not None:
            yield _location(entity, info, time, text_of(geopriv.find(f"{_GP}method")) or "")


def _location(entity: str, info: ET.Element, time: float, method: str) -> LocationObject:
    civic: tuple[tuple[str, str], ...] = ()
    shape, point, altitude, uncertainty = "", None, None, None
    speed = heading = None
    for child in _parts(info):
        kind = child.tag.rpartition("}")[2]
        if child.tag == f"{_CIVIC}civicAddress":
            texts = [(part.tag.rpartition("}")[2], text_of(part) or "") for part in child]
            civic = tuple((name, text) for name, text in texts if text)[:_LONGEST_CIVIC]
        elif child.tag == f"{_DYNAMIC}Dynamic":
            speed = _number(text_of(child.find(f"{_DYNAMIC}speed")))
            heading = _number(text_of(child.find(f"{_DYNAMIC}heading")))
        elif kind in _SHAPES and child.tag in (f"{_GML}{kind}", f"{_GS}{kind}") and point is None:
            shape = kind.lower()
            point, altitude, uncertainty = _SHAPES[kind](child)
    return LocationObject(entity, shape, point, altitude, uncertainty, civic, method, time, speed, heading)


def _parts(info: ET.Element) -> Iterator[ET.Element]:
    """What a location consists of; the wrapping of RFC 4119 §2.2.5 is looked through."""
    for child in info:
        yield from child if child.tag == f"{_GML}location" else (child,)


# -- shapes -----------------------------------------------------------------------------------------------------------

Read = tuple[Point, float | None, float | None]


def _point(element: ET.Element) -> Read:
    point, altitude = _pos(element)
    return point, altitude, None


def _circle(element: ET.Element) -> Read:
    point, altitude = _pos(element)
    return point, altitude, _metres(element, "radius")


def _ellipse(element: ET.Element) -> Read:
    point, altitude = _pos(element)
    return point, altitude, _metres(element, "semiMajorAxis")


def _ellipsoid(element: ET.Element) -> Read:
    point, altitude = _pos(element)
    return point, altitude, hypot(_metres(element, "semiMajorAxis"), _metres(element, "verticalAxis"))


def _arc_band(element: ET.Element) -> Read:
    """The middle of the band, half way of its radii and of its angle (RFC 5491 §5.2.5)."""
    center, altitude = _pos(element)
    inner, outer = _metres(element, "innerRadius"), _metres(element, "outerRadius")
    start, opening = _degrees(element, "startAngle"), _degrees(element, "openingAngle")
    middle = moved(center, start + opening / 2, (inner + outer) / 2)
    corners = [moved(center, start + opening * part, radius) for part in (0.0, 0.5, 1.0) for radius in (inner, outer)]
    return middle, altitude, max(distance_m(middle, corner) for corner in corners)


def _polygon(element: ET.Element) -> Read:
    return _middle(_ring(element))


def _prism(element: ET.Element) -> Read:
    base = element.find(f"{_GS}base")
    return _middle(_ring(base if base is not None else element))


_SHAPES = {
    "Point": _point,
    "Circle": _circle,
    "Sphere": _circle,
    "Ellipse": _ellipse,
    "Ellipsoid": _ellipsoid,
    "ArcBand": _arc_band,
    "Polygon": _polygon,
    "Prism": _prism,
}


def _middle(corners: list[Point]) -> Read:
    """The centre of corners, and how far the farthest is from it."""
    first = corners[0][1]
    turns = [(longitude - first + 180.0) % 360.0 - 180.0 for _, longitude in corners]
    latitude = sum(corner[0] for corner in corners) / len(corners)
    middle = (latitude, (first + sum(turns) / len(turns) + 180.0) % 360.0 - 180.0)
    return middle, None, max(distance_m(middle, corner) for corner in corners)


def _ring(element: ET.Element) -> list[Point]:
    numbers: list[list[float]] = []
    size = 3 if (element.get("srsName") or "").endswith("4979") else 2
    for child in element.iter():
        if child.tag == f"{_GML}pos":
            numbers.append(_numbers(child))
        elif child.tag == f"{_GML}posList":
            size = 3 if child.get("srsDimension") == "3" or size == 3 else 2
            flat = _numbers(child)
            numbers += [flat[index : index + size] for index in range(0, len(flat), size)]
        if len(numbers) > _MOST_CORNERS:
            raise ProtocolError("PIDF-LO: a polygon of too many corners")
    corners = [_on_earth(each)[0] for each in numbers]
    if len(corners) > 1 and corners[0] == corners[-1]:
        corners.pop()
    if len(corners) < 3:
        raise ProtocolError("PIDF-LO: a polygon of less than three corners", section="RFC 5491 §5.2.2")
    return corners


def _pos(element: ET.Element) -> tuple[Point, float | None]:
    pos, coordinates = element.find(f"{_GML}pos"), text_of(element.find(f"{_GML}coordinates"))
    if pos is None and coordinates is not None:
        return _old_coordinates(coordinates)
    if pos is None:
        raise ProtocolError("PIDF-LO: a shape without a position", section="RFC 5491 §5.2")
    return _on_earth(_numbers(pos))


def _old_coordinates(text: str) -> tuple[Point, float | None]:
    """Degrees, minutes and seconds as the example of RFC 4119 §2.2.5 has them: `37:46:30N 122:25:10W`."""
    found = _DEGREES_MINUTES_SECONDS.fullmatch(text)
    if found is None:
        return _on_earth([value for word in text.replace(",", " ").split()[:4] if (value := _number(word)) is not None])
    values = [float(found[at]) + float(found[at + 1]) / 60 + float(found[at + 2]) / 3600 for at in (1, 5)]
    return _on_earth([values[0] * (-1 if found[4] == "S" else 1), values[1] * (-1 if found[8] == "W" else 1)])


def _on_earth(numbers: list[float]) -> tuple[Point, float | None]:
    if len(numbers) not in (2, 3) or abs(numbers[0]) > 90.0 or abs(numbers[1]) > 360.0:
        raise ProtocolError("PIDF-LO: no latitude and longitude", section="RFC 5491 §5.1")
    return (numbers[0], wrapped(numbers[1])), numbers[2] if len(numbers) == 3 else None


def _numbers(element: ET.Element) -> list[float]:
    values = [_number(word) for word in (element.text or "").split()[: 3 * _MOST_CORNERS + 1]]
    return [value for value in values if value is not None]


def _number(text: str | None) -> float | None:
    """A decimal number as XML writes it; ProtocolError for anything else."""
    if text is None:
        return None
    if len(text) > 40 or not set(text) <= set("0123456789+-.eE"):
        raise ProtocolError("PIDF-LO: not a number")
    try:
        value = float(text)
    except ValueError as error:
        raise ProtocolError("PIDF-LO: not a number") from error
    if abs(value) > 1e9:
        raise ProtocolError("PIDF-LO: a number out of range")
    return value


def _metres(element: ET.Element, name: str) -> float:
    value = _number(text_of(element.find(f"{_GS}{name}")))
    if value is None or value < 0:
        raise ProtocolError(f"PIDF-LO: a shape without {name}", section="RFC 5491 §5.2")
    return value


def _degrees(element: ET.Element, name: str) -> float:
    child = element.find(f"{_GS}{name}")
    value = _number(text_of(child))
    if child is None or value is None:
        raise ProtocolError(f"PIDF-LO: a shape without {name}", section="RFC 5491 §5.2")
    return value / radians(1.0) if child.get("uom") == _RADIAN else value


def _time(text: str | None) -> float:
    if text is None:
        return 0.0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ProtocolError("PIDF-LO: a timestamp that is none", section="RFC 3863 §4.1.7") from error
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (OverflowError, ValueError) as error:
        raise ProtocolError("PIDF-LO: a timestamp out of range", section="RFC 3863 §4.1.7") from error


# -- writing ----------------------------------------------------------------------------------------------------------


def serialize_pidf_lo(location: LocationObject) -> bytes:
    """A document with one circle, or a point where no uncertainty is known. Raises ValueError without a point."""
    if location.point is None:
        raise ValueError("a location without a point cannot be written")
    root = ET.Element(f"{{{PIDF}}}presence", {"entity": clean(location.entity)})
    device = ET.SubElement(root, f"{_DATA_MODEL}device", {"id": "position"})
    info = ET.SubElement(ET.SubElement(device, f"{_GP}geopriv"), f"{_GP}location-info")
    circle = location.uncertainty_m is not None
    solid = location.altitude_m is not None
    name = (f"{_GS}Sphere" if solid else f"{_GS}Circle") if circle else f"{_GML}Point"
    shape = ET.SubElement(info, name, {"srsName": f"urn:ogc:def:crs:EPSG::{4979 if solid else 4326}"})
    numbers = [*location.point, *([location.altitude_m] if location.altitude_m is not None else [])]
    add_text(shape, f"{_GML}pos", " ".join(f"{value:.7g}" if abs(value) > 360 else f"{value:.7f}" for value in numbers))
    if circle:
        add_text(shape, f"{_GS}radius", f"{location.uncertainty_m:.1f}", {"uom": _METRE})
    if location.speed_mps is not None or location.heading_deg is not None:
        dynamic = ET.SubElement(info, f"{_DYNAMIC}Dynamic")
        add_text(dynamic, f"{_DYNAMIC}heading", None if location.heading_deg is None else f"{location.heading_deg:.1f}")
        add_text(dynamic, f"{_DYNAMIC}speed", None if location.speed_mps is None else f"{location.speed_mps:.1f}")
    ET.SubElement(device[0], f"{_GP}usage-rules")
    add_text(device[0], f"{_GP}method", location.method or None)
    if location.time:
        stamp = datetime.fromtimestamp(location.time, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        add_text(device, f"{_DATA_MODEL}timestamp", stamp)
    return serialize_document(root)


__all__ = ["CONTENT_TYPE", "LocationObject", "parse_pidf_lo", "serialize_pidf_lo"]
