"""The console in a real browser: log in, dial, watch, transfer, hang up, by keyboard, in both languages."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.api.browser import PROGRAM, Page, opened
from tests.api.conftest import MakePhone
from tests.interop.switch import ROOT, Switch

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed"),
    pytest.mark.timeout(120),
    pytest.mark.slow,
]
#: Where pictures for the documentation go, when they are asked for.
PICTURES = os.environ.get("SOFTSWITCH_PICTURES", "")


async def picture(page: Page, name: str, folder: Path) -> None:
    await page.picture((Path(PICTURES) if PICTURES else folder) / f"{name}.png")


async def log_in(page: Page, token: str) -> None:
    await page.wait("document.querySelector('#token') && !document.querySelector('#login').hidden")
    await page.type("#token", token)
    await page.press("Enter")
    await page.wait("!document.querySelector('#desk').hidden")


def shows(text: str) -> str:
    return f"document.body.innerText.includes({text!r})"


async def test_dispatcher_dials_watches_transfers_and_hangs_up(
    switch: Switch, phone: MakePhone, tmp_path: Path
) -> None:
    phone("1001")
    phone("1002", answer_after=0.6)
    three = phone("1003")
    base = f"http://127.0.0.1:{switch.plan.http}"
    async with opened(f"{base}/", tmp_path) as page:
        await page.run("localStorage.setItem('language', 'en')")
        await page.send("Page.reload")
        await log_in(page, "live-dispatcher-token")
        await page.wait(shows("desk (dispatcher)"))
        await page.wait(shows("live"))
        await page.wait("document.querySelectorAll('#directory .available').length >= 3")
        await page.type("#caller", "1001")
        await page.type("#callee", "1002")
        await page.press("Enter")
        await page.wait("document.querySelector('.call.callee_setup')")
        await page.wait("document.querySelector('.call.active')")
        await page.wait(shows("talking"))
        await page.wait("document.querySelectorAll('#events li').length > 5")
        await page.run("document.querySelector('[data-action=hold]').click()")
        await page.wait(shows("1001 held"))
        await picture(page, "console-light", tmp_path)
        await page.run("document.querySelector('[data-action=resume]').click()")
        await page.wait("!document.querySelector('.parties .held')")
        await page.type("[data-action=target]", "1003")
        await page.press("Enter")
        assert await asyncio.to_thread(three.in_call.wait, 5), "the target of the transfer answers"
        await page.wait(shows("1003 connected"))
        await page.run("document.querySelector('[data-action=disconnect]').click()")
        await page.wait(shows("Press again"))
        assert not three.ended.is_set(), "one press does not end a call"
        await page.run("document.querySelector('[data-action=disconnect]').click()")
        await page.wait(shows("No call is in progress."))
        await page.press("3", modifiers=1)
        await page.wait("document.querySelector('#list table td.good')?.textContent === 'answered'")
        await page.run("document.querySelector('#language').click()")
        await page.wait(shows("当前没有呼叫。"))
        await page.run("document.querySelector('#theme').click()")
        await page.wait(shows("话单"))
        await picture(page, "console-dark", tmp_path)
        foreign = [url for url in page.requests if not url.startswith((base, "data:", "ws://127.0.0.1"))]
        assert not foreign, f"the console asked others: {foreign}"
        assert not page.complaints, f"the page complains: {page.complaints}"


async def test_wrong_token_and_viewer(switch: Switch, phone: MakePhone, tmp_path: Path) -> None:
    phone("1001")
    async with opened(f"http://127.0.0.1:{switch.plan.http}/", tmp_path) as page:
        await page.run("localStorage.setItem('language', 'en')")
        await page.send("Page.reload")
        await page.wait("document.querySelector('#token') && !document.querySelector('#login').hidden")
        await page.type("#token", "no such token")
        await page.press("Enter")
        await page.wait(shows("does not know this token"))
        await picture(page, "console-login", tmp_path)
        await log_in(page, "live-viewer-token")
        await page.wait(shows("guest (viewer)"))
        assert await page.run("document.querySelector('#callee').disabled"), "a viewer cannot dial"
        await page.wait("document.querySelector('#list table')")
        assert await page.run("document.querySelector('#list button') === null"), "a viewer has no buttons"
        await page.press("/")
        await page.press("Tab")
        assert await page.run("document.activeElement !== document.body"), "the keyboard reaches the controls"


def test_both_languages_have_every_word() -> None:
    text = (ROOT / "softswitch/api/console/words.js").read_text(encoding="utf-8")
    english, chinese = text.split("  zh: {")
    import re

    keys = [set(re.findall(r"(?:^|[{,\s])(\w+): (?:\"|\()", part.partition("};")[0])) for part in (english, chinese)]
    assert keys[0] - {"en"} == keys[1], f"in one language only: {keys[0] ^ keys[1]}"
    assert len(keys[1]) > 60
