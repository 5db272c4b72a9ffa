"""Positions over the API and SIP at a live switch: newest, nearest, box, track, areas, calls with a place."""

from __future__ import annotations

import time
from typing import Any

from tests.interop.rawsip import RawPhone
from tests.interop.switch import Switch, password_of, wait_until

PIDF = (
    '<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"'
    ' xmlns:gml="http://www.opengis.net/gml" entity="pres:1018@x"><tuple id="t"><status><gp:geopriv>'
    "<gp:location-info><gml:Point><gml:pos>31.2304 121.4737</gml:pos></gml:Point></gp:location-info>"
    "</gp:geopriv></status></tuple></presence>"
)


def report(switch: Switch, number: str, latitude: float, longitude: float, **more: Any) -> Any:
    body = {"number": number, "latitude": latitude, "longitude": longitude, **more}
    status, answer = switch.http("POST", "/location/positions", body)
    assert status == 201, answer
    return answer


def numbers(rows: list[dict[str, Any]]) -> list[str]:
    return [str(row["number"]) for row in rows]


def test_newest_nearest_box_and_track(switch: Switch) -> None:
    """Far from the places of the examples, where other tests of this switch leave their reports."""
    report(switch, "car-1", -41.30, 174.70)
    report(switch, "car-2", -41.29, 174.71, speed_mps=12.5, heading_deg=90)
    report(switch, "ship", -55.5, 179.9)
    near = switch.rows("/location/positions?near=-41.289,174.71&limit=2")
    assert numbers(near) == ["car-2", "car-1"] and 100 < near[0]["distance_m"] < 120
    assert numbers(switch.rows("/location/positions?near=-41.289,174.71&radius_m=500")) == ["car-2"]
    assert numbers(switch.rows("/location/positions?box=-42,174,-41,175")) == ["car-1", "car-2"]
    assert numbers(switch.rows("/location/positions?box=-56,179,-55,-179")) == ["ship"]
    assert numbers(switch.rows("/location/positions?numbers=ship,car-2,none")) == ["car-2", "ship"]
    page = switch.get("/location/positions?limit=1&numbers=car-1,car-2")
    assert page["next"] == "car-1"
    assert numbers(switch.rows("/location/positions?limit=1&numbers=car-1,car-2&after=car-1")) == ["car-2"]
    for metres in range(5):
        report(switch, "car-3", -41.3 + metres / 1e4, 174.7)
    assert len(switch.rows("/location/positions/car-3/track")) == 5
    assert len(switch.rows("/location/positions/car-3/track?tolerance_m=5")) == 2
    assert switch.http("DELETE", "/location/positions/car-3")[0] == 204
    assert switch.http("GET", "/location/positions/car-3")[0] == 404
    assert switch.rows("/location/positions/car-3/track") == []


def test_many_at_once_name_those_refused(switch: Switch) -> None:
    good = {"number": "bus", "latitude": 1, "longitude": 2}
    future = "2099-01-01T00:00:00Z"
    status, answer = switch.http("POST", "/location/positions/batch", {"positions": [good, {**good, "time": future}]})
    assert (status, answer["taken"], answer["refused"][0]["index"]) == (200, 1, 1)
    assert switch.http("POST", "/location/positions", {**good, "latitude": 91})[0] == 422
    assert switch.http("GET", "/location/positions?box=1,2,3")[0] == 422
    assert switch.http("GET", "/location/positions?near=abc")[0] == 422


def test_areas_and_followers(switch: Switch) -> None:
    status, fence = switch.http(
        "POST", "/location/geofences", {"name": "yard", "center": [22.5, 114.0], "radius_m": 500, "numbers": ["guard"]}
    )
    assert status == 201
    status, followed = switch.http("POST", "/location/subscriptions", {"numbers": ["guard"], "interval_s": 1})
    assert status == 201
    begin = time.time() - 100
    for second, latitude in enumerate((22.6, 22.5, 22.5, 22.6)):
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin + 40 * second))
        report(switch, "guard", latitude, 114.0, time=moment)
        if second == 1:
            assert switch.get(f"/location/geofences/{fence['id']}/inside")["numbers"] == ["guard"]
    events = switch.get(f"/events/journal?ids={fence['id']},{followed['id']}")["items"]
    kinds = [each["type"] for each in events]
    assert kinds.count("location.geofence_entered") == kinds.count("location.geofence_left") == 1, kinds
    assert kinds.count("location.followed") == 4
    changed = {**fence, "name": "gate", "radius_m": 600}
    del changed["id"]
    status, answer = switch.http("PUT", f"/location/geofences/{fence['id']}", changed)
    assert (status, answer["name"]) == (200, "gate")
    assert switch.http("DELETE", f"/location/geofences/{fence['id']}")[0] == 204
    assert switch.http("DELETE", f"/location/geofences/{fence['id']}")[0] == 404
    assert switch.http("DELETE", f"/location/subscriptions/{followed['id']}")[0] == 204
    assert switch.http("POST", "/location/geofences", {"name": "nothing"})[0] == 422


def test_a_call_says_where_it_comes_from(switch: Switch) -> None:
    plan = switch.plan
    with RawPhone((plan.address, plan.sip), "1018", password_of("1018")) as phone:
        sdp = phone.sdp()
        body = (
            f"--b\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n--b\r\nContent-Type: application/pidf+xml\r\n"
            f"Content-ID: <here@x>\r\n\r\n{PIDF}\r\n--b--\r\n"
        )
        uri, to = f"sip:600@{plan.address}:{plan.sip}", f"<sip:600@{plan.address}>"
        more = (("Geolocation", "<cid:here@x>"), ("Geolocation-Routing", "no"))
        answer = phone.transact("INVITE", uri, to, body=body, content_type="multipart/mixed;boundary=b", more=more)
        assert answer.status == 200, answer.start
        phone.to_tag = answer.get("To").partition("tag=")[2]
        phone.target = answer.get("Contact").partition("<")[2].partition(">")[0]
        phone.send(phone.request("ACK", phone.target, answer.get("To"), cseq=phone.cseq))
        call = switch.calls()[0]
        assert call["location"]["latitude"] == 31.2304
        assert phone.transact("BYE", phone.target, answer.get("To")).status == 200
    wait_until(lambda: any(row["id"] == call["call_id"] for row in switch.cdrs()), 40, "the call's record")
    assert switch.get(f"/data/cdrs/{call['call_id']}")["location"]["longitude"] == 121.4737
    assert switch.get("/location/positions/1018")["latitude"] == 31.2304
