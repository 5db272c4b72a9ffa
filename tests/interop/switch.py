"""The switch as a process: its configuration, start, readiness, log, HTTP interface and end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.interop.ports import free_port, rtp_block

ROOT = Path(__file__).resolve().parents[2]
REALM = "softswitch"
TOKEN = "interop-admin-token"
#: How long a test waits for what comes at once on an idle machine.
PATIENCE_S = 40.0
START_TIMEOUT_S = 120.0  # the first start on a machine compiles the media engine
# A log is clean when it holds no trace of a fault of ours; refused calls and lost peers are warnings at most.
_FAULT = re.compile(r"Traceback \(most recent call last\)|\b(ERROR|CRITICAL)\b|never awaited|Task exception")


def password_of(number: str) -> str:
    """The password of a test subscriber (not the demo one: that is refused outside loopback)."""
    return f"interop-{number}-secret"


@dataclass
class Plan:
    """Where a switch under test listens and what stands in its configuration."""

    address: str = "127.0.0.1"
    sip: int = field(default_factory=free_port)
    trunk: int = field(default_factory=free_port)
    tls: int = field(default_factory=free_port)
    sip6: int = field(default_factory=free_port)
    http: int = field(default_factory=free_port)
    callee: int = field(default_factory=free_port)  # 55…: the callee of the testers
    callee2: int = field(default_factory=free_port)  # 56…: a second one
    callee_tcp: int = field(default_factory=free_port)  # 58…: a callee on TCP
    callee6: int = field(default_factory=free_port)  # 59…: a callee on IPv6
    rtp: tuple[int, int] = field(default_factory=rtp_block)
    workers: int = 1  # media workers: each takes a second of a processor to start; what spans them asks for two
    isolated: bool = True  # workers are processes; where only signalling matters, threads of the switch start sooner
    ipv6: bool = True
    digest: tuple[str, ...] = ("MD5",)  # baresip 1.0 and sipp 3.6 give up when anything else is on offer
    sip_extra: str = ""  # further lines of [sip]
    rtp_extra: str = ""  # further lines of [rtp]
    extra: str = ""  # further tables
    subscribers: dict[str, str] = field(default_factory=dict)  # number -> further TOML lines
    demo: bool = False  # no configuration: the embedded defaults

    def toml(self) -> str:
        """The configuration file."""
        parts = [
            self._system(),
            self._listeners(),
            *map(self._subscriber, self._numbers()),
            self._trunks(),
            self._routes(),
        ]
        parts += [_SERVICES, self.extra]
        return "\n".join(parts)

    def _numbers(self) -> list[str]:
        return [str(number) for number in range(1001, 1020)]

    def _system(self) -> str:
        return f"""
[node]
id = "test"
[rtp]
address = "{self.address}"
first_port = {self.rtp[0]}
last_port = {self.rtp[1]}
workers = {self.workers}
isolated = {json.dumps(self.isolated)}
{self.rtp_extra}
[http]
address = "127.0.0.1"
port = {self.http}
[[http.token]]
name = "interop"
token = "{TOKEN}"
role = "admin"
{self._security()}
[sip]
realm = "{REALM}"
overload_lag_s = 0
{self.sip_extra}
"""

    def _security(self) -> str:
        return (
            '[security]\nexempt_networks = ["127.0.0.0/8", "::1/128", "10.213.0.0/16"]\n'
            f"digest_algorithms = {json.dumps(self.digest)}"
        )

    def _listeners(self) -> str:
        rows = [
            ("udp", "udp", self.address, self.sip, ""),
            ("tcp", "tcp", self.address, self.sip, ""),
            ("tls", "tls", self.address, self.tls, 'certificate = "self-signed"'),
            ("sipp", "udp", self.address, self.trunk, "trusted = true"),
            ("sipp-tcp", "tcp", self.address, self.trunk, "trusted = true"),
        ]
        if self.ipv6:
            rows += [
                ("udp6", "udp", "::1", self.sip6, "trusted = true"),
                ("tcp6", "tcp", "::1", self.sip6, "trusted = true"),
            ]
        return "\n".join(
            f'[[sip.listen]]\nname = "{name}"\ntransport = "{transport}"\n'
            f'address = "{address}"\nport = {port}\n{more}\n'
            for name, transport, address, port, more in rows
        )

    def _subscriber(self, number: str) -> str:
        more = self.subscribers.get(number, _ODD_SUBSCRIBERS.get(number, ""))
        return (
            f'[[subscriber]]\nnumber = "{number}"\npassword = "{password_of(number)}"\n'
            f'display_name = "Test {number}"\npickup_group = "all"\n{more}\n'
        )

    def _trunks(self) -> str:
        rows = [
            ("sipp", "sipp", self.address, self.callee, "udp", f'addresses = ["{self.address}"]'),
            ("second", "sipp", self.address, self.callee2, "udp", ""),
            ("loop", "sipp", self.address, self.trunk, "udp", ""),
            ("by-tcp", "sipp-tcp", self.address, self.callee_tcp, "tcp", ""),
        ]
        if self.ipv6:
            rows.append(("by-ipv6", "udp6", "::1", self.callee6, "udp", 'addresses = ["::1"]'))
        return "\n".join(
            f'[[trunk]]\nname = "{name}"\nlistener = "{listener}"\nhost = "{host}"\nport = {port}\n'
            f'transport = "{transport}"\n{more}\n'
            for name, listener, host, port, transport, more in rows
        )

    def _routes(self) -> str:
        rows = [
            ("passthrough", 'pattern = "5501"', "trunk:sipp", 'media = "passthrough"'),
            ("relay", 'pattern = "5502"', "trunk:sipp", 'media = "relay"'),
            ("pcmu", 'pattern = "5503"', "trunk:sipp", 'media = "relay"\ncodecs = ["PCMU"]'),
            ("gsm", 'pattern = "5506"', "number:1002", 'codecs = ["GSM"]'),
            ("second-passthrough", 'pattern = "5601"', "trunk:second", 'media = "passthrough"'),
            ("second-relay", 'pattern = "5602"', "trunk:second", 'media = "relay"'),
            ("loop", 'prefix = "57"', "trunk:loop", 'media = "passthrough"'),
            ("tcp-passthrough", 'pattern = "5801"', "trunk:by-tcp", 'media = "passthrough"'),
            ("tcp-relay", 'pattern = "5802"', "trunk:by-tcp", 'media = "relay"'),
            ("failover", 'pattern = "5510"', "trunk:second,sipp", 'media = "passthrough"'),
        ]
        if self.ipv6:
            rows.append(("ipv6", 'pattern = "5901"', "trunk:by-ipv6", 'media = "passthrough"'))
        return "\n".join(
            f'[[route]]\nname = "{name}"\n{match}\nto = "{to}"\n{media}\n' for name, match, to, media in rows
        )


#: Subscribers that are not like the others: who gets keys in which way, and who may not call all numbers.
_ODD_SUBSCRIBERS = {
    "1007": 'dtmf = "rfc4733"',
    "1008": 'dtmf = "inband"',
    "1009": 'dtmf = "info"',
    "1010": 'class_of_service = "inside"',
}
_SERVICES = """
[[class_of_service]]
name = "inside"
deny = ["56XX"]
[[service]]
number = "600"
kind = "echo"
[[service]]
number = "601"
kind = "tone"
[[service]]
number = "602"
kind = "announcement"
[[service]]
number = "690"
kind = "park"
[[service]]
number = "*8"
kind = "pickup"
[[hunt_group]]
name = "desk"
number = "2000"
members = ["1011", "1012"]
strategy = "parallel"
ring_s = 10
[[hunt_group]]
name = "line"
number = "2001"
members = ["1011", "1012"]
strategy = "serial"
ring_s = 2
"""


class SwitchFailed(AssertionError):
    """The switch did not start, ended by itself, or left something behind."""


class Switch:
    """One `softswitch serve` with its files in `folder`."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self.data = folder / "data"
        self.config = folder / "switch.toml"
        self.log = folder / "switch.log"
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(exist_ok=True)
        if not plan.demo:
            self.config.write_text(plan.toml(), encoding="utf-8")
            self.config.chmod(0o600)

    @property
    def pid(self) -> int:
        """The process id; raises SwitchFailed when it does not run."""
        if self.process is None:
            raise SwitchFailed("the switch was not started")
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start and wait until OPTIONS is answered on the SIP port; raises SwitchFailed with the log's end."""
        command = [str(Path(sys.executable).with_name("softswitch")), "serve", "--data", str(self.data)]
        if not self.plan.demo:
            command += ["--config", str(self.config)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise SwitchFailed(f"the switch ended at its start with {self.process.returncode}:\n{self.log_tail()}")
            if options_answered(self.plan.address, self.plan.sip, 0.5) and self._http_listens():
                return
        self.kill()
        raise SwitchFailed(f"the switch did not answer OPTIONS within {START_TIMEOUT_S:g} s:\n{self.log_tail()}")

    def _http_listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.plan.http), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self) -> int:
        """End it by SIGTERM; returns the exit status; raises SwitchFailed when it does not end in time."""
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise SwitchFailed(
                f"the switch did not end within {PATIENCE_S:g} s of SIGTERM:\n{self.log_tail()}"
            ) from None

    def kill(self) -> None:
        """End it by SIGKILL: nothing can be saved on the way out."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait()

    def end_workers(self) -> None:
        """Kill media workers that outlived the switch: the test is over, and nobody will come back to them."""
        for pid in self.worker_pids() | self.helper_pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def worker_pids(self) -> set[int]:
        """The media workers of this switch, found by their log in its data directory."""
        return self._media_pids("worker-")

    def helper_pids(self) -> set[int]:
        """Its media helper, in which recordings are made."""
        return self._media_pids("helper")

    def _media_pids(self, name: str) -> set[int]:
        logs = f"{self.data.resolve()}/media/{name}"
        found = set()
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.readlink(process / "fd" / "2").startswith(logs):
                    found.add(int(process.name))
        return found

    def reload(self) -> None:
        """Ask by SIGHUP for the configuration to be read again."""
        os.kill(self.pid, signal.SIGHUP)

    def log_text(self) -> str:
        """All it has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def log_tail(self, lines: int = 40) -> str:
        """The end of the log, for failure messages."""
        return "\n".join(self.log_text().splitlines()[-lines:])

    def faults(self) -> list[str]:
        """Lines of the log that tell of a fault."""
        return [line for line in self.log_text().splitlines() if _FAULT.search(line)]

    def get(self, path: str) -> Any:
        """GET below /api/v1 as administrator; the decoded JSON."""
        return self.http("GET", path)[1]

    def http(self, method: str, path: str, body: object = None, *, token: str = "") -> tuple[int, Any]:
        """One request below /api/v1; status and decoded JSON. Errors of HTTP are returned, not raised."""
        token = token or ("demo-admin" if self.plan.demo else TOKEN)
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.plan.http}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            text = error.read()
            error.close()
            return error.code, json.loads(text) if text else None

    def rows(self, path: str) -> list[dict[str, Any]]:
        """The rows of a collection, whether it comes bare or in an envelope of one list."""
        answer = self.get(path)
        if isinstance(answer, dict):
            lists = [value for value in answer.values() if isinstance(value, list)]
            assert len(lists) == 1, f"{path} answered {answer!r} instead of a collection"
            answer = lists[0]
        assert isinstance(answer, list), f"{path} answered {answer!r} instead of a collection"
        return answer

    def cdrs(self) -> list[dict[str, Any]]:
        """Call detail records."""
        return self.rows("/data/cdrs?limit=500")

    def calls(self) -> list[dict[str, Any]]:
        """Calls in progress."""
        return self.rows("/voice/calls")

    def registrations(self) -> list[dict[str, Any]]:
        """Contacts bound at present."""
        return self.rows("/system/registrations")

    def call_ids(self) -> set[str]:
        """Identifiers of the calls in progress."""
        return {str(row.get("call_id") or row.get("id")) for row in self.calls()}

    def wait_idle(self, timeout_s: float = PATIENCE_S, *, known: frozenset[str] = frozenset()) -> None:
        """Wait until no call is left but those `known`; raises SwitchFailed naming those that stay."""
        try:
            wait_until(lambda: self.call_ids() <= known, timeout_s, "no call is left")
        except AssertionError:
            left = [row for row in self.calls() if str(row.get("call_id") or row.get("id")) not in known]
            raise SwitchFailed(f"calls are left behind: {left!r}\n{self.log_tail(20)}") from None

    def ports_in_use(self) -> int:
        """RTP sockets the process holds in its range, read from the kernel and not from the switch."""
        held = set().union(*map(udp_ports_of, {self.pid} | self.worker_pids()))
        return len(held & set(range(self.plan.rtp[0], self.plan.rtp[1] + 1)))


def udp_ports_of(pid: int) -> set[int]:
    """Local UDP ports a process has bound (IPv4 and IPv6), from /proc."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    ports = set()
    for table in ("udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


def options_answered(address: str, port: int, timeout_s: float) -> bool:
    """Whether a SIP OPTIONS over UDP gets any answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(timeout_s)
        try:
            probe.connect((address, port))
            host, local = probe.getsockname()[:2]
            probe.send(
                (
                    f"OPTIONS sip:{address}:{port} SIP/2.0\r\n"
                    f"Via: SIP/2.0/UDP {host}:{local};branch=z9hG4bK{time.time_ns()};rport\r\n"
                    f"Max-Forwards: 70\r\nFrom: <sip:ready@{host}>;tag=ready\r\nTo: <sip:{address}>\r\n"
                    f"Call-ID: ready-{time.time_ns()}@{host}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
                ).encode()
            )
            return probe.recv(65536).startswith(b"SIP/2.0 ")
        except OSError:
            time.sleep(min(timeout_s, 0.2))
            return False


def wait_until(condition: Callable[[], object], timeout_s: float, what: str | Callable[[], str]) -> None:
    """Poll until `condition` holds; raises AssertionError saying what was waited for (and, by a function, was seen)."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s in vain until {what if isinstance(what, str) else what()}")
        time.sleep(0.05)


@contextmanager
def running_switch(plan: Plan, folder: Path) -> Iterator[Switch]:
    """A switch that runs inside the block; afterwards its log must be clean, its calls gone, its ports free."""
    switch = Switch(plan, folder)
    try:
        switch.start()
        yield switch
        if switch.process is not None:
            assert switch.alive, f"the switch ended by itself:\n{switch.log_tail()}"
            switch.wait_idle()
            # A port of a finished call stays bound for a while, so that late packets meet nobody else's call.
            wait_until(lambda: switch.ports_in_use() == 0, 45, f"{switch.ports_in_use()} RTP ports are given back")
            status = switch.stop()
            assert status == 0, f"the switch ended with {status} after SIGTERM:\n{switch.log_tail()}"
        assert not switch.faults(), (
            "faults in the log:\n" + "\n".join(switch.faults()[:20]) + f"\n…\n{switch.log_tail()}"
        )
    finally:
        switch.kill()
        switch.end_workers()
