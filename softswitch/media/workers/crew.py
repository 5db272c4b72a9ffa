"""The packet threads of an engine: who they are, and who was lost or has come; on threads of this process."""

from __future__ import annotations

import os
import select
from typing import NamedTuple

from softswitch.media.errors import MediaError
from softswitch.media.memory import Arena
from softswitch.media.workers.helper import Helper, OwnHelper
from softswitch.media.workers.packet_thread import OwnThread, PacketThread

_RING_PLACES = 4096
_CLIP_SAMPLES = 16_000_000  # 2000 s at 8 kHz; memory is used only for what is played


class Change(NamedTuple):
    """`lost` has ended unasked, or `started` has come in its place. One that is `given_up` keeps ending: another in its
    place is tried now and then only."""

    lost: PacketThread | None = None
    started: PacketThread | None = None
    given_up: PacketThread | None = None


class Crew:
    """`count` packet threads of this process; `threads` are theirs after `open`, `event_fd` wakes who polls.

    They are real-time threads if `realtime`, where that is allowed. `helper` runs the services that look after all of
    them.
    """

    def __init__(
        self, count: int, *, report_interval_s: float, realtime: bool = True, helper: Helper | None = None
    ) -> None:
        self.helper = OwnHelper() if helper is None else helper
        self.count = count
        self.report_interval_s = report_interval_s
        self.realtime = realtime
        self.threads: list[PacketThread] = []
        self.event_fd = -1
        self.arena: Arena

    def open(self, ports: int) -> Arena:
        """Make the shared memory for so many ports and start the threads; raises MediaError."""
        self.create(ports)
        for number in range(self.count):
            interval_s, realtime = self.report_interval_s, self.realtime
            thread = OwnThread(self.arena, number, self.event_fd, report_interval_s=interval_s, realtime=realtime)
            self.threads.append(thread)
        self.helper.open(self.arena, self.event_fd)
        return self.arena

    def create(self, ports: int) -> None:
        """New shared memory, and the descriptor that wakes us."""
        self.event_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.arena = Arena.create(
            ports=ports, workers=self.count, commands=_RING_PLACES, events=_RING_PLACES, samples=_CLIP_SAMPLES
        )

    def watch(self, poller: select.epoll) -> None:
        """Let everything that `changes` and `PacketThread.replies` look at wake who waits for `poller`."""

    def changes(self) -> list[Change]:
        """Who was lost and who has come since the last call; never waits."""
        return []

    def close(self) -> None:
        """End the threads and give everything back."""
        threads, self.threads = self.threads, []
        failures = []
        for thread in threads:
            try:
                thread.stop()
            except MediaError as error:
                failures.append(error)
        try:
            self.helper.stop()
        except MediaError as error:
            failures.append(error)
        os.close(self.event_fd)
        self.arena.close()
        del self.arena  # the mapping goes with its last array
        if failures:
            raise failures[0]
