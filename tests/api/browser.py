"""A headless Chromium steered by the DevTools protocol: opens a page, runs expressions in it, takes pictures."""

from __future__ import annotations

import asyncio
import base64
import itertools
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
    "--window-size=1360,860",
)


class Page:
    """One page. `requests` are the addresses it asked for, `complaints` what it wrote to its console as errors."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.requests: list[str] = []
        self.complaints: list[str] = []

    async def listen(self) -> None:
        """Take what the browser says until it is closed."""
        async for message in self._socket:
            content = message.json()
            if "id" in content:
                waiting = self._waiting.pop(content["id"], None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(content)
            else:
                self._event(content["method"], content["params"])

    def _event(self, method: str, parameters: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.complaints.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its result; raises AssertionError when the browser refuses."""
        number = next(self._numbers)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(60):
            content = await waiting
        assert "error" not in content, f"{method}: {content['error']}"
        result: dict[str, Any] = content["result"]
        return result

    async def run(self, expression: str) -> Any:
        """The value of an expression in the page; raises AssertionError when it throws."""
        result = await self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, f"{expression}: {result['exceptionDetails']}"
        return result["result"].get("value")

    async def wait(self, expression: str, timeout_s: float = 40.0) -> None:
        """Wait until an expression is true; raises AssertionError naming it and what the page shows."""
        try:
            async with asyncio.timeout(timeout_s):
                while not await self.run(f"Boolean({expression})"):  # noqa: ASYNC110 (the page tells nothing by itself)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            text = await self.run("document.body.innerText")
            raise AssertionError(f"waited in vain for {expression}; the page shows:\n{text}") from None

    async def type(self, selector: str, text: str) -> None:
        """Put focus on a field and type into it as a keyboard does."""
        await self.run(f"document.querySelector({selector!r}).focus()")
        await self.send("Input.insertText", text=text)

    async def press(self, key: str, modifiers: int = 0) -> None:
        """Press and release a key; modifiers 1 is Alt."""
        names = {"Enter": ("Enter", 13, "\r"), "Tab": ("Tab", 9, "")}
        code, number, text = names.get(key, (f"Digit{key}" if key.isdigit() else "", ord(key[0]), key))
        common = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": modifiers}
        await self.send("Input.dispatchKeyEvent", type="keyDown", **common, **({} if modifiers else {"text": text}))
        await self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    async def picture(self, path: Path) -> None:
        """Write what is seen to a PNG file."""
        result = await self.send("Page.captureScreenshot", format="png")
        content = base64.b64decode(result["data"])
        await asyncio.to_thread(path.write_bytes, content)


class Browser:
    """One running Chromium, whose windows are pages."""

    def __init__(self, session: aiohttp.ClientSession, port: str) -> None:
        self._session = session
        self._port = port

    @asynccontextmanager
    async def window(self, url: str) -> AsyncIterator[Page]:
        """A page showing `url` in a window of its own: what is behind another one in Chromium paints nothing."""
        async with self._session.get(f"http://127.0.0.1:{self._port}/json/version") as answer:
            steering = (await answer.json())["webSocketDebuggerUrl"]
        async with self._attached(steering) as chromium:
            made = await chromium.send("Target.createTarget", url="about:blank", newWindow=True)
        async with self._attached(f"ws://127.0.0.1:{self._port}/devtools/page/{made['targetId']}") as page:
            for domain in ("Page", "Runtime", "Network", "Log"):
                await page.send(f"{domain}.enable")
            await page.send("Page.navigate", url=url)
            yield page

    @asynccontextmanager
    async def _attached(self, address: str) -> AsyncIterator[Page]:
        async with self._session.ws_connect(address, max_msg_size=0) as socket, asyncio.TaskGroup() as group:
            page = Page(socket)
            listening = group.create_task(page.listen())
            yield page
            listening.cancel()


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Browser]:
    """A Chromium with its profile in `folder`, which ends with the block."""
    assert PROGRAM is not None, "chromium is not installed"
    profile = folder / "profile"
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *_OPTIONS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        place = profile / "DevToolsActivePort"
        async with asyncio.timeout(60):
            while not place.exists() or not place.read_text().strip():  # noqa: ASYNC110 (nothing tells of it)
                await asyncio.sleep(0.05)
        async with aiohttp.ClientSession() as session:
            yield Browser(session, place.read_text().splitlines()[0])
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def opened(url: str, folder: Path) -> AsyncIterator[Page]:
    """A page showing `url` in a browser of its own, which ends with the block."""
    async with running(folder) as browser, browser.window(url) as page:
        yield page
