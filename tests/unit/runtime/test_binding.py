"""Addresses that are taken are named."""

from __future__ import annotations

import errno
import socket

import pytest

from softswitch.runtime.udp import bind_udp


def test_a_taken_address_is_named_in_the_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"udp 127.0.0.1:{port}") as caught:
            bind_udp("127.0.0.1", port)
    assert caught.value.errno == errno.EADDRINUSE
