"""The console in a headless Chromium whose microphone is a WAV file, by Playwright; what its user hears is measured."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
#: Where pictures for the documentation go, when they are asked for.
PICTURES = os.environ.get("SOFTSWITCH_PICTURES", "")
_SIZE: ViewportSize = {"width": 1440, "height": 900}

# Hears what the page hears: each track that comes in, and what an audio element plays. Keeps its WebSockets at hand; as
# long as `cut` is set none can be opened.
_EAR = """
(() => {
    let context, ear;
    const analyser = () => {
        context ??= new AudioContext({sampleRate: 48000});
        context.resume();
        ear ??= new AnalyserNode(context, {fftSize: 16384, smoothingTimeConstant: 0});
        return ear;
    };
    const Original = RTCPeerConnection;
    window.RTCPeerConnection = class extends Original {
        constructor(...options) {
            super(...options);
            this.addEventListener('track', event => {
                const node = analyser();
                context.createMediaStreamSource(new MediaStream([event.track])).connect(node);
            });
        }
    };
    const Socket = WebSocket;
    window.sockets = [];
    window.WebSocket = class extends Socket {
        constructor(url, ...options) {
            super(window.cut ? 'ws://127.0.0.1:9/' : url, ...options);
            sockets.push(this);
        }
    };
    window.listenTo = element => context.createMediaElementSource(element).connect(analyser());
    window.heard = () => {
        if (!ear) return 0;
        const bins = new Float32Array(ear.frequencyBinCount);
        ear.getFloatFrequencyData(bins);
        let best = 0;
        for (let i = 1; i < bins.length; i++) if (bins[i] > bins[best]) best = i;
        return bins[best] < -70 ? 0 : best * context.sampleRate / ear.fftSize;
    };
})();
"""


class Console:
    """A page that shows the console. `requests` are the addresses asked for, `complaints` the page's errors."""

    def __init__(self, page: Page, base: str, folder: Path) -> None:
        self.page, self.base, self.folder = page, base, folder
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)

    def log_in(self, token: str = "live-dispatcher-token") -> None:
        """Give a token as a person does, and wait for the desk."""
        self.page.goto(self.base)
        self.page.fill("#token", token)
        self.page.keyboard.press("Enter")
        expect(self.page.locator("main[data-view=desk]")).to_be_visible()
        expect(self.page.locator(".live.on")).to_be_visible()

    def show(self, view: str) -> None:
        """Change the view by the side bar."""
        self.page.click(f"nav [data-view={view}]")
        expect(self.page.locator(f"main[data-view={view}]")).to_be_visible()

    def order(self, action: str) -> None:
        """Press the first button of an action."""
        self.page.locator(f"button[data-action={action}]").first.click()

    def group(self, number: str) -> str:
        """The selector of a talkgroup's card."""
        return f"[data-group='{number}']"

    def expect_floor(self, group: str, floor: str) -> None:
        """Wait until the card of a talkgroup shows idle, taken, talking, waiting, refused."""
        expect(self.page.locator(self.group(group))).to_have_attribute("data-floor", floor)

    def expect_heard(self, hz: float) -> None:
        """Wait until the strongest tone that the page hears is this one."""
        try:
            self.page.wait_for_function("hz => Math.abs(heard() - hz) < 6", arg=hz, timeout=40_000)
        except Exception as error:
            raise AssertionError(f"expected to hear {hz} Hz, heard {self.page.evaluate('heard()')} Hz") from error

    def picture(self, name: str) -> None:
        """Take a picture, for the documentation when that is asked for."""
        self.page.screenshot(path=(Path(PICTURES) if PICTURES else self.folder) / f"{name}.png")

    def expect_nothing_foreign(self) -> None:
        """No other host was asked, and the page has no complaint."""
        own = (self.base, self.base.replace("http", "ws"), "data:", "blob:")
        foreign = [url for url in self.requests if not url.startswith(own)]
        assert not foreign, f"the console asked others: {foreign}"
        assert not self.complaints, f"the page complains: {self.complaints}"


@contextmanager
def console(port: int, folder: Path, microphone: Path | None = None, *, dark: bool = False) -> Iterator[Console]:
    """The console of the switch on an HTTP port, in English, with its sound left as it is."""
    options = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    options += ["--autoplay-policy=no-user-gesture-required", "--disable-dev-shm-usage"]
    if microphone is not None:
        options.append(f"--use-file-for-fake-audio-capture={microphone}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=options)
        context = browser.new_context(viewport=_SIZE, color_scheme="dark" if dark else "light", locale="en-GB")
        context.add_init_script("localStorage.clean_microphone = 'no';" + _EAR)
        page = context.new_page()
        page.set_default_timeout(40_000)
        expect.set_options(timeout=40_000)
        try:
            yield Console(page, f"http://127.0.0.1:{port}/", folder)
        finally:
            browser.close()
