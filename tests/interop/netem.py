"""A line between two SIP parties that loses chosen datagrams."""

from __future__ import annotations

import re
import select
import socket
import threading
from types import TracebackType
from typing import Self

from tests.interop.ports import brief_port


class LossyLine:
    """Carries datagrams between whoever sends to `port` and `far`; of one kind the first is lost.

    `direction` is "out" towards `far` or "back" from it; `start` what the first line of the message begins with, and
    `method` what its CSeq names. How often other messages are repeated meanwhile makes no difference.
    """

    def __init__(self, far: tuple[str, int], direction: str, start: str, method: str, *, port: int = 0) -> None:
        self.port = port or brief_port()
        self.far = far
        self.lost: list[bytes] = []
        self._direction = direction
        self._kind = re.compile(rf"{re.escape(start)}.*\r\nCSeq: \d+ {method}\r\n".encode(), re.S)
        self._near: tuple[str, int] | None = None
        self._listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._listening.bind(("127.0.0.1", self.port))
        self._sending = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sending.bind(("127.0.0.1", 0))
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="lossy line", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join(5)
        self._listening.close()
        self._sending.close()

    def _carry(self) -> None:
        while not self._end.is_set():
            for ready in select.select([self._listening, self._sending], [], [], 0.1)[0]:
                data, source = ready.recvfrom(65536)
                if ready is self._listening:
                    self._near = source
                    self._pass("out", data, self._sending, self.far)
                elif self._near is not None:
                    self._pass("back", data, self._listening, self._near)

    def _pass(self, direction: str, data: bytes, by: socket.socket, to: tuple[str, int]) -> None:
        if not self.lost and direction == self._direction and self._kind.match(data):
            self.lost.append(data)
        else:
            by.sendto(data, to)
