"""Call queues through the API, with telephones: a caller waits, an agent takes it, the record says so."""

from __future__ import annotations

from tests.api.conftest import MakePhone
from tests.api.test_groups import hears, says
from tests.api.test_voice import heard, newest_cdr, post
from tests.interop.audio import level_dbm0
from tests.interop.switch import Switch, wait_until

PATH = "/voice/queues"


def test_a_caller_hears_music_until_an_agent_is_free(switch: Switch, phone: MakePhone) -> None:
    caller, agent = phone("1001"), phone("1002", answer_after=0.5)
    rules = {"number": "6100", "announce_s": 0, "join_empty": True, "wrap_up_s": 60}
    assert post(switch, PATH, rules, 201)["strategy"] == "longest_idle"
    call = post(switch, "/voice/calls", {"caller": "1001", "callee": "6100"}, 201)["call_id"]
    wait_until(lambda: bool(switch.get(f"{PATH}/6100")["waiting"]), 40, "1001 waits")
    assert level_dbm0(heard(caller, 0.5)) > -40, "music"
    row = switch.get(f"{PATH}/6100")["waiting"][0]
    assert (row["party"], row["place"], row["offered_to"]) == ("1001", 1, []), row
    post(switch, f"{PATH}/6100/agents", {"agent": "1002"})
    assert agent.in_call.wait(40)
    wait_until(lambda: not switch.get(f"{PATH}/6100")["waiting"], 40, "1002 has taken the call")
    says(caller)
    hears(agent, "1001")
    agents = switch.get(f"{PATH}/6100")["agents"]
    assert [(each["number"], each["state"]) for each in agents] == [("1002", "talking")]
    agent.hang_up()
    assert caller.ended.wait(40)
    details = newest_cdr(switch, call)["details"]
    assert (details["queue"], details["agent"], details["queued_s"] > 0) == ("6100", "1002", True), details
    assert switch.get(f"{PATH}/6100")["agents"][0]["state"] == "wrap_up"
    status, row = switch.http("PATCH", f"{PATH}/6100/agents/1002", {"paused": True})
    assert (status, row["agents"][0]["paused"]) == (200, True), row
    assert switch.http("DELETE", f"{PATH}/6100/agents/1002")[0] == 204
    assert switch.http("DELETE", f"{PATH}/6100/agents/1002")[0] == 404
    assert switch.http("PATCH", f"{PATH}/6100/definition", {"overflow": "6100"})[0] == 422
    assert switch.http("DELETE", f"{PATH}/6100")[0] == 204
    assert switch.http("GET", f"{PATH}/6100")[0] == 404
