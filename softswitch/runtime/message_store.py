"""The SIP messages of the last minutes, kept in memory for ladders and captures of single calls.

Every message passes here, so keeping one costs as little as can be: one append to a ring, bounded by octets and age.
Which dialog a message belongs to is found out when somebody asks.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from softswitch.runtime.hep import call_id_of
from softswitch.runtime.trace import TracedMessage

#: What a message costs besides its octets.
_OVERHEAD = 300
#: Requests that belong to no call would push out what does; so would the answers to them, known by their CSeq alone
#: (RFC 3261 §8.2.6.2), for Allow names the same methods in the answers to any request.
_REQUESTS = (b"REGISTER ", b"OPTIONS ", b"PUBLISH ")
_ANSWERED = re.compile(rb"\nCSeq[ \t]*:[ \t]*\d+[ \t]+(?:REGISTER|OPTIONS|PUBLISH)[ \t]*\r?\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """Most messages shown of one call, most octets kept of all, and for how many seconds."""

    messages_per_call: int = 200
    octets: int = 32_000_000
    keep_s: float = 900.0


class MessageStore:
    """A trace subscriber that remembers."""

    def __init__(self, limits: MessageLimits) -> None:
        self.limits = limits
        self.octets = 0
        self._messages: deque[TracedMessage] = deque()

    def __len__(self) -> int:
        return len(self._messages)

    def __call__(self, message: TracedMessage) -> None:
        """Keep one message, and let go of what is too old or too much."""
        data = message.data
        if data.startswith(_REQUESTS) or (data.startswith(b"SIP/2.0") and _ANSWERED.search(data)):
            return
        messages = self._messages
        messages.append(message)
        self.octets += len(data) + _OVERHEAD
        oldest = message.time - self.limits.keep_s
        while messages and (self.octets > self.limits.octets or messages[0].time < oldest):
            self.octets -= len(messages.popleft().data) + _OVERHEAD

    def snapshot(self) -> list[TracedMessage]:
        """All that is kept now, oldest first; may be searched on another thread."""
        return list(self._messages)


def of_dialogs(messages: Collection[TracedMessage], call_ids: Collection[str], most: int) -> list[TracedMessage]:
    """The last `most` of the messages whose Call-ID is one of `call_ids`, oldest first."""
    needles = [call_id.encode("utf-8", "surrogateescape") for call_id in call_ids if call_id]
    found = [
        message
        for message in messages
        if any(needle in message.data for needle in needles) and call_id_of(message.data) in call_ids
    ]
    return found[-most:]
