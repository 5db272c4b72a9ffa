"""sipp to sipp through the switch: calls, their changes, their refusals."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.interop.rawsip import RawPhone
from tests.interop.sipp_runner import call, callee
from tests.interop.switch import Switch, wait_until

pytestmark = pytest.mark.needs("sipp")

CALLS = [
    ("uac_call", "uas_call"),
    ("uac_call", "uas_answer_at_once"),
    ("uac_call_ended", "uas_call_then_bye"),
    ("uac_compact", "uas_call"),
    ("uac_late_offer", "uas_late_offer"),
    ("uac_early_media", "uas_early_media"),
    ("uac_hold", "uas_held"),
    ("uac_hold_zero", "uas_held"),
    ("uac_held", "uas_hold"),
    ("uac_update", "uas_held"),
    ("uac_prack", "uas_prack"),
    ("uac_prack", "uas_call"),
    ("uac_call", "uas_prack"),
    ("uac_info", "uas_info"),
    ("uac_session_interval_too_small", "uas_call"),
]

FAILURES = [
    ("uac_rejected_486", "uas_busy", "busy", 486),
    ("uac_rejected_486", "uas_ring_then_busy", "busy", 486),
    ("uac_rejected_603", "uas_decline", "failed", 603),
    ("uac_rejected_488", "uas_not_acceptable", "failed", 488),
    ("uac_rejected_503", "uas_unavailable", "failed", 503),
    ("uac_cancel_early", "uas_cancelled", "cancelled", 487),
    ("uac_cancel_ringing", "uas_cancelled", "cancelled", 487),
    ("uac_cancel_early", "uas_late_provisional", "cancelled", 487),
    ("uac_cancel_ringing", "uas_answer_on_cancel", "cancelled", 487),
]


def newest(switch: Switch, since: float, count: int = 1) -> list[dict[str, Any]]:
    """The records of the calls begun since a time, newest first, once there are `count` of them."""

    def found() -> list[dict[str, Any]]:
        return [row for row in switch.cdrs() if seconds(row["started_at"]) >= since]

    wait_until(lambda: len(found()) >= count, 40, f"{count} records are written")
    return found()


def seconds(moment: Any) -> float:
    """A time of the HTTP interface (ISO 8601, or seconds) as seconds since the epoch."""
    if isinstance(moment, (int, float)):
        return float(moment)
    from datetime import datetime

    return datetime.fromisoformat(str(moment).replace("Z", "+00:00")).timestamp()


@pytest.mark.parametrize("number", ["5501", "5502"], ids=["passthrough", "relay"])
@pytest.mark.parametrize(("uac", "uas"), CALLS, ids=[f"{uac}-{uas}" for uac, uas in CALLS])
def test_call(switch: Switch, tmp_path: Path, uac: str, uas: str, number: str) -> None:
    """Both sides of a call see what their scenario says, and a record tells of it."""
    since = time.time() - 0.001
    with callee(uas, tmp_path, "-d", "300", port=switch.plan.callee):
        call(uac, tmp_path, f"127.0.0.1:{switch.plan.trunk}", "-s", number, "-d", "300")
    records = newest(switch, since)
    record = records[0]
    assert record["callee"] == number, f"the record names {record['callee']!r} instead of {number}"
    assert record["disposition"] == "answered", f"the call was answered, the record says {record['disposition']}"
    assert len(record["legs"]) == 2, f"two legs took part, the record has {len(record['legs'])}"


@pytest.mark.parametrize("number", ["5501", "5502"], ids=["passthrough", "relay"])
@pytest.mark.parametrize(
    ("uac", "uas", "disposition", "code"), FAILURES, ids=[f"{row[0]}-{row[1]}" for row in FAILURES]
)
def test_call_that_fails(
    switch: Switch, tmp_path: Path, uac: str, uas: str, disposition: str, code: int, number: str
) -> None:
    """The caller is told why, the callee is left in order, and the record says the same."""
    since = time.time() - 0.001
    with callee(uas, tmp_path, port=switch.plan.callee):
        call(uac, tmp_path, f"127.0.0.1:{switch.plan.trunk}", "-s", number)
    record = newest(switch, since)[0]
    assert (record["disposition"], record["sip_code"]) == (disposition, code), f"the record says {record}"


@pytest.mark.parametrize(
    ("scenario", "number"),
    [
        ("uac_rejected_404", "4040"),
        ("uac_max_forwards_0", "5501"),
        ("uac_bye_unknown", "5501"),
        ("uac_options", "switch"),
    ],
)
def test_answered_by_the_switch_itself(switch: Switch, tmp_path: Path, scenario: str, number: str) -> None:
    """What needs no callee."""
    call(scenario, tmp_path, f"127.0.0.1:{switch.plan.trunk}", "-s", number)


def test_loop_ends_by_itself(switch: Switch, tmp_path: Path) -> None:
    """A route that leads back into the switch is stopped by Max-Forwards."""
    call("uac_loop", tmp_path, f"127.0.0.1:{switch.plan.trunk}", "-s", "5701")


def test_redirection_is_followed(switch: Switch, tmp_path: Path) -> None:
    """A 302 of the callee leads to the contact it names, and the caller does not notice."""
    elsewhere = f"sip:5601@127.0.0.1:{switch.plan.callee2}"
    with (
        callee("uas_redirect", tmp_path, "-key", "elsewhere", elsewhere, port=switch.plan.callee),
        callee("uas_call", tmp_path, "-d", "100", port=switch.plan.callee2),
    ):
        call("uac_call", tmp_path, f"127.0.0.1:{switch.plan.trunk}", "-s", "5501", "-d", "300")


def test_next_trunk_is_tried(switch: Switch, tmp_path: Path) -> None:
    """A trunk that answers 503 is passed over for the next one of the route."""
    with (
        callee("uas_unavailable", tmp_path, port=switch.plan.callee2),
        callee("uas_call", tmp_path, "-d", "100", port=switch.plan.callee),
    ):
        call("uac_call", tmp_path, f"127.0.0.1:{switch.plan.trunk}", "-s", "5510", "-d", "300")


def test_repeated_invite_makes_one_call(switch: Switch, tmp_path: Path) -> None:
    """A network that repeats datagrams: the same INVITE three times is one call (RFC 3261 17.2.3)."""
    since = time.time() - 0.001
    target = ("127.0.0.1", switch.plan.trunk)
    with callee("uas_call", tmp_path, "-d", "300", port=switch.plan.callee) as phone, RawPhone(target) as raw:
        uri = f"sip:5501@127.0.0.1:{switch.plan.trunk}"
        invite = raw.request("INVITE", uri, f"<{uri}>", body=raw.sdp())
        for _ in range(3):
            raw.send(invite)
        answer = raw.final()
        assert answer.status == 200, f"the call was answered with {answer.start}"
        raw.to_tag, raw.target = answer.get("To"), answer.get("Contact").strip("<>").split(">")[0]
        for _ in range(3):
            raw.send(raw.request("ACK", raw.target, raw.to_tag, cseq=raw.cseq))
        bye = raw.request("BYE", raw.target, raw.to_tag)
        for _ in range(3):
            raw.send(bye)
        assert raw.final().status == 200, "the BYE was not answered"
    invites = {re.findall(r"branch=[^;\s]+", message)[0] for message in phone.received("INVITE")}
    assert len(invites) == 1, "the callee saw more than one INVITE, not only repeated"
    assert len(newest(switch, since)) == 1, "more than one record was written"


def test_folded_headers(switch: Switch, tmp_path: Path) -> None:
    """Header values that go on in the next line are one value (RFC 3261 7.3.1)."""
    with (
        callee("uas_call", tmp_path, "-d", "100", port=switch.plan.callee),
        RawPhone(("127.0.0.1", switch.plan.trunk)) as raw,
    ):
        uri = f"sip:5501@127.0.0.1:{switch.plan.trunk}"
        invite = raw.request("INVITE", uri, f"<{uri}>", body=raw.sdp(), more=(("Subject", "one\r\n two\r\n\tthree"),))
        raw.send(invite.replace(b";tag=", b"\r\n  ;tag="))
        answer = raw.final()
        assert answer.status == 200, f"the call was answered with {answer.start}"
        raw.to_tag, raw.target = answer.get("To"), answer.get("Contact").strip("<>").split(">")[0]
        raw.send(raw.request("ACK", raw.target, raw.to_tag, cseq=raw.cseq))
        assert raw.bye().status == 200, "the BYE was not answered"


def test_topology_is_hidden(switch: Switch, tmp_path: Path) -> None:
    """The callee sees the switch, not the caller: Via, Contact, Call-ID and, when relayed, the media address."""
    with callee("uas_call", tmp_path, "-d", "0", port=switch.plan.callee) as phone:
        caller = call("uac_call", tmp_path, f"127.0.0.1:{switch.plan.trunk}", "-s", "5502", "-d", "100")
    invite = phone.received("INVITE")[0]
    assert f":{caller.port}" not in invite, f"the caller's port {caller.port} shows in\n{invite}"
    audio = int(invite.split("m=audio ")[1].split()[0])
    first, last = switch.plan.rtp
    assert first <= audio <= last, f"the media port {audio} is not the switch's ({first}…{last})"


@pytest.mark.parametrize("number", ["5501", "5502"], ids=["passthrough", "relay"])
def test_many_calls_at_once(switch: Switch, tmp_path: Path, number: str) -> None:
    """A hundred and fifty calls, forty a second: each passes on both sides, none leaves anything behind."""
    with callee("uas_call", tmp_path, "-d", "100", port=switch.plan.callee, calls=150, timeout_s=60):
        target = f"127.0.0.1:{switch.plan.trunk}"
        call("uac_call", tmp_path, target, "-s", number, "-d", "1000", "-r", "40", calls=150, timeout_s=60)


def test_codec_is_forced_on_the_callee(switch: Switch, tmp_path: Path) -> None:
    """5503: an A-law caller reaches a callee that is offered and speaks mu-law; the switch transcodes."""
    with callee("uas_pcmu_only", tmp_path, port=switch.plan.callee):
        call("uac_pcma_only", tmp_path, f"127.0.0.1:{switch.plan.trunk}", "-s", "5503", "-d", "300")


def test_blind_transfer(switch: Switch, tmp_path: Path) -> None:
    """The caller hands its callee to a third party by REFER and leaves; those two go on, until the third hangs up."""
    with (
        callee("uas_transferred", tmp_path, port=switch.plan.callee),
        callee("uas_transfer_target", tmp_path, port=switch.plan.callee2),
    ):
        call("uac_refer_blind", tmp_path, f"127.0.0.1:{switch.plan.trunk}", "-s", "5501")
