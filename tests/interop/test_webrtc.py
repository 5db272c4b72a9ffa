"""Browsers: aiortc and Chromium by the API, JsSIP by SIP over WebSocket; ICE, DTLS-SRTP and what is heard."""

from __future__ import annotations

import asyncio
import json
import os
import re
import runpy
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from softswitch.media.transport.srtp import PROFILES
from tests.api.browser import Browser, Page, running
from tests.interop.audio import RATE, decode_ulaw, encode_ulaw, frequency_hz
from tests.interop.mirror_phone import MirrorPhone
from tests.interop.rawsip import RawPhone, RtpParty, media_address
from tests.interop.switch import TOKEN, Switch, password_of, wait_until

pytest.importorskip("aiortc")
from tests.interop.aiortc_peer import RtcPeer, payload

HERE = Path(__file__).resolve().parent


async def ask(switch: Switch, method: str, path: str, body: object = None, *, token: str = "") -> tuple[int, Any]:
    return await asyncio.to_thread(lambda: switch.http(method, f"/webrtc{path}", body, token=token))


async def offered_to(switch: Switch, number: str) -> dict[str, Any]:
    """The session that waits for the browser of a number."""
    async with asyncio.timeout(40):
        while True:
            rows = (await ask(switch, "GET", "/sessions"))[1]["items"]
            for row in rows:
                if row["number"] == number and row["type"] == "offer":
                    return dict(row)
            await asyncio.sleep(0.05)


@asynccontextmanager
async def room(switch: Switch, path: str, number: str) -> AsyncIterator[None]:
    """A conference or talkgroup for as long as the block lasts."""
    status, answer = await asyncio.to_thread(switch.http, "POST", path, {"number": number})
    assert status == 201, f"{number} was answered {status} {answer}"
    yield
    await asyncio.to_thread(wait_until, lambda: not switch.calls(), 40, "everybody has left")
    assert (await asyncio.to_thread(switch.http, "DELETE", f"{path}/{number}"))[0] == 204


@asynccontextmanager
async def peer(hz: float, *shades: int) -> AsyncIterator[RtcPeer]:
    made = RtcPeer(hz, *shades)
    try:
        yield made
    finally:
        await made.close()


async def test_a_peer_that_offers_to_the_api_hears_its_tone_from_the_echo(switch: Switch) -> None:
    async with peer(523.0) as browser:
        status, session = await ask(switch, "POST", "/sessions", payload(await browser.offer(), "1001", "600"))
        assert status == 201, session
        await browser.apply(session["sdp"])
        await browser.connected()
        await browser.hears(523.0)
        (leg,) = (await asyncio.to_thread(switch.get, f"/voice/calls/{session['call_id']}"))["legs"]
        assert leg["srtp"] in PROFILES, f"the call should say which profile DTLS agreed on, it says {leg['srtp']!r}"
        assert (await ask(switch, "DELETE", f"/sessions/{session['session_id']}"))[0] == 204


async def test_a_token_of_a_subscriber_calls_as_that_one_alone(switch: Switch) -> None:
    wanted = {"name": "desk-1001", "role": "viewer", "number": "1001"}
    status, made = await asyncio.to_thread(switch.http, "POST", "/system/tokens", wanted)
    assert status == 201, made
    async with peer(523.0) as browser:
        offer = await browser.offer()
        status, refused = await ask(switch, "POST", "/sessions", payload(offer, "1002", "600"), token=made["token"])
        assert status == 403, f"1002 was called for with the token of 1001: {refused}"
        status, session = await ask(switch, "POST", "/sessions", payload(offer, "1001", "600"), token=made["token"])
        assert status == 201, session
        await browser.apply(session["sdp"])
        await browser.connected()
        path = f"/sessions/{session['session_id']}"
        assert (await ask(switch, "DELETE", path, token=made["token"]))[0] == 204
    assert (await asyncio.to_thread(switch.http, "DELETE", "/system/tokens/desk-1001"))[0] == 204
    assert (await ask(switch, "GET", "/sessions", token=made["token"]))[0] == 401, "it is revoked at once"


async def test_two_peers_hear_and_see_each_other_in_one_bundle_each(switch: Switch) -> None:
    async with peer(440.0, 60) as caller, peer(660.0, 180) as callee:
        assert (await ask(switch, "POST", "/registrations", {"number": "1014", "device": "desk"}))[0] == 200
        body = payload(await caller.offer(), "1013", "1014")
        calling = asyncio.ensure_future(ask(switch, "POST", "/sessions", body))
        offered = await offered_to(switch, "1014")
        path = f"/sessions/{offered['session_id']}/answer"
        status, taken = await ask(switch, "POST", path, {"sdp": await callee.answer(offered["sdp"])})
        assert status == 200, taken
        status, session = await calling
        assert status == 201, session
        for told in (offered["sdp"], session["sdp"]):
            assert "a=group:BUNDLE 0 1\r\n" in told, f"sound and pictures should share a transport:\n{told}"
        await caller.apply(session["sdp"])
        await caller.connected()
        await callee.connected()
        for listener, hz, shade in ((caller, 660, 180), (callee, 440, 60)):
            await listener.hears(hz)
            await listener.see(shade)
        await ask(switch, "DELETE", f"/sessions/{session['session_id']}")
        await ask(switch, "DELETE", "/registrations/1014/desk")


async def test_a_bundle_comes_apart_for_a_video_phone_and_together_again(switch: Switch) -> None:
    """The phone has plain RTP, a port for each line, and gives back what it gets."""
    with MirrorPhone(switch.plan.callee, {"audio": "PCMU", "video": "VP8"}) as phone:
        async with peer(523.0, 90) as browser:
            status, session = await ask(switch, "POST", "/sessions", payload(await browser.offer(), "1001", "5502"))
            assert status == 201, session
            assert phone.kinds == ["audio", "video"]
            for word in ("BUNDLE", "UDP/TLS", "fingerprint", "extmap", "a=mid"):
                assert word not in phone.offer, f"{word} says nothing to a phone:\n{phone.offer}"
            await browser.apply(session["sdp"])
            await browser.connected()
            await browser.see(90)
            await browser.hears(523.0)
            await ask(switch, "DELETE", f"/sessions/{session['session_id']}")
            await asyncio.to_thread(wait_until, lambda: not switch.calls(), 40, "the phone is hung up")


async def test_lines_of_equal_payload_types_are_told_by_the_name_in_their_packets(switch: Switch) -> None:
    """Two pictures whose sources the description does not name (RFC 9143 §9.2)."""
    with MirrorPhone(switch.plan.callee, {"audio": "PCMU", "video": "VP8"}) as phone:
        async with peer(523.0, 60, 200) as browser:
            offer = re.sub(r"a=ssrc.*\r\n", "", await browser.offer())
            status, session = await ask(switch, "POST", "/sessions", payload(offer, "1001", "5502"))
            assert status == 201, session
            assert phone.kinds == ["audio", "video", "video"]
            assert "a=group:BUNDLE 0 1 2\r\n" in session["sdp"], f"all should share a transport:\n{session['sdp']}"
            await browser.apply(session["sdp"])
            await browser.connected()
            await browser.see(60, 200)
            await ask(switch, "DELETE", f"/sessions/{session['session_id']}")
            await asyncio.to_thread(wait_until, lambda: not switch.calls(), 40, "the phone is hung up")


@asynccontextmanager
async def phone_in(switch: Switch, number: str, hz: float) -> AsyncIterator[tuple[RawPhone, RtpParty]]:
    """A SIP phone that has called `number` and says a tone."""
    address = ("127.0.0.1", switch.plan.sip)
    with RawPhone(address, "1002", password_of("1002")) as phone, RtpParty(phone.rtp_port) as party:
        answer = await asyncio.to_thread(phone.invite, number, "0")
        assert answer.status == 200, f"{number} answered {answer.start}"
        said = 8000 * np.sin(2 * np.pi * hz * np.arange(60 * RATE) / RATE)
        party.send(encode_ulaw(said.astype(np.int16)), media_address(answer.body))
        try:
            yield phone, party
        finally:
            await asyncio.to_thread(phone.bye)


async def hears(party: RtpParty, hz: float) -> None:
    """Wait until the last second that a phone has heard is this tone."""
    found = 0.0
    async with asyncio.timeout(40):
        while abs(found - hz) > 1:
            await asyncio.sleep(0.2)
            last = decode_ulaw(party.octets()[-RATE:])
            found = frequency_hz(last) if len(last) == RATE and np.abs(last).max() > 500 else 0.0


@asynccontextmanager
async def browser_in(switch: Switch, number: str, hz: float) -> AsyncIterator[tuple[RtcPeer, str]]:
    """A browser that has called `number` and says a tone, with its session."""
    async with peer(hz) as browser:
        status, session = await ask(switch, "POST", "/sessions", payload(await browser.offer(), "1001", number))
        assert status == 201, session
        try:
            await browser.apply(session["sdp"])
            await browser.connected()
            yield browser, session["session_id"]
        finally:
            await ask(switch, "DELETE", f"/sessions/{session['session_id']}")


async def test_a_browser_is_held_resumed_and_transferred_without_being_asked(switch: Switch) -> None:
    """The switch answers the phone for the page, and a service takes the page as it is."""
    address = ("127.0.0.1", switch.plan.sip)
    async with peer(660.0) as browser:
        with RawPhone(address, "1002", password_of("1002")) as phone, RtpParty(phone.rtp_port) as party:
            assert (await ask(switch, "POST", "/registrations", {"number": "1014", "device": "desk"}))[0] == 200
            calling = asyncio.ensure_future(asyncio.to_thread(phone.invite, "1014"))
            offered = await offered_to(switch, "1014")
            path = f"/sessions/{offered['session_id']}"
            assert (await ask(switch, "POST", f"{path}/answer", {"sdp": await browser.answer(offered["sdp"])}))[
                0
            ] == 200
            assert (await calling).status == 200
            for direction, answered in (("sendonly", "recvonly"), ("sendrecv", "sendrecv")):
                answer = await asyncio.to_thread(phone.change, direction)
                assert answer.status == 200, f"an offer of {direction} was answered {answer.start}"
                assert f"a={answered}" in answer.body, answer.body
            party.send(encode_ulaw(np.zeros(8000, np.int16)), media_address(answer.body))
            await hears(party, 660.0)
            (call,) = await asyncio.to_thread(switch.calls)
            order = {"target": "600", "leg_id": offered["session_id"]}
            await asyncio.to_thread(switch.http, "POST", f"/voice/calls/{call['call_id']}/transfer", order)
            await browser.hears(660.0)
            assert (await ask(switch, "DELETE", path))[0] == 204
            await ask(switch, "DELETE", "/registrations/1014/desk")


async def test_a_browser_and_a_phone_hear_each_other_in_a_conference(switch: Switch) -> None:
    async with (
        room(switch, "/voice/conferences", "7001"),
        phone_in(switch, "7001", 500.0) as (_, party),
        browser_in(switch, "7001", 660.0) as (browser, _),
    ):
        await hears(party, 660.0)
        await browser.hears(500.0)


async def test_a_browser_and_a_phone_take_turns_in_a_talkgroup(switch: Switch) -> None:
    async with (
        room(switch, "/groups", "8001"),
        phone_in(switch, "8001", 500.0) as (phone, party),
        browser_in(switch, "8001", 660.0) as (browser, leg),
    ):
        for wish in ("request", "release"):
            path = f"/groups/8001/floor/{wish}"
            status, answer = await asyncio.to_thread(switch.http, "POST", path, {"leg_id": leg})
            assert status == 202, f"{wish} was answered {status} {answer}"
            if wish == "request":
                await hears(party, 660.0)
        floor = b'{"action": "request"}'
        request = phone.request("INFO", phone.target, phone.to_tag, body=floor.decode())
        phone.send(request.replace(b"application/sdp", b"application/x-floor-control+json"))
        assert (await asyncio.to_thread(phone.final)).status == 200
        await browser.hears(500.0)


async def test_a_certificate_that_was_not_signalled_ends_the_call_and_is_counted(switch: Switch) -> None:
    before = switch.get("/system/media")["dtls_fingerprint_mismatches"]
    async with peer(440.0) as browser:
        lines = (await browser.offer()).splitlines()
        fake = ":".join(["AB"] * 32)
        forged = "\r\n".join(
            f"a=fingerprint:sha-256 {fake}" if line.startswith("a=fingerprint:sha-256") else line
            for line in lines
            if not line.startswith(("a=fingerprint:sha-384", "a=fingerprint:sha-512"))
        )
        status, session = await ask(switch, "POST", "/sessions", payload(forged + "\r\n", "1001", "600"))
        assert status == 201, session
        await browser.apply(session["sdp"])
        async with asyncio.timeout(40):
            while switch.get("/system/media")["dtls_fingerprint_mismatches"] == before:  # noqa: ASYNC110 (a counter tells nothing by itself)
                await asyncio.sleep(0.1)
        path = f"/webrtc/sessions/{session['session_id']}"
        ended = lambda: switch.get(path)["state"] == "ended"  # noqa: E731
        await asyncio.to_thread(wait_until, ended, 40, "a peer that is not who it was said to be is left")


@pytest.mark.parametrize(
    "sdp", ["nonsense", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"]
)
def test_what_is_no_browser_s_description_is_a_problem(switch: Switch, sdp: str) -> None:
    status, problem = switch.http("POST", "/webrtc/sessions", payload(sdp, "1001", "600"))
    assert (status, problem["type"]) == (400, "urn:softswitch:problem:bad-description"), problem


@asynccontextmanager
async def page_of(switch: Switch, folder: Path, *scripts: Path) -> AsyncIterator[Page]:
    async with running(folder) as browser, pages_in(browser, switch, *scripts) as page:
        yield page


@asynccontextmanager
async def pages_in(browser: Browser, switch: Switch, *scripts: Path) -> AsyncIterator[Page]:
    """A window with a telephone in it."""
    async with browser.window(f"http://127.0.0.1:{switch.plan.http}/api/v1/docs") as page:
        await page.wait("document.readyState === 'complete' && location.protocol === 'http:'", 30)
        for script in (*scripts, HERE / "webrtc_page.js"):
            await page.run(script.read_text())
        yield page


@pytest.mark.needs("chromium")
async def test_chromium_hears_its_tone_and_changes_its_path(switch: Switch, tmp_path: Path) -> None:
    async with page_of(switch, tmp_path) as page:
        answer = json.loads(await page.run(f"rtc.call('{TOKEN}', '1001', '600', 640).then(JSON.stringify)"))
        assert answer["status"] == 201, answer
        await page.wait("rtc.connection.connectionState === 'connected'")
        await page.wait("Math.abs(rtc.heard() - 640) < 4")
        again = json.loads(await page.run(f"rtc.restart('{TOKEN}').then(JSON.stringify)"))
        assert again["status"] == 200, again
        assert again["sdp"].partition("a=ice-pwd:")[2][:24] != answer["sdp"].partition("a=ice-pwd:")[2][:24]
        await page.wait("rtc.connection.iceConnectionState !== 'checking'")
        await page.wait("Math.abs(rtc.heard() - 640) < 4")
        await page.run(f"rtc.request('{TOKEN}', 'DELETE', '/sessions/' + rtc.session.session_id)")


@asynccontextmanager
async def two_pages(switch: Switch, folder: Path) -> AsyncIterator[tuple[Page, Page]]:
    """Two windows of one Chromium."""
    async with running(folder) as browser, pages_in(browser, switch) as one, pages_in(browser, switch) as other:
        yield one, other


async def see(page: Page) -> None:
    """Wait until a page has decoded pictures of somebody else."""
    await page.run("setInterval(() => rtc.counted().then(found => { rtc.found = found; }), 200)")
    await page.wait("rtc.found && rtc.found.video && rtc.found.video.frames > 5", 40)


@pytest.mark.needs("chromium")
async def test_two_chromium_pages_see_and_hear_each_other_on_one_transport_each(switch: Switch, tmp_path: Path) -> None:
    """One page wants no more than one transport (max-bundle); the other is offered pictures in the bundle alone."""
    async with two_pages(switch, tmp_path) as (caller, callee):
        assert (await ask(switch, "POST", "/registrations", {"number": "1014", "device": "desk"}))[0] == 200
        insists = "{video: true, configuration: {bundlePolicy: 'max-bundle'}}"
        video = "{video: true}"
        calling = asyncio.ensure_future(
            caller.run(f"rtc.call('{TOKEN}', '1013', '1014', 440, {insists}).then(JSON.stringify)")
        )
        session = (await offered_to(switch, "1014"))["session_id"]
        taken = json.loads(await callee.run(f"rtc.take('{TOKEN}', '{session}', 660, {video}).then(JSON.stringify)"))
        assert taken["status"] == 200, taken
        assert json.loads(await calling)["status"] == 201
        for page, hz in ((caller, 660), (callee, 440)):
            await see(page)
            await page.wait(f"Math.abs(rtc.heard() - {hz}) < 4")
            assert await page.run("rtc.found.transports") == 1, "sound and pictures should share one ICE and DTLS"
        again = json.loads(await caller.run(f"rtc.restart('{TOKEN}').then(JSON.stringify)"))
        assert again["status"] == 200, f"a new path is no matter of the other page: {again}"
        seen = await caller.run("rtc.found.video.frames")
        await caller.wait(f"rtc.found.video.frames > {seen + 5} && Math.abs(rtc.heard() - 660) < 4")
        await caller.run(f"rtc.request('{TOKEN}', 'DELETE', '/sessions/' + rtc.session.session_id)")
        await ask(switch, "DELETE", "/registrations/1014/desk")


@pytest.mark.needs("chromium")
async def test_two_chromium_pages_see_each_other_in_a_conference(switch: Switch, tmp_path: Path) -> None:
    async with room(switch, "/voice/conferences", "7001"), two_pages(switch, tmp_path) as pages:
        for page, number in zip(pages, ("1013", "1014"), strict=True):
            call = f"rtc.call('{TOKEN}', '{number}', '7001', 440, {{video: true}}).then(JSON.stringify)"
            answer = json.loads(await page.run(call))
            assert answer["status"] == 201, answer
        for page in pages:
            await see(page)
        for page in pages:
            await page.run(f"rtc.request('{TOKEN}', 'DELETE', '/sessions/' + rtc.session.session_id)")


def jssip() -> Path:
    """JsSIP in one file, made after its lock file by the Node that makes the console; without that no test."""
    folder = HERE / "jssip"
    built = folder / "node_modules" / ".built" / "jssip.js"
    if not built.exists():
        node, npm = runpy.run_path(str(HERE.parents[1] / "console" / "tool.py"))["node"]()
        bundle = ["node_modules/esbuild/bin/esbuild", "entry.js", "--bundle", "--format=iife", f"--outfile={built}"]
        for command in ([*npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], [*node, *bundle]):
            made = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
            if made.returncode and os.environ.get("SOFTSWITCH_REQUIRE_PEERS"):
                pytest.fail(f"JsSIP cannot be made here: {made.stderr}")
            if made.returncode:
                pytest.skip("JsSIP cannot be fetched here")
    return built


@pytest.mark.needs("chromium")
async def test_jssip_registers_calls_the_echo_and_is_called(switch: Switch, tmp_path: Path) -> None:
    async with page_of(switch, tmp_path, jssip()) as page:
        url = f"ws://127.0.0.1:{switch.plan.http}/sip"
        await page.run(f"rtc.register('{url}', '1002', '{password_of('1002')}', '127.0.0.1', 660)")
        await page.wait("rtc.registered === true")
        await page.run("rtc.dial('sip:600@127.0.0.1', 523)")
        await page.wait("rtc.state === 'confirmed'")
        await page.wait("Math.abs(rtc.heard() - 523) < 4")
        (call,) = await asyncio.to_thread(switch.calls)
        ladder = await asyncio.to_thread(switch.get, f"/voice/calls/{call['call_id']}/ladder")
        told = [(each["source"] == "softswitch", each["summary"].split()[0]) for each in ladder["messages"]]
        assert {(False, "INVITE"), (True, "200"), (False, "ACK")} <= set(told), f"a ladder holds all of a call: {told}"
        await page.run("rtc.agent.terminateSessions()")
        await page.wait("rtc.state.startsWith('ended')")
        async with peer(440.0, 120) as caller:
            status, session = await ask(switch, "POST", "/sessions", payload(await caller.offer(), "1001", "1002"))
            assert status == 201, session
            await caller.apply(session["sdp"])
            await caller.connected()
            await page.wait("rtc.state === 'confirmed' && Math.abs(rtc.heard() - 440) < 4")
            await caller.hears(660.0)
            await see(page)
            await ask(switch, "DELETE", f"/sessions/{session['session_id']}")
        await page.wait("rtc.state.startsWith('ended')")
        await page.run("rtc.agent.stop()")
        await asyncio.sleep(0.3)
