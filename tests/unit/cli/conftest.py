"""A pretended switch that answers HTTP on a port of its own, and nothing of the caller's environment."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

Answer = tuple[int, Any]


class PretendedSwitch:
    """Answers with what the test put into `answers` and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Answer] = {}
        self.requests: list[tuple[str, str, str]] = []
        self.bodies: list[object] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        switch = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                given = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if given:
                    switch.bodies.append(json.loads(given))
                switch.requests.append((self.command, self.path, self.headers.get("Authorization", "")))
                status, body = switch.answers.get((self.command, self.path), (404, {"detail": "no such thing"}))
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        return Handler


@pytest.fixture
def switch() -> Iterator[PretendedSwitch]:
    pretended = PretendedSwitch()
    thread = threading.Thread(target=pretended.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield pretended
    pretended.server.shutdown()
    thread.join()
    pretended.server.server_close()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of the caller, a folder of its own, and no real switch by accident."""
    for name in ("SOFTSWITCH_CONFIG", "SOFTSWITCH_DATA", "SOFTSWITCH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SOFTSWITCH_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
