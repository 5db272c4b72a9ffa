"""Group set-up: from the order over HTTP until members hear the talker, with the whole switch; used by bench/floor.py.

The order names a talker, who is called first, presses `*` and speaks; the members are telephones of another process
(group_load.py) that answer at once. `setup_N_ms` is when the last of N members has heard its first packet,
`setup_N_half_ms` and `setup_N_first_ms` when half of them and the first one have. What the switch's own process and the
members' take of the processors is told apart; `…_cpu_ms_per_member` is the switch's, media workers included.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import tomllib
import urllib.request
from pathlib import Path
from subprocess import Popen
from typing import Any

from common import Bench, cpu_seconds, cpu_seconds_of, machine_busy_s, read_line, running
from switch_process import SwitchUnderTest, running_switch

_FIRST = 30_000_000
_TOKEN = "bench-token-of-the-dispatcher"
_MORE = f"""
[[http.token]]
name = "bench"
token = "{_TOKEN}"
role = "admin"
[security]
exempt_networks = ["127.0.0.0/8"]
"""
GOALS_MS = {200: 300.0, 2000: 1500.0}


def fill(data: Path, port: int) -> None:
    """Registered members, and a group of each size."""
    from sqlite_utils import Database

    from softswitch.store.schema import migrate

    database = Database(data / "softswitch.db")
    database.enable_wal()
    migrate(database)
    numbers = [str(_FIRST + index) for index in range(max(GOALS_MS))]
    expires = time.time() + 36_000
    with database.conn:
        database.conn.executemany(
            "INSERT INTO subscribers (number, ha1_md5, ha1_sha256, display_name, settings, updated_at)"
            " VALUES (?, ?, ?, '', '{}', 0.0)",
            [(number, "0" * 32, "0" * 64) for number in numbers],
        )
        database.table("bindings").insert_all(
            {
                "aor": number, "contact": f"sip:{number}@127.0.0.1:{port}", "q": 1.0, "expires_at": expires,
                "updated_at": 0.0, "call_id": number, "cseq": 1, "path": "", "source": f"udp 127.0.0.1 {port} udp",
                "instance": "", "reg_id": 0, "user_agent": "", "nat": 0, "flow": 0,
            }
            for number in numbers
        )  # fmt: skip
        for size in GOALS_MS:
            document = {"number": str(size), "members": numbers[:size], "auto_start": True}
            database.table("talkgroups").insert({"number": str(size), "document": json.dumps(document)}, pk="number")
    database.conn.close()


def order(switch: SwitchUnderTest, method: str, path: str, body: object = None) -> Any:
    """One request to the switch; raises OSError."""
    http = tomllib.loads((switch.data.parent / "bench.toml").read_text())["http"]["port"]
    headers = {"Authorization": f"Bearer {_TOKEN}", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{http}/api/v1{path}", content, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def one_call(switch: SwitchUnderTest, members: Popen[str], size: int) -> dict[str, float]:
    """Call a group, wait until all hear, end the call."""
    assert members.stdin is not None
    machine, before, alone = machine_busy_s(), cpu_seconds(switch.pid), cpu_seconds_of(switch.pid)
    members.stdin.write(f"{size}\n")
    members.stdin.flush()
    read_line(members, "go:")
    order(switch, "POST", f"/groups/{size}/calls", {"talker": str(_FIRST)})
    figures: dict[str, float] = json.loads(read_line(members, "done:", 60))
    figures["members_cpu_ms"] = figures.pop("cpu_ms")
    figures["cpu_ms"] = (cpu_seconds(switch.pid) - before) * 1000
    figures["calls_cpu_ms"] = (cpu_seconds_of(switch.pid) - alone) * 1000
    figures["machine_cpu_ms"] = (machine_busy_s() - machine) * 1000
    order(switch, "DELETE", f"/groups/{size}/calls")
    time.sleep(0.5 + size / 1000)
    return figures


def measure_setup(bench: Bench, rounds: int) -> None:
    """Figures of both sizes: the best of some rounds, since other processes only ever add."""
    program = [sys.executable, str(Path(__file__).with_name("group_load.py")), str(_FIRST), str(max(GOALS_MS))]
    with contextlib.ExitStack() as stack:
        members = stack.enter_context(running(program))
        port = int(read_line(members, "port:"))
        switch = stack.enter_context(running_switch(_MORE, lambda data: fill(data, port)))
        one_call(switch, members, min(GOALS_MS))
        for size, goal in GOALS_MS.items():
            calls = [one_call(switch, members, size) for _ in range(rounds)]
            best = min(calls, key=lambda call: call["all_ms"])
            if best["heard"] < size - 1:
                bench.fail(f"only {best['heard']:.0f} of {size} members heard the talker")
                continue
            bench.figure(f"setup_{size}_ms", best["all_ms"], "ms", goal=goal)
            bench.figure(f"setup_{size}_half_ms", best["half_ms"], "ms")
            bench.figure(f"setup_{size}_first_ms", best["first_ms"], "ms")
            bench.figure(f"setup_{size}_cpu_ms_per_member", best["cpu_ms"] / size, "ms")
            bench.note(
                f"{size}: processor time of the switch {best['cpu_ms']:.0f} ms ({best['calls_cpu_ms']:.0f} the calls), "
                f"the members {best['members_cpu_ms']:.0f} ms, the machine {best['machine_cpu_ms']:.0f} ms"
            )
