"""One recording in progress: its timeline, what of it is kept, and the files it goes into.

Everything heard lies on one timeline that begins at `begin_ns`. What is older than the hold (so long may a packet be
under way) is taken off the tracks, mixed as the layout says, and written. Passages between `pause` and `resume` are
taken off and thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mediacodecs.codec import CodecUnavailable
from softswitch.media.formats import StreamFormat
from softswitch.media.layouts.tap import TAP_TIME_NS
from softswitch.media.recording.gallery import Gallery
from softswitch.media.recording.outputs import Outputs, Passage
from softswitch.media.recording.packets import Packets
from softswitch.media.recording.picture_track import has_pictures
from softswitch.media.recording.plan import SEPARATE, STEREO, Part, Plan, SourceKey
from softswitch.media.recording.speech import SpeechSpans
from softswitch.media.recording.track import Track, TrackCounters
from softswitch.media.recording.writers import MKV

_SECOND_NS = 1_000_000_000
_LOUDEST = 32767
#: The length of a packet, and its way to us.
_SAID_BEFORE_NS = 100_000_000
_FOR_EVER_NS = 1 << 62


@dataclass(slots=True)
class _Pause:
    begin: int
    end: int | None = None


@dataclass(slots=True)
class Session:
    """See the module. `failed` is called with an OSError when writing fails; the timeline goes on."""

    plan: Plan
    begin_ns: int
    failed: Callable[[OSError], None]
    position: int = 0
    written: int = 0
    starved: bool = False
    _tracks: dict[SourceKey, tuple[str, Track]] = field(default_factory=dict)
    _pauses: list[_Pause] = field(default_factory=list)
    _lanes: list[str] = field(default_factory=list)
    #: When nothing was kept: nobody else may keep it either.
    secret_ns: list[tuple[int, int]] = field(default_factory=list)
    _leaving: set[SourceKey] = field(default_factory=set)
    _left: list[TrackCounters] = field(default_factory=list)
    _lost_samples: int = 0
    _outputs: Outputs = field(init=False)
    _gallery: Gallery = field(init=False)
    _speech: SpeechSpans = field(init=False)

    def __post_init__(self) -> None:
        self._lanes = list(self.plan.lanes)
        self._outputs = Outputs(self.plan)
        self._gallery = Gallery(self.plan.rate_hz, self.begin_ns)
        self._speech = SpeechSpans(self.plan.rate_hz)

    @property
    def parts(self) -> list[Part]:
        """The files so far."""
        return self._outputs.parts

    def go_on(self, time_ns: int, paused_s: float, parts: Sequence[Part]) -> None:
        """Begin anew at `time_ns`, in a further file, a recording whose recorder was lost and which had been paused for
        `paused_s`: what is not in its files so far is lost."""
        rate = self.plan.rate_hz
        self.position = self._at(time_ns)
        paused = min(int(paused_s * rate), self.position)
        if paused:
            self._pauses.append(_Pause(self.position - paused, self.position))
        self.written = self.position - paused
        self._outputs.parts = list(parts)
        kept = int(max((part.offset_s + part.seconds for part in parts), default=0.0) * rate)
        self._lost_samples = max(self.written - kept, 0)

    # -- sources ----------------------------------------------------------------------------------------------------

    def bind(self, key: SourceKey, lane: str, formats: Sequence[StreamFormat]) -> bool:
        """Hear or see a source as `lane` from now on, or in other formats; False when none of them can be kept."""
        if has_pictures(formats):
            return self.plan.container == MKV and self._gallery.bind(key, lane, formats)
        bound = self._tracks.get(key)
        self._leaving.discard(key)
        if bound is not None and bound[0] == lane:
            if bound[1].formats != tuple(formats):
                bound[1].configure(formats)
            return bound[1].decodes
        if lane not in self._lanes:
            self._lanes.append(lane)
        track = Track(self.plan.rate_hz, self.begin_ns, self.position, formats)
        self._tracks[key] = (lane, track)
        return track.decodes

    def unbind(self, key: SourceKey) -> None:
        """Hear a source no more; what it has said already is still written."""
        self._gallery.unbind(key)
        if key in self._tracks:
            self._leaving.add(key)

    def lane_of(self, key: SourceKey) -> str:
        """What a source is heard as; raises KeyError."""
        return self._gallery.lane_of(key) if key in self._gallery else self._tracks[key][0]

    @property
    def sources(self) -> tuple[SourceKey, ...]:
        """What is heard and seen."""
        return (*(key for key in self._tracks if key not in self._leaving), *self._gallery.sources)

    def pictures_wanted(self, now_ns: int) -> list[SourceKey]:
        """The sources that are to be asked for a key picture, unless nothing is kept now."""
        return [] if self.paused else self._gallery.wanted(now_ns)

    def feed(self, key: SourceKey, packets: Packets) -> None:
        """Packets of a source."""
        if packets.heads[0, TAP_TIME_NS] < self.begin_ns:
            packets = packets.since(self.begin_ns)
        if not len(packets.heads):
            return
        if key in self._tracks:
            self._tracks[key][1].feed(packets)
        elif key in self._gallery:
            self._gallery.feed(key, packets)

    # -- time -------------------------------------------------------------------------------------------------------

    def pause(self, now_ns: int) -> None:
        """Keep nothing from `now_ns` on."""
        if not self.paused:
            self._pauses.append(_Pause(self._at(now_ns)))
            self.secret_ns.append((now_ns, _FOR_EVER_NS))

    def resume(self, now_ns: int) -> None:
        """Keep everything again that was said from `now_ns` on: what comes in this moment was said before."""
        if self.paused:
            self._pauses[-1].end = self._at(now_ns + _SAID_BEFORE_NS)
            self.secret_ns[-1] = (self.secret_ns[-1][0], now_ns + _SAID_BEFORE_NS)

    @property
    def paused(self) -> bool:
        """Whether nothing is kept now."""
        return bool(self._pauses) and self._pauses[-1].end is None

    def advance(self, until_ns: int) -> None:
        """Take everything before `until_ns` off the tracks and write it, as far as it is kept."""
        target = self._at(until_ns)
        most = self.plan.rate_hz  # a second at a time
        while self.position < target:
            kept, end = self._passage(min(target, self.position + most))
            self._step(end - self.position, kept=kept)

    def finish(self, now_ns: int) -> None:
        """Write what is left and complete the files."""
        self.advance(now_ns)
        self._outputs.close()

    def offset_s(self, time_ns: int) -> float:
        """Where in the files that moment is: pauses do not count."""
        at = max(self._at(time_ns), 0)
        out = sum(min(p.end if p.end is not None else at, at) - p.begin for p in self._pauses if p.begin < at)
        return (at - out) / self.plan.rate_hz

    @property
    def pauses(self) -> list[tuple[float, float]]:
        """Where the passages left out were in the files, and how long each was, in seconds."""
        found, out, rate = [], 0, self.plan.rate_hz
        for pause in self._pauses:
            length = (pause.end if pause.end is not None else self.position) - pause.begin
            found.append(((pause.begin - out) / rate, max(length, 0) / rate))
            out += length
        return found

    @property
    def seconds(self) -> float:
        """How much has been written."""
        return self.written / self.plan.rate_hz

    @property
    def lost_s(self) -> float:
        """How much could not be written."""
        return self._lost_samples / self.plan.rate_hz

    @property
    def counters(self) -> TrackCounters:
        """Of all sources together."""
        every = [*self._left, *(track.counters for _, track in self._tracks.values())]
        return (
            TrackCounters(*(sum(column) for column in zip(*every, strict=True))) if every else TrackCounters(0, 0, 0, 0)
        )

    def _at(self, time_ns: int) -> int:
        return max((time_ns - self.begin_ns) * self.plan.rate_hz // _SECOND_NS, 0)

    def _passage(self, target: int) -> tuple[bool, int]:
        """Whether what comes next is kept, and until where (at most `target`)."""
        for pause in self._pauses:
            if pause.end is not None and pause.end <= self.position:
                continue
            if pause.begin <= self.position:
                return False, target if pause.end is None else min(target, pause.end)
            return True, min(target, pause.begin)
        return True, target

    # -- writing ----------------------------------------------------------------------------------------------------

    def _step(self, count: int, *, kept: bool) -> None:
        lanes = {lane: i for i, lane in enumerate(self._lanes)}
        stereo = self.plan.layout == STEREO
        width = 2 if stereo else max(len(lanes), 1) if self.plan.layout == SEPARATE else 1
        total = np.zeros((count, width), np.int32)
        for lane, track in self._tracks.values():
            column = lanes[lane]
            own = np.zeros((count, 1), np.int32)
            track.take(count, own, 0)
            total[:, slice(None) if width == 1 or (stereo and column > 1) else slice(column, column + 1)] += own
            if kept:
                self._speech.hear(lane, own[:, 0], self.written)
        pictures = self._gallery.take(self.position, count, kept=kept and not self.starved)
        self.position += count
        self._let_go()
        if not kept:
            return
        self.written += count
        if self.starved:
            self._lost_samples += count
            return
        np.clip(total, -_LOUDEST, _LOUDEST, out=total)
        try:
            self._outputs.write(Passage(total.astype(np.int16), self.written - count, lanes, pictures))
        except OSError as error:
            self._lost_samples += count
            self.starve()
            self.failed(error)
        except CodecUnavailable as error:
            self._lost_samples += count
            self.starve()
            self.failed(OSError(str(error)))

    def _let_go(self) -> None:
        """Forget the tracks that are left and empty."""
        for key in [key for key in self._leaving if self._tracks[key][1].end <= self.position]:
            self._leaving.discard(key)
            self._left.append(self._tracks.pop(key)[1].counters)

    def starve(self) -> None:
        """Nothing can be written: complete what is there, and go on without until `feed_again`."""
        if not self.starved:
            self.starved = True
            self._outputs.close()

    def feed_again(self) -> None:
        """There is room again: the recording goes on in new files."""
        self.starved = False

    def describe(self) -> dict[str, Any]:
        """What is known so far, JSON-ready."""
        return {
            "id": self.plan.id,
            "seconds": round(self.seconds, 3),
            "lost_s": round(self.lost_s, 3),
            "paused": self.paused,
            "pauses": [[round(at, 3), round(length, 3)] for at, length in self.pauses],
            "packets": self.counters._asdict(),
            "pictures": self._gallery.describe(),
            "speech": self._speech.describe(),
        }
