"""Departments, attribute rules and tokens on a running switch: what a desk may do ends where its department does."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from tests.api.conftest import MakePhone
from tests.api.test_voice import post
from tests.interop.switch import Switch, wait_until


def ask(switch: Switch, token: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """The status and the answer to a request with another token."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{switch.plan.http}/api/v1{path}", data, method=method)
    request.add_header("Authorization", f"Bearer {token}")
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=40) as answer:
            content = answer.read()
            return answer.status, json.loads(content) if content else None
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_a_desk_controls_its_own_department_and_no_other(switch: Switch, phone: MakePhone) -> None:
    one, two = phone("1001"), phone("1002")
    post(switch, "/data/departments", {"id": "port", "name": "Port"}, 201)
    post(switch, "/data/departments", {"id": "quay", "parent": "port", "members": ["1001", "1003"]}, 201)
    post(switch, "/data/departments", {"id": "loop", "parent": "nowhere"}, 422)
    made = post(switch, "/system/tokens", {"name": "port-desk", "role": "dispatcher", "scopes": ["voice", "data"]}, 201)
    token = made["token"]
    rules = [
        {"effect": "allow", "principal": "port-desk", "department": "port"},
        {"effect": "deny", "principal": "port-desk", "action": "control"},
    ]
    try:
        assert switch.http("PUT", "/system/access_rules", {"rules": rules})[0] == 200
        assert switch.http("PUT", "/system/access_rules", {"rules": [{**rules[0], "department": "x"}]})[0] == 422
        status, answer = ask(switch, token, "POST", "/voice/calls", {"caller": "1001", "callee": "1002"})
        assert (status, answer["type"]) == (403, "urn:softswitch:problem:not-permitted"), answer
        status, answer = ask(switch, token, "PATCH", "/data/subscribers/1002/features", {"do_not_disturb": True})
        assert status == 403, answer
        assert ask(switch, token, "GET", "/data/subscribers/1002")[0] == 200, "reading is not kept from it"
        call = post(switch, "/voice/calls", {"caller": "1001", "callee": "1002"}, 201)["call_id"]
        wait_until(lambda: one.in_call.is_set() and two.in_call.is_set(), 40, "both talk")
        status, answer = ask(switch, token, "POST", f"/voice/calls/{call}/disconnect", {})
        assert status == 403 and "1002" in answer["detail"], "one of the two is outside"
        post(switch, f"/voice/calls/{call}/disconnect")
        status, answer = ask(switch, token, "POST", "/voice/calls", {"caller": "1001", "play": "welcome"})
        assert status == 201, answer
        assert ask(switch, token, "POST", f"/voice/calls/{answer['call_id']}/disconnect", {})[0] == 202
    finally:
        assert switch.http("PUT", "/system/access_rules", {"rules": []})[0] == 200
    tree = switch.get("/data/directory/tree")
    (port,) = [each for each in tree["departments"] if each["id"] == "port"]
    assert [entry["number"] for entry in port["departments"][0]["entries"]] == ["1001", "1003"], tree
    assert any(entry["number"] == "1002" for entry in tree["others"])
    assert switch.http("DELETE", "/data/departments/port")[0] == 409, "one is below it"
    assert switch.http("DELETE", "/data/departments/quay")[0] == 204
    assert switch.http("DELETE", "/data/departments/port")[0] == 204


def test_tokens_are_made_listed_and_revoked(switch: Switch) -> None:
    made = post(switch, "/system/tokens", {"name": "kiosk", "role": "viewer"}, 201)
    assert ask(switch, made["token"], "GET", "/system/identity")[1]["name"] == "kiosk"
    post(switch, "/system/tokens", {"name": "kiosk", "role": "viewer"}, 409)
    past = {"name": "old", "role": "viewer", "expires": "2020-01-01T00:00:00Z"}
    old = post(switch, "/system/tokens", past, 201)
    assert ask(switch, old["token"], "GET", "/system/identity")[0] == 401, "it has expired"
    rows = {row["name"]: row for row in switch.get("/system/tokens")["items"]}
    assert rows["kiosk"]["origin"] == "store" and rows["interop"]["origin"] == "configuration"
    assert "token" not in rows["kiosk"] and "sha256" not in rows["kiosk"]
    for name in ("kiosk", "old"):
        assert switch.http("DELETE", f"/system/tokens/{name}")[0] == 204
    assert ask(switch, made["token"], "GET", "/system/identity")[0] == 401
    assert switch.http("DELETE", "/system/tokens/interop")[0] == 409
    assert switch.http("DELETE", "/system/tokens/nobody")[0] == 404
