"""What `softswitch doctor` looks at, one function for each thing; each says in a sentence what it found."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from softswitch.cli.finding import Finding, Verdict
from softswitch.cli.span_checks import e1_spans

if TYPE_CHECKING:
    from softswitch.config import Settings

MIN_FREE_OCTETS = 1 << 30
LOW_FREE_OCTETS = 200 << 20
MIN_FILES = 4096
PORTS_PER_CALL = 4
REQUIRED = ("aiohttp", "cryptography", "dnspython", "numba", "numpy", "prometheus-client", "pydantic", "rich",
            "sqlite-utils", "uvloop")  # fmt: skip
SANE_YEAR = 2025
CERTIFICATE_WARNING_DAYS = 30


def listen_ports(settings: Settings, data: Path) -> Iterator[Finding]:
    """Whether every SIP and HTTP port can be bound."""
    wanted = [
        (f"SIP {listen.transport} {listen.name}", listen.transport == "udp", listen.address, listen.port)
        for listen in settings.sip.listen
    ]
    if settings.http.enabled:
        wanted.append(("HTTP", False, settings.http.address, settings.http.port))
    for title, datagram, address, port in wanted:
        problem = _try_bind(address, port, datagram=datagram)
        if problem is None:
            yield Finding(title, "ok", f"{address}:{port} is free.")
        elif problem.errno is not None and "assign" in (problem.strerror or ""):
            yield Finding(
                title, "failed", f"{address} is no address of this machine.", "Change `address` in the configuration."
            )
        else:
            yield Finding(
                title,
                "failed",
                f"{address}:{port} cannot be bound: {problem.strerror}.",
                f"Stop what uses it (ss -lnp | grep :{port}; perhaps a switch is running) or change `port`.",
            )


def _try_bind(address: str, port: int, *, datagram: bool) -> OSError | None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if datagram else socket.SOCK_STREAM) as probe:
        if not datagram:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error
    return None


def media_ports(settings: Settings, data: Path) -> Iterator[Finding]:
    """Whether the media range is free and away from the kernel's own choice of ports."""
    rtp = settings.rtp
    step = max(1, (rtp.last_port - rtp.first_port) // 50)
    tried = range(rtp.first_port, rtp.last_port + 1, step)
    taken = [port for port in tried if _try_bind(rtp.address, port, datagram=True) is not None]
    calls = (rtp.last_port - rtp.first_port + 1) // PORTS_PER_CALL
    if taken:
        yield Finding(
            "RTP ports",
            "warning" if len(taken) < len(tried) else "failed",
            f"{len(taken)} of {len(tried)} ports tried in {rtp.first_port}–{rtp.last_port} are taken.",
            "Choose another range with rtp.first_port and rtp.last_port.",
        )
    else:
        yield Finding("RTP ports", "ok", f"{rtp.first_port}–{rtp.last_port} is free: room for {calls} calls.")
    try:
        low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    except (OSError, ValueError):
        return
    if low <= rtp.last_port and rtp.first_port <= high:
        yield Finding(
            "RTP ports and the kernel",
            "warning",
            f"The kernel gives out ports {low}–{high} by itself and may take one of the media range.",
            f"sysctl -w net.ipv4.ip_local_reserved_ports={rtp.first_port}-{rtp.last_port}",
        )


def libraries(settings: Settings, data: Path) -> Iterator[Finding]:
    """Whether Python and every library are there."""
    version = sys.version_info
    if version < (3, 11):
        yield Finding("Python", "failed", f"Python {version.major}.{version.minor} is too old.", "Install Python 3.11.")
    missing = []
    for name in REQUIRED:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        remedy = f"pip install {' '.join(missing)}"
        yield Finding("libraries", "failed", f"Not installed: {', '.join(missing)}.", remedy)
    else:
        yield Finding("libraries", "ok", f"All {len(REQUIRED)} libraries are installed.")


def srtp(settings: Settings, data: Path) -> Iterator[Finding]:
    """Whether media can be secured here."""
    from softswitch.media.transport.srtp import unusable

    missing = unusable()
    if missing:
        yield Finding("srtp", "warning", missing, "Install it, or calls with SRTP are refused.")
    else:
        yield Finding("srtp", "ok", "SRTP is usable (OpenSSL's libcrypto).")


def codecs(settings: Settings, data: Path) -> Iterator[Finding]:
    """Which codecs work here."""
    from mediacodecs import registry

    statuses = registry.supported()
    usable = dict.fromkeys(status.encoding for status in statuses if status.usable)
    yield Finding("codecs", "ok" if usable else "failed", f"Usable: {', '.join(usable) or 'none'}.")
    for status in statuses:
        if status.switched_off:
            yield Finding("codecs", "ok", f"{status.encoding} is switched off: {status.reason}.")
        elif not status.usable:
            sentence = f"{status.encoding} at {status.sample_rate} Hz cannot be used: {status.reason}."
            yield Finding("codecs", "warning", sentence, "Install what it names, or leave the codec out.")
    for status in registry.relayed_only():
        yield Finding("codecs", "ok", f"{status.encoding} is {status.reason}.")


def files_limit(settings: Settings, data: Path) -> Iterator[Finding]:
    """Whether enough sockets may be open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.rtp.last_port - settings.rtp.first_port + 1 + MIN_FILES
    if soft >= needed or soft == resource.RLIM_INFINITY:
        yield Finding("open files", "ok", f"{soft} files and sockets may be open.")
    else:
        calls = max(0, soft - 256) // PORTS_PER_CALL
        yield Finding(
            "open files",
            "warning" if soft >= MIN_FILES else "failed",
            f"{soft} files and sockets may be open, enough for about {calls} calls with media.",
            f"ulimit -n {min(needed, hard)} (LimitNOFILE= in a systemd unit)",
        )


def real_time(settings: Settings, data: Path) -> Iterator[Finding]:
    """Whether packet threads may be real-time threads."""
    from softswitch.media.workers.urgency import hurry

    if settings.rtp.realtime == "off":
        yield Finding("real time", "ok", "Packet threads run like any other (rtp.realtime is off).")
        return
    with ThreadPoolExecutor(1) as thread:  # not this one, which would stay so
        allowed = thread.submit(hurry).result()
    if allowed:
        yield Finding("real time", "ok", "Packet threads run ahead of other work.")
    else:
        yield Finding(
            "real time",
            "warning",
            "Packet threads may not run ahead of other work: on a busy machine packets will wait.",
            "ulimit -r 1 (LimitRTPRIO=1 in a systemd unit), or the capability CAP_SYS_NICE",
        )


def clock(settings: Settings, data: Path) -> Iterator[Finding]:
    """Whether the clock is plausible and kept by time synchronisation."""
    if datetime.now(UTC).year < SANE_YEAR:
        yield Finding("clock", "failed", f"The clock says {datetime.now(UTC):%Y-%m-%d}.", "Set it: timedatectl")
        return
    tool = shutil.which("timedatectl")
    answer = ""
    if tool:
        command = [tool, "show", "--property=NTPSynchronized", "--value"]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout.strip()
        except (OSError, subprocess.TimeoutExpired):
            answer = ""
    if answer == "no":
        remedy = "timedatectl set-ntp true"
        yield Finding("clock", "warning", "The clock is not synchronised: records will have wrong times.", remedy)
    else:
        known = "is synchronised" if answer == "yes" else "looks right (whether it is synchronised is not known here)"
        yield Finding("clock", "ok", f"The clock {known}.")


def disk(settings: Settings, data: Path) -> Iterator[Finding]:
    """Whether the data directory can be written and has room."""
    folder = data
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    sentence = f"{free / (1 << 30):.1f} GiB are free for {data}."
    remedy = "Free some space or choose another folder with --data."
    verdict: Verdict = "ok" if free >= MIN_FREE_OCTETS else "warning" if free >= LOW_FREE_OCTETS else "failed"
    yield Finding("disk", verdict, sentence, "" if verdict == "ok" else remedy)
    if not _writable(folder):
        yield Finding("disk", "failed", f"{folder} cannot be written.", "Choose another folder with --data.")


def _writable(folder: Path) -> bool:
    import os

    return os.access(folder, os.W_OK | os.X_OK)


def certificates(settings: Settings, data: Path) -> Iterator[Finding]:
    """Whether each certificate can be read and has time left."""
    from softswitch.config.base import SELF_SIGNED
    from softswitch.config.certificate import CERTIFICATE_NAME, expiry

    named = [(f"TLS {listen.name}", listen.certificate) for listen in settings.sip.listen if listen.certificate]
    if settings.http.certificate:
        named.append(("HTTPS", settings.http.certificate))
    for title, file in named:
        path = data / CERTIFICATE_NAME if file == SELF_SIGNED else Path(file)
        if file == SELF_SIGNED and not path.exists():
            yield Finding(title, "ok", "A self-signed certificate will be made at the first start.")
            continue
        try:
            left = (expiry(path) - datetime.now(UTC)).days
        except (OSError, ValueError) as error:
            yield Finding(title, "failed", f"{path} cannot be read: {error}.", "Put a PEM certificate there.")
            continue
        good = left >= CERTIFICATE_WARNING_DAYS
        verdict: Verdict = "ok" if good else "warning" if left >= 0 else "failed"
        sentence = f"{path} is valid for {left} more days." if left >= 0 else f"{path} has expired."
        yield Finding(title, verdict, sentence, "" if good else "Renew it, then: softswitch reload")


def advertised_address(settings: Settings, data: Path) -> Iterator[Finding]:
    """Whether phones are told an address they can reach."""
    from softswitch.config.initialise import own_address

    if settings.loopback_only:
        sentence = "Only this machine can reach the switch: it listens on loopback."
        yield Finding("address", "ok", sentence, "For a real network: softswitch init")
        return
    told = settings.sip.advertised_address
    bound = {listen.address for listen in settings.sip.listen}
    if told is None and bound & {"0.0.0.0", "::"}:
        yield Finding(
            "address",
            "warning",
            f"The listeners are bound to every address; phones are told {own_address()}.",
            "Set sip.advertised_address and rtp.advertised_address to the address phones shall use.",
        )
        return
    media = settings.rtp.advertised_address or settings.rtp.address
    if told is not None and settings.rtp.advertised_address is None:
        yield Finding(
            "address",
            "warning",
            f"SIP is advertised as {told} but media as {media}: one-way audio is likely.",
            "Set rtp.advertised_address too.",
        )
        return
    yield Finding("address", "ok", f"Phones are told {told or ', '.join(sorted(bound))}, media goes to {media}.")


def database(settings: Settings, data: Path) -> Iterator[Finding]:
    """Whether the database is whole."""
    import sqlite3

    path = data / settings.storage.path
    if not path.is_file():
        yield Finding("database", "ok", f"{path} will be made at the first start.")
        return
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            result = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.Error as error:
        result = str(error)
    if result == "ok":
        yield Finding("database", "ok", f"{path} is whole.")
    else:
        yield Finding("database", "failed", f"{path} is damaged: {result}.", "Put a backup there, or move it away.")


def compiled_media(settings: Settings, data: Path) -> Iterator[Finding]:
    """Whether the compiled media engine is on disk; loading it shows how long a start takes."""
    if importlib.util.find_spec("numba") is None:
        yield Finding("media engine", "failed", "numba is not installed.", "pip install numba")
        return
    from softswitch.media.warmup import warm_up

    started = time.monotonic()
    try:
        warm_up(lambda line: None)
    except Exception as error:
        yield Finding("media engine", "failed", f"It cannot be compiled: {error}.", "Reinstall numba and numpy.")
        return
    seconds = time.monotonic() - started
    cached = "came from the cache" if seconds < 5 else "was compiled now and is kept for the next start"
    yield Finding("media engine", "ok", f"The compiled code {cached} ({seconds:.1f} s).")


def media_processes(settings: Settings, data: Path) -> Iterator[Finding]:
    """Which media processes of this switch run now, and whether they are of this release."""
    if not settings.rtp.isolated:
        return
    from softswitch.media.memory import layout_digest
    from softswitch.media.workers.worker_process import describe_processes

    for name, description in describe_processes(data / "media").items():
        if description is None:
            yield Finding(name, "warning", "It does not answer.", f"Its log: {data / 'media' / name}.log.")
        elif description.get("layout") != layout_digest():
            yield Finding(
                name, "warning", f"Process {description['pid']} is of another release.", "The next start retires it."
            )
        else:
            ports = description.get("ports_open", 0)
            yield Finding(name, "ok", f"Process {description['pid']} runs; {ports} ports are open.")


CHECKS: tuple[Callable[[Settings, Path], Iterator[Finding]], ...] = (
    listen_ports,
    media_ports,
    libraries,
    codecs,
    srtp,
    files_limit,
    real_time,
    clock,
    disk,
    certificates,
    advertised_address,
    database,
    compiled_media,
    e1_spans,
    media_processes,
)


def examine(settings: Settings, data: Path) -> Iterator[Finding]:
    """Run every check; one that breaks is itself a finding."""
    for check in CHECKS:
        try:
            yield from check(settings, data)
        except Exception as error:
            name = check.__name__.replace("_", " ")
            yield Finding(name, "failed", f"The check itself failed: {type(error).__name__}: {error}.")
