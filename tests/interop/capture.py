"""A capture of the loopback interface by tshark, and tshark's own opinion of every frame in it."""

from __future__ import annotations

import secrets
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.interop.switch import PATIENCE_S, wait_until


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
    marks = socket.create_server(("127.0.0.1", 0))
    both = f"({capture_filter}) or tcp port {marks.getsockname()[1]}"
    command = ["tshark", "-i", "lo", "-q", "-f", both, "-w", str(file)]
    with file.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        _pass_by(file, marks, process)
        yield Capture(file, sip_ports, rtp_ports)
        _pass_by(file, marks, process)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        marks.close()


def _pass_by(file: Path, marks: socket.socket, process: subprocess.Popen[bytes]) -> None:
    """Wait until a mark that is sent now stands in the file, and so does all that was captured before it."""
    sent: list[bytes] = []

    def written() -> bool:
        assert process.poll() is None, f"tshark ended: {file.with_suffix('.log').read_text()}"
        sent.append(f"mark {secrets.token_hex(8)}\n".encode())
        with socket.create_connection(marks.getsockname()) as passing:
            passing.sendall(sent[-1])
            marks.accept()[0].close()
        octets = file.read_bytes() if file.exists() else b""
        return any(mark in octets for mark in sent)

    wait_until(written, PATIENCE_S, "tshark captures, and writes it down")
