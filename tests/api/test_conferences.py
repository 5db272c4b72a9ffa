"""Conferences through the API, with telephones: plans, PIN, mute, whisper, lock, announcements, roll-call."""

from __future__ import annotations

from tests.api.conftest import MakePhone
from tests.api.phone import Phone
from tests.api.test_groups import hears, says
from tests.api.test_voice import heard, post
from tests.interop.audio import frequency_hz, level_dbm0
from tests.interop.switch import Switch, wait_until

PATH = "/voice/conferences"


def loudest(phone: Phone) -> float:
    """The largest sample that arrives within a third of a second."""
    return float(abs(heard(phone, 0.3)).max())


def make(switch: Switch, number: str, **rules: object) -> None:
    row = post(switch, PATH, {"number": number, **rules}, 201)
    assert row["origin"] == "store", row


def inside(switch: Switch, number: str, count: int) -> dict[str, dict[str, object]]:
    wait_until(lambda: len(switch.get(f"{PATH}/{number}")["participants"]) == count, 40, f"{count} are in {number}")
    return {row["party"]: row for row in switch.get(f"{PATH}/{number}")["participants"]}


def test_one_order_calls_a_plan_and_the_members_are_ruled(switch: Switch, phone: MakePhone) -> None:
    phones = {number: phone(number) for number in ("1001", "1002", "1003")}
    make(switch, "7101", name="Flood")
    members = {"1001": {"chair": True}, "1002": {}, "1003": {}, "1019": {"attempts": 2, "retry_s": 0.1}}
    status, plan = switch.http("PUT", f"{PATH}/7101/plans/flood", {"members": members})
    assert status == 200 and plan["members"]["1001"]["chair"] is True, plan
    call = post(switch, f"{PATH}/7101/start", {}, 201)
    assert (call["plan"], call["invited"]) == ("flood", 4), call
    inside(switch, "7101", 3)
    invite = phones["1001"].received("INVITE")[0]
    assert invite.get("Answer-Mode") == "Auto", invite.fields
    rows = switch.get(f"{PATH}/7101/calls")["items"]
    wait_until(lambda: switch.get(f"{PATH}/7101/calls")["items"][0]["failed"] == 1, 40, "1019 is tried twice")
    assert (
        next(m for m in switch.get(f"{PATH}/7101/calls")["items"][0]["members"] if m["party"] == "1019")["attempts"]
        == 2
    ), rows
    says(phones["1002"])
    hears(phones["1003"], "1002")
    post(switch, f"{PATH}/7101/mute", {})
    wait_until(lambda: loudest(phones["1003"]) < 300, 40, "nothing is heard of those who are muted")
    status, row = switch.http("PATCH", f"{PATH}/7101/members/1002", {"muted": False, "hand_raised": True})
    assert status == 200 and [p["party"] for p in row["participants"] if p["hand_since"]] == ["1002"], row
    hears(phones["1003"], "1002")
    post(switch, f"{PATH}/7101/members/1002/whisper", {"to": "1001"})
    hears(phones["1001"], "1002")
    wait_until(lambda: loudest(phones["1003"]) < 300, 40, "1002 whispers to 1001 alone")
    post(switch, f"{PATH}/7101/lock", {})
    late = post(switch, "/voice/calls", {"caller": "1004", "callee": "7101"}, 409)
    assert late["sip_code"] == 480, "1004 is not there at all"
    roll = post(switch, f"{PATH}/7101/roll_call", {}, 201)
    assert (roll["present"], roll["missing"]) == (3, 1), roll
    assert switch.http("DELETE", f"{PATH}/7101/members/1003")[0] == 204
    assert phones["1003"].ended.wait(40), "put out"
    post(switch, f"{PATH}/7101/end")
    assert phones["1001"].ended.wait(40) and phones["1002"].ended.wait(40)
    assert switch.http("POST", f"{PATH}/7101/end", {})[0] == 404, "nobody is in it"
    assert switch.http("DELETE", f"{PATH}/7101")[0] == 204
    assert switch.http("GET", f"{PATH}/7101/definition")[0] == 404


def test_a_pin_is_entered_by_keys_and_announcements_are_heard(switch: Switch, phone: MakePhone) -> None:
    one = phone("1001")
    make(switch, "7102", pin="42")
    call = post(switch, "/voice/calls", {"caller": "1001", "callee": "7102"}, 201)["call_id"]
    wait_until(lambda: one.remote_media is not None, 40, "1001 is at the door")
    assert level_dbm0(heard(one, 1.0)) > -40, "it is asked for the PIN"
    assert not switch.get(f"{PATH}/7102")["participants"]
    assert one.remote_media is not None
    one.press("42#")
    inside(switch, "7102", 1)
    post(switch, f"{PATH}/7102/announce", {"tone_hz": 800, "seconds": 60})
    wait_until(lambda: abs(frequency_hz(heard(one, 0.5)) - 800) < 3, 40, "the tone is heard")
    post(switch, f"{PATH}/7102/announce", {"source": "nothing"}, 404)
    post(switch, f"{PATH}/7102/announce", {"stop": True})
    status, row = switch.http("PATCH", f"{PATH}/7102/definition", {"pin": "", "name": "Open"})
    assert (status, row["pin_needed"], row["name"]) == (200, False, "Open")
    post(switch, f"/voice/calls/{call}/disconnect")


def test_conferences_are_linked_and_the_orders_are_events(switch: Switch, phone: MakePhone) -> None:
    one, two = phone("1001"), phone("1002")
    make(switch, "7103")
    make(switch, "7104")
    post(switch, f"{PATH}/7103/start", {"members": {"1001": {}}}, 201)
    post(switch, f"{PATH}/7104/start", {"members": {"1002": {}}}, 201)
    inside(switch, "7103", 1)
    inside(switch, "7104", 1)
    status, answer = switch.http("POST", f"{PATH}/7103/link", {"conference": "7104"})
    assert status in (202, 409), answer  # rooms on different packet threads cannot be linked
    if status == 202:
        says(one)
        hears(two, "1001")
        post(switch, f"{PATH}/7103/link", {"conference": "7104", "linked": False})
    post(switch, f"{PATH}/7103/end")
    post(switch, f"{PATH}/7104/end")
    assert one.ended.wait(40) and two.ended.wait(40)
