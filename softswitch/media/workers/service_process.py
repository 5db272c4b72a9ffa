"""A process that runs media services and outlives the switch: how it is found, attached to, asked, and how it ends.

The process is started with a listening socket. A switch, the same or its successor, connects and says `attach`; it is
given descriptors of what is shared. While a switch is attached no other is. When none has been for `grace` seconds, or
when none is and no port is open, the process ends.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import os
import selectors
import signal
import socket
import time
from pathlib import Path
from typing import Any

from mediacodecs import library
from softswitch.media.memory import Arena, layout_digest
from softswitch.media.workers import channel
from softswitch.media.workers.services import Message, ServiceHost

logger = logging.getLogger("softswitch.media.process")

SEND_S = 1.0
_LOOK_S = 0.5
_GARBAGE_THRESHOLDS = (50_000, 20, 50)  # the recorder, which is loaded when it is asked, lasts as well


class ServiceProcess:
    """The process; `number` is that of the packet thread beside which its services live, or HELPER."""

    def __init__(self, options: argparse.Namespace, number: int) -> None:
        self.number = number
        self.arena = Arena.attach(options.arena)
        self.event_fd: int = options.events
        self.running = True
        self._grace_s: float = options.grace
        self._listener: socket.socket | None = socket.socket(fileno=options.listener)
        self._selector = selectors.DefaultSelector()
        self._host = ServiceHost(self.arena, number, self._tell)
        self._switch: socket.socket | None = None
        self._served = False  # a switch has been attached
        self._alone_since = time.monotonic()

    def run(self) -> None:
        """Serve until a switch says so, or until nobody comes any more."""
        with self._selector as selector:
            assert self._listener is not None, "a process that begins is not retired"
            selector.register(self._listener, selectors.EVENT_READ, self._accept)
            self.begin(selector)
            while self.running:
                for key, _ in selector.select(_LOOK_S):
                    key.data(key.fileobj)
                if self._switch is None and self._forsaken():
                    logger.warning("nobody has come; the process ends")
                    self.forsaken()
        self._host.stop()

    # -- what other processes are made of ---------------------------------------------------------------------------

    def begin(self, selector: selectors.BaseSelector) -> None:
        """Called before the first look at the selector."""

    @property
    def shared(self) -> tuple[int, ...]:
        """The descriptors that a switch is given."""
        return self.arena.descriptor, self.event_fd

    @property
    def ports_open(self) -> int:
        """How many ports are served by whom the process is for."""
        return int(self.arena.workers["ports_open"].sum())

    @property
    def settled(self) -> bool:
        """Whether all was done that the last switch has asked for."""
        return True

    def forsaken(self) -> None:
        """Nobody is attached, and nobody will come."""
        self.running = False

    # -- connections ------------------------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            channel.prepare(connection, SEND_S)
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
            logger.warning("the switch is gone; work goes on, and it has %g s to come back", self._grace_s)
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
        elif wish == "end" and connection is self._switch:
            self.running = False
        else:
            channel.send(connection, {"error": f"{wish!r} is not understood"})

    def _description(self) -> Message:
        return {
            "pid": os.getpid(),
            "number": self.number,
            "layout": layout_digest(),
            "gpl_codecs": library.gpl_allowed(),
            "busy": self._switch is not None,
            "ports_open": self.ports_open,
        }

    def _attach(self, connection: socket.socket) -> None:
        if self._switch is not None:
            channel.send(connection, {"error": "another switch is attached"})
            return
        self._switch, self._served = connection, True
        channel.send(connection, self._description(), self.shared)
        logger.info("a switch is attached")

    def _retire(self, connection: socket.socket, grace_s: float) -> None:
        """No switch will come that knows this layout: what is under way may go on for a while."""
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
        if self._served and self.settled and not self.ports_open:
            return True
        return time.monotonic() - self._alone_since > self._grace_s

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._selector.unregister(self._listener)
            self._listener.close()
            self._listener = None

    def told_to_end(self, number: int, frame: Any) -> None:
        """SIGTERM: while a switch is attached it is the one who says when; alone, the process ends."""
        if self._switch is None:
            self._grace_s = 0.0


def parser(module: str, description: str) -> argparse.ArgumentParser:
    """The options that every such process has."""
    made = argparse.ArgumentParser(prog=module, description=description)
    made.add_argument("--listener", type=int, required=True, help="descriptor of the listening socket")
    made.add_argument("--arena", type=int, required=True, help="descriptor of the shared memory")
    made.add_argument("--events", type=int, required=True, help="eventfd that wakes the switch")
    made.add_argument("--grace", type=float, default=120.0, help="seconds to wait for a switch")
    return made


def set_up(name: str) -> None:
    """The log, and what `ps` and `top` show instead of python3. What is loaded next stays: no garbage is looked for."""
    gc.disable()
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s {name} %(levelname)s %(message)s")
    Path("/proc/self/comm").write_text(name)


def serve(process: ServiceProcess) -> None:
    """Run it, heedless of the terminal's signals."""
    gc.freeze()
    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    gc.enable()
    signal.signal(signal.SIGTERM, process.told_to_end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process.run()
