"""A network namespace of the tests' own, joined to this machine by a pair of virtual interfaces (needs root)."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from types import TracebackType
from typing import Self

_serial = itertools.count(1)


def available() -> bool:
    """Whether a namespace can be made here."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"ssw-probe-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode != 0:
        return False
    subprocess.run(["ip", "netns", "del", name], check=False)
    return True


class Namespace:
    """`near` is this machine's address on the pair, `far` the address inside; `prefix` runs a command inside."""

    def __init__(self) -> None:
        number = next(_serial)
        block = (os.getpid() + number * 7) % 250
        self.name = f"ssw-{os.getpid()}-{number}"
        self.near = f"10.213.{block}.1"
        self.far = f"10.213.{block}.2"
        self.outside = f"sw{os.getpid() % 1000000}x{number}a"
        self._inside = f"sw{os.getpid() % 1000000}x{number}b"

    @property
    def prefix(self) -> list[str]:
        """Words to put before a command."""
        return ["ip", "netns", "exec", self.name]

    def __enter__(self) -> Self:
        _ip("netns", "add", self.name)
        _ip("link", "add", self.outside, "type", "veth", "peer", "name", self._inside, "netns", self.name)
        _ip("addr", "add", f"{self.near}/30", "dev", self.outside)
        _ip("link", "set", self.outside, "up")
        _ip("-n", self.name, "addr", "add", f"{self.far}/30", "dev", self._inside)
        _ip("-n", self.name, "link", "set", self._inside, "up")
        _ip("-n", self.name, "link", "set", "lo", "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["ip", "link", "del", self.outside], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=10)
