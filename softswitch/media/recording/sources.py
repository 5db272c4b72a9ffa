"""The ports that are listened to, who hears them, and what of their past is kept in memory."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from softswitch.media.layouts.tap import TAP_TIME_NS
from softswitch.media.recording.packets import Packets
from softswitch.media.recording.plan import SourceKey
from softswitch.media.recording.session import Session
from softswitch.media.recording.track import natural_rate

if TYPE_CHECKING:
    from softswitch.media.formats import StreamFormat

logger = logging.getLogger(__name__)

_SECOND_NS = 1_000_000_000
_USUAL_RATE_HZ = 8000


class _Source:
    """A port; what it said in the last `keep_s` is kept."""

    def __init__(self, formats: tuple[StreamFormat, ...], keep_s: float) -> None:
        self.formats = formats
        self.keep_s = keep_s
        self.kept: deque[tuple[int, Packets]] = deque()
        self.sessions: list[Session] = []

    def keep(self, packets: Packets) -> None:
        """New packets, but for secret passages, which must not come back as somebody's past."""
        if self.keep_s <= 0:
            return
        for begin_ns, end_ns in (span for session in self.sessions for span in session.secret_ns):
            packets = packets.without(begin_ns, end_ns)
        if len(packets.heads):
            last_ns = int(packets.heads[-1, TAP_TIME_NS])
            self.kept.append((last_ns, packets))
            while self.kept[0][0] < last_ns - self.keep_s * _SECOND_NS:
                self.kept.popleft()


class Sources:
    """All of them. Times are nanoseconds of the monotonic clock."""

    def __init__(self) -> None:
        self._sources: dict[SourceKey, _Source] = {}

    def listen(self, key: SourceKey, formats: tuple[StreamFormat, ...], keep_s: float) -> None:
        """A port is there, or has other formats; `keep_s` of its past are wanted."""
        source = self._sources.get(key)
        if source is None:
            self._sources[key] = _Source(formats, keep_s)
            return
        source.formats, source.keep_s = formats, keep_s
        for session in source.sessions:
            session.bind(key, session.lane_of(key), formats)

    def forget(self, key: SourceKey) -> None:
        """A port is gone."""
        source = self._sources.pop(key, None)
        if source is not None:
            for session in source.sessions:
                session.unbind(key)

    def bind(self, session: Session, key: SourceKey, lane: str) -> None:
        """Let a recording hear a port; raises KeyError."""
        source = self._sources[key]
        if not session.bind(key, lane, source.formats):
            logger.warning("recording %s cannot hear %s: no codec for it", session.plan.id, lane)
        if session not in source.sessions:
            source.sessions.append(session)

    def unbind(self, session: Session, key: SourceKey) -> None:
        """Let a recording hear a port no more."""
        session.unbind(key)
        self._leave(session, key)

    def leave(self, session: Session) -> None:
        """A recording is over."""
        for key in session.sources:
            self._leave(session, key)

    def hear(self, key: SourceKey, packets: Packets) -> None:
        """Packets have come from a port."""
        source = self._sources.get(key)
        if source is not None:
            source.keep(packets)
            for session in source.sessions:
                session.feed(key, packets)

    def rate_hz(self, keys: Iterable[SourceKey]) -> int:
        """The sample rate at which these are best recorded."""
        return max((natural_rate(source.formats) for source in self._known(keys)), default=0) or _USUAL_RATE_HZ

    def begin_ns(self, keys: Iterable[SourceKey], time_ns: int, past_s: float, waiting_ns: int | None) -> int:
        """When a recording begins that wants `past_s` before `time_ns`: as far back as something is kept, or (since
        `waiting_ns`) still waits in a tap."""
        sources = self._known(keys)
        times = [int(source.kept[0][1].heads[0, TAP_TIME_NS]) for source in sources if source.kept]
        if waiting_ns is not None and any(source.keep_s > 0 for source in sources):
            times.append(waiting_ns)
        wanted = time_ns - int(past_s * _SECOND_NS)
        return min(max(wanted, min(times, default=time_ns)), time_ns)

    def replay(self, session: Session, keys: Iterable[SourceKey], hold_ns: int) -> None:
        """Give a recording what was kept of the past, bit by bit, as it came."""
        past = [(at, key, packets) for key in keys if key in self._sources for at, packets in self._sources[key].kept]
        past.sort(key=lambda item: item[0])
        for at, key, packets in past:
            if at >= session.begin_ns:
                session.feed(key, packets.since(session.begin_ns))
                session.advance(at - hold_ns)

    def __contains__(self, key: SourceKey) -> bool:
        return key in self._sources

    def _known(self, keys: Iterable[SourceKey]) -> list[_Source]:
        return [self._sources[key] for key in keys if key in self._sources]

    def _leave(self, session: Session, key: SourceKey) -> None:
        source = self._sources.get(key)
        if source is not None and session in source.sessions:
            source.sessions.remove(session)
