"""How the control side changes what a packet thread works with, while it works.

Each packet thread has a ring of command records with one writer (the control side, under the engine's lock) and one
reader (the thread). The writer fills the next free records and then publishes the count of all written so far; the
reader carries them out in order, between two packets, and publishes the count of all done. Why that is safe:

* The count is stored with release and loaded with acquire order (`positions`), so a record is seen whole or not at
  all; and a place is written again only when the reader has counted it done.
* Only the packet thread writes the record of an open port. The control side writes it before the OPEN command, and
  again only when the CLOSE command has been counted done.
* Every command carries the port's generation, which grows with each use of the record; one that comes too late for
  its port, or an epoll event for a socket that has just been closed, meets another generation and is passed over.
* The thread may sleep in epoll_wait: an eventfd, written after the count, wakes it. It looks at the count after every
  epoll_wait, so the wake-up may come early or late, but never in vain. Waking it costs more than all the rest, because
  it runs at once in our place; so whoever is about to post much holds the wake-up back until it is done.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softswitch.media.errors import MediaError
from softswitch.media.layouts.worker import COMMANDS_DONE, COMMANDS_WRITTEN
from softswitch.media.positions import observe, publish

_PATIENCE_S = 2.0
_PAUSE_S = 0.0002

Fields = Mapping[str, Any]


class CommandRing:
    """The control side's end of one packet thread's commands."""

    def __init__(self, commands: NDArray[Any], positions: NDArray[np.int64], wake_fd: int) -> None:
        self._commands = commands
        self._positions = positions
        self._wake_fd = wake_fd
        self.written = int(observe(positions, COMMANDS_WRITTEN))
        self._given_up = False
        self._held = False
        self._waiting = False

    @property
    def done(self) -> int:
        """How many commands the thread has carried out so far; all of them once nobody is left who could."""
        if self._given_up:
            return self.written
        return int(observe(self._positions, COMMANDS_DONE))

    def give_up(self) -> None:
        """The thread is no more: what is posted from now on is passed over, and nobody waits for it."""
        self._given_up = True

    def post(self, *commands: Fields) -> int:
        """Hand over commands to be carried out together; returns the count that `done` reaches with the last of them.

        Raises MediaError when the ring is full and the packet thread takes nothing out of it.
        """
        if self._given_up:
            return self.written
        if self.written + len(commands) - self.done > len(self._commands):
            self.wait(self.written + len(commands) - len(self._commands))
        for i, fields in enumerate(commands):
            record = self._commands[(self.written + i) % len(self._commands)]
            for name, value in fields.items():
                record[name] = value
        self.written += len(commands)
        publish(self._positions, COMMANDS_WRITTEN, self.written)
        if self._held:
            self._waiting = True
        else:
            os.eventfd_write(self._wake_fd, 1)
        return self.written

    def hold(self) -> None:
        """Let the thread sleep on over what is posted from now on, until `ring`."""
        self._held = True

    def ring(self) -> None:
        """End `hold`."""
        self._held = False
        self._wake()

    def _wake(self) -> None:
        if self._waiting:
            self._waiting = False
            os.eventfd_write(self._wake_fd, 1)

    def wait(self, count: int) -> None:
        """Wait until so many commands are done (a fraction of a millisecond); raises MediaError after two seconds."""
        self._wake()
        deadline = time.monotonic() + _PATIENCE_S
        while self.done < count:
            if time.monotonic() > deadline:
                raise MediaError("the packet thread does not answer")
            time.sleep(_PAUSE_S)
