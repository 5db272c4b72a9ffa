"""PIDF-LO: the examples of the RFCs, and whatever else may come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.location.geolocation import conveyed, positions_of
from softswitch.location.pidf_lo import LocationObject, parse_pidf_lo, serialize_pidf_lo
from softswitch.sip.errors import ProtocolError
from softswitch.sip.message import Request
from tests.unit.damage import damaged

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
 xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" xmlns:gml="http://www.opengis.net/gml"
 xmlns:gs="http://www.opengis.net/pidflo/1.0"
 xmlns:cl="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr"
 xmlns:dyn="urn:ietf:params:xml:ns:pidf:geopriv10:dynamic" entity="pres:alice@example.com">"""


def document(shape: str, more: str = "") -> bytes:
    """A device with one location."""
    return (
        f'{HEAD}<dm:device id="d"><gp:geopriv><gp:location-info>{shape}{more}</gp:location-info><gp:usage-rules/>'
        "<gp:method>GPS</gp:method></gp:geopriv><dm:timestamp>2007-06-24T12:28:04Z</dm:timestamp></dm:device>"
        "</presence>"
    ).encode()


RADIUS = '<gs:radius uom="urn:ogc:def:uom:EPSG::9001">850.24</gs:radius>'
#: The shapes with the values of RFC 5491 §5.2; point, altitude, uncertainty.
SHAPES = [
    ("<gml:Point><gml:pos>-43.5723 153.21760</gml:pos></gml:Point>", (-43.5723, 153.2176), None, None),
    ("<gml:Point><gml:pos>-43.5723 153.21760 715</gml:pos></gml:Point>", (-43.5723, 153.2176), 715.0, None),
    (f"<gs:Circle><gml:pos>42.5463 -73.2512</gml:pos>{RADIUS}</gs:Circle>", (42.5463, -73.2512), None, 850.24),
    (f"<gs:Sphere><gml:pos>42.5463 -73.2512 26.3</gml:pos>{RADIUS}</gs:Sphere>", (42.5463, -73.2512), 26.3, 850.24),
    (
        "<gs:Ellipse><gml:pos>42.5463 -73.2512</gml:pos><gs:semiMajorAxis>1275</gs:semiMajorAxis>"
        "<gs:semiMinorAxis>670</gs:semiMinorAxis><gs:orientation>43.2</gs:orientation></gs:Ellipse>",
        (42.5463, -73.2512),
        None,
        1275.0,
    ),
    (
        "<gs:ArcBand><gml:pos>-43.5723 153.21760</gml:pos><gs:innerRadius>3594</gs:innerRadius>"
        "<gs:outerRadius>4148</gs:outerRadius><gs:startAngle>20</gs:startAngle>"
        "<gs:openingAngle>20</gs:openingAngle></gs:ArcBand>",
        (-43.542, 153.2415),
        None,
        730.0,
    ),
    (
        "<gml:Polygon><gml:exterior><gml:LinearRing><gml:pos>43.311 -73.422</gml:pos><gml:pos>43.111 -73.322</gml:pos>"
        "<gml:pos>43.111 -73.222</gml:pos><gml:pos>43.311 -73.122</gml:pos><gml:pos>43.411 -73.222</gml:pos>"
        "<gml:pos>43.411 -73.322</gml:pos><gml:pos>43.311 -73.422</gml:pos></gml:LinearRing></gml:exterior>"
        "</gml:Polygon>",
        (43.2777, -73.272),
        None,
        19000.0,
    ),
    (
        "<gml:location><gml:Point><gml:coordinates>37:46:30N 122:25:10W</gml:coordinates></gml:Point></gml:location>",
        (37.775, -122.41944),
        None,
        None,
    ),
]


@pytest.mark.parametrize(("shape", "point", "altitude", "uncertainty"), SHAPES)
def test_shapes_of_the_rfcs(
    shape: str, point: tuple[float, float], altitude: float | None, uncertainty: float | None
) -> None:
    (found,) = parse_pidf_lo(document(shape))
    assert found.point == pytest.approx(point, abs=2e-3) and found.altitude_m == altitude
    assert found.uncertainty_m == (None if uncertainty is None else pytest.approx(uncertainty, rel=0.1))
    assert (found.entity, found.method, found.time) == ("pres:alice@example.com", "GPS", 1182688084.0)


def test_an_address_and_a_movement_beside_a_point() -> None:
    civic = "<cl:civicAddress><cl:country>CN</cl:country><cl:A1>北京市</cl:A1><cl:RD>长安街</cl:RD></cl:civicAddress>"
    moving = "<dyn:Dynamic><dyn:heading>90</dyn:heading><dyn:speed>14.7</dyn:speed></dyn:Dynamic>"
    (found,) = parse_pidf_lo(document("<gml:Point><gml:pos>39.9 116.4</gml:pos></gml:Point>", civic + moving))
    assert dict(found.civic) == {"country": "CN", "A1": "北京市", "RD": "长安街"}
    assert (found.speed_mps, found.heading_deg) == (14.7, 90.0)


def test_a_presence_without_location_tells_of_none() -> None:
    assert parse_pidf_lo(f"{HEAD}</presence>".encode()) == []


@pytest.mark.parametrize(
    "shape",
    [
        "<gml:Point/>",
        "<gml:Point><gml:pos>91 0</gml:pos></gml:Point>",
        "<gml:Point><gml:pos>nan inf</gml:pos></gml:Point>",
        "<gs:Circle><gml:pos>1 2</gml:pos></gs:Circle>",
        "<gml:Polygon><gml:pos>1 2</gml:pos></gml:Polygon>",
        "<gml:Polygon>" + "<gml:pos>1 2</gml:pos>" * 300 + "</gml:Polygon>",
    ],
)
def test_broken_shapes_are_refused(shape: str) -> None:
    with pytest.raises(ProtocolError):
        parse_pidf_lo(document(shape))


_positions = st.lists(st.floats(-1000, 1000), max_size=4).map(
    lambda numbers: f"<gml:Point><gml:pos>{' '.join(map(str, numbers))}</gml:pos></gml:Point>".encode()
)


@given(st.binary(max_size=400) | _positions | damaged(*(shape.encode() for shape, *_ in SHAPES)))
def test_anything_else_is_refused_or_somewhere_on_earth(data: bytes) -> None:
    for octets in (data, document(data.decode("latin-1"))):
        try:
            found = parse_pidf_lo(octets)
        except ProtocolError as error:
            assert error.status == 400, f"the sender is told of a bad request, not {error.status}"
            continue
        for location in found:
            assert location.point or location.civic, "a location says where"
            latitude, longitude = location.point or (0.0, 0.0)
            assert -90 <= latitude <= 90 and -180 <= longitude <= 180, f"{location.point} is nowhere on Earth"


@given(
    st.floats(-90, 90),
    st.floats(-180, 179.9999),
    st.none() | st.floats(-400, 9000),
    st.none() | st.floats(0, 1e5),
    st.none() | st.floats(0, 359),
)
def test_what_is_written_is_read_again(
    latitude: float, longitude: float, altitude: float | None, radius: float | None, heading: float | None
) -> None:
    written = LocationObject("pres:1001@x", "", (latitude, longitude), altitude, radius, time=1e9, heading_deg=heading)
    (found,) = parse_pidf_lo(serialize_pidf_lo(written))
    assert found.point == pytest.approx(written.point, abs=1e-6)
    assert found.uncertainty_m == (None if radius is None else pytest.approx(radius, abs=0.06))
    assert found.heading_deg == (None if heading is None else pytest.approx(heading, abs=0.06))
    assert found.time == 1e9


def request(*fields: tuple[str, str], body: bytes = b"") -> Request:
    every = [("Via", "SIP/2.0/UDP a;branch=z9hG4bKx"), ("From", "<sip:1001@x>;tag=1"), ("To", "<sip:120@x>")]
    return Request("INVITE", "sip:120@x", [*every, ("Call-ID", "c"), ("CSeq", "1 INVITE"), *fields], body)


def test_geolocation_points_to_its_part() -> None:
    """RFC 6442 §4.1: by value, in a part of a multipart body."""
    here = document("<gml:Point><gml:pos>39.9 116.4</gml:pos></gml:Point>")
    there = document("<gml:Point><gml:pos>10 20</gml:pos></gml:Point>")
    parts = [
        b"--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n",
        b"--b\r\nContent-Type: application/pidf+xml\r\nContent-ID: <other@x>\r\n\r\n" + there,
        b"--b\r\nContent-Type: application/pidf+xml\r\nContent-ID: <Alice@X>\r\n\r\n" + here,
        b"--b--\r\n",
    ]
    found = conveyed(
        request(
            ("Geolocation", "<cid:alice@x>, <https://lis.example/1>"),
            ("Content-Type", "multipart/mixed;boundary=b"),
            body=b"\r\n".join(parts),
        )
    )
    assert [each.point for each in found.locations] == [(39.9, 116.4)]
    assert found.references == ("https://lis.example/1",)
    assert found.describe()["latitude"] == 39.9 and found.describe()["references"] == ["https://lis.example/1"]
    (position,) = positions_of("1001", found, 5.0)
    assert (position.number, position.time, position.source) == ("1001", 1182688084.0, "sip")


def test_a_location_alone_needs_no_header_and_a_reference_no_body() -> None:
    body = document("<gml:Point><gml:pos>39.9 116.4</gml:pos></gml:Point>")
    assert conveyed(request(("Content-Type", "application/pidf+xml"), body=body)).best is not None
    assert conveyed(request(("Geolocation", "<sips:3sdefrhy2jj7@lis.example>"))).references
    assert conveyed(request()).describe() == {}
