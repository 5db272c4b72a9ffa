"""One source of pictures on its way into a recording: whole coded pictures with their places on the timeline.

A track begins with a key picture, and after a loss with the next one: whatever is kept can be decoded. Work is done a
quarter of a second at a time, away from the packet threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from softswitch.media.formats import StreamFormat
from softswitch.media.layouts.tap import (
    TAP_KIND,
    TAP_MARKER,
    TAP_SEQUENCE,
    TAP_SIZE,
    TAP_SSRC,
    TAP_TIME_NS,
    TAP_TIMESTAMP,
    TAP_WORDS,
)
from softswitch.media.recording.coded import Assembler, Coded
from softswitch.media.recording.packets import Packets
from softswitch.media.recording.picture_codecs import assembler
from softswitch.media.recording.plan import ASTRAY_S

_SECOND_NS = 1_000_000_000
_AT = TAP_WORDS  # where a payload begins, behind the tap's own words
_HALF, _SEQUENCES, _TIMESTAMPS = 0x8000, 1 << 16, 1 << 32
#: Packets that wait for one that is missing; a second of 20 Mbit/s.
_MOST_WAITING = 4096
_ASK_NS = _SECOND_NS
#: What has drifted by a 50th of a second is moved.
_DRIFTED, _WATCHED = 50, 250


class Picture(NamedTuple):
    """A coded picture, and when it is shown, in samples of the recording."""

    at: int
    coded: Coded


class _Packet(NamedTuple):
    ssrc: int
    payload_type: int
    marker: bool
    timestamp: int
    time_ns: int
    payload: bytes


def has_pictures(formats: Iterable[StreamFormat]) -> bool:
    """Whether a source sends pictures that can be kept."""
    return any(assembler(entry.encoding, "") is not None for entry in formats)


class PictureTrack:
    """The pictures of one source; `begin_ns` is the monotonic time of position 0, positions count at `rate_hz`."""

    def __init__(self, rate_hz: int, begin_ns: int, formats: Sequence[StreamFormat]) -> None:
        self._rate_hz = rate_hz
        self._begin_ns = begin_ns
        self._packets: dict[int, _Packet] = {}  # by sequence numbers that go on above 65535
        self._next: int | None = None
        self._ssrc = -1
        self._timestamp = -1
        self._damaged = False  # the picture that is being put together
        self._broken = False  # something is missing before the next picture
        self._ready: list[tuple[Picture, bool]] = []  # and whether something is missing before it
        self._waiting = True  # on the timeline, for a key picture
        self._wanted = True  # of what arrives
        self._heard = True
        self._asked_ns = 0
        self._place = _Place(rate_hz)
        self._shown_at = 0
        self._assembler: Assembler | None = None
        self.kept = 0
        self.lost = 0
        self.end = 0
        self.configure(formats)

    def configure(self, formats: Sequence[StreamFormat]) -> None:
        """The source has other formats from now on."""
        self.formats = tuple(formats)
        found = ((entry, assembler(entry.encoding, entry.fmtp)) for entry in formats)
        self._assemblers = {entry.payload_type: (entry.clock_rate, made) for entry, made in found if made is not None}

    @property
    def decodes(self) -> bool:
        """Whether any of the source's formats can be kept."""
        return bool(self._assemblers)

    def wants_key(self, now_ns: int) -> bool:
        """Whether the source should be asked for a key picture: at most once a second, while it sends any."""
        if not self._wanted or not self._heard or now_ns - self._asked_ns < _ASK_NS:
            return False
        self._asked_ns, self._heard = now_ns, False
        return True

    def feed(self, packets: Packets) -> None:
        """Packets, in the order they came."""
        octets = packets.octets.data  # of all sources together
        for head in packets.heads.tolist():
            kind, begin, size = head[TAP_KIND], head[_AT], head[TAP_SIZE]
            if kind & 0x7F not in self._assemblers or not size:
                continue
            self._heard = True
            self.end = self._arrival(head[TAP_TIME_NS])
            packet = _Packet(
                head[TAP_SSRC],
                kind & 0x7F,
                bool(kind & TAP_MARKER),
                head[TAP_TIMESTAMP],
                head[TAP_TIME_NS],
                bytes(octets[begin : begin + size]),
            )
            self._queue(packet, head[TAP_SEQUENCE])

    def take(self, until: int, *, kept: bool) -> list[Picture]:
        """The pictures before position `until`; those of a passage that is not kept are gone, and the next begins
        with a key picture."""
        self._consume(until)
        ready, self._ready, found = self._ready, [], []
        for picture, broken in ready:
            if picture.at >= until:
                self._ready.append((picture, broken))
                continue
            self._waiting = (self._waiting or broken) and not picture.coded.key
            if not self._waiting:
                found.append(picture)
        if not kept:
            self._waiting = self._wanted = True
            return []
        self.kept += len(found)
        return found

    # -- inside -------------------------------------------------------------------------------------------------------

    def _arrival(self, time_ns: int) -> int:
        return (time_ns - self._begin_ns) * self._rate_hz // _SECOND_NS

    def _queue(self, packet: _Packet, sequence: int) -> None:
        if packet.ssrc != self._ssrc:
            self._consume(None)
            self._finish()
            self._ssrc, self._next = packet.ssrc, sequence
            self._broken = self._wanted = True
            self._place.forget()
        assert self._next is not None, "a stream that is heard has a next number"
        number = self._next + (sequence - self._next + _HALF) % _SEQUENCES - _HALF
        if number < self._next:
            return  # a repetition, or too late
        self._packets[number] = packet
        if len(self._packets) > _MOST_WAITING:
            self._consume(None)

    def _consume(self, until: int | None) -> None:
        """Put together what has come; behind a gap only what came before position `until`, for the missing may come
        yet (None: everything)."""
        for number in sorted(self._packets):
            packet = self._packets[number]
            gap = number != self._next
            if gap and until is not None and self._arrival(packet.time_ns) > until:
                break
            del self._packets[number]
            self._next = number + 1
            self._add(packet, gap=gap)

    def _add(self, packet: _Packet, *, gap: bool) -> None:
        clock, made = self._assemblers.get(packet.payload_type, (90000, None))
        if made is None:  # the formats have changed meanwhile
            return
        self._damaged |= gap
        if packet.timestamp != self._timestamp or made is not self._assembler:
            self._finish()
            self._damaged = gap
            self._timestamp, self._assembler = packet.timestamp, made
            self._shown_at = self._place.of(packet.timestamp, clock, self._arrival(packet.time_ns))
        made.add(packet.payload)
        if packet.marker:
            self._finish()

    def _finish(self) -> None:
        """A picture is over."""
        coded = self._assembler.take() if self._assembler is not None else None
        damaged, self._damaged = self._damaged, False
        self._assembler, self._timestamp = None, -1
        if damaged:
            self.lost += 1
            self._broken = self._wanted = True
        elif coded is not None:
            self._wanted = self._wanted and not coded.key
            self._ready.append((Picture(max(self._shown_at, 0), coded), self._broken))
            self._broken = False


class _Place:
    """Where pictures lie: by their timestamps, as long as these keep with the time of arrival."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self.forget()

    def forget(self) -> None:
        """The next picture lies where it arrives."""
        self._timestamp, self._at = -1, 0
        self._lowest, self._count = self._rate_hz, 0

    def of(self, timestamp: int, clock: int, arrival: int) -> int:
        """The position of a picture, of which the first packet has arrived at position `arrival`."""
        if self._timestamp < 0:
            self._timestamp, self._at = timestamp, arrival
            return arrival
        passed = (timestamp - self._timestamp + _TIMESTAMPS // 2) % _TIMESTAMPS - _TIMESTAMPS // 2
        at = self._at + passed * self._rate_hz // clock
        delay = arrival - at
        if abs(delay) > self._rate_hz * ASTRAY_S:
            self._timestamp, self._at = timestamp, arrival
            self._lowest, self._count = self._rate_hz, 0
            return arrival
        seconds = passed // clock  # whole ones, so that no rounding adds up
        self._timestamp = (self._timestamp + seconds * clock) % _TIMESTAMPS
        self._at += seconds * self._rate_hz
        self._lowest, self._count = min(self._lowest, delay), self._count + 1
        if self._count >= _WATCHED:  # the sender's clock is not ours
            if abs(self._lowest) * _DRIFTED > self._rate_hz:
                self._at += self._lowest
            self._lowest, self._count = self._rate_hz, 0
        return at
