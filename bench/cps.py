"""Complete calls through the switch, without media: sipp to sipp, INVITE/100/180/200/ACK/BYE/200 over UDP.

Figures: CPU of the switch per call (0.35 CPU seconds per 1000 calls is 0.35 ms a call), and the highest rate at which
99.9 % of the calls succeed in time, which means that fewer than one call in a thousand needed a message repeated. The
long run adds the memory of 5000 calls held at once and what is left after 100 000 calls.
"""

from __future__ import annotations

import csv
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from common import Bench, arguments, cpu_seconds, free_udp_port, resident_bytes
from switch_process import SwitchUnderTest, running_switch

GOAL_CPU_MS = 0.35
GOAL_KB_PER_CALL = 30
HELD_CALLS = 5000
MANY_CALLS = 100_000


class Run(NamedTuple):
    """One run of the caller."""

    calls: int
    succeeded: int
    repeated: int
    seconds: float
    wanted_s: float

    @property
    def in_time(self) -> bool:
        """Whether 99.9 % went through, without messages repeated, and the rate was kept."""
        allowed = self.calls * 0.001
        return (
            self.calls - self.succeeded <= allowed and self.repeated <= allowed and self.seconds < self.wanted_s + 1.5
        )


@contextmanager
def callee(port: int) -> Iterator[None]:
    """sipp's built-in callee."""
    command = ["sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", str(port), "-nostdin", "-mp", str(free_udp_port())]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tempfile.gettempdir(),
    )
    try:
        time.sleep(0.5)
        if process.poll() is not None:
            raise RuntimeError(f"the callee ended with {process.returncode}")
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def start_calls(
    switch: SwitchUnderTest, folder: Path, *, rate: float, calls: int, hold_ms: int = 0, timeout_s: float
) -> subprocess.Popen[bytes]:
    """sipp's built-in caller at a rate; its counters go to statistics.csv in `folder`."""
    folder.mkdir(exist_ok=True)
    period_ms = 1000
    command = ["sipp", "-sn", "uac", "-i", "127.0.0.1", "-p", str(free_udp_port()), "-mp", str(free_udp_port())]
    command += ["-s", "5501", "-r", str(round(rate)), "-rp", str(period_ms), "-m", str(calls), "-d", str(hold_ms)]
    command += ["-l", str(calls), "-nostdin", "-timeout", f"{round(timeout_s)}s", "-timer_resol", "5"]
    command += ["-trace_stat", "-stf", "statistics.csv", "-fd", "1", f"127.0.0.1:{switch.trunk}"]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
    )


def make_calls(switch: SwitchUnderTest, *, rate: float, calls: int) -> Run:
    """Run `calls` calls at `rate` a second to their end."""
    wanted_s = calls / rate
    with tempfile.TemporaryDirectory(prefix="bench-cps-") as name:
        began = time.monotonic()
        process = start_calls(switch, Path(name), rate=rate, calls=calls, timeout_s=wanted_s * 2 + 15)
        try:
            with suppress(subprocess.TimeoutExpired):  # beyond what the machine can do, sipp does not end by itself
                process.wait(wanted_s * 2 + 25)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        seconds = time.monotonic() - began
        with (Path(name) / "statistics.csv").open(newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
    return Run(calls, int(last["SuccessfulCall(C)"]), int(last["Retransmissions(C)"]), seconds, wanted_s)


def cpu_per_call(bench: Bench, switch: SwitchUnderTest, *, rate: float, calls: int) -> float:
    """Measure and tell the CPU time of a call in ms."""
    before = cpu_seconds(switch.pid)
    run = make_calls(switch, rate=rate, calls=calls)
    used = cpu_seconds(switch.pid) - before
    if run.succeeded < calls * 0.999:
        bench.fail(f"only {run.succeeded} of {calls} calls at {rate:g}/s succeeded")
    milliseconds = used / max(run.succeeded, 1) * 1000
    bench.note(f"{run.succeeded} calls at {rate:g}/s, {run.repeated} messages repeated, {used:.2f} CPU s")
    bench.figure("cpu_ms_per_call", milliseconds, "ms", goal=GOAL_CPU_MS)
    return milliseconds


def highest_rate(bench: Bench, switch: SwitchUnderTest, cpu_ms: float, *, quick: bool) -> None:
    """Look for the highest rate between a fifth and all of what one core could do."""
    limit = 1000 / max(cpu_ms, 0.05)
    span_s = 3.0 if quick else 10.0
    low, high = 0.0, limit * 1.1
    tries = [0.8, 0.6, 0.7, 0.5] if quick else [0.6]
    if quick:
        for share in tries:
            rate = limit * share
            if low and rate < low:
                break
            run = make_calls(switch, rate=rate, calls=round(rate * span_s))
            bench.note(f"{rate:.0f}/s: {run.succeeded} of {run.calls}, {run.repeated} repeated, {run.seconds:.1f} s")
            if run.in_time and rate > low:
                low = rate
                if share >= 0.7:
                    break
            time.sleep(0.3)
    else:
        for _ in range(8):
            rate = (low + high) / 2
            run = make_calls(switch, rate=rate, calls=round(rate * span_s))
            bench.note(f"{rate:.0f}/s: {run.succeeded} of {run.calls}, {run.repeated} repeated, {run.seconds:.1f} s")
            low, high = (rate, high) if run.in_time else (low, rate)
            time.sleep(2)
            if high - low < 20:
                break
    bench.figure("max_calls_per_s", low, "calls/s", better="more")


def memory_held(bench: Bench, switch: SwitchUnderTest, *, calls: int, rate: float) -> None:
    """Resident memory of `calls` calls in progress at once."""
    before = resident_bytes(switch.pid)
    hold_s = calls / rate + 8
    with tempfile.TemporaryDirectory(prefix="bench-cps-") as name:
        process = start_calls(
            switch, Path(name), rate=rate, calls=calls, hold_ms=round(hold_s * 1000), timeout_s=hold_s * 3 + 30
        )
        try:
            time.sleep(calls / rate + 4)
            grown = resident_bytes(switch.pid) - before
            process.wait(hold_s * 3 + 30)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    bench.figure("kb_per_concurrent_call", grown / calls / 1000, "kB", goal=GOAL_KB_PER_CALL)


def memory_after_many(bench: Bench, switch: SwitchUnderTest, *, rate: float) -> None:
    """What the switch has grown by between 10 000 and 100 000 calls; finished transactions are given 35 s to go."""
    make_calls(switch, rate=rate, calls=MANY_CALLS // 10)
    time.sleep(35)
    before = resident_bytes(switch.pid)
    make_calls(switch, rate=rate, calls=MANY_CALLS - MANY_CALLS // 10)
    time.sleep(35)
    grown = resident_bytes(switch.pid) - before
    bench.figure("memory_growth_percent_after_100000_calls", grown / before * 100, "%", goal=3)


def main() -> int:
    """Run the bench."""
    options = arguments("complete calls through the B2BUA")
    bench = Bench("cps", json_output=options.json)
    with running_switch() as switch, callee(switch.callee):
        make_calls(switch, rate=100, calls=100)
        rate = 200 if options.quick else 400
        cpu_ms = cpu_per_call(bench, switch, rate=rate, calls=rate * (6 if options.quick else 20))
        highest_rate(bench, switch, cpu_ms, quick=options.quick)
        if not options.quick:
            steady = min(600.0, 500 / cpu_ms)
            memory_held(bench, switch, calls=HELD_CALLS, rate=steady / 2)
            memory_after_many(bench, switch, rate=steady)
        if faults := [line for line in switch.log.read_text(errors="replace").splitlines() if "Traceback" in line]:
            bench.fail(f"{len(faults)} faults in the log of the switch")
    return bench.finish()


if __name__ == "__main__":
    os.environ.setdefault("TERM", "dumb")
    raise SystemExit(main())
