"""A media worker: the process in which one packet thread runs, and the services beside it. Started by the switch.

    python -m softswitch.media.worker_main --number N --listener FD --arena FD --events FD [--grace S] [--reports S]

It outlives the switch. A switch, the same or its successor, connects to the listening socket and says `attach`; it is
given the shared memory, the descriptors that wake either side, and the socket that takes ports' sockets. While a switch
is attached no other is. When none has been for `grace` seconds, or when none is and no port is open, the worker ends.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import selectors
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from softswitch.media import channel
from softswitch.media.layout import COMMAND_STOP, COMMANDS_DONE, COMMANDS_WRITTEN
from softswitch.media.memory import Arena, layout_digest
from softswitch.media.packet_loop import PacketLoop
from softswitch.media.services import Message, ServiceHost
from softswitch.media.warmup import warm_up

logger = logging.getLogger("softswitch.media.worker")

_SEND_S = 1.0
_LOOK_S = 0.5
_FIRST_LINES_AFTER_S = 1.5


class WorkerProcess:
    """The Python side of a worker: talks to the switch, runs services, and sees to it that the process ends."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._number: int = options.number
        self._grace_s: float = options.grace
        self._listener: socket.socket | None = socket.socket(fileno=options.listener)
        self._arena = Arena.attach(options.arena)
        self._event_fd: int = options.events
        self._handover_in, self._handover_out = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._wake_in, self._wake_out = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._host = ServiceHost(self._arena, self._number, self._tell)
        self._switch: socket.socket | None = None
        self._served = False  # a switch has been attached
        self._alone_since = time.monotonic()
        self._running = True
        self._loop = PacketLoop(
            self._arena,
            self._number,
            self._event_fd,
            report_interval_s=options.reports,
            handover_fd=self._handover_in.fileno(),
            ended=lambda: self._wake_out.send(b"."),
        )

    def run(self) -> None:
        """Serve until a switch says so, or until nobody comes any more."""
        from softswitch.media.kernels.sound import ear, mixer

        record = self._arena.workers[self._number]
        record["mixer"], record["listener"] = mixer.serve_rooms.address, ear.attend_packet.address
        self._loop.thread.start()
        with self._selector as selector:
            assert self._listener is not None, "a worker that begins is not retired"
            selector.register(self._listener, selectors.EVENT_READ, self._accept)
            selector.register(self._wake_in, selectors.EVENT_READ, self._loop_ended)
            while self._running:
                for key, _ in selector.select(_LOOK_S):
                    key.data(key.fileobj)
                if self._switch is None and self._forsaken():
                    self._stop_loop()
        self._host.stop()

    # -- connections ------------------------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            connection.settimeout(_SEND_S)
            self._selector.register(connection, selectors.EVENT_READ, self._read)

    def _read(self, connection: socket.socket) -> None:
        try:
            received = channel.receive(connection)
            if received is not None:
                message, descriptors = received
                for descriptor in descriptors:
                    os.close(descriptor)
                self._handle(connection, message)
                return
        except (OSError, ValueError) as error:
            logger.warning("a connection is closed: %s", error)
        self._selector.unregister(connection)
        connection.close()
        if connection is self._switch:
            logger.warning("the switch is gone; packets flow on, and it has %g s to come back", self._grace_s)
            self._switch, self._alone_since = None, time.monotonic()

    def _handle(self, connection: socket.socket, message: Message) -> None:
        wish = message.get("do")
        if wish == "hello":
            channel.send(connection, self._description())
        elif wish == "attach":
            self._attach(connection)
        elif wish == "retire":
            self._retire(connection, float(message.get("grace_s", 0)))
        elif wish == "service" and connection is self._switch:
            reply = self._host.handle(str(message.get("service")), message.get("request", {}))
            channel.send(connection, {"id": message.get("id"), "reply": reply})
        else:
            channel.send(connection, {"error": f"{wish!r} is not understood"})

    def _description(self) -> Message:
        return {
            "pid": os.getpid(),
            "number": self._number,
            "layout": layout_digest(),
            "busy": self._switch is not None,
            "ports_open": int(self._arena.workers[self._number]["ports_open"]),
        }

    def _attach(self, connection: socket.socket) -> None:
        if self._switch is not None:
            channel.send(connection, {"error": "another switch is attached"})
            return
        self._switch, self._served = connection, True
        descriptors = (self._arena.descriptor, self._event_fd, self._loop.command_fd, self._handover_out.fileno())
        channel.send(connection, self._description(), descriptors)
        logger.info("a switch is attached")

    def _retire(self, connection: socket.socket, grace_s: float) -> None:
        """No switch will come that knows this layout: what flows may flow on for a while."""
        self._grace_s, self._served, self._alone_since = grace_s, True, time.monotonic()
        self._stop_listening()
        channel.send(connection, self._description())
        logger.warning("retired: ending in %g s, or when the last port is closed", grace_s)

    def _tell(self, service: str, notice: Message) -> None:
        switch = self._switch
        if switch is None:
            return
        try:
            channel.send(switch, {"service": service, "notice": notice})
        except OSError as error:
            logger.warning("a notice of service %s is lost: %s", service, error)

    # -- the end ----------------------------------------------------------------------------------------------------

    def _forsaken(self) -> bool:
        positions = self._arena.positions[self._number]
        settled = positions[COMMANDS_DONE] == positions[COMMANDS_WRITTEN]
        if self._served and settled and not self._arena.workers[self._number]["ports_open"]:
            return True
        return time.monotonic() - self._alone_since > self._grace_s

    def _stop_loop(self) -> None:
        """Nobody is attached, so the command ring is ours to write to."""
        logger.warning("nobody has come; the worker ends")
        from softswitch.media.commands import CommandRing

        ring = CommandRing(
            self._arena.commands[self._number], self._arena.positions[self._number], self._loop.command_fd
        )
        ring.post({"operation": COMMAND_STOP})
        self._loop.thread.join(_SEND_S)
        self._running = False

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None

    def _loop_ended(self, wake: socket.socket) -> None:
        self._running = False

    def told_to_end(self, number: int, frame: Any) -> None:
        """SIGTERM: while a switch is attached it is the one who says when; alone, the worker ends."""
        if self._switch is None:
            self._grace_s = 0.0


def main() -> None:
    """The process."""
    options = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s media-{options.number} %(levelname)s %(message)s")
    _name_process(options.number)
    began = time.monotonic()

    def progress(line: str) -> None:
        if time.monotonic() - began > _FIRST_LINES_AFTER_S:
            logger.info(line)

    warm_up(progress)
    worker = WorkerProcess(options)
    signal.signal(signal.SIGTERM, worker.told_to_end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker.run()
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="softswitch.media.worker_main", description="A media worker of the switch.")
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--listener", type=int, required=True, help="descriptor of the listening socket")
    parser.add_argument("--arena", type=int, required=True, help="descriptor of the shared memory")
    parser.add_argument("--events", type=int, required=True, help="eventfd that wakes the switch")
    parser.add_argument("--grace", type=float, default=120.0, help="seconds to wait for a switch")
    parser.add_argument("--reports", type=float, default=5.0, help="seconds between RTCP reports")
    return parser


def _name_process(number: int) -> None:
    """What `ps` and `top` show instead of python3."""
    Path("/proc/self/comm").write_text(f"media-worker-{number}")


if __name__ == "__main__":
    main()
