"""pjsua2 peers: each a process running peers/pjsua_peer.py."""

from __future__ import annotations

import json
import queue
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.interop.switch import PATIENCE_S

_PEER = Path(__file__).resolve().parent / "peers" / "pjsua_peer.py"


class Pjsua:
    """One phone made of pjsua2. `setup` is the account: number, password, switch, transport, play, record, …"""

    def __init__(self, folder: Path, **setup: object) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.setup = {"log": str(folder / f"pjsua-{setup['number']}.log"), **setup}
        self._errors = folder / f"pjsua-{setup['number']}.err"
        self.events: list[dict[str, Any]] = []
        self._fresh: queue.Queue[dict[str, Any]] = queue.Queue()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, str(_PEER), json.dumps(self.setup)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                bufsize=1,
                cwd=self.folder,
            )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True, name="pjsua output")
        self._reader.start()
        self.wait("ready")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            self._order(process, {"do": "quit"})
            process.wait(10)
        except (subprocess.TimeoutExpired, OSError):
            process.kill()
            process.wait()
        self._reader.join(5)
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                self._fresh.put(json.loads(line))

    @staticmethod
    def _order(process: subprocess.Popen[str], order: dict[str, object]) -> None:
        assert process.stdin is not None
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()

    def do(self, order: str, **more: object) -> None:
        """Give one command."""
        assert self._process is not None, "the peer does not run"
        self._order(self._process, {"do": order, **more})

    def wait(self, event: str, timeout_s: float = PATIENCE_S, **fields: object) -> dict[str, Any]:
        """The next event with these fields, those before it passed over; raises AssertionError with what came."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                told = self._fresh.get(timeout=max(deadline - time.monotonic(), 0.01))
            except queue.Empty:
                who = f"pjsua {self.setup['number']}"
                raise AssertionError(
                    f"{who} did not tell {event} {fields} in {timeout_s:g} s; told: {self.events[-20:]}"
                    f"\n{self._errors.read_text()[-2000:]}"
                ) from None
            self.events.append(told)
            assert told["event"] != "error", f"pjsua {self.setup['number']}: {told}"
            if told["event"] == event and all(told.get(name) == value for name, value in fields.items()):
                return told

    def received(self, packets: int) -> dict[str, Any]:
        """The statistics of its first call, once it has received more packets than these."""
        told: dict[str, Any] = {"received": 0}
        deadline = time.monotonic() + PATIENCE_S
        while told["received"] <= packets:
            assert time.monotonic() < deadline, f"pjsua {self.setup['number']} hears too little: {told}"
            time.sleep(0.1)
            self.do("statistics", call=1)
            told = self.wait("statistics")
        return told

    def exchanged(self, direction: str, message: str) -> None:
        """Assert that a message went out (``TX``) or came (``RX``), for instance ``Request msg UPDATE``.

        It is read from the log of the phone, which is whole when the phone has left.
        """
        log = Path(str(self.setup["log"])).read_text(errors="replace")
        messages = re.findall(r"\b([TR]X) \d+ bytes (\w+ msg [^/\s]+(?:/[A-Z]+)?)", log)
        assert (direction, message) in messages, f"pjsua {self.setup['number']}: no {direction} {message} in {messages}"

    def registered(self) -> None:
        """Wait until the switch has taken the registration."""
        told = self.wait("registered")
        assert told["status"] == 200, f"pjsua {self.setup['number']} was not registered: {told}"
