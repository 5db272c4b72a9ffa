"""The console in a real browser: log in, dial, steer calls, by keyboard, in both languages; and where it is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import expect

from tests.api.conftest import MakePhone
from tests.api.console_page import PROGRAM, console
from tests.api.test_voice import post
from tests.interop.switch import Switch

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed"),
    pytest.mark.timeout(180),
    pytest.mark.slow,
]


def test_dispatcher_dials_steers_transfers_and_hangs_up(switch: Switch, phone: MakePhone, tmp_path: Path) -> None:
    phone("1004")
    two = phone("1002", answer_after=None)
    three = phone("1003")
    with console(switch.plan.http, tmp_path) as desk:
        page = desk.page
        desk.log_in()
        expect(page.get_by_text("desk (dispatcher)")).to_be_visible()
        for number in ("1004", "1002", "1003"):
            expect(page.locator(f".entry[data-number='{number}'] .available")).to_be_visible()
        page.check("#connect-two")
        page.fill("#caller", "1004")
        page.fill("#callee", "1002")
        page.keyboard.press("Enter")
        expect(page.locator(".call.callee_setup")).to_be_visible()
        two.pick_up()
        expect(page.locator(".call.active")).to_be_visible()
        desk.order("hold")
        expect(page.locator(".parties .held")).to_be_visible()
        desk.order("resume")
        expect(page.locator(".parties .held")).to_have_count(0)
        desk.order("transfer")
        page.fill("[data-action=target]", "1003")
        page.keyboard.press("Enter")
        assert three.in_call.wait(40), "the target of the transfer answers"
        expect(page.locator(".parties")).to_contain_text("1003")
        desk.order("disconnect")
        expect(page.locator("button[data-action=disconnect]")).to_contain_text("Press again")
        assert not three.ended.is_set(), "one press does not end a call"
        desk.order("disconnect")
        expect(page.get_by_text("No call is in progress.")).to_be_visible()
        page.keyboard.press("Alt+9")
        expect(page.locator("main[data-view=records] td.good, main[data-view=records] .good").first).to_have_text(
            "answered"
        )
        page.locator("button[data-action=ladder]").first.click()
        drawing = page.locator("img[data-ladder]")
        expect(drawing).to_be_visible()
        page.wait_for_function("document.querySelector('img[data-ladder]').naturalHeight > 100")
        desk.expect_nothing_foreign()


def test_queues_and_the_map_show_what_the_api_says(switch: Switch, phone: MakePhone, tmp_path: Path) -> None:
    phone("1001")
    post(switch, "/voice/queues", {"number": "6300", "name": "Duty desk", "announce_s": 0, "join_empty": True}, 201)
    fence = post(switch, "/location/geofences", {"name": "<b>Gate</b>", "center": [39.9, 116.4], "radius_m": 500}, 201)
    for latitude in (39.91, 39.92):
        post(switch, "/location/positions", {"number": "1001", "latitude": latitude, "longitude": 116.4}, 201)
    with console(switch.plan.http, tmp_path) as desk:
        page = desk.page
        desk.log_in()
        page.keyboard.press("Alt+3")
        queue = page.locator("[data-queue='6300']")
        expect(queue).to_contain_text("Duty desk")
        call = post(switch, "/voice/calls", {"caller": "1001", "callee": "6300"}, 201)["call_id"]
        expect(queue.locator(f"[data-call='{call}']")).to_contain_text("1001")
        queue.locator("[data-action=agent]").fill("1009")
        page.keyboard.press("Enter")
        expect(queue).to_contain_text("1009")
        page.keyboard.press("Escape")
        page.keyboard.press("Alt+4")
        expect(page.locator(".leaflet-tooltip", has_text="1001")).to_be_visible()
        expect(page.locator("path.fence")).to_have_count(1)
        page.locator("path.unit").first.click()
        expect(page.locator("path.track")).to_have_count(1)
        assert page.locator(".leaflet-tooltip b").count() == 0, "a name is text and no HTML"
        post(switch, f"/voice/calls/{call}/disconnect")
        desk.expect_nothing_foreign()
    assert switch.http("DELETE", f"/location/geofences/{fence['id']}")[0] == 204
    assert switch.http("DELETE", "/location/positions/1001")[0] == 204
    assert switch.http("DELETE", "/voice/queues/6300")[0] == 204


def test_keyboard_languages_and_themes(switch: Switch, phone: MakePhone, tmp_path: Path) -> None:
    phone("1002")
    with console(switch.plan.http, tmp_path) as desk:
        page = desk.page
        desk.log_in()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("Talk in the selected talkgroup")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.keyboard.press("/")
        expect(page.locator("#callee")).to_be_focused()
        page.keyboard.type("t1")
        expect(page.locator("#callee")).to_have_value("t1")
        page.keyboard.press("Escape")
        page.keyboard.press("l")
        expect(page.get_by_text("当前没有呼叫。")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        page.keyboard.press("t")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        for number, view in enumerate(
            ("desk", "conferences", "queues", "map", "cameras", "alarms", "recordings", "messages"), 1
        ):
            page.keyboard.press(f"Alt+{number}")
            expect(page.locator(f"main[data-view={view}] .panel").first).to_be_visible()
        page.keyboard.press("Alt+0")
        expect(page.locator("main[data-view=system] .chart").first).to_be_visible()
        page.set_viewport_size({"width": 390, "height": 844})
        for view in ("system", "messages"):
            page.click(f"nav [data-view={view}]")
            expect(page.locator(f"main[data-view={view}]")).to_be_visible()
            page.wait_for_function("document.documentElement.scrollWidth <= 390")  # it fits a telephone
        expect(page.locator("[data-action=logout]")).to_be_in_viewport()
        page.reload()
        expect(page.locator("main[data-view=messages]")).to_be_visible()
        assert page.evaluate("Object.keys(localStorage).every(key => !localStorage[key].includes('live-'))")
        desk.expect_nothing_foreign()


def test_wrong_token_and_viewer(switch: Switch, phone: MakePhone, tmp_path: Path) -> None:
    phone("1001")
    with console(switch.plan.http, tmp_path) as desk:
        page = desk.page
        page.goto(desk.base)
        page.fill("#token", "no such token")
        page.keyboard.press("Enter")
        expect(page.get_by_text("does not know this token")).to_be_visible()
        desk.log_in("live-viewer-token")
        expect(page.get_by_text("guest (viewer)")).to_be_visible()
        expect(page.locator("#callee")).to_be_disabled()
        expect(page.locator("#talk-key")).to_have_count(0)
        expect(page.locator(".entry").first).to_be_disabled()


def test_events_are_resumed_when_the_connection_comes_back(switch: Switch, phone: MakePhone, tmp_path: Path) -> None:
    phone("1001")
    with console(switch.plan.http, tmp_path) as desk:
        page = desk.page
        sockets: list[str] = []
        page.on("websocket", lambda socket: sockets.append(socket.url))
        desk.log_in()
        page.evaluate("window.cut = true, sockets.at(-1).close()")
        expect(page.locator(".live.off")).to_be_visible()
        phone("1002")
        page.evaluate("window.cut = false")
        expect(page.locator(".live.on")).to_be_visible()
        expect(page.locator(".events li", has_text="number=1002").first).to_be_visible()
        assert "since=" in sockets[-1], f"the stream should go on where it was: {sockets}"


def test_switch_without_the_console_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from softswitch.api import console_site

    monkeypatch.setattr(console_site, "files", lambda package: tmp_path)
    assert console_site.console_files() == {}
    page = console_site.missing_console_page().text or ""
    assert "script/prepare" in page and "尚未构建" in page
