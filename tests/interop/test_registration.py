"""Registrations and calls of subscribers: digest, several contacts, forking, hunting, messages, subscriptions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop import digest
from tests.interop.ports import free_port
from tests.interop.rawsip import RawPhone
from tests.interop.sipp_runner import call, callee
from tests.interop.switch import Plan, Switch, password_of, running_switch

needs_sipp = pytest.mark.needs("sipp")


def identity(number: str) -> list[str]:
    """sipp's options for calling as a subscriber."""
    return ["-key", "caller", number, "-au", number, "-ap", password_of(number)]


def bind(switch: Switch, folder: Path, number: str, port: int, scenario: str = "uac_register") -> None:
    """Register (or unregister) `number` at 127.0.0.1:`port`."""
    who = ["-s", number, "-au", number, "-ap", password_of(number), "-key", "contact", f"127.0.0.1:{port}"]
    call(scenario, folder, f"127.0.0.1:{switch.plan.sip}", *who)


def contacts(switch: Switch, number: str) -> list[str]:
    """The contacts bound for a number, as text of whatever the interface tells."""
    return [str(row) for row in switch.registrations() if number in str(row)]


@needs_sipp
def test_register_call_and_unregister(switch: Switch, tmp_path: Path) -> None:
    """A subscriber registers, is called by another, unregisters, and cannot be reached any more."""
    port = free_port()
    bind(switch, tmp_path, "1002", port)
    assert any(str(port) in row for row in contacts(switch, "1002")), "the binding is not listed"
    with callee("uas_call", tmp_path, "-d", "100", port=port):
        call("uac_digest_call", tmp_path, f"127.0.0.1:{switch.plan.sip}", "-s", "1002", "-d", "300", *identity("1001"))
    bind(switch, tmp_path, "1002", port, "uac_unregister")
    assert not any(str(port) in row for row in contacts(switch, "1002")), "the binding is still listed"
    call("uac_digest_rejected_480", tmp_path, f"127.0.0.1:{switch.plan.sip}", "-s", "1002", *identity("1001"))


@needs_sipp
@pytest.mark.parametrize("scenario", ["uac_register_wrong_password", "uac_register_no_credentials"])
def test_registration_is_refused(switch: Switch, tmp_path: Path, scenario: str) -> None:
    """No binding without the right password."""
    port = free_port()
    who = ["-s", "1003", "-au", "1003", "-ap", "wrong", "-key", "contact", f"127.0.0.1:{port}"]
    call(scenario, tmp_path, f"127.0.0.1:{switch.plan.sip}", *who)
    assert not any(str(port) in row for row in contacts(switch, "1003")), "a binding was made"


def test_digest_algorithms(tmp_path: Path) -> None:
    """Where both are configured, SHA-256 is offered first, either opens the door, and an answer works only once."""
    with running_switch(Plan(isolated=False, digest=("SHA-256", "MD5")), tmp_path / "switch") as switch:
        for algorithm in ("MD5", "SHA-256"):
            with RawPhone(("127.0.0.1", switch.plan.sip), "1004", password_of("1004")) as phone:
                uri = f"sip:127.0.0.1:{switch.plan.sip}"
                phone.send(phone.request("REGISTER", uri, phone.local))
                refused = phone.final()
                assert refused.status == 401, f"REGISTER without credentials got {refused.start}"
                offers = {digest.parts(value)["algorithm"]: value for value in refused.all("WWW-Authenticate")}
                assert list(offers) == ["SHA-256", "MD5"], f"offered: {list(offers)}"
                value = digest.answer(offers[algorithm], "REGISTER", uri, "1004", password_of("1004"))
                more = (("Authorization", value), ("Expires", "60"))
                for expected in (200, 401):  # the second time it is a replay
                    phone.send(phone.request("REGISTER", uri, phone.local, more=more))
                    answer = phone.final()
                    assert answer.status == expected, f"{algorithm}: {answer.start} instead of {expected}"
                phone.register(expires=0)


def test_unknown_subscriber_looks_like_a_wrong_password(switch: Switch) -> None:
    """A scanner learns nothing from the answer: same status for a number that exists and one that does not."""
    seen = []
    for number in ("1005", "7777777"):
        with RawPhone(("127.0.0.1", switch.plan.sip), number, "wrong") as phone:
            seen.append(phone.register().status)
    assert seen[0] == seen[1] and seen[0] in (401, 403), f"existing and unknown numbers got {seen}"


@needs_sipp
def test_calls_need_digest(switch: Switch) -> None:
    """An INVITE from nobody is challenged."""
    with RawPhone(("127.0.0.1", switch.plan.sip), "1001") as phone:
        answer = phone.invite("1002")
    assert answer.status in (401, 407), f"an INVITE without credentials got {answer.start}"


@needs_sipp
def test_refusals_of_a_subscribers_call(switch: Switch, tmp_path: Path) -> None:
    """An unknown number is 404, a busy phone 486, a number the caller's class forbids 403."""
    target, port = f"127.0.0.1:{switch.plan.sip}", free_port()
    call("uac_digest_rejected_404", tmp_path, target, "-s", "4040", *identity("1001"))
    call("uac_digest_rejected_403", tmp_path, target, "-s", "5601", *identity("1010"))
    bind(switch, tmp_path, "1005", port)
    with callee("uas_busy", tmp_path, port=port):
        call("uac_digest_rejected_486", tmp_path, target, "-s", "1005", *identity("1001"))
    bind(switch, tmp_path, "1005", port, "uac_unregister")


@needs_sipp
def test_forking_to_three_contacts(switch: Switch, tmp_path: Path) -> None:
    """All contacts of a subscriber ring; one answers, the other two are cancelled."""
    ports = [free_port() for _ in range(3)]
    for port in ports:
        bind(switch, tmp_path, "1006", port)
    with (
        callee("uas_cancelled", tmp_path, port=ports[0]),
        callee("uas_cancelled", tmp_path, port=ports[1]),
        callee("uas_call", tmp_path, "-d", "700", port=ports[2]),
    ):
        call("uac_digest_call", tmp_path, f"127.0.0.1:{switch.plan.sip}", "-s", "1006", "-d", "300", *identity("1001"))
    for port in ports:
        bind(switch, tmp_path, "1006", port, "uac_unregister")


@needs_sipp
def test_forking_is_cancelled_everywhere(switch: Switch, tmp_path: Path) -> None:
    """A caller that gives up silences every phone that rings."""
    ports = [free_port() for _ in range(2)]
    for port in ports:
        bind(switch, tmp_path, "1007", port)
    with callee("uas_cancelled", tmp_path, port=ports[0]), callee("uas_cancelled", tmp_path, port=ports[1]):
        call("uac_digest_cancel", tmp_path, f"127.0.0.1:{switch.plan.sip}", "-s", "1007", *identity("1001"))
    for port in ports:
        bind(switch, tmp_path, "1007", port, "uac_unregister")


@needs_sipp
def test_forking_picks_the_best_refusal(switch: Switch, tmp_path: Path) -> None:
    """Busy on one phone and decline on the other: 603 ends all (RFC 3261 16.7)."""
    ports = [free_port() for _ in range(2)]
    for port in ports:
        bind(switch, tmp_path, "1008", port)
    with callee("uas_busy", tmp_path, port=ports[0]), callee("uas_decline", tmp_path, port=ports[1]):
        call("uac_digest_rejected_603", tmp_path, f"127.0.0.1:{switch.plan.sip}", "-s", "1008", *identity("1001"))
    for port in ports:
        bind(switch, tmp_path, "1008", port, "uac_unregister")


@needs_sipp
@pytest.mark.parametrize(
    ("group", "first"), [("2000", "uas_cancelled"), ("2001", "uas_busy")], ids=["parallel", "serial"]
)
def test_hunt_group(switch: Switch, tmp_path: Path, group: str, first: str) -> None:
    """A group's first member rings in vain or is busy, its second answers."""
    ports = {number: free_port() for number in ("1011", "1012")}
    for number, port in ports.items():
        bind(switch, tmp_path, number, port)
    with (
        callee(first, tmp_path, port=ports["1011"]),
        callee("uas_call", tmp_path, "-d", "400", port=ports["1012"]),
    ):
        call("uac_digest_call", tmp_path, f"127.0.0.1:{switch.plan.sip}", "-s", group, "-d", "300", *identity("1001"))
    for number, port in ports.items():
        bind(switch, tmp_path, number, port, "uac_unregister")


@needs_sipp
def test_message_reaches_the_phone(switch: Switch, tmp_path: Path) -> None:
    """MESSAGE from one subscriber to the registered phone of another (RFC 3428)."""
    port = free_port()
    bind(switch, tmp_path, "1009", port)
    with callee("uas_message", tmp_path, port=port):
        call("uac_message", tmp_path, f"127.0.0.1:{switch.plan.sip}", "-s", "1009", *identity("1001"))
    bind(switch, tmp_path, "1009", port, "uac_unregister")


@needs_sipp
def test_registration_state_is_published(switch: Switch, tmp_path: Path) -> None:
    """SUBSCRIBE to the reg package gets a NOTIFY with a reginfo document (RFC 3680)."""
    call("uac_subscribe", tmp_path, f"127.0.0.1:{switch.plan.sip}", "-s", "1001", *identity("1001"))
