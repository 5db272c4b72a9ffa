"""Fifty thousand short calls through a running switch: nothing of it grows, be it ports, descriptors, rows or memory.

sipp calls sipp, with sound both ways. Of twenty calls nine are relayed, nine transcoded, and two recorded besides.
What grows is looked at once the warm-up's calls are over and again when all are, both times after everything that
waits for a while (transactions, ports in quarantine) had time to go.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import tempfile
import time
import urllib.request
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from common import Bench, arguments, cpu_seconds, family, free_ports
from switch_process import SwitchUnderTest, running_switch

if TYPE_CHECKING:
    from collections.abc import Iterator

#: After so many calls everything is full that remembers a bounded number of things, such as messages and events.
WARM_UP = 10_000
SETTLE_S = 40.0
#: What the C library keeps of the busiest moment comes and goes with the machine's other work.
GOAL_GROWN_MB = 4.0
_HOLD_MS = 600
_PCMU, _PCMA = 0, 8
_MORE = """
[recording]
trunks = ["recorded"]
minimum_free_mb = 0
max_gigabytes = 0.02
[[trunk]]
name = "transcoded"
listener = "sipp"
host = "127.0.0.1"
port = {callee}
codecs = ["PCMU"]
[[trunk]]
name = "recorded"
listener = "sipp"
host = "127.0.0.1"
port = {callee}
[[route]]
name = "transcoded"
pattern = "5503"
to = "trunk:transcoded"
[[route]]
name = "recorded"
pattern = "5504"
to = "trunk:recorded"
"""
_CALL = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="caller">
  <send retrans="500"><![CDATA[

    INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
    Max-Forwards: 70
    From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]c[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 INVITE
    Contact: <sip:sipp@[local_ip]:[local_port]>
    Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=sipp 1 1 IN IP[media_ip_type] [media_ip]
    s=-
    c=IN IP[media_ip_type] [media_ip]
    t=0 0
    m=audio [rtpstream_audio_port] RTP/AVP {law}

  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[

    ACK [next_url] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
    Max-Forwards: 70
    From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]c[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Content-Length: 0

  ]]></send>
  <nop><action><exec rtp_stream="{sound},-1,{law}"/></action></nop>
  <pause/>
  <send retrans="500"><![CDATA[

    BYE [next_url] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
    Max-Forwards: 70
    From: <sip:sipp@[local_ip]:[local_port]>;tag=[pid]c[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 2 BYE
    Content-Length: 0

  ]]></send>
  <recv response="200"/>
</scenario>
"""


class Held(NamedTuple):
    """What the switch, its media workers and its helper hold, and the rows of its tables."""

    ports: float
    descriptors: dict[str, int]
    private_mb: dict[str, float]
    rows: dict[str, int]


def held(switch: SwitchUnderTest) -> Held:
    """Look at everything that might grow."""
    descriptors, private = {}, {}
    for pid in family(switch.pid):
        name = _role(pid, switch.pid)
        descriptors[name] = len(os.listdir(f"/proc/{pid}/fd"))
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        private[name] = sum(int(line.split()[1]) for line in rollup if line.startswith("Private_")) / 1000
    metrics = _metrics(switch)  # behind the descriptors, of which its connection is one
    return Held(
        metrics["softswitch_media_ports_open"] + metrics["softswitch_calls_active"],
        descriptors,
        private,
        _rows(switch.data / "softswitch.db"),
    )


def _metrics(switch: SwitchUnderTest) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{switch.http}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def _role(pid: int, switch: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    if pid == switch:
        return "switch"
    return f"worker_{command[command.index('--number') + 1]}" if "--number" in command else "helper"


def _rows(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        tables = [row[0] for row in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: store.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


@contextmanager
def _callee(port: int, folder: Path) -> Iterator[None]:
    """sipp as one who answers at once and sends back what it hears."""
    media = free_ports(1)[0]
    command = ["sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", str(port), "-mp", str(media), "-rtp_echo", "-nostdin"]
    process = _quiet(command, folder)
    try:
        time.sleep(0.5)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _quiet(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    nothing = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, cwd=folder)


def _caller(
    switch: SwitchUnderTest, folder: Path, turn: int, number: str, law: int, calls: int, rate: float
) -> list[str]:
    sound, scenario = folder / f"sound-{law}", folder / f"caller-{law}.xml"
    sound.write_bytes(b"\xff\xd5"[law == _PCMA :][:1] * 8000)
    scenario.write_text(_CALL.format(law=law, sound=sound))
    first = 12_000 + 2000 * turn
    command = ["sipp", "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(free_ports(1)[0])]
    command += ["-mp", str(first)]
    command += ["-s", number, "-r", f"{rate:g}", "-m", str(calls), "-d", str(_HOLD_MS), "-nostdin"]
    command += ["-timeout", f"{round(calls / rate * 3 + 60)}s"]
    return [*command, f"127.0.0.1:{switch.trunk}"]


def make_calls(switch: SwitchUnderTest, bench: Bench, folder: Path, calls: int, rate: float) -> None:
    """Three callers at once until all their calls are over."""
    kinds = (("5502", _PCMU, 9), ("5503", _PCMA, 9), ("5504", _PCMU, 2))
    commands = [
        _caller(switch, folder, turn, number, law, calls * share // 20, rate * share / 20)
        for turn, (number, law, share) in enumerate(kinds)
    ]
    callers = [_quiet(command, folder) for command in commands]
    for caller in callers:
        if caller.wait() != 0:
            bench.note(f"a caller ended with {caller.returncode}: some of its calls failed")


def _tell(bench: Bench, before: Held, after: Held) -> None:
    bench.figure("ports_and_calls_left", after.ports, "", goal=0)
    for name, count in after.descriptors.items():
        bench.figure(f"descriptors_grown_{name}", count - before.descriptors.get(name, 0), "", goal=0)
    for name, private in after.private_mb.items():
        bench.note(f"{name}: {before.private_mb.get(name, 0):.1f} MB of its own before, {private:.1f} after")
        bench.figure(f"private_mb_grown_{name}", private - before.private_mb.get(name, 0), "MB", goal=GOAL_GROWN_MB)
    for table, rows in after.rows.items():
        if rows != before.rows.get(table):
            bench.note(f"rows of {table}: {before.rows.get(table, 0)} before, {rows} after")


def main() -> int:
    """The soak."""
    parser = argparse.ArgumentParser(description="short calls through a running switch; what grows")
    parser.add_argument("--calls", type=int, default=0, help="how many (default 50000, 800 with --quick)")
    parser.add_argument("--rate", type=float, default=60, help="calls begun a second")
    options = arguments("", parser=parser)
    bench = Bench("soak_calls", json_output=options.json)
    total = options.calls or (800 if options.quick else 50_000)
    warm_up, settle_s = min(WARM_UP, total // 2), 4.0 if options.quick else SETTLE_S
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-soak-")))
        callee = free_ports(1)[0]
        switch = stack.enter_context(running_switch(_MORE.format(callee=callee)))
        for port in (switch.callee, callee):
            stack.enter_context(_callee(port, folder))
        make_calls(switch, bench, folder, warm_up, options.rate)
        time.sleep(settle_s)
        before, began, used = held(switch), time.monotonic(), cpu_seconds(switch.pid)
        for done in range(warm_up, total, warm_up):
            make_calls(switch, bench, folder, min(warm_up, total - done), options.rate)
            private = ", ".join(f"{name} {size:.1f}" for name, size in held(switch).private_mb.items())
            bench.note(f"after {min(done + warm_up, total)} calls, MB: {private}")
        lasted, used = time.monotonic() - began, cpu_seconds(switch.pid) - used
        time.sleep(settle_s)
        after, metrics = held(switch), _metrics(switch)
        answered = metrics["softswitch_calls_answered_total"]
        bench.figure("calls_answered", answered, "", goal=total * 0.999, better="more")
        bench.figure("calls_per_s", (total - warm_up) / lasted, "1/s", better="more")
        bench.figure("cpu_ms_per_call", used / (total - warm_up) * 1000, "ms")
        bench.figure("packets_received", metrics['softswitch_media_packets_total{direction="in"}'], "", better="more")
        _tell(bench, before, after)
    return bench.finish()


if __name__ == "__main__":
    os.environ.setdefault("TERM", "dumb")
    raise SystemExit(main())
