"""The E1 trunk of a running switch, with a simulated exchange at its far end: phones call through the line and back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.interop import audio
from tests.interop.pjsua import Pjsua
from tests.interop.rawsip import RawPhone, RtpParty, media_address
from tests.interop.sipp_runner import Sipp, callee
from tests.interop.switch import Plan, Switch, password_of, running_switch, wait_until

LINE = """
[[gateways.e1.span]]
name = "line1"
driver = "loop"
{more}
[[route]]
name = "e1"
pattern = "9X."
strip = 1
to = "gateway:e1"
"""


def trunk(switch: Switch) -> dict[str, Any]:
    """The trunk group's row."""
    return next(row for row in switch.rows("/system/trunks") if row["name"] == "e1")


@pytest.fixture(scope="module")
def _line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A switch with an E1 line that is up."""
    with running_switch(Plan(extra=LINE.format(more="")), tmp_path_factory.mktemp("e1")) as switch:
        wait_until(lambda: trunk(switch)["state"] == "up", 40, "the D channel is up")
        yield switch


@pytest.fixture
def line(_line: Switch) -> Switch:
    """The same, once the calls of the test before have left it."""
    wait_until(lambda: not any(span["in_use"] for span in trunk(_line)["spans"]), 40, "all channels are idle")
    return _line


def test_a_phone_hears_the_tone_through_the_line(line: Switch) -> None:
    """9601: 1004 Hz at -16 dBm0 from the exchange, through the B channel, to a phone."""
    with (
        RawPhone(("127.0.0.1", line.plan.sip), "1001", password_of("1001")) as phone,
        RtpParty(phone.rtp_port, payload_type=8) as party,
    ):
        answer = phone.invite("9601", "8")
        assert answer.status == 200, f"9601 answered {answer.start}"
        party.send(b"\xd5" * 160 * 150, media_address(answer.body))
        wait_until(lambda: len(party.octets()) > 2 * audio.RATE, 40, "the tone is heard")
        (span,) = trunk(line)["spans"]
        assert span["in_use"] == [31], f"the call should be in the last channel, in use are {span['in_use']}"
        assert phone.bye().status == 200, "the BYE was not answered"
        heard = audio.decode_alaw(party.octets())
    middle = heard[audio.RATE // 2 : audio.RATE * 2]
    assert abs(audio.frequency_hz(middle) - 1004) <= 1, f"the tone has {audio.frequency_hz(middle):.2f} Hz"
    assert abs(audio.level_dbm0(middle) + 16) <= 0.5, f"the tone has {audio.level_dbm0(middle):.2f} dBm0"


@pytest.mark.parametrize(("number", "status"), [("9603", 486), ("9605", 403), ("9777", 404)])
def test_refusals_of_the_exchange(line: Switch, number: str, status: int) -> None:
    """Busy, rejected and unknown subscribers of the exchange; the Reason field tells the cause of Q.850."""
    with RawPhone(("127.0.0.1", line.plan.sip), "1001", password_of("1001")) as phone:
        answer = phone.invite(number, "8")
        assert answer.status == status, f"{number} answered {answer.start}"
        assert "Q.850" in answer.get("Reason"), f"no cause in {answer.get('Reason')!r}"


def test_the_echo_of_the_exchange(line: Switch) -> None:
    """9600: what a phone says comes back from the far end of the line as it went, octet for octet."""
    spoken = np.random.default_rng(7).integers(0, 256, 160 * 100, dtype=np.uint8).tobytes()
    with (
        RawPhone(("127.0.0.1", line.plan.sip), "1001", password_of("1001")) as phone,
        RtpParty(phone.rtp_port, payload_type=8) as party,
    ):
        answer = phone.invite("9600", "8")
        assert answer.status == 200, f"9600 answered {answer.start}"
        party.send(spoken, media_address(answer.body))
        wait_until(lambda: len(party.octets()) > 1.5 * audio.RATE, 40, "what was said comes back")
        assert phone.bye().status == 200, "the BYE was not answered"
        returned = party.octets().tobytes()
    assert returned in spoken, "what came back is not what went"


@pytest.mark.needs("pjsua2")
def test_pjsip_talks_to_the_echo_of_the_exchange(line: Switch, tmp_path: Path) -> None:
    """An independent phone calls 9600 and hangs up."""
    target = f"127.0.0.1:{line.plan.sip}"
    with Pjsua(tmp_path, number="1002", password=password_of("1002"), switch=target) as phone:
        phone.registered()
        phone.do("call", to="9600")
        phone.wait("state", state="CONFIRMED")
        phone.received(60)
        phone.do("hangup", call=1)
        phone.wait("state", state="DISCONNECTED")


@pytest.mark.needs("sipp")
def test_thirty_calls_fill_the_line(line: Switch, tmp_path: Path) -> None:
    """Thirty calls at once take the thirty channels; the next one is refused with cause 34."""
    full = Sipp(
        "uac_call_ended",
        tmp_path,
        "-s",
        "9600",
        "-l",
        "30",
        "-r",
        "30",
        f"127.0.0.1:{line.plan.trunk}",
        calls=30,
    )
    try:
        wait_until(lambda: trunk(line)["calls"] == 30, 40, "thirty calls are on the line")
        with RawPhone(("127.0.0.1", line.plan.sip), "1001", password_of("1001")) as phone:
            answer = phone.invite("9600", "8")
            assert answer.status == 503 and "cause=34" in answer.get("Reason"), f"the line is full, but {answer.start}"
        for identifier in line.call_ids():
            line.http("POST", f"/voice/calls/{identifier}/disconnect")
        full.wait()
    finally:
        full.stop()
    wait_until(lambda: trunk(line)["calls"] == 0, 40, "the line is empty again")
    usage = trunk(line)["outgoing"]
    assert usage["answered"] >= 30 and usage["refused"] >= 1, f"the trunk counted {usage}"


def test_channels_taken_out_of_service(line: Switch) -> None:
    """Blocked channels carry no new calls; unblocked and restarted ones do."""
    status, row = line.http("POST", "/system/trunks/e1/channels", {"action": "block", "span": "line1"})
    assert status == 200 and len(row["spans"][0]["blocked"]) == 30, f"blocking answered {status} {row}"
    with RawPhone(("127.0.0.1", line.plan.sip), "1001", password_of("1001")) as phone:
        assert phone.invite("9600", "8").status == 503, "every channel is blocked"
    for action in ("unblock", "restart"):
        status, row = line.http("POST", "/system/trunks/e1/channels", {"action": action})
        assert status == 200 and not row["spans"][0]["blocked"], f"{action} answered {status} {row}"
    wait_until(lambda: not trunk(line)["spans"][0]["restarting"], 40, "the far end acknowledged the restart")
    with RawPhone(("127.0.0.1", line.plan.sip), "1001", password_of("1001")) as phone:
        assert phone.invite("9600", "8").status == 200, "the channels serve again"
        phone.bye()
    assert line.http("POST", "/system/trunks/e1/channels", {"action": "block", "channels": [16]})[0] == 409
    assert line.http("POST", "/system/trunks/none/channels", {"action": "block"})[0] == 404


@pytest.mark.needs("sipp")
def test_the_exchange_calls_a_phone(tmp_path: Path) -> None:
    """A subscriber of the exchange calls through the line; it says its announcement and hangs up."""
    plan = Plan(isolated=False, extra=LINE.format(more='simulated_calls = ["5502"]'))
    with running_switch(plan, tmp_path / "switch") as switch:
        with callee("uas_call", tmp_path, port=plan.callee):
            wait_until(lambda: trunk(switch)["incoming"]["answered"] == 1, 40, "the call of the exchange is answered")
        switch.wait_idle()
        wait_until(switch.cdrs, 40, "the call is on record")
        (record,) = switch.cdrs()
        assert (record["caller"], record["q850_cause"]) == ("8110", 16), f"the call is on record as {record}"
