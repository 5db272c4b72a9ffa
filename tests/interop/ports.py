"""Ports on which nothing listens, kept apart between all test processes of this machine, of whatever checkout."""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import socket
import tempfile
from functools import cache
from pathlib import Path

_LANES = 8
_FIRST, _PLANNED = 9000, 900  # the lanes' ports for signalling: so many that they hardly come round within a run
_FIRST_BRIEF, _BRIEF = _FIRST + _LANES * _PLANNED, 640  # those for peers of one test
_FIRST_RTP, _RTP_BLOCK, _BLOCKS = _FIRST_BRIEF + _LANES * _BRIEF, 700, 2  # all below 32768, the first ephemeral port


@cache
def _lane() -> int:
    """The lane of ports that is this process's until it ends: the lock goes with the descriptor, which stays open."""
    for lane in range(_LANES):
        path = Path(tempfile.gettempdir()) / f"softswitch-test-ports.{os.getuid()}.{lane}"
        lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
        else:
            return lane
    raise RuntimeError(f"{_LANES} test processes run already")


@cache
def _candidates(first_of_all: int, ports: int) -> itertools.cycle[int]:
    first = first_of_all + _lane() * ports
    return itertools.cycle(range(first, first + ports, 4))


@cache
def _rtp_blocks() -> itertools.cycle[int]:
    first = _FIRST_RTP + _lane() * _BLOCKS * _RTP_BLOCK
    return itertools.cycle(range(first, first + _BLOCKS * _RTP_BLOCK, _RTP_BLOCK))


def _free(port: int) -> bool:
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(family, kind) as probe:
                if kind == socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((address, port))
                except OSError as error:
                    if error.errno == errno.EADDRINUSE:
                        return False
    return True


def _next_free(first_of_all: int, ports: int) -> int:
    for _ in range(ports // 4):
        port = next(_candidates(first_of_all, ports))
        if all(_free(port + offset) for offset in range(4)):
            return port
    raise RuntimeError("no free port is left")


def free_port() -> int:
    """A port of 127.0.0.1 and ::1 free for UDP and TCP, with the three after it left to its user (SIP, RTP, RTCP)."""
    return _next_free(_FIRST, _PLANNED)


def brief_port() -> int:
    """Like `free_port`, for a peer that binds it at once and is gone with its test.

    Such ports are many, and come round again: never to one that a plan was given and its owner has not bound yet.
    """
    return _next_free(_FIRST_BRIEF, _BRIEF)


def rtp_block() -> tuple[int, int]:
    """First and last port of a range for the media of one switch."""
    first = next(_rtp_blocks())
    return first, first + _RTP_BLOCK - 1
