"""A media worker: the process in which one packet thread runs, and the services beside it. Started by the switch.

    python -m softswitch.media.workers.worker_main --number N --listener FD --arena FD --events FD [--grace S]
        [--reports S] [--no-realtime]

It outlives the switch, see `service_process.py`. A switch that attaches is given the shared memory, the
descriptors that wake either side, and the socket that takes ports' sockets.
"""

from __future__ import annotations

import argparse
import logging
import selectors
import socket
import sys
import time

from softswitch.media.layouts.commands import COMMAND_STOP
from softswitch.media.layouts.worker import COMMANDS_DONE, COMMANDS_WRITTEN
from softswitch.media.warmup import warm_up
from softswitch.media.workers.packet_loop import PacketLoop
from softswitch.media.workers.service_process import SEND_S, ServiceProcess, parser, serve, set_up

logger = logging.getLogger("softswitch.media.worker")

_FIRST_LINES_AFTER_S = 1.5


class WorkerProcess(ServiceProcess):
    """The Python side of a worker."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options, options.number)
        self._handover_in, self._handover_out = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._wake_in, self._wake_out = socket.socketpair()
        self._loop = PacketLoop(
            self.arena,
            self.number,
            self.event_fd,
            report_interval_s=options.reports,
            realtime=not options.no_realtime,
            handover_fd=self._handover_in.fileno(),
            ended=lambda: self._wake_out.send(b"."),
        )

    def begin(self, selector: selectors.BaseSelector) -> None:
        """Start the packet thread."""
        from softswitch.media.kernels.sound import ear, mixer, rendering
        from softswitch.media.kernels.wire import span

        record = self.arena.workers[self.number]
        record["mixer"], record["listener"] = mixer.serve_rooms.address, ear.attend_packet.address
        record["renderer"] = rendering.render_packet.address
        record["span_server"] = span.serve_span.address
        self._loop.thread.start()
        selector.register(self._wake_in, selectors.EVENT_READ, self._loop_ended)

    @property
    def shared(self) -> tuple[int, ...]:
        """See ServiceProcess."""
        return *super().shared, self._loop.command_fd, self._handover_out.fileno()

    @property
    def ports_open(self) -> int:
        """See ServiceProcess."""
        return int(self.arena.workers[self.number]["ports_open"])

    @property
    def settled(self) -> bool:
        """See ServiceProcess."""
        positions = self.arena.positions[self.number]
        return bool(positions[COMMANDS_DONE] == positions[COMMANDS_WRITTEN])

    def forsaken(self) -> None:
        """Nobody is attached, so the command ring is ours to write to."""
        from softswitch.media.commands import CommandRing

        ring = CommandRing(self.arena.commands[self.number], self.arena.positions[self.number], self._loop.command_fd)
        ring.post({"operation": COMMAND_STOP})
        self._loop.thread.join(SEND_S)
        self.running = False

    def _loop_ended(self, wake: socket.socket) -> None:
        self.running = False


def main() -> None:
    """The process."""
    options_of = parser("softswitch.media.workers.worker_main", "A media worker of the switch.")
    options_of.add_argument("--number", type=int, required=True)
    options_of.add_argument("--reports", type=float, default=5.0, help="seconds between RTCP reports")
    options_of.add_argument("--no-realtime", action="store_true", help="run the packet thread as any other")
    options = options_of.parse_args()
    set_up(f"media-worker-{options.number}")
    began = time.monotonic()

    def progress(line: str) -> None:
        if time.monotonic() - began > _FIRST_LINES_AFTER_S:
            logger.info(line)

    warm_up(progress)
    serve(WorkerProcess(options))
    sys.stderr.flush()


if __name__ == "__main__":
    main()
