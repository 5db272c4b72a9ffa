"""What services in another process are asked over a socket, and what they tell."""

from __future__ import annotations

import socket
from collections.abc import Iterator

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

    def ask(self, service: str, request: Message, answer: Answer) -> None:
        """Ask a service; one that cannot be reached answers with an error."""
        self._asked += 1
        self._answers[self._asked] = answer
        try:
            message = {"do": "service", "id": self._asked, "service": service, "request": request}
            channel.send(self._connection, message)
        except OSError as error:
            self._answers.pop(self._asked)({"error": f"{self._who}: {error}"})

    def replies(self) -> Iterator[tuple[str, Message]]:
        """Hand the answers that have come to who waits for them, and yield (service, notice) for unasked ones."""
        while self._connection.fileno() >= 0 and readable(self._connection.fileno()):
            try:
                received = channel.receive(self._connection)
            except (OSError, ValueError):
                return
            if received is None:
                return
            message = received[0]
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
