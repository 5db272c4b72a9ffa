"""What services in another process are asked over a socket, and what they tell."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from softswitch.media.workers import channel
from softswitch.media.workers.services import Answer, Message
from softswitch.media.workers.waiting import readable


class Questions:
    """The switch's side of the conversation with the services of the process that `connection` leads to.

    `who` names that process in answers that never came.
    """

    def __init__(self, connection: socket.socket, who: str) -> None:
        self._connection = connection
        self._who = who
        self._answers: dict[int, Answer] = {}
        self._asked = 0
        self._taken_in: deque[dict[str, Any]] = deque()

    def ask(self, service: str, request: Message, answer: Answer) -> None:
        """Ask a service; one that cannot be reached answers with an error."""
        self._asked += 1
        self._answers[self._asked] = answer
        try:
            message = {"do": "service", "id": self._asked, "service": service, "request": request}
            self._make_way()
            channel.send(self._connection, message)
        except OSError as error:
            self._answers.pop(self._asked)({"error": f"{self._who}: {error}"})

    def _make_way(self) -> None:
        """Wait until there is room for a question, and meanwhile take in what the other side says: it may have as much
        to say as we have to ask, and two that only speak would wait for each other.

        `replies` hands it on, at the latest when the answer to this very question wakes whoever calls that.
        """
        patience_s = self._connection.gettimeout() or 0.0
        poller = select.poll()
        poller.register(self._connection, select.POLLIN | select.POLLOUT)
        deadline = time.monotonic() + patience_s
        while (left_s := deadline - time.monotonic()) > 0:
            happened = poller.poll(left_s * 1000)
            if not happened or happened[0][1] & select.POLLOUT:
                return
            message = self._receive()
            if message is None:
                return  # it has ended: sending will say so
            self._taken_in.append(message)

    def _receive(self) -> dict[str, Any] | None:
        """The next message that has come; None when the other side has ended or speaks in riddles."""
        try:
            received = channel.receive(self._connection)
        except (OSError, ValueError):
            return None
        return None if received is None else received[0]

    def _messages(self) -> Iterator[dict[str, Any]]:
        while self._taken_in:
            yield self._taken_in.popleft()
        while self._connection.fileno() >= 0 and readable(self._connection.fileno()):
            message = self._receive()
            if message is None:
                return
            yield message

    def replies(self) -> Iterator[tuple[str, Message]]:
        """Hand the answers that have come to who waits for them, and yield (service, notice) for unasked ones."""
        for message in self._messages():
            if "notice" in message:
                yield str(message["service"]), message["notice"]
            else:
                answer = self._answers.pop(int(message.get("id", 0)), None)
                if answer is not None:
                    answer(message.get("reply", {"error": str(message.get("error"))}))

    def give_up(self) -> None:
        """The process has ended: nobody waits for an answer any longer."""
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            answer({"error": f"{self._who} has ended"})
