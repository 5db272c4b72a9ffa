"""Ports on which nothing listens, kept apart between the processes of one test run."""

from __future__ import annotations

import itertools
import os
import socket

_WORKERS = 4
_FIRST, _LAST = 10000, 26000
_SHARE = (_LAST - _FIRST) // _WORKERS


def _worker() -> int:
    name = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return int(name.removeprefix("gw") or 0) % _WORKERS


_START = _FIRST + _worker() * _SHARE
_candidates = itertools.cycle(range(_START, _START + _SHARE, 4))
_rtp_blocks = itertools.cycle(range(26000 + _worker() * 3200, 26000 + (_worker() + 1) * 3200, 1600))


def _free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def free_port() -> int:
    """A port of 127.0.0.1 free for UDP and TCP, with the three after it left to its user (SIP, RTP, RTCP)."""
    for _ in range(_SHARE // 4):
        port = next(_candidates)
        if all(_free(port + offset) for offset in range(4)):
            return port
    raise RuntimeError("no free port is left")


def rtp_block() -> tuple[int, int]:
    """First and last port of a range for the media of one switch."""
    first = next(_rtp_blocks)
    return first, first + 1599
