"""Browsers: aiortc and Chromium by the API, JsSIP by SIP over WebSocket; ICE, DTLS-SRTP and what is heard."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.api.browser import Page, opened
from tests.interop.audio import frequency_hz
from tests.interop.switch import TOKEN, Plan, Switch, password_of, running_switch

pytest.importorskip("aiortc")
from tests.interop.aiortc_peer import RtcPeer, payload

HERE = Path(__file__).resolve().parent


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Switch]:
    """A switch with a conference."""
    with running_switch(Plan(extra='[[conference]]\nnumber = "7001"\n'), tmp_path / "switch") as switch:
        yield switch


async def ask(switch: Switch, method: str, path: str, body: object = None) -> tuple[int, Any]:
    return await asyncio.to_thread(switch.http, method, f"/webrtc{path}", body)


@asynccontextmanager
async def peer(hz: float) -> AsyncIterator[RtcPeer]:
    made = RtcPeer(hz)
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
        await browser.hear(0.5)
        heard = frequency_hz(await browser.hear(1.5))
        assert abs(heard - 523) < 1, f"the echo should bring 523 Hz back, heard {heard:.1f} Hz"
        assert (await ask(switch, "DELETE", f"/sessions/{session['session_id']}"))[0] == 204


async def test_two_peers_hear_each_other(switch: Switch) -> None:
    async with peer(440.0) as caller, peer(660.0) as callee:
        assert (await ask(switch, "POST", "/registrations", {"number": "1014", "device": "desk"}))[0] == 200
        body = payload(await caller.offer(), "1013", "1014")
        calling = asyncio.ensure_future(ask(switch, "POST", "/sessions", body))
        offered: dict[str, Any] = {}
        async with asyncio.timeout(5):
            while not offered:
                await asyncio.sleep(0.05)
                rows = (await ask(switch, "GET", "/sessions"))[1]["items"]
                offered = next((row for row in rows if row["number"] == "1014" and row["type"] == "offer"), {})
        path = f"/sessions/{offered['session_id']}/answer"
        status, taken = await ask(switch, "POST", path, {"sdp": await callee.answer(offered["sdp"])})
        assert status == 200, taken
        status, session = await calling
        assert status == 201, session
        await caller.apply(session["sdp"])
        await caller.connected()
        await callee.connected()
        for listener, hz in ((caller, 660), (callee, 440)):
            await listener.hear(0.5)
            heard = frequency_hz(await listener.hear(1.5))
            assert abs(heard - hz) < 1, f"expected the other's {hz} Hz, heard {heard:.1f} Hz"
        await ask(switch, "DELETE", f"/sessions/{session['session_id']}")
        await ask(switch, "DELETE", "/registrations/1014/desk")


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
        async with asyncio.timeout(10):
            while switch.get("/system/media")["dtls_fingerprint_mismatches"] == before:  # noqa: ASYNC110 (a counter tells nothing by itself)
                await asyncio.sleep(0.1)
        row = (await ask(switch, "GET", f"/sessions/{session['session_id']}"))[1]
        assert row["state"] == "ended", f"a peer that is not who it was said to be should be left, it is {row['state']}"


@pytest.mark.parametrize(
    "sdp", ["nonsense", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"]
)
def test_what_is_no_browser_s_description_is_a_problem(switch: Switch, sdp: str) -> None:
    status, problem = switch.http("POST", "/webrtc/sessions", payload(sdp, "1001", "600"))
    assert (status, problem["type"]) == (400, "urn:softswitch:problem:bad-description"), problem


@asynccontextmanager
async def page_of(switch: Switch, folder: Path, *scripts: Path) -> AsyncIterator[Page]:
    async with opened(f"http://127.0.0.1:{switch.plan.http}/api/v1/docs", folder) as page:
        await page.wait("document.readyState === 'complete' && location.protocol === 'http:'")
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


@pytest.mark.needs("chromium")
async def test_two_chromiums_see_each_other(switch: Switch, tmp_path: Path) -> None:
    async with page_of(switch, tmp_path / "a") as caller, page_of(switch, tmp_path / "b") as callee:
        assert (await ask(switch, "POST", "/registrations", {"number": "1014", "device": "desk"}))[0] == 200
        video = "{video: true}"
        calling = asyncio.ensure_future(
            caller.run(f"rtc.call('{TOKEN}', '1013', '1014', 440, {video}).then(JSON.stringify)")
        )
        offered: dict[str, Any] = {}
        async with asyncio.timeout(10):
            while not offered:
                await asyncio.sleep(0.05)
                rows = (await ask(switch, "GET", "/sessions"))[1]["items"]
                offered = next((row for row in rows if row["number"] == "1014" and row["type"] == "offer"), {})
        session = offered["session_id"]
        taken = json.loads(await callee.run(f"rtc.take('{TOKEN}', '{session}', 660, {video}).then(JSON.stringify)"))
        assert taken["status"] == 200, taken
        assert json.loads(await calling)["status"] == 201
        for page in (caller, callee):
            await page.run("setInterval(() => rtc.counted().then(found => { rtc.found = found; }), 200)")
            await page.wait("rtc.found && rtc.found.video && rtc.found.video.frames > 20")
        await caller.run(f"rtc.request('{TOKEN}', 'DELETE', '/sessions/' + rtc.session.session_id)")
        await ask(switch, "DELETE", "/registrations/1014/desk")


@pytest.mark.needs("chromium")
async def test_two_chromiums_see_each_other_in_a_conference(rooms: Switch, tmp_path: Path) -> None:
    switch = rooms
    async with page_of(switch, tmp_path / "a") as first, page_of(switch, tmp_path / "b") as second:
        for page, number in ((first, "1013"), (second, "1014")):
            call = f"rtc.call('{TOKEN}', '{number}', '7001', 440, {{video: true}}).then(JSON.stringify)"
            answer = json.loads(await page.run(call))
            assert answer["status"] == 201, answer
        for page in (first, second):
            await page.run("setInterval(() => rtc.counted().then(found => { rtc.found = found; }), 200)")
            await page.wait("rtc.found && rtc.found.video && rtc.found.video.frames > 20")
        for page in (first, second):
            await page.run(f"rtc.request('{TOKEN}', 'DELETE', '/sessions/' + rtc.session.session_id)")


def jssip() -> Path:
    """JsSIP in one file, built by its lock file; skips the test where npm or its registry is out of reach."""
    folder = HERE / "jssip"
    built = folder / "node_modules" / ".built" / "jssip.js"
    if not built.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed")
        commands = ([npm, "ci", "--no-audit", "--no-fund"], [npm, "run", "build"])
        if any(subprocess.run(each, cwd=folder, capture_output=True, timeout=120).returncode for each in commands):
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
        await page.run("rtc.agent.terminateSessions()")
        await page.wait("rtc.state.startsWith('ended')")
        async with peer(440.0) as caller:
            status, session = await ask(switch, "POST", "/sessions", payload(await caller.offer(), "1001", "1002"))
            assert status == 201, session
            await caller.apply(session["sdp"])
            await caller.connected()
            await page.wait("rtc.state === 'confirmed' && Math.abs(rtc.heard() - 440) < 4")
            await caller.hear(0.5)
            heard = frequency_hz(await caller.hear(1.5))
            assert abs(heard - 660) < 1, f"expected the browser's 660 Hz, heard {heard:.1f} Hz"
            await ask(switch, "DELETE", f"/sessions/{session['session_id']}")
        await page.wait("rtc.state.startsWith('ended')")
        await page.run("rtc.agent.stop()")
        await asyncio.sleep(0.3)
