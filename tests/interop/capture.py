"""A capture of the loopback interface by tshark, and tshark's own opinion of every frame in it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class Capture:
    """Frames of some ports in `file`."""

    def __init__(self, file: Path, sip_ports: Sequence[int], rtp_ports: Sequence[int] = ()) -> None:
        self.file = file
        self._decode: list[str] = []
        for port in sip_ports:
            self._decode += ["-d", f"udp.port=={port},sip", "-d", f"tcp.port=={port},sip"]
        for port in rtp_ports:
            self._decode += ["-d", f"udp.port=={port},rtp"]

    def read(self, display_filter: str, *fields: str) -> list[list[str]]:
        """The chosen fields of every frame that passes the filter."""
        command = ["tshark", "-n", "-r", str(self.file), *self._decode, "-Y", display_filter, "-T", "fields"]
        for name in fields or ("frame.number",):
            command += ["-e", name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def malformed(self) -> list[list[str]]:
        """Frames that tshark marks as malformed or as an error of the protocol."""
        wrong = '_ws.malformed || _ws.expert.severity == "Error"'
        return self.read(
            f"({wrong}) && !icmp", "frame.number", "_ws.col.Protocol", "_ws.col.Info", "_ws.expert.message"
        )


@contextmanager
def capturing(
    file: Path, capture_filter: str, sip_ports: Sequence[int], rtp_ports: Sequence[int] = ()
) -> Iterator[Capture]:
    """Capture on the loopback interface during the block."""
    command = ["tshark", "-i", "lo", "-q", "-f", capture_filter, "-w", str(file)]
    with file.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 15
        while not (file.exists() and file.stat().st_size > 0):
            assert process.poll() is None, f"tshark ended: {file.with_suffix('.log').read_text()}"
            assert time.monotonic() < deadline, "tshark did not begin"
            time.sleep(0.1)
        time.sleep(0.5)
        yield Capture(file, sip_ports, rtp_ports)
        time.sleep(1.5)  # dumpcap writes in bursts
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
