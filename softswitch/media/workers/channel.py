"""Messages between the switch and a worker process: JSON and descriptors over a Unix socket that keeps them apart.

The sockets are files that only their owner may use, in a folder that only it may enter. A path of any length will do:
it goes through /proc/self/fd, since a Unix socket's own address has room for 107 octets.
"""

from __future__ import annotations

import array
import json
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_MESSAGE_OCTETS = 196608
_BUFFER_OCTETS = 212992  # what any system allows

_DESCRIPTORS = 8


def new_socket() -> socket.socket:
    """A Unix socket of messages."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    prepare(made, None)
    return made


def prepare(connection: socket.socket, patience_s: float | None) -> None:
    """Let a socket hold a long message, and wait so long for room (None: for ever)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_OCTETS)
    connection.settimeout(patience_s)


@contextmanager
def _address(path: Path) -> Iterator[str]:
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listen(path: Path) -> socket.socket:
    """Wait for connections at `path`, in place of whoever did so before; raises OSError."""
    path.unlink(missing_ok=True)
    listener = new_socket()
    before = os.umask(0o177)
    try:
        with _address(path) as address:
            listener.bind(address)
    finally:
        os.umask(before)
    listener.listen(8)
    return listener


def connect(path: Path) -> socket.socket:
    """A connection to who listens at `path`; raises OSError when nobody does."""
    connection = new_socket()
    try:
        with _address(path) as address:
            connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def send(connection: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one message; raises OSError, also when it is too long."""
    data = json.dumps(message).encode()
    if len(data) > _MESSAGE_OCTETS:
        raise OSError(f"a message of {len(data)} octets is too long")
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    connection.sendmsg([data], rights, socket.MSG_NOSIGNAL)


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """The next message and the descriptors it brings; None when the other side is gone.

    Raises BlockingIOError or TimeoutError when there is none yet, ValueError for what is no JSON object.
    """
    space = socket.CMSG_SPACE(_DESCRIPTORS * array.array("i").itemsize)
    try:
        data, rights, _, _ = connection.recvmsg(_MESSAGE_OCTETS, space, socket.MSG_CMSG_CLOEXEC)
    except ConnectionError:
        return None
    if not data:
        return None
    descriptors = array.array("i")
    for level, kind, octets in rights:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(octets[: len(octets) // descriptors.itemsize * descriptors.itemsize])
    message = json.loads(data)
    if not isinstance(message, dict):
        raise ValueError("a message is a JSON object")
    return message, list(descriptors)
