"""TCP, IPv6, WebSocket, and a capture that an independent dissector finds no fault with."""

from __future__ import annotations

import secrets
from pathlib import Path

import aiohttp
import pytest

from tests.interop import digest
from tests.interop.capture import capturing
from tests.interop.ports import free_port
from tests.interop.rawsip import Answer, build
from tests.interop.sipp_runner import call, callee
from tests.interop.switch import Switch, password_of
from tests.interop.test_registration import bind, identity

needs_sipp = pytest.mark.needs("sipp")


@needs_sipp
@pytest.mark.parametrize("number", ["5801", "5802"], ids=["passthrough", "relay"])
@pytest.mark.parametrize(("uac", "uas"), [("uac_call", "uas_call"), ("uac_hold", "uas_held"), ("uac_held", "uas_hold")])
def test_tcp_on_both_sides(switch: Switch, tmp_path: Path, uac: str, uas: str, number: str) -> None:
    """Caller and callee on TCP."""
    with callee(uas, tmp_path, "-d", "200", port=switch.plan.callee_tcp, transport="t1"):
        target = f"127.0.0.1:{switch.plan.trunk}"
        call(uac, tmp_path, target, "-s", number, "-d", "300", transport="t1")


@needs_sipp
def test_tcp_caller_udp_callee(switch: Switch, tmp_path: Path) -> None:
    """The two sides need not speak the same transport."""
    with callee("uas_call", tmp_path, "-d", "200", port=switch.plan.callee):
        call("uac_call", tmp_path, f"127.0.0.1:{switch.plan.trunk}", "-s", "5501", "-d", "300", transport="t1")


@needs_sipp
def test_many_calls_on_one_tcp_connection(switch: Switch, tmp_path: Path) -> None:
    """A hundred calls in one stream: framing by Content-Length, the connection used again."""
    with callee("uas_call", tmp_path, "-d", "50", port=switch.plan.callee_tcp, transport="t1", calls=100):
        target = f"127.0.0.1:{switch.plan.trunk}"
        call("uac_call", tmp_path, target, "-s", "5801", "-d", "200", "-r", "50", transport="t1", calls=100)


@needs_sipp
def test_registered_over_tcp_and_called(switch: Switch, tmp_path: Path) -> None:
    """A subscriber's call that comes by TCP reaches a phone on UDP."""
    port = free_port()
    bind(switch, tmp_path, "1002", port)
    with callee("uas_call", tmp_path, "-d", "100", port=port):
        target = f"127.0.0.1:{switch.plan.sip}"
        call("uac_digest_call", tmp_path, target, "-s", "1002", "-d", "300", *identity("1001"), transport="t1")
    bind(switch, tmp_path, "1002", port, "uac_unregister")


@needs_sipp
def test_ipv6_on_both_sides(switch: Switch, tmp_path: Path) -> None:
    """Caller and callee at ::1, addresses in brackets (RFC 5118)."""
    with callee("uas_call", tmp_path, "-d", "100", port=switch.plan.callee6, address="[::1]"):
        call("uac_call", tmp_path, f"[::1]:{switch.plan.sip6}", "-s", "5901", "-d", "300", address="[::1]")


@needs_sipp
def test_ipv6_to_ipv4(switch: Switch, tmp_path: Path) -> None:
    """A caller at ::1 reaches a callee at 127.0.0.1."""
    with callee("uas_call", tmp_path, "-d", "100", port=switch.plan.callee):
        call("uac_call", tmp_path, f"[::1]:{switch.plan.sip6}", "-s", "5501", "-d", "300", address="[::1]")


@pytest.mark.filterwarnings("default::ResourceWarning")
async def test_sip_over_websocket(switch: Switch) -> None:
    """A browser's phone registers over WebSocket with the subprotocol `sip` (RFC 7118)."""
    number = "1013"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{switch.plan.http}/sip", protocols=("sip",)) as socket,
    ):
        assert socket.protocol == "sip", f"the subprotocol is {socket.protocol!r}"
        host, tag, call_id = f"{secrets.token_hex(6)}.invalid", secrets.token_hex(4), secrets.token_hex(8)
        uri, authorization = "sip:softswitch", ""
        for cseq, wanted in ((1, 401), (2, 200)):
            fields = [
                ("Via", f"SIP/2.0/WS {host};branch=z9hG4bK{secrets.token_hex(6)}"),
                ("Max-Forwards", "70"),
                ("From", f"<sip:{number}@softswitch>;tag={tag}"),
                ("To", f"<sip:{number}@softswitch>"),
                ("Call-ID", call_id),
                ("CSeq", f"{cseq} REGISTER"),
                ("Contact", f"<sip:{number}@{host};transport=ws>;expires=120"),
                ("Supported", "path, outbound"),
            ]
            if authorization:
                fields.append(("Authorization", authorization))
            await socket.send_str(build(f"REGISTER {uri} SIP/2.0", fields).decode())
            answer = Answer(await socket.receive_str(timeout=40))
            assert answer.status == wanted, f"REGISTER {cseq} got {answer.start}"
            if wanted == 401:
                authorization = digest.answer(
                    answer.get("WWW-Authenticate"), "REGISTER", uri, number, password_of(number)
                )
        assert f"{number}@{host}" in answer.get("Contact"), f"the binding is {answer.get('Contact')!r}"


@needs_sipp
@pytest.mark.needs("tshark", "root")
@pytest.mark.parametrize("number", ["5501", "5502"], ids=["passthrough", "relay"])
def test_dissector_finds_nothing_malformed(switch: Switch, tmp_path: Path, number: str) -> None:
    """tshark decodes every message of a call with hold, and of registrations, without a mark of its own."""
    plan = switch.plan
    ports = [plan.trunk, plan.callee, plan.sip]
    capture_filter = " or ".join(f"udp port {port}" for port in ports)
    with capturing(tmp_path / "call.pcapng", capture_filter, ports) as capture:
        with callee("uas_held", tmp_path, port=plan.callee):
            call("uac_hold", tmp_path, f"127.0.0.1:{plan.trunk}", "-s", number, "-d", "300")
        bind(switch, tmp_path, "1014", 5999)
        bind(switch, tmp_path, "1014", 5999, "uac_unregister")
    frames = capture.read("sip", "sip.Method", "sip.Status-Code")
    assert len(frames) >= 30, f"only {len(frames)} SIP frames were captured"
    assert not capture.malformed(), f"tshark complains: {capture.malformed()}"
    everything = capture.read("udp && !sip")
    assert not everything, f"{len(everything)} datagrams are not SIP to tshark"
