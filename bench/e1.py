"""E1 over UDP: what a span with thirty calls costs, its echo cancellers, eight spans, and how long sound is under way.

The process under test has CESoPSN spans of 31 timeslots in packets of 1 ms, thirty B channels of each connected to RTP
ports, all in one packet thread. Another process is the far exchange, which plays a tone into every channel, and the
phones, which send back what they hear. For the echo cancellers, of the longest tail there is, the phones speak and the
exchange sends what it hears back, 12 dB weaker; a canceller's cost is the difference to the same span without.
`latency_ms` is from the datagram that brings an octet to the RTP packet that takes it on, without the time the octet
waits for the rest of its 20 ms: the jitter buffer, half full, and what the engine adds. A packet that comes after its
turn counts as lost and as late; what is lost and not late never came.
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from common import Bench, arguments, cpu_seconds, free_udp_port, percentile, read_line, running

from softswitch.media import PCMA, MediaEngine, PortSettings
from softswitch.media.playing.sounds import announcement
from softswitch.media.pseudowire_settings import PseudowireSettings

_CHANNELS = tuple(slot for slot in range(1, 32) if slot != 16)
_DEPTH_MS = 10
_SLOT, _MARK = 5, 0x2A
_WARM_S = 2.0
_TAIL_MS, _ECHO_DB = 128, -12.0
_MANY = 8


class _Quiet:
    """Nobody listens to the D channel."""

    def frame_received(self, frame: bytes, now: float) -> None:
        """See PseudowireObserver."""

    def alarms_changed(self, alarms: int, now: float) -> None:
        """See PseudowireObserver."""


def _settings(local: int, remote: int, *, master: bool, **more: Any) -> PseudowireSettings:
    here = "127.0.0.1"
    return PseudowireSettings(local=(here, local), remote=(here, remote), master=master, depth_ms=_DEPTH_MS, **more)


def serve_engine(wish: dict[str, Any]) -> None:
    """The process under test: spans whose channels are calls of RTP ports; it stays until input ends."""
    with MediaEngine(first_port=30000, report_interval_s=600) as engine:
        wires = []
        for (local, remote), phones in zip(wish["lines"], wish["phones"], strict=True):
            settings = _settings(local, remote, master=False, **wish.get("treatment", {}))
            wire = engine.open_pseudowire("span", settings, _Quiet())
            wires.append(wire)
            for slot, phone in zip(_CHANNELS, phones, strict=False):
                port = engine.open_port("span")
                port.configure(PortSettings(remote=("127.0.0.1", phone), formats=(PCMA,)))
                engine.connect(wire.open_channel(slot if len(phones) > 1 else _SLOT, "span"), port)
        print("ready", flush=True)
        sys.stdin.read()
        print("echo:", json.dumps(sorted(wires[0].echo_loss_db().values())), flush=True)
        print("counters:", json.dumps([wire.counters() for wire in wires]), flush=True)


def serve_far(wish: dict[str, Any]) -> None:
    """The far exchange and the phones."""
    with MediaEngine(first_port=35000, report_interval_s=600) as engine:
        speech = announcement()
        phones: list[list[int]] = []
        for local, remote in wish["lines"]:
            more = {"gain_said_db": _ECHO_DB, "lead_ms": 10} if wish["echo"] else {}
            wire = engine.open_pseudowire("far", _settings(remote, local, master=True, **more), _Quiet())
            phones.append([])
            for slot in _CHANNELS:
                channel, phone = wire.open_channel(slot, "far"), engine.open_port("far")
                phones[-1].append(phone.local[1])
                phone.configure(PortSettings(formats=(PCMA,)))
                if wish["echo"]:
                    engine.echo(channel)
                    engine.play(phone, speech, True)
                else:
                    engine.tone(channel, 1004.0, -16.0)
                    engine.echo(phone)
        print("phones:", json.dumps(phones), flush=True)
        sys.stdin.read()


def _command(role: str, wish: dict[str, Any]) -> list[str]:
    return [sys.executable, str(Path(__file__)), "--role", role, "--wish", json.dumps(wish)]


class _Run(NamedTuple):
    """What thirty calls on each of some spans cost: percent of a core, counters by span, echo loss by channel."""

    percent: float
    counters: list[dict[str, int]]
    echo_db: list[float]
    seconds: float


def _run(seconds: float, *, spans: int = 1, echo: bool = False, treatment: dict[str, Any] | None = None) -> _Run:
    wish: dict[str, Any] = {
        "lines": [(free_udp_port(), free_udp_port()) for _ in range(spans)],
        "echo": echo,
        "treatment": treatment or {},
    }
    with running(_command("far", wish)) as far:
        wish["phones"] = json.loads(read_line(far, "phones:"))
        with running(_command("engine", wish)) as engine:
            read_line(engine, "ready")
            time.sleep(_WARM_S)
            before, began = cpu_seconds(engine.pid), time.monotonic()
            time.sleep(seconds)
            used, passed = cpu_seconds(engine.pid) - before, time.monotonic() - began
            assert engine.stdin is not None
            engine.stdin.close()
            echo_db = json.loads(read_line(engine, "echo:"))
            return _Run(100 * used / passed, json.loads(read_line(engine, "counters:")), echo_db, passed + _WARM_S)


def _measure_calls(bench: Bench, seconds: float) -> None:
    run = _run(seconds)
    (counted,) = run.counters
    bench.figure("core_pct_per_span", run.percent, "%", goal=2.5)
    bench.figure("packets_per_s", counted["packets_received"] / run.seconds, "1/s")
    bench.figure("packets_lost", counted["packets_lost"], "")
    bench.figure("packets_late", counted["packets_late"], "")
    bench.figure("slips", counted["slips"], "", goal=0)


def _measure_treatments(bench: Bench, seconds: float, *, quick: bool) -> None:
    """Each against the same calls without, measured just before: the machine may be another one a minute later."""
    plain = _run(seconds, echo=True)
    channels = len(_CHANNELS)
    treated = _run(seconds, echo=True, treatment={"echo_tail_ms": _TAIL_MS})
    bench.figure("echo_core_pct_per_channel", (treated.percent - plain.percent) / channels, "%")
    loss_db = percentile(treated.echo_db, 50) if treated.echo_db else 0.0
    bench.figure("echo_loss_db", loss_db, "dB", better="more")
    if quick:
        return
    treated = _run(seconds, echo=True, treatment={"gain_heard_db": 3.0, "gain_said_db": -3.0})
    bench.figure("gain_core_pct_per_channel", (treated.percent - plain.percent) / channels, "%")


def _measure_many(bench: Bench, seconds: float) -> None:
    run = _run(seconds, spans=_MANY)
    bench.figure(f"core_pct_{_MANY}_spans", run.percent, "%", goal=100)
    bench.figure(f"core_pct_per_span_of_{_MANY}", run.percent / _MANY, "%", goal=2.5)
    for what in ("lost", "late"):
        bench.figure(f"packets_{what}_{_MANY}_spans", sum(counted[f"packets_{what}"] for counted in run.counters), "")


def _measure_latency(bench: Bench, seconds: float) -> None:
    here = "127.0.0.1"
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as phone,
    ):
        line.bind((here, 0))
        phone.bind((here, 0))
        local = free_udp_port()
        wish = {"lines": [(local, line.getsockname()[1])], "phones": [[phone.getsockname()[1]]]}
        with running(_command("engine", wish)) as engine:
            read_line(engine, "ready")
            delays = _mark_and_look(line, (here, local), phone, seconds)
    if not delays:
        bench.fail("no mark came back")
        return
    bench.figure("latency_ms", percentile(delays, 50), "ms", goal=_DEPTH_MS + 2)
    bench.figure("latency_p95_ms", percentile(delays, 95), "ms")


def _mark_and_look(line: socket.socket, target: tuple[str, int], phone: socket.socket, seconds: float) -> list[float]:
    """Send a packet a millisecond, one octet of every 50th marked; how long each mark took, in milliseconds."""
    payload = bytearray(b"\xd5" * 248)
    for frame in range(8):
        payload[31 * frame + 15] = 0x7E
    sent: list[float] = []
    delays: list[float] = []
    began = time.monotonic()
    for number in range(int(seconds * 1000)):
        while (left := began + number / 1000 - time.monotonic()) > 0:
            time.sleep(left)
        octets = bytearray(payload)
        if number % 50 == 49:
            octets[_SLOT - 1] = _MARK
            sent.append(time.monotonic())
        line.sendto(struct.pack(">BBH", 0, 0, number & 0xFFFF) + octets, target)
        try:
            packet, at = phone.recv(2048), time.monotonic()
        except BlockingIOError:
            continue
        while (place := packet.find(_MARK, 12)) >= 0 and sent:
            delays.append((at - sent.pop(0)) * 1000 - (171 - place) / 8)
            packet = packet[:place] + b"\xd5" + packet[place + 1 :]
    return delays[len(delays) // 10 :]


def main() -> int:
    """Measure, or be one of the processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--role", choices=("engine", "far"), help=argparse.SUPPRESS)
    parser.add_argument("--wish", default="{}", help=argparse.SUPPRESS)
    options = arguments("E1 spans", parser=parser)
    if options.role is not None:
        {"engine": serve_engine, "far": serve_far}[options.role](json.loads(options.wish))
        return 0
    bench = Bench("e1", json_output=options.json)
    bench.note(f"CESoPSN, 31 timeslots, 1 ms, jitter buffer of {_DEPTH_MS} ms")
    _measure_calls(bench, 4 if options.quick else 30)
    _measure_latency(bench, 2 if options.quick else 20)
    _measure_treatments(bench, 3 if options.quick else 15, quick=options.quick)
    _measure_many(bench, 3 if options.quick else 15)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
