"""A switch that is killed keeps every write it has acknowledged."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from softswitch.store import Store, queries

WRITER = """
import os, sys
from softswitch.sip.address import Address
from softswitch.sip.binding import Binding, BindingChange
from softswitch.store import CallRecord, Store
store = Store(sys.argv[1], sys.argv[2])
store.start()
def acknowledge(line):
    def done(error):
        if error is None:
            os.write(1, line)  # one system call: a kill cannot leave it in a buffer of ours
    return done
for number in range(10 ** 7):
    while store.waiting > 200:
        store.flush()
    binding = Binding(f"{number}@x", f"sip:{number}@192.0.2.1", Address("udp", "192.0.2.1", 5060), 4e9)
    store.save_changes([BindingChange("created", binding)], acknowledge(b"b %d\\n" % number))
    if number % 3 == 0:
        record = CallRecord(f"c{number}", "n", "1", "2", 1.0, None, 2.0, "failed")
        store.close_call(record, acknowledge(b"c %d\\n" % number))
"""
ACKNOWLEDGED_BEFORE_THE_KILL = 500


@pytest.mark.parametrize("durability", ["full", "batch"])
def test_acknowledged_writes_survive_kill_9(tmp_path: Path, durability: str) -> None:
    path = tmp_path / "s.db"
    command = [sys.executable, "-c", WRITER, str(path), durability]
    acknowledged: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            acknowledged.append(line)
            if len(acknowledged) == ACKNOWLEDGED_BEFORE_THE_KILL:
                writer.send_signal(signal.SIGKILL)
    assert writer.returncode == -signal.SIGKILL
    bindings = {line[2:-1] for line in acknowledged if line.startswith("b ") and line.endswith("\n")}
    calls = {line[2:-1] for line in acknowledged if line.startswith("c ") and line.endswith("\n")}
    assert len(bindings) + len(calls) >= ACKNOWLEDGED_BEFORE_THE_KILL
    store = Store(path, "full")
    store.start()
    kept = store.read(lambda database: {row.aor[:-2] for row in queries.load_bindings(database, 0)})
    recorded = store.read(lambda database: {row[0][1:] for row in database.conn.execute("SELECT id FROM cdrs")})
    store.close()
    assert bindings - kept == set(), "acknowledged bindings are missing"
    assert calls - recorded == set(), "acknowledged call records are missing"
