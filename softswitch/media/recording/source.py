"""A port that is listened to, and what of its past is kept in memory."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from softswitch.media.recording.session import Session
from softswitch.media.recording.track import Packets
from softswitch.media.tap_layout import TAP_TIME_NS

if TYPE_CHECKING:
    from softswitch.media.formats import StreamFormat

_SECOND_NS = 1_000_000_000


class Source:
    """What it said in the last `keep_s` is kept; `sessions` hear it."""

    def __init__(self, formats: tuple[StreamFormat, ...], keep_s: float) -> None:
        self.formats = formats
        self.keep_s = keep_s
        self.kept: deque[tuple[int, Packets]] = deque()
        self.sessions: list[Session] = []

    def hear(self, packets: Packets) -> None:
        """New packets, kept but for secret passages, which must not come back as somebody's past."""
        if self.keep_s <= 0:
            return
        for begin_ns, end_ns in (span for session in self.sessions for span in session.secret_ns):
            packets = packets.without(begin_ns, end_ns)
        if len(packets.heads):
            last_ns = int(packets.heads[-1, TAP_TIME_NS])
            self.kept.append((last_ns, packets))
            while self.kept[0][0] < last_ns - self.keep_s * _SECOND_NS:
                self.kept.popleft()
