"""Framing of SIP on a stream: Content-Length and keep-alives (RFC 3261 §7.5, §18.3; RFC 5626 §3.5.1).

A stream that cannot be framed any more is lost: the framer hands out what was whole before, then raises, and the
transport closes the connection.
"""

from __future__ import annotations

from enum import Enum

from softswitch.sip.errors import ProtocolError
from softswitch.sip.grammar import parse_number
from softswitch.sip.parser import DEFAULT_LIMITS, Limits

_SECTION = "RFC 3261 §18.3"


class KeepAlive(Enum):
    """A keep-alive of RFC 5626 §3.5.1."""

    #: Two line breaks: the peer wants one back.
    PING = "ping"
    #: One line break: the peer's answer to our ping. (A ping torn exactly in two looks like two of these.)
    PONG = "pong"


class StreamFramer:
    """Cuts what a connection delivers into whole messages, each with its header and exactly its body.

    Memory is bounded by `limits.message` and the size of one delivery; every octet is looked at a bounded number of
    times however the peer slices them.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._searched = 0
        self._needed = 0
        self.error: ProtocolError | None = None

    @property
    def pending(self) -> int:
        """Octets held of a message that is not yet whole."""
        return len(self._buffer)

    def receive_data(self, data: bytes) -> list[bytes | KeepAlive]:
        """Take in octets; the frames and keep-alives they complete.

        Raises ProtocolError (status 400 or 513) when the stream is lost and no whole frame came before; otherwise
        the frames are handed out, `error` is set, and the next call raises.
        """
        if self.error is not None:
            raise self.error
        self._buffer += data
        frames: list[bytes | KeepAlive] = []
        try:
            while self._buffer and self._take(frames):
                pass
        except ProtocolError as error:
            self.error = error
            self._buffer.clear()
            if not frames:
                raise
        return frames

    def _take(self, frames: list[bytes | KeepAlive]) -> bool:
        """Take one frame or keep-alive off the buffer; whether there was one."""
        buffer = self._buffer
        if not self._needed:
            if buffer[0] in b"\r\n":
                return self._take_keep_alive(frames)
            end = buffer.find(b"\r\n\r\n", self._searched)
            if end < 0:
                self._searched = max(0, len(buffer) - 3)
                if len(buffer) > self._limits.message:
                    raise ProtocolError("the header does not end", section=_SECTION, status=513)
                return False
            self._needed = end + 4 + self._content_length(bytes(buffer[: end + 2]))
            if self._needed > self._limits.message:
                raise ProtocolError("the message is too large", section=_SECTION, status=513)
        if len(buffer) < self._needed:
            return False
        frames.append(bytes(buffer[: self._needed]))
        self._drop(self._needed)
        return True

    def _take_keep_alive(self, frames: list[bytes | KeepAlive]) -> bool:
        buffer = self._buffer
        if buffer[0] == 0x0A or (len(buffer) > 1 and buffer[1] != 0x0A):
            raise ProtocolError("a lone CR or LF between messages", section=_SECTION)
        if len(buffer) == 1:
            return False
        kind = KeepAlive.PONG
        if buffer[2:4] == b"\r\n":
            kind = KeepAlive.PING
        elif len(buffer) == 3 and buffer[2] == 0x0D:
            return False
        if not frames or frames[-1] is not kind:  # a train of them in one delivery deserves one answer
            frames.append(kind)
        self._drop(4 if kind is KeepAlive.PING else 2)
        return True

    def _drop(self, octets: int) -> None:
        del self._buffer[:octets]
        self._searched = self._needed = 0

    def _content_length(self, head: bytes) -> int:
        """The value of Content-Length in a header block that ends with CRLF; 0 when there is none."""
        lower = head.lower()
        if lower.count(b"\r\ncontent-length:") == 1 and b"\r\nl" not in lower and lower.count(b"content-length") == 1:
            start = lower.index(b"\r\ncontent-length:") + 17
            end = lower.index(b"\r\n", start)
            lengths = [head[start:end]] if head[end + 2 : end + 3] not in (b" ", b"\t") else _lengths(head)
        else:
            lengths = _lengths(head)
        if not lengths:
            return 0
        if len(lengths) > 1:
            raise ProtocolError("more than one Content-Length", section="RFC 4475 §3.3.9")
        return parse_number(lengths[0].strip(b" \t").decode("latin-1"), 10**9, "Content-Length", "RFC 3261 §20.14")


def _lengths(head: bytes) -> list[bytes]:
    """All values of Content-Length, full or compact, however spelled and folded."""
    found: list[bytes] = []
    folding = False
    for line in head.split(b"\r\n")[1:]:
        if line[:1] in (b" ", b"\t"):
            if folding:
                found[-1] += b" " + line.strip(b" \t")
            continue
        name, colon, value = line.partition(b":")
        folding = bool(colon) and name.strip(b" \t").lower() in (b"content-length", b"l")
        if folding:
            found.append(value)
    return found
