"""The switch as the process under test: started on free ports of loopback with a database of its own."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from common import ROOT, free_ports


class SwitchUnderTest(NamedTuple):
    """Where it listens: `sip` wants digest, `trunk` does not; 5501 and 5502 lead to `callee`; `http` is the API."""

    pid: int
    sip: int
    trunk: int
    callee: int
    data: Path
    log: Path
    http: int


def _configuration(sip: int, trunk: int, callee: int, http: int, more: str) -> str:
    return f"""
[http]
port = {http}
[storage]
durability = "full"
[logging]
level = "warning"
[sip]
realm = "softswitch"
overload_lag_s = 0
[[sip.listen]]
name = "udp"
port = {sip}
[[sip.listen]]
name = "sipp"
port = {trunk}
trusted = true
[[trunk]]
name = "sipp"
addresses = ["127.0.0.1"]
listener = "sipp"
host = "127.0.0.1"
port = {callee}
[[route]]
name = "passthrough"
pattern = "5501"
to = "trunk:sipp"
media = "passthrough"
[[route]]
name = "relay"
pattern = "5502"
to = "trunk:sipp"
media = "relay"
{more}
"""


def _answers(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.3)
        probe.connect(("127.0.0.1", port))
        local = probe.getsockname()[1]
        try:
            probe.send(
                f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP 127.0.0.1:{local};branch=z9hG4bK{time.time_ns()}\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:bench@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\n"
                f"Call-ID: {time.time_ns()}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n".encode()
            )
            return probe.recv(65536).startswith(b"SIP/2.0")
        except OSError:
            time.sleep(0.1)
            return False


@contextmanager
def running_switch(
    more: str = "", prepare: Callable[[Path], None] | None = None, timeout_s: float = 120
) -> Iterator[SwitchUnderTest]:
    """Start the switch with `more` appended to its configuration; `prepare` may fill the data directory before.

    Raises RuntimeError with the end of its log when it does not come up.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        sip, trunk, callee, http = free_ports(4)
        configuration, data, log = folder / "bench.toml", folder / "data", folder / "switch.log"
        data.mkdir()
        configuration.write_text(_configuration(sip, trunk, callee, http, more))
        if prepare is not None:
            prepare(data)
        program = Path(sys.executable).with_name("softswitch")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(program), "serve", "--config", str(configuration), "--data", str(data)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
            )
        try:
            deadline = time.monotonic() + timeout_s
            while not _answers(sip):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the switch did not come up:\n{log.read_text(errors='replace')[-3000:]}")
            yield SwitchUnderTest(process.pid, sip, trunk, callee, data, log, http)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
