"""Calls placed and steered through the API, as telephones on the other end see it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from tests.api.conftest import MakePhone
from tests.interop.audio import decode_ulaw, frequency_hz, level_dbm0
from tests.interop.switch import Switch, wait_until

CALLS = "/voice/calls"


def post(switch: Switch, path: str, body: object = None, expected: int = 202) -> Any:
    status, answer = switch.http("POST", path, body or {})
    assert status == expected, f"POST {path} answered {status} {answer}"
    return answer


def originate(switch: Switch, **body: object) -> str:
    answer = post(switch, CALLS, body, 201)
    assert answer["state"] == "caller_setup", f"a call begins with its caller, not in {answer['state']}"
    return str(answer["call_id"])


def state(switch: Switch, call: str) -> str:
    status, answer = switch.http("GET", f"{CALLS}/{call}")
    return str(answer["state"]) if status == 200 else "gone"


def newest_cdr(switch: Switch, call: str) -> dict[str, Any]:
    wait_until(lambda: switch.http("GET", f"/data/cdrs/{call}")[0] == 200, 40, "the record is written")
    record: dict[str, Any] = switch.get(f"/data/cdrs/{call}")
    return record


def talk(switch: Switch, phone: MakePhone) -> tuple[str, Any, Any]:
    one, two = phone("1001"), phone("1002")
    call = originate(switch, caller="1001", callee="1002")
    wait_until(lambda: state(switch, call) == "active", 40, "both talk")
    wait_until(lambda: one.remote_media and two.remote_media, 40, "both know where to send")
    return call, one, two


def heard(party: Any, seconds: float = 1.0, since: int | None = None) -> np.ndarray[Any, Any]:
    """What arrives at a telephone from now on, or `since` it had heard so many octets, as samples."""
    start = len(party.rtp.octets()) if since is None else since
    need = int(seconds * 8000)
    wait_until(lambda: len(party.rtp.octets()) - start >= need, seconds + 40, f"{party.number} hears something")
    return decode_ulaw(party.rtp.octets()[start : start + need])


def test_two_parties_talk_through_the_engine(switch: Switch, phone: MakePhone) -> None:
    one, two = phone("1001"), phone("1002", answer_after=None)
    call = originate(switch, caller="1001", callee="1002", caller_name="Desk 7")
    wait_until(lambda: state(switch, call) == "callee_setup", 40, "the callee is rung")
    ringing = heard(one, 0.4)
    assert abs(frequency_hz(ringing) - 450) < 2, "the caller hears ringing tone while the callee rings"
    two.pick_up()
    wait_until(lambda: state(switch, call) == "active", 40, "both talk")
    wait_until(lambda: one.remote_media and two.remote_media, 40, "both know where to send")
    assert "Desk 7" in two.received("INVITE")[0].get("From"), "the callee sees the name that was asked for"
    assert "1002" in one.received("INVITE")[0].get("From"), "the caller sees whom they will talk to"
    tone = (np.sin(2 * np.pi * 700 / 8000 * np.arange(160_000)) * 8000).astype(np.int16)
    from tests.interop.audio import encode_ulaw

    one.rtp.send(encode_ulaw(tone), one.remote_media)
    assert abs(frequency_hz(heard(two)) - 700) < 1, "what the caller says arrives at the callee"
    two.rtp.send(encode_ulaw(tone), two.remote_media)
    assert abs(frequency_hz(heard(one)) - 700) < 1, "and the other way round"
    post(switch, f"{CALLS}/{call}/disconnect")
    assert one.ended.wait(40) and two.ended.wait(40), "both are told that it is over"
    record = newest_cdr(switch, call)
    assert (record["disposition"], record["released_by"]) == ("answered", "operator")
    assert [leg["party"] for leg in record["legs"]] == ["1001", "1002"]
    assert record["details"]["source"] == "api:interop"


def test_either_party_hangs_up(switch: Switch, phone: MakePhone) -> None:
    for index in (0, 1):
        call, *parties = talk(switch, phone)
        parties[index].hang_up()
        assert parties[1 - index].ended.wait(40), "the other party is released"
        assert newest_cdr(switch, call)["released_by"] == ("caller", "callee")[index]
        for party in parties:
            party.register(0)  # the next round's telephones have the same numbers


def test_hold_plays_music_and_resume_lets_them_talk(switch: Switch, phone: MakePhone) -> None:
    call, one, two = talk(switch, phone)
    post(switch, f"{CALLS}/{call}/hold", {"leg_id": "1001"})
    assert level_dbm0(heard(one)) > -40, "who is held hears music"
    before = len(two.rtp.packets)
    time.sleep(0.3)
    assert len(two.rtp.packets) - before <= 2, "the other one hears nothing"
    answer = post(switch, f"{CALLS}/{call}/hold", {"leg_id": "1001"}, 409)
    assert "held already" in answer["detail"]
    legs = {leg["party"]: leg["held"] for leg in switch.get(f"{CALLS}/{call}")["legs"]}
    assert legs == {"1001": True, "1002": False}
    post(switch, f"{CALLS}/{call}/resume", {"leg_id": "1001"})
    two.rtp.send(b"\x80" * 160 * 2000, two.remote_media)
    heard(one, 0.5)
    post(switch, f"{CALLS}/{call}/resume", {"leg_id": "1001"}, 409)
    post(switch, f"{CALLS}/{call}/hold", {"leg_id": "nobody"}, 404)
    post(switch, f"{CALLS}/{call}/disconnect")


def test_transfer_moves_one_party_to_somebody_else(switch: Switch, phone: MakePhone) -> None:
    call, one, two = talk(switch, phone)
    three = phone("1003", answer_after=0.2)
    post(switch, f"{CALLS}/{call}/transfer", {"target": "1003", "leg_id": "1002"})
    assert three.in_call.wait(40), "the target answers"
    assert one.ended.wait(40), "the party that was not sent on leaves"
    two.rtp.send(b"\x80" * 160 * 2000, two.remote_media)
    heard(three, 0.5)
    post(switch, f"{CALLS}/{call}/transfer", {"target": "no-such-number"}, 422)
    post(switch, f"{CALLS}/{call}/force_release", {"reason": "line needed"})
    assert three.ended.wait(40)
    assert three.received("BYE")[0].get("Reason").startswith("Q.850;cause=8"), "a forced release is told as pre-emption"
    assert newest_cdr(switch, call)["details"]["reason"] == "line needed"


def test_keys_arrive_in_order_as_telephone_events(switch: Switch, phone: MakePhone) -> None:
    call, _, two = talk(switch, phone)
    post(switch, f"{CALLS}/{call}/dtmf", {"digits": "1#A", "duration_ms": 60})

    def events() -> list[int]:
        return [packet[12] for packet in list(two.rtp.packets) if packet[1] & 0x7F == 101]

    wait_until(lambda: len(events()) >= 15, 40, "three keys of five packets each arrive")
    assert events() == [1] * 5 + [11] * 5 + [12] * 5, "one, hash and A (RFC 4733 §3.2)"
    assert not two.received("INFO"), "in one way only"
    post(switch, f"{CALLS}/{call}/disconnect")


def test_sound_is_played_into_a_call_and_stopped(switch: Switch, phone: MakePhone) -> None:
    call, one, two = talk(switch, phone)
    post(switch, f"{CALLS}/{call}/play", {"source": "music", "loop": True})
    assert level_dbm0(heard(one)) > -40 and level_dbm0(heard(two)) > -40
    post(switch, f"{CALLS}/{call}/play/stop")
    post(switch, f"{CALLS}/{call}/play", {"source": "no such sound"}, 422)
    post(switch, f"{CALLS}/{call}/disconnect")


@pytest.mark.parametrize(("callee", "hz"), [("601", 1004.0)])
def test_one_party_talks_to_a_service(switch: Switch, phone: MakePhone, callee: str, hz: float) -> None:
    one = phone("1001")
    call = originate(switch, caller="1001", callee=callee)
    assert one.in_call.wait(40)
    heard(one, 0.2)
    assert abs(frequency_hz(heard(one)) - hz) < 1
    post(switch, f"{CALLS}/{call}/disconnect")
    assert one.ended.wait(40)


def test_a_sound_is_heard_to_its_end_and_then_the_call_is_over(switch: Switch, phone: MakePhone) -> None:
    one = phone("1001")
    seconds, sound = min((row["seconds"], row["name"]) for row in switch.rows("/voice/sounds") if row["seconds"] > 1)
    call = originate(switch, caller="1001", play=sound)
    assert one.in_call.wait(40)
    assert one.ended.wait(seconds + 40), "the switch hangs up when the sound is over"
    assert abs(len(one.rtp.octets()) / 8000 - seconds) < 0.2, "and not before"
    assert newest_cdr(switch, call)["billsec_ms"] / 1000 > seconds - 0.2


def test_operator_answers_in_the_place_of_the_callee(switch: Switch, phone: MakePhone) -> None:
    one, two = phone("1001"), phone("1002", answer_after=None)
    call = originate(switch, caller="1001", callee="1002")
    wait_until(lambda: state(switch, call) == "callee_setup", 40, "the callee is rung")
    answer = post(switch, f"{CALLS}/{call}/hold", expected=409)
    assert (answer["state"], "answer" in answer["legal_methods"]) == ("callee_setup", True)
    for method in ("ring", "queue", "proceed"):
        post(switch, f"{CALLS}/{call}/{method}")
    post(switch, f"{CALLS}/{call}/answer")
    assert two.ended.wait(40), "the callee rings no more"
    assert level_dbm0(heard(one)) > -40, "the caller hears music"
    answer = post(switch, f"{CALLS}/{call}/ring", expected=409)
    assert (answer["state"], answer["type"]) == ("active", "urn:softswitch:problem:illegal-transition")
    post(switch, f"{CALLS}/{call}/floor/request", {"party": "1001"})
    post(switch, f"{CALLS}/{call}/floor/release", {"party": "1009"}, 404)
    post(switch, f"{CALLS}/{call}/disconnect")


@pytest.mark.parametrize(
    ("options", "disposition", "code"), [({"status": 486}, "busy", 486), ({"status": 603}, "failed", 603)]
)
def test_callee_refuses(switch: Switch, phone: MakePhone, options: dict[str, Any], disposition: str, code: int) -> None:
    one, _ = phone("1001"), phone("1002", **options)
    call = originate(switch, caller="1001", callee="1002")
    assert one.ended.wait(40), "the caller is released"
    record = newest_cdr(switch, call)
    assert (record["disposition"], record["sip_code"]) == (disposition, code)


def test_caller_does_not_answer_in_time(switch: Switch, phone: MakePhone) -> None:
    one = phone("1001", answer_after=None)
    call = originate(switch, caller="1001", callee="1002", timeout_s=0.5)
    assert one.ended.wait(40), "the caller is not rung for ever"
    assert newest_cdr(switch, call)["disposition"] == "no_answer"


def test_disconnect_while_the_caller_is_rung(switch: Switch, phone: MakePhone) -> None:
    one = phone("1001", answer_after=None)
    call = originate(switch, caller="1001", callee="1002")
    wait_until(lambda: one.received("INVITE"), 40, "the caller is rung")
    answer = post(switch, f"{CALLS}/{call}/answer", expected=409)
    assert "has not answered" in answer["detail"]
    post(switch, f"{CALLS}/{call}/disconnect")
    assert one.ended.wait(40)
    post(switch, f"{CALLS}/{call}/disconnect", expected=404)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"caller": "1001", "callee": "no-such"}, 422, "not-callable"),
        ({"caller": "no-such", "callee": "1001"}, 422, "not-callable"),
        ({"caller": "1019", "callee": "1001"}, 409, "party-unavailable"),
        ({"caller": "1001", "play": "no such"}, 422, "not-callable"),
        ({"caller": "1001"}, 422, "invalid-request"),
    ],
)
def test_orders_that_cannot_be_carried_out(
    switch: Switch, phone: MakePhone, body: dict[str, str], status: int, kind: str
) -> None:
    phone("1001")
    answer = post(switch, CALLS, body, status)
    assert answer["type"] == f"urn:softswitch:problem:{kind}"


def test_a_caller_with_a_browser_and_a_telephone_takes_the_call_at_either(switch: Switch, phone: MakePhone) -> None:
    """Both are rung; the telephone answers, the browser is told no more of it, and the callee's turn comes."""
    caller, callee = phone("1001", answer_after=0.3), phone("1002")
    assert switch.http("POST", "/webrtc/registrations", {"number": "1001", "device": "desk"})[0] == 200
    try:
        call = post(switch, "/voice/calls", {"caller": "1001", "callee": "1002"}, 201)["call_id"]
        assert callee.in_call.wait(40), f"the callee is not reached: {switch.get(f'/voice/calls/{call}')}"
        wait_until(lambda: switch.get(f"/voice/calls/{call}")["state"] == "active", 40, "the two talk")
        legs = [(leg["protocol"], leg["party"]) for leg in switch.get(f"/voice/calls/{call}")["legs"]]
        assert legs == [("sip", "1001"), ("sip", "1002")], legs
        assert caller.in_call.wait(40), "the caller's telephone is told that it was first"
        assert {row["state"] for row in switch.rows("/webrtc/sessions")} <= {"ended"}, "the browser rings no more"
        post(switch, f"/voice/calls/{call}/disconnect", {})
    finally:
        switch.http("DELETE", "/webrtc/registrations/1001/desk")


def test_a_browser_rung_by_the_switch_is_told_which_call_it_is(switch: Switch) -> None:
    post(switch, "/webrtc/registrations", {"number": "1018", "device": "desk"}, 200)
    call = post(switch, CALLS, {"caller": "1018", "callee": "601"}, 201)["call_id"]
    offered = lambda: switch.get(f"/events/journal?types=webrtc.offered&ids={call}")["items"]  # noqa: E731
    wait_until(lambda: len(offered()) == 1, 40, "the browser is told of the call")
    (session,) = [row for row in switch.get("/webrtc/sessions")["items"] if row["number"] == "1018"]
    assert (session["call_id"], session["session_id"]) == (call, offered()[0]["session_id"])
    post(switch, f"{CALLS}/{call}/disconnect")
    assert switch.http("DELETE", "/webrtc/registrations/1018/desk")[0] == 204
