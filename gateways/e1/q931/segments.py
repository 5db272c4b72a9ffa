"""Messages that came in several parts (Q.931 annex H): put together again, or given up after T314."""

from __future__ import annotations

SEGMENT = 0x60
_SEGMENTED_MESSAGE = 0x00
#: Segments of one message, and its octets, at most (annex H: eight of 260).
_MOST, _LONGEST = 8, 8 * 260


class Segments:
    """The message that is being put together; the D channel keeps them in order, so there is one at a time."""

    def __init__(self) -> None:
        self._head = b""
        self._kind = 0
        self._content = b""
        self._left = 0

    @property
    def waiting(self) -> bool:
        """Whether more is to come."""
        return bool(self._left)

    def add(self, data: bytes) -> bytes | None:
        """One SEGMENT; gives the whole message with its last one, None otherwise. Raises ValueError for nonsense."""
        end = 2 + data[1]
        head, content = data[:end], data[end + 1 :]
        if len(content) < 4 or content[0] != _SEGMENTED_MESSAGE or content[1] != 2:
            self.drop()
            raise ValueError("a segment without its element")
        first, left, kind, part = bool(content[2] & 0x80), content[2] & 0x7F, content[3], content[4:]
        if first:
            if not 0 < left < _MOST:
                self.drop()
                raise ValueError(f"a message of {left + 1} segments")
            self._head, self._kind, self._content, self._left = head, kind, part, left
            return None
        if not self._left or head != self._head or kind != self._kind or left != self._left - 1:
            self.drop()
            raise ValueError("a segment out of order")
        self._content += part
        self._left = left
        if left:
            return None
        whole = self._head + bytes((self._kind,)) + self._content
        self.drop()
        if len(whole) > _LONGEST:
            raise ValueError("a segmented message that is too long")
        return whole

    def drop(self) -> None:
        """Give up what came so far."""
        self._head, self._kind, self._content, self._left = b"", 0, b"", 0
