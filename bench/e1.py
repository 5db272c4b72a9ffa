"""E1 over UDP: what a span with thirty calls costs, and how long its sound is under way.

The process under test has a CESoPSN span of 31 timeslots in packets of 1 ms, thirty B channels of which are connected
to RTP ports. Another process is the far exchange, which plays a tone into every channel, and the thirty phones, which
send back what they hear. `latency_ms` is from the datagram that brings an octet to the RTP packet that takes it on,
without the time the octet waits for the rest of its 20 ms: the jitter buffer, half full, and what the engine adds.
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

from common import Bench, arguments, cpu_seconds, free_udp_port, percentile, read_line, running

from softswitch.media import PCMA, MediaEngine, PortSettings
from softswitch.media.pseudowire import PseudowireSettings

_CHANNELS = tuple(slot for slot in range(1, 32) if slot != 16)
_DEPTH_MS = 10
_SLOT, _MARK = 5, 0x2A
_WARM_S = 3.0


class _Quiet:
    """Nobody listens to the D channel."""

    def frame_received(self, frame: bytes, now: float) -> None:
        """See PseudowireObserver."""

    def alarms_changed(self, alarms: int, now: float) -> None:
        """See PseudowireObserver."""


def _settings(local: int, remote: int, *, master: bool) -> PseudowireSettings:
    here = "127.0.0.1"
    return PseudowireSettings(local=(here, local), remote=(here, remote), master=master, depth_ms=_DEPTH_MS)


def serve_engine(wish: dict[str, Any]) -> None:
    """The process under test: a span whose channels are calls of RTP ports; it stays until input ends."""
    with MediaEngine(first_port=30000, report_interval_s=600) as engine:
        wire = engine.open_pseudowire("span", _settings(wish["local"], wish["remote"], master=False), _Quiet())
        for slot, phone in zip(_CHANNELS, wish["phones"], strict=False):
            port = engine.open_port("span")
            port.configure(PortSettings(remote=("127.0.0.1", phone), formats=(PCMA,)))
            engine.connect(wire.open_channel(slot if len(wish["phones"]) > 1 else _SLOT, "span"), port)
        print("ready", flush=True)
        sys.stdin.read()
        print("counters:", json.dumps(wire.counters()), flush=True)


def serve_far(wish: dict[str, Any]) -> None:
    """The far exchange and the phones."""
    with MediaEngine(first_port=35000, report_interval_s=600) as engine:
        wire = engine.open_pseudowire("far", _settings(wish["remote"], wish["local"], master=True), _Quiet())
        phones = []
        for slot in _CHANNELS:
            engine.tone(wire.open_channel(slot, "far"), 1004.0, -16.0)
            phone = engine.open_port("far")
            phone.configure(PortSettings(formats=(PCMA,)))
            engine.echo(phone)
            phones.append(phone.local[1])
        print("phones:", json.dumps(phones), flush=True)
        sys.stdin.read()


def _command(role: str, wish: dict[str, Any]) -> list[str]:
    return [sys.executable, str(Path(__file__)), "--role", role, "--wish", json.dumps(wish)]


def _measure_calls(bench: Bench, seconds: float) -> None:
    wish: dict[str, Any] = {"local": free_udp_port(), "remote": free_udp_port()}
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
            counted = json.loads(read_line(engine, "counters:"))
    bench.figure("core_pct_per_span", 100 * used / passed, "%", goal=2.5)
    bench.figure("packets_per_s", counted["packets_received"] / (passed + _WARM_S), "1/s")
    bench.figure("packets_lost", counted["packets_lost"], "")
    bench.figure("slips", counted["slips"], "", goal=0)


def _measure_latency(bench: Bench, seconds: float) -> None:
    here = "127.0.0.1"
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as phone,
    ):
        line.bind((here, 0))
        phone.bind((here, 0))
        wish = {"local": free_udp_port(), "remote": line.getsockname()[1], "phones": [phone.getsockname()[1]]}
        with running(_command("engine", wish)) as engine:
            read_line(engine, "ready")
            delays = _mark_and_look(line, (here, wish["local"]), phone, seconds)
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
    _measure_calls(bench, 10 if options.quick else 30)
    _measure_latency(bench, 5 if options.quick else 20)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
