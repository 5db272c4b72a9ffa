"""sipp as caller and callee: scenarios of tests/interop/sipp, the exit status as verdict."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.interop.ports import brief_port

SCENARIOS = Path(__file__).resolve().parent / "sipp"
_serial = itertools.count(1)


class SippFailed(AssertionError):
    """sipp ended with another status than 0; the text holds what it complained of."""


class Sipp:
    """One sipp process; `wait` gives its verdict."""

    def __init__(
        self,
        scenario: str,
        folder: Path,
        *arguments: str,
        port: int | None = None,
        address: str = "127.0.0.1",
        transport: str = "u1",
        calls: int = 1,
        timeout_s: int = 60,
        media_port: int | None = None,
    ) -> None:
        self.scenario = scenario
        self.port = port or brief_port()
        self.timeout_s = timeout_s
        self.calls = calls
        stem = f"{scenario}-{next(_serial)}"
        self.errors = folder / f"{stem}.errors"
        self.messages = folder / f"{stem}.messages"
        self.screen = folder / f"{stem}.screen"
        bare = address.strip("[]")
        command = ["sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", address, "-mi", bare, "-p", str(self.port)]
        command += ["-mp", str(media_port or brief_port()), "-m", str(calls), "-t", transport, "-nostdin"]
        command += ["-timeout", f"{timeout_s}s", "-timeout_error", "-trace_err", "-error_file", str(self.errors)]
        command += ["-trace_msg", "-message_file", str(self.messages), *arguments]
        self.command = command
        with self.screen.open("wb") as screen:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=screen, stderr=subprocess.STDOUT, cwd=folder
            )

    def wait(self, extra_s: float = 10) -> None:
        """Wait for the end; raises SippFailed unless every call of the scenario went as written."""
        try:
            status = self.process.wait(self.timeout_s + extra_s)
        except subprocess.TimeoutExpired:
            self.stop()
            raise SippFailed(f"{self.scenario} did not end within {self.timeout_s} s\n{self.story()}") from None
        if status != 0:
            raise SippFailed(f"{self.scenario} ended with {status}\n{self.story()}")

    def stop(self) -> None:
        """End it when it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def story(self) -> str:
        """What sipp complained of and the first line of each message it saw, for failure messages."""
        errors = _text(self.errors)[:3000]
        lines = [
            f"  {match[1].strip()}"
            for match in re.finditer(r"^-{20,}.*\n.*?message (?:sent|received).*\n\n(.*)$", _text(self.messages), re.M)
        ]
        flow = "\n".join(lines[:60]) or _text(self.messages)[:3000]
        return f"{' '.join(self.command)}\n{errors}\nmessages:\n{flow}"

    def received(self, start: str) -> list[str]:
        """Messages received that begin with `start`, headers and body."""
        blocks = re.split(r"^-{20,}.*$", _text(self.messages), flags=re.M)
        texts = []
        for block in blocks:
            head, _, message = block.partition("\n\n")
            if "received" in head and message.startswith(start):
                texts.append(message.strip("\n"))
        return texts


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


@contextmanager
def callee(scenario: str, folder: Path, *arguments: str, **options: object) -> Iterator[Sipp]:
    """A sipp that waits for calls inside the block; at the end of the block its verdict is asked for."""
    sipp = Sipp(scenario, folder, *arguments, **options)  # type: ignore[arg-type]
    try:
        _await_listening(sipp)
        yield sipp
        sipp.wait()
    finally:
        sipp.stop()


def _await_listening(sipp: Sipp) -> None:
    """Wait until sipp has bound its port, from /proc; raises SippFailed when it ended at once."""
    needle = f":{sipp.port:04X} "
    for _ in range(800):
        if sipp.process.poll() is not None:
            raise SippFailed(f"{sipp.scenario} ended at its start\n{sipp.story()}\n{_text(sipp.screen)[-2000:]}")
        if any(needle in Path(f"/proc/net/{table}").read_text() for table in ("udp", "udp6", "tcp", "tcp6")):
            return
        try:
            sipp.process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    raise SippFailed(f"{sipp.scenario} did not bind port {sipp.port}")


def call(scenario: str, folder: Path, target: str, *arguments: str, **options: object) -> Sipp:
    """Run a calling scenario against `target` (host:port) to its end; raises SippFailed when it does not pass."""
    sipp = Sipp(scenario, folder, *arguments, target, **options)  # type: ignore[arg-type]
    try:
        sipp.wait()
    finally:
        sipp.stop()
    return sipp


def run_together(sipps: Sequence[Sipp]) -> None:
    """Wait for several; the first that fails is raised, the others are ended."""
    try:
        for sipp in sipps:
            sipp.wait()
    finally:
        for sipp in sipps:
            sipp.stop()
