"""rtpengine in user space (Debian: rtpengine-daemon) as a peer of the benches: calls are set up by its NG protocol."""

from __future__ import annotations

import itertools
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from common import free_udp_port

_FIRST_PORT, _LAST_PORT = 20000, 29999
_ANSWER_S, _START_S = 2.0, 10.0
_FORMATS = {"PCMA": (8, "PCMA/8000"), "PCMU": (0, "PCMU/8000"), "G722": (9, "G722/8000"), "opus": (111, "opus/48000/2")}


class Serving(NamedTuple):
    """A running peer: its process, and the port that each phone sends to."""

    pid: int
    ports: list[int]


def is_installed() -> bool:
    """Whether rtpengine is here to be measured."""
    return shutil.which("rtpengine") is not None


@contextmanager
def rtpengine(phones: Sequence[int], encoding: str = "PCMA") -> Iterator[Serving]:
    """rtpengine between pairs of phones: the first of a pair speaks A-law, the second `encoding`.

    Raises RuntimeError when it does not start or refuses a call.
    """
    control = free_udp_port()
    command = ["rtpengine", "--foreground", "--table=-1", "--interface=127.0.0.1", "--no-fallback", "--log-level=2"]
    command += [f"--listen-ng=127.0.0.1:{control}", f"--port-min={_FIRST_PORT}", f"--port-max={_LAST_PORT}"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            link.connect(("127.0.0.1", control))
            _await(link, process)
            ports: list[int] = []
            for number, pair in enumerate(zip(phones[::2], phones[1::2], strict=True)):
                ports += _call(link, f"call-{number}", pair, encoding)
            yield Serving(process.pid, ports)
    finally:
        process.terminate()
        process.wait(10)


def _await(link: socket.socket, process: subprocess.Popen[bytes]) -> None:
    link.settimeout(0.1)
    deadline = time.monotonic() + _START_S
    while True:
        try:
            _order(link, {"command": "ping"})
        except OSError as problem:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("rtpengine does not start") from problem
            time.sleep(0.05)
        else:
            link.settimeout(_ANSWER_S)
            return


def _call(link: socket.socket, call_id: str, phones: tuple[int, int], encoding: str) -> tuple[int, int]:
    """Offer from the first phone, answer of the second; where each of the two sends to."""
    common = {"call-id": call_id, "from-tag": "a", "ICE": "remove", "replace": ["origin"], "flags": ["trust-address"]}
    offer = common | {"command": "offer", "sdp": _sdp(phones[0], "PCMA")}
    if encoding != "PCMA":
        offer["codec"] = {"mask": ["all"], "transcode": [encoding]}
    answer = common | {"command": "answer", "to-tag": "b", "sdp": _sdp(phones[1], encoding)}
    to_second = _port(_order(link, offer))
    return _port(_order(link, answer)), to_second


def _sdp(port: int, encoding: str) -> str:
    payload_type, rtpmap = _FORMATS[encoding]
    return (
        f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {payload_type}\r\na=rtpmap:{payload_type} {rtpmap}\r\na=ptime:20\r\na=sendrecv\r\n"
    )


def _port(answer: Mapping[bytes, Any]) -> int:
    if answer.get(b"result") != b"ok":
        raise RuntimeError(f"rtpengine refuses a call: {answer}")
    (line,) = [line for line in answer[b"sdp"].splitlines() if line.startswith(b"m=audio ")]
    return int(line.split()[1])


_cookies = itertools.count(1)


def _order(link: socket.socket, order: Mapping[str, Any]) -> dict[bytes, Any]:
    """Send one command and wait for its answer."""
    cookie = f"bench{next(_cookies)}".encode()
    link.send(cookie + b" " + _bencode(order))
    while True:
        told, _, answer = link.recv(65536).partition(b" ")
        if told == cookie:
            value, _ = _bdecode(answer, 0)
            return dict(value)


def _bencode(value: Any) -> bytes:
    if isinstance(value, str):
        return f"{len(value.encode())}:{value}".encode()
    if isinstance(value, Mapping):
        return b"d" + b"".join(_bencode(key) + _bencode(value[key]) for key in sorted(value)) + b"e"
    return b"l" + b"".join(map(_bencode, value)) + b"e"


def _bdecode(data: bytes, at: int) -> tuple[Any, int]:
    """The value that begins at `at`, and where it ends."""
    kind = data[at : at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1 : end]), end + 1
    if kind in (b"l", b"d"):
        items, at = [], at + 1
        while data[at : at + 1] != b"e":
            item, at = _bdecode(data, at)
            items.append(item)
        return (items if kind == b"l" else dict(zip(items[::2], items[1::2], strict=True))), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1 : end], end
