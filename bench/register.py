"""Digest registrations: REGISTER, 401, REGISTER with credentials, 200, each stored durably before it is acknowledged.

The phones are another process (register_load.py), all on one socket. Figures: CPU of the switch per registration
(0.08 CPU seconds per 1000 is 0.08 ms each), and resident memory per binding; besides, the cost of a refresh that uses
its nonce again. The long run binds 100 000 phones, one to a subscriber, the quick one 10 000.
"""

from __future__ import annotations

import hashlib
import sqlite3
import sys
import time
from pathlib import Path

from common import Bench, arguments, cpu_seconds, read_line, resident_bytes, running
from switch_process import SwitchUnderTest, running_switch

GOAL_CPU_MS = 0.08
GOAL_BYTES = 1500
FIRST_NUMBER = 20_000_000


def fill(data: Path, phones: int) -> None:
    """Put `phones` subscribers into the database, as a provisioning system would."""
    from sqlite_utils import Database

    from softswitch.store.schema import migrate

    database = Database(data / "softswitch.db")
    database.enable_wal()
    migrate(database)
    rows = []
    for index in range(phones):
        secret = f"{FIRST_NUMBER + index}:softswitch:p{index}".encode()
        ha1 = hashlib.md5(secret, usedforsecurity=False).hexdigest(), hashlib.sha256(secret).hexdigest()
        rows.append((str(FIRST_NUMBER + index), *ha1, "", "{}", 0.0))
    with database.conn:
        database.conn.executemany(
            "INSERT INTO subscribers (number, ha1_md5, ha1_sha256, display_name, settings, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )
    database.conn.close()


def load(switch: SwitchUnderTest, first: int, count: int, rounds: int) -> tuple[list[str], list[float]]:
    """Let `count` phones register `rounds` times (the first time with a challenge); the lines told, and the CPU
    seconds of the switch in each round."""
    command = [sys.executable, str(Path(__file__).with_name("register_load.py")), str(switch.sip)]
    command += [str(FIRST_NUMBER + first), str(first), str(count), str(rounds)]
    told, used = [], []
    with running(command) as process:
        read_line(process, "ready")
        for _ in range(rounds):
            before = cpu_seconds(switch.pid)
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
            told.append(read_line(process, "done", timeout_s=600))
            used.append(cpu_seconds(switch.pid) - before)
    return told, used


def committed(data: Path) -> int:
    """Bindings in the database file, read from outside."""
    connection = sqlite3.connect(f"file:{data / 'softswitch.db'}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM bindings").fetchone()[0])
    finally:
        connection.close()


def measure(bench: Bench, switch: SwitchUnderTest, phones: int) -> None:
    """Warm up, bind all phones, refresh them, tell the figures."""
    warm = phones // 10
    load(switch, 0, warm, 1)
    time.sleep(1)
    before = resident_bytes(switch.pid)
    told, used = load(switch, warm, phones - warm, 2)
    grown = resident_bytes(switch.pid) - before
    for name, line, cpu in (("registration", told[0], used[0]), ("refresh", told[1], used[1])):
        succeeded, failed, repeated, seconds = (float(word) for word in line.split())
        bench.note(
            f"{name}: {succeeded:.0f} in {seconds:.1f} s ({succeeded / seconds:.0f}/s), "
            f"{failed:.0f} failed, {repeated:.0f} repeated, {cpu:.2f} CPU s"
        )
        if failed:
            bench.fail(f"{failed:.0f} {name}s failed")
        goal = GOAL_CPU_MS if name == "registration" else None
        bench.figure(f"cpu_ms_per_{name}", cpu / max(succeeded, 1) * 1000, "ms", goal=goal)
    bench.figure("bytes_per_binding", grown / (phones - warm), "octets", goal=GOAL_BYTES)
    kept = committed(switch.data)
    if kept != phones:
        bench.fail(f"{phones} registrations were acknowledged and {kept} are in the database")


def main() -> int:
    """Run the bench."""
    options = arguments("digest registrations with durable storage")
    bench = Bench("register", json_output=options.json)
    phones = 10_000 if options.quick else 100_000
    with running_switch(prepare=lambda data: fill(data, phones)) as switch:
        measure(bench, switch, phones)
        if faults := [line for line in switch.log.read_text(errors="replace").splitlines() if "Traceback" in line]:
            bench.fail(f"{len(faults)} faults in the log of the switch")
    return bench.finish()


if __name__ == "__main__":
    raise SystemExit(main())
