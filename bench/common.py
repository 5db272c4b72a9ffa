"""What every bench shares: the two options, the figures and their one JSON line, and the cost of another process.

A bench is a script of this folder that does::

    from common import Bench, arguments, cpu_seconds

    options = arguments("what it measures")               # options.quick, options.json
    bench = Bench("relay", json_output=options.json)
    before = cpu_seconds(process.pid)
    ...
    bench.figure("cpu_us_per_packet", 4.1, "us", goal=4.4)          # better="less" is the default
    raise SystemExit(bench.finish())
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_FIRST_PORT, _LAST_PORT = 10_000, 29_990
_untried_ports = iter(range(_FIRST_PORT + os.getpid() * 10 % 10_000, _LAST_PORT, 2))
_CPU_CLOCK_OF_PROCESS = 2  # CPUCLOCK_SCHED in the low bits of a per-process clock id (clock_getcpuclockid)


class Figure(NamedTuple):
    """One measured number; `goal` None means that it is told but not judged."""

    value: float
    unit: str
    goal: float | None
    better: Literal["less", "more"]

    @property
    def met(self) -> bool:
        """Whether the goal is reached; a figure without a goal always is."""
        if self.goal is None:
            return True
        return self.value <= self.goal if self.better == "less" else self.value >= self.goal


class Bench:
    """Collects the figures of one bench, prints a readable line for each and the JSON object at the end."""

    def __init__(self, name: str, *, json_output: bool = False) -> None:
        self.name = name
        self.figures: dict[str, Figure] = {}
        self._json = json_output
        self._failures: list[str] = []

    def note(self, text: str) -> None:
        """Print a line that is not a figure."""
        print(f"{self.name}: {text}", flush=True)

    def figure(
        self, name: str, value: float, unit: str, *, goal: float | None = None, better: Literal["less", "more"] = "less"
    ) -> Figure:
        """Record and print one figure; `better` says in which direction of `goal` it is good."""
        figure = Figure(round(float(value), 6), unit, goal, better)
        self.figures[name] = figure
        sign = "<=" if better == "less" else ">="
        judged = "" if goal is None else f"  goal {sign} {goal:g}: {'met' if figure.met else 'MISSED'}"
        print(f"{self.name}: {name} = {figure.value:.6g} {unit}{judged}", flush=True)
        return figure

    def fail(self, text: str) -> None:
        """Record that the bench itself did not work (not: a goal missed)."""
        self._failures.append(text)
        self.note(f"FAILED: {text}")

    def finish(self) -> int:
        """Print the JSON line when it was asked for; returns the exit status: 0 when the bench ran, 1 when it broke.

        `ok` in the JSON is true when nothing broke and every goal is met.
        """
        ok = not self._failures and all(figure.met for figure in self.figures.values())
        if self._json:
            figures = {name: figure._asdict() for name, figure in self.figures.items()}
            document: dict[str, object] = {"bench": self.name, "figures": figures, "ok": ok}
            if self._failures:
                document["failures"] = self._failures
            print(json.dumps(document), flush=True)
        return 1 if self._failures else 0


def arguments(description: str, *, parser: argparse.ArgumentParser | None = None) -> argparse.Namespace:
    """Parse `--quick` (ends within 40 s) and `--json`; `parser` may bring further options."""
    parser = parser or argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a short run, over within 40 seconds")
    parser.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    return parser.parse_args()


def family(pid: int) -> list[int]:
    """A process and its children: the switch and its media workers."""
    children = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [pid, *(int(child) for text in children for child in text.split())]


def cpu_seconds(pid: int) -> float:
    """CPU time (user and system, all threads, ended ones too) a process and its children have used, in seconds."""
    return sum(cpu_seconds_of(member) for member in family(pid))


def cpu_seconds_of(pid: int) -> float:
    try:
        return time.clock_gettime((~pid << 3) | _CPU_CLOCK_OF_PROCESS)
    except OSError:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS


def machine_busy_s() -> float:
    """CPU time all processes of the machine have used, and what a hypervisor took from it, in seconds."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and, besides what they share, of its children, in octets."""
    pages = 0
    for member in family(pid):
        resident, shared = (int(word) for word in Path(f"/proc/{member}/statm").read_text().split()[1:3])
        pages += resident - (shared if member != pid else 0)
    return pages * os.sysconf("SC_PAGE_SIZE")


def free_ports(count: int, address: str = "127.0.0.1") -> list[int]:
    """Ports that were free a moment ago, for UDP and TCP; RuntimeError when there are not so many.

    They lie below those that the system gives to whoever binds to port 0, and none is given twice.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found: list[int] = []
    for port in _untried_ports:
        with socket.socket(family, socket.SOCK_DGRAM) as udp, socket.socket(family) as tcp:
            try:
                udp.bind((address, port))
                tcp.bind((address, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError("no free port is left")


def free_udp_port(address: str = "127.0.0.1") -> int:
    """One of `free_ports`."""
    return free_ports(1, address)[0]


@contextmanager
def running(command: Sequence[str], *, stderr: IO[str] | int | None = None) -> Iterator[subprocess.Popen[str]]:
    """Start a process with pipes on its standard input and output, and end it (politely, then not) on leaving."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True, bufsize=1, cwd=ROOT
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()


def read_line(process: subprocess.Popen[str], prefix: str, timeout_s: float = 60) -> str:
    """The rest of the first line of a process's output that begins with `prefix`; raises TimeoutError, or
    RuntimeError when the process ends before."""
    if process.stdout is None:
        raise ValueError("the process was started without a pipe on its output")
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process ended before it said {prefix!r}")
        if line.startswith(prefix):
            return line[len(prefix) :].strip()
    raise TimeoutError(f"the process did not say {prefix!r} within {timeout_s:g} s")


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of the values lie (nearest rank); 0 for no values."""
    if not len(values):
        return 0.0
    ordered = sorted(values)
    return float(ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))])


if __name__ == "__main__":
    print("this file holds what the benches share; run one of the others", file=sys.stderr)
