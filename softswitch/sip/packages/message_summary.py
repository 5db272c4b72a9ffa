"""The ``message-summary`` event package: waiting messages as simple-message-summary text (RFC 3842 §5).

Left out: the optional header lines about single messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from softswitch.sip.errors import ProtocolError

MAX_BODY_OCTETS: Final = 65536
CONTEXTS: Final = ("voice-message", "fax-message", "pager-message", "multimedia-message", "text-message", "none")


@dataclass(frozen=True, slots=True)
class MessageCount:
    """Messages of one context class: new and old, and how many of each are urgent (None: not told)."""

    new: int
    old: int
    urgent_new: int | None = None
    urgent_old: int | None = None


@dataclass(frozen=True, slots=True)
class MessageSummary:
    """A whole message summary; `counts` maps a context class of RFC 3458 in lower case to its count."""

    waiting: bool
    account: str | None = None
    counts: tuple[tuple[str, MessageCount], ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Reads a message summary; raises ProtocolError."""
        if len(data) > MAX_BODY_OCTETS:
            raise ProtocolError("message summary too large", status=413)
        lines = data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
        name, value = _header(lines[0])
        if name != "messages-waiting" or value.lower() not in ("yes", "no"):
            raise ProtocolError("message summary does not begin with Messages-Waiting", section="RFC 3842 §5.2")
        waiting = value.lower() == "yes"
        account: str | None = None
        counts: list[tuple[str, MessageCount]] = []
        for line in lines[1:]:
            if not line.strip():
                break  # what follows are headers of single messages
            name, value = _header(line)
            if name == "message-account":
                account = value
            elif name in CONTEXTS:
                counts.append((name, _count(value)))
        return cls(waiting, account, tuple(counts))

    def serialize(self) -> bytes:
        """The body in UTF-8 with CRLF line ends."""
        lines = [f"Messages-Waiting: {'yes' if self.waiting else 'no'}"]
        if self.account is not None:
            lines.append(f"Message-Account: {self.account}")
        for context, count in self.counts:
            line = f"{context.title()}: {count.new}/{count.old}"
            if count.urgent_new is not None or count.urgent_old is not None:
                line += f" ({count.urgent_new or 0}/{count.urgent_old or 0})"
            lines.append(line)
        return ("\r\n".join(lines) + "\r\n").encode("utf-8", "surrogateescape")


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise ProtocolError("message summary line without a colon", section="RFC 3842 §5.2")
    return name.strip().lower(), value.strip()


def _count(value: str) -> MessageCount:
    ordinary, parenthesis, rest = value.partition("(")
    new, old = _pair(ordinary)
    if not parenthesis:
        return MessageCount(new, old)
    urgent, closing, tail = rest.partition(")")
    if not closing or tail.strip():
        raise ProtocolError("message summary count is malformed", section="RFC 3842 §5.2")
    return MessageCount(new, old, *_pair(urgent))


def _pair(text: str) -> tuple[int, int]:
    new, slash, old = (part.strip() for part in text.partition("/"))
    if slash != "/" or not all(part.isascii() and part.isdigit() and len(part) <= 10 for part in (new, old)):
        raise ProtocolError("message summary count is malformed", section="RFC 3842 §5.2")
    return int(new), int(old)
