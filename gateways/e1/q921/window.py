"""The sending half of a data link: what waits, what is not acknowledged yet, and its numbers (Q.921 §5.5.3)."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

MODULUS = 128
#: Messages that wait for the window to open; more mean that layer 3 runs wild.
_WAITING_LIMIT = 256


class Numbered(NamedTuple):
    """A message and its N(S)."""

    sequence: int
    data: bytes


class SendWindow:
    """V(S), V(A) and the messages they are about; `size` is k."""

    __slots__ = ("_acknowledged", "_sent", "_unacknowledged", "_waiting", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._sent = 0
        self._acknowledged = 0
        self._unacknowledged: deque[bytes] = deque()
        self._waiting: deque[bytes] = deque()

    @property
    def outstanding(self) -> int:
        """How many messages were sent and are not acknowledged."""
        return len(self._unacknowledged)

    def put(self, data: bytes) -> bool:
        """Let a message wait its turn; False when too many do."""
        if len(self._waiting) >= _WAITING_LIMIT:
            return False
        self._waiting.append(data)
        return True

    def take(self) -> Numbered | None:
        """The next message to send, None when nothing waits or the window is closed."""
        if not self._waiting or len(self._unacknowledged) >= self.size:
            return None
        message = Numbered(self._sent, self._waiting.popleft())
        self._unacknowledged.append(message.data)
        self._sent = (self._sent + 1) % MODULUS
        return message

    def acknowledge(self, number: int) -> int | None:
        """V(A) := N(R); how many messages that confirms, None when N(R) is of a message that was never sent."""
        confirmed = (number - self._acknowledged) % MODULUS
        if confirmed > len(self._unacknowledged):
            return None
        for _ in range(confirmed):
            self._unacknowledged.popleft()
        self._acknowledged = number
        return confirmed

    def rewind(self) -> int:
        """V(S) := V(A): what is not acknowledged goes out again, in order; how many that are."""
        again = len(self._unacknowledged)
        self._waiting.extendleft(reversed(self._unacknowledged))
        self._unacknowledged.clear()
        self._sent = self._acknowledged
        return again

    def clear(self) -> None:
        """Numbers begin at 0 and nothing waits."""
        self._sent = self._acknowledged = 0
        self._unacknowledged.clear()
        self._waiting.clear()
