"""Talkgroups through the API, with telephones that answer by themselves: what each of them hears is measured."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import numpy as np

from tests.api.conftest import MakePhone
from tests.api.phone import Phone
from tests.api.test_voice import heard, post
from tests.interop.audio import encode_ulaw, frequency_hz, level_dbm0
from tests.interop.switch import TOKEN, Switch, wait_until

TONES = {"1001": 500.0, "1002": 800.0, "1003": 1250.0}


def says(phone: Phone) -> None:
    """The telephone sends its tone for minutes, whether it has the floor or not."""
    wait_until(lambda: phone.remote_media is not None, 40, f"{phone.number} is in a call")
    assert phone.remote_media is not None
    samples = np.sin(2 * np.pi * TONES[phone.number] * np.arange(1_600_000) / 8000) * 8000
    phone.rtp.send(encode_ulaw(samples.astype(np.int16)), phone.remote_media)


def hears(phone: Phone, number: str) -> None:
    """Wait until half a second of what arrives at the telephone is the tone of `number` and nothing else."""
    found: list[int] = []

    def wanted() -> bool:
        found.append(round(frequency_hz(heard(phone, 0.5))))
        return abs(found[-1] - TONES[number]) < 3

    wait_until(wanted, 40, lambda: f"{phone.number} hears {TONES[number]:.0f} Hz of {number}, instead of {found}")


def make(switch: Switch, number: str, *members: str, **rules: object) -> None:
    post(switch, "/groups", {"number": number, "members": list(members), **rules}, 201)


def group(switch: Switch, number: str) -> dict[str, Any]:
    row: dict[str, Any] = switch.get(f"/groups/{number}")
    return row


def legs(switch: Switch, number: str, count: int) -> dict[str, str]:
    """The legs of those inside, once there are so many."""
    wait_until(lambda: len(group(switch, number)["participants"]) == count, 40, f"{count} are in {number}")
    return {row["party"]: row["leg_id"] for row in group(switch, number)["participants"]}


def floor(switch: Switch, number: str, wish: str, leg: str, **more: object) -> None:
    post(switch, f"/groups/{number}/floor/{wish}", {"leg_id": leg, **more})


def test_members_are_called_and_hear_whoever_has_the_floor(switch: Switch, phone: MakePhone) -> None:
    phones = {number: phone(number) for number in TONES}
    make(switch, "8101", *TONES)
    call = post(switch, "/groups/8101/calls", {"kind": "group"}, 201)
    assert call["invited"] == 3, call
    inside = legs(switch, "8101", 3)
    invite = phones["1001"].received("INVITE")[0]
    assert invite.get("Answer-Mode") == "Auto" and "answer-after=0" in invite.get("Call-Info")
    for each in phones.values():
        says(each)
    floor(switch, "8101", "request", inside["1001"])
    hears(phones["1002"], "1001")
    hears(phones["1003"], "1001")
    floor(switch, "8101", "request", inside["1002"])
    assert group(switch, "8101")["talker"] == "1001", "1002 waits"
    floor(switch, "8101", "request", inside["1003"], tier="emergency")
    hears(phones["1001"], "1003")
    floor(switch, "8101", "force", inside["1002"])
    assert group(switch, "8101")["talker"] == "1003", "an emergency is not put off by force"
    floor(switch, "8101", "release", inside["1003"])
    hears(phones["1001"], "1002")
    post(switch, "/groups/8101/mute", {"leg_id": inside["1002"]})
    assert group(switch, "8101")["floor"] == "idle", "who is muted does not talk any more"
    row = group(switch, "8101")["call"]
    assert (row["state"], row["present"], row["setup_ms"] > 0) == ("active", 3, True), row
    post(switch, "/groups/8101/release", {"leg_id": inside["1003"]})
    assert phones["1003"].ended.wait(40), "released by force"
    assert switch.http("DELETE", "/groups/8101/calls")[0] == 204
    assert phones["1001"].ended.wait(40) and phones["1002"].ended.wait(40)
    wait_until(lambda: bool(group(switch, "8101")["history"]), 40, "the call is in the history")
    rows = lambda: switch.get("/data/cdrs?limit=3")["items"]  # noqa: E731
    wait_until(lambda: {each["talkgroup"] for each in rows()} == {"8101"}, 40, "the three have their records")


def test_a_dispatcher_listens_in_secret_and_is_put_in_with_priority(switch: Switch, phone: MakePhone) -> None:
    one, two, spy = phone("1001"), phone("1002"), phone("1003")
    make(switch, "8102", "1001", "1002")
    post(switch, "/groups/8102/calls", {}, 201)
    inside = legs(switch, "8102", 2)
    post(switch, "/groups/8102/listen", {"party": "1003"})
    assert spy.in_call.wait(40)
    says(one)
    floor(switch, "8102", "request", inside["1001"])
    hears(spy, "1001")
    assert set(legs(switch, "8102", 2)) == {"1001", "1002"}, "nobody sees the listener"
    spy.hang_up()
    wait_until(lambda: len(switch.calls()) == 2, 40, "the listener is gone")
    post(switch, "/groups/8102/insert", {"party": "1003"})
    inside = legs(switch, "8102", 3)
    says(spy)
    floor(switch, "8102", "request", inside["1003"])
    hears(two, "1003")
    post(switch, "/groups/8102/release", {})
    assert one.ended.wait(40) and two.ended.wait(40) and spy.ended.wait(40)


def test_regroup_and_patch_and_what_is_left_of_them(switch: Switch, phone: MakePhone) -> None:
    one, two = phone("1001"), phone("1002")
    make(switch, "8103", "1001")
    make(switch, "8104", "1002")
    temporary = post(switch, "/groups/regroup", {"name": "Fire", "groups": ["8103", "8104"], "lifetime_s": 60}, 201)
    number = temporary["number"]
    legs(switch, number, 2)
    assert switch.http("DELETE", f"/groups/{number}")[0] == 204
    assert one.ended.wait(40) and two.ended.wait(40) and switch.http("GET", f"/groups/{number}")[0] == 404
    post(switch, "/groups/8103/calls", {}, 201)
    post(switch, "/groups/8104/calls", {}, 201)
    legs(switch, "8103", 1), legs(switch, "8104", 1)
    patch = post(switch, "/groups/patch", {"groups": ["8103", "8104"]}, 201)["number"]
    inside = legs(switch, patch, 2)
    assert group(switch, "8103")["patched_into"] == patch
    says(one)
    floor(switch, patch, "request", inside["1001"])
    hears(two, "1001")
    assert switch.http("DELETE", f"/groups/{patch}")[0] == 204
    assert set(legs(switch, "8103", 1)) == {"1001"} and set(legs(switch, "8104", 1)) == {"1002"}
    for each in ("8103", "8104"):
        assert switch.http("DELETE", f"/groups/{each}")[0] == 204
    assert one.ended.wait(40) and two.ended.wait(40), "the call of a group that is given up ends"


def test_a_number_that_leads_nowhere_keeps_nobody_from_being_called(switch: Switch, phone: MakePhone) -> None:
    one = phone("1001")
    made = post(switch, "/groups/regroup", {"members": ["1001", "77123", "77124"]}, 201)
    listed = next(row for row in switch.rows("/groups") if row["number"] == made["number"])
    assert (listed["call"]["kind"], listed["call"]["attendees"]) == ("group", []), "told in short"
    assert made["unknown"] == ["77123", "77124"] and made["expires_at"] is None, "until it is removed"
    assert one.in_call.wait(40), "an alarm is heard although its list is old"
    call = switch.get(f"/groups/{made['number']}/calls")["items"][0]
    states = {each["party"]: (each["state"], each["sip_code"]) for each in call["attendees"]}
    assert states["77123"] == states["77124"] == ("failed", 404)
    assert switch.http("DELETE", f"/groups/{made['number']}")[0] == 204
    refused = post(switch, "/groups/regroup", {"members": ["77123", "77124"]}, 422)
    assert [each["field"] for each in refused["errors"]] == ["members.0", "members.1"]
    assert post(switch, "/groups/regroup", {"members": ["1001"], "call": "broadcast"}, 422)["errors"][0]["field"] == (
        "talker"
    )


def test_everybody_is_called_into_an_open_group(switch: Switch, phone: MakePhone) -> None:
    one, two = phone("1001"), phone("1002")
    make(switch, "8108")
    assert post(switch, "/groups/8108/calls", {}, 409)["type"].endswith("no-members"), "nobody is there to be called"
    assert post(switch, "/groups/8108/insert", {"party": "77123"}, 422)["detail"] == "there is no number 77123"
    assert post(switch, "/groups/8108/roll_call", {}, 409)["type"].endswith("no-members")
    roll = post(switch, "/groups/8108/roll_call", {"everybody": True, "ring_s": 5}, 201)  # others may not answer
    assert {"1001", "1002"} <= {each["party"] for each in roll["results"]}
    assert one.in_call.wait(40) and two.in_call.wait(40)
    one.hang_up(), two.hang_up()
    wait_until(lambda: switch.get("/groups/8108/roll_call")["items"][0]["state"] == "ended", 40, "the roll-call ends")
    assert post(switch, "/groups/8108/invite", {}, 422)["detail"]
    post(switch, "/groups/8108/invite", {"everybody": True})
    wait_until(
        lambda: {"1001", "1002"} <= {row["party"] for row in group(switch, "8108")["participants"]},
        40,
        "both are there",
    )
    assert switch.http("DELETE", "/groups/8108")[0] == 204


def test_a_roll_call_and_its_result(switch: Switch, phone: MakePhone) -> None:
    one, _two = phone("1001"), phone("1002", status=486)
    make(switch, "8105", "1001", "1002", "1003")
    roll = post(switch, "/groups/8105/roll_call", {}, 201)["roll_call_id"]
    assert one.in_call.wait(40) and level_dbm0(heard(one, 1.0)) > -40, "who answers hears an announcement"
    one.hang_up()
    wait_until(lambda: switch.get("/groups/8105/roll_call")["items"][0]["state"] == "ended", 40, "the roll-call ends")
    (row,) = switch.get("/groups/8105/roll_call")["items"]
    found = {each["party"]: (each["answered"], each["sip_code"]) for each in row["results"]}
    assert row["roll_call_id"] == roll and (row["present"], row["missing"]) == (1, 2)
    assert found == {"1001": (True, 0), "1002": (False, 486), "1003": (False, 480)}


def test_a_definition_is_changed_only_as_it_was_seen(switch: Switch) -> None:
    make(switch, "8106", "1001", attributes={"1001": {"priority": 9}})
    base = f"http://127.0.0.1:{switch.plan.http}/api/v1/groups/8106/definition"
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(base, headers=headers), timeout=40) as answer:
        tag = answer.headers["ETag"]

    def change(body: bytes) -> int:
        request = urllib.request.Request(base, body, {**headers, "If-Match": tag}, method="PATCH")
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    assert change(b'{"talk_s": 20, "members": ["1001", "1002"]}') == 200
    assert change(b'{"talk_s": 30}') == 412, "it was changed meanwhile"
    row = switch.get("/groups/8106/definition")
    assert (row["talk_s"], row["members"], row["attributes"]["1001"]["priority"]) == (20, ["1001", "1002"], 9)
    for body, status in (({"number": "8106"}, 409), ({"number": "1001"}, 409), ({"number": "81 07"}, 422)):
        assert switch.http("POST", "/groups", body)[0] == status, body
    post(switch, "/groups", {"number": "8107", "groups": ["9999"]}, 422)
    post(switch, "/groups/8106/calls", {"kind": "broadcast"}, 422)
    assert switch.http("DELETE", "/groups/8001")[0] in (404, 409), "a group of the configuration stays"


def test_a_dispatcher_joins_a_call_of_two(switch: Switch, phone: MakePhone) -> None:
    one, two, chief = phone("1001"), phone("1002"), phone("1003")
    call = post(switch, "/voice/calls", {"caller": "1001", "callee": "1002"}, 201)["call_id"]
    wait_until(lambda: switch.get(f"/voice/calls/{call}")["state"] == "active", 40, "both talk")
    says(one)
    hears(two, "1001")
    post(switch, f"/voice/calls/{call}/listen", {"party": "1003"})
    assert chief.in_call.wait(40)
    (joining,) = switch.get(f"/voice/calls/{call}")["joined_by"]
    assert (joining["party"], joining["joins_as"]) == ("1003", "listen")
    theirs = next(row for row in switch.calls() if row["call_id"] == joining["call_id"])
    assert (theirs["joins"], theirs["joins_as"], theirs["joined_by"]) == (call, "listen", [])
    told = switch.get(f"/events/journal?types=group.dispatcher_acted&ids={call}")["items"][-1]
    assert (told["operation"], told["placed_call_id"]) == ("listen", joining["call_id"])
    hears(chief, "1001")
    says(chief)
    hears(two, "1001")
    chief.hang_up()
    wait_until(lambda: len(switch.calls()) == 1, 40, "the dispatcher is gone")
    assert switch.get(f"/voice/calls/{call}")["joined_by"] == []
    hears(two, "1001")
    post(switch, f"/voice/calls/{call}/disconnect")
