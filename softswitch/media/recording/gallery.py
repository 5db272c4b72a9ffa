"""The sources of pictures of one recording."""

from __future__ import annotations

from collections.abc import Sequence

from softswitch.media.formats import StreamFormat
from softswitch.media.recording.packets import Packets
from softswitch.media.recording.picture_track import Picture, PictureTrack
from softswitch.media.recording.plan import SourceKey


class Gallery:
    """Tracks of pictures by source; `begin_ns` is the monotonic time of position 0, positions count at `rate_hz`."""

    def __init__(self, rate_hz: int, begin_ns: int) -> None:
        self._rate_hz = rate_hz
        self._begin_ns = begin_ns
        self._tracks: dict[SourceKey, tuple[str, PictureTrack]] = {}
        self._leaving: set[SourceKey] = set()
        self._left = [0, 0]

    def __contains__(self, key: SourceKey) -> bool:
        return key in self._tracks

    @property
    def sources(self) -> tuple[SourceKey, ...]:
        """What is looked at."""
        return tuple(key for key in self._tracks if key not in self._leaving)

    def lane_of(self, key: SourceKey) -> str:
        """Whose pictures they are; raises KeyError."""
        return self._tracks[key][0]

    def bind(self, key: SourceKey, lane: str, formats: Sequence[StreamFormat]) -> bool:
        """Keep the pictures of a source from now on, or in other formats; False when none of them can be kept."""
        self._leaving.discard(key)
        if key not in self._tracks or self._tracks[key][0] != lane:
            self._tracks[key] = (lane, PictureTrack(self._rate_hz, self._begin_ns, formats))
        track = self._tracks[key][1]
        if track.formats != tuple(formats):
            track.configure(formats)
        return track.decodes

    def unbind(self, key: SourceKey) -> None:
        """Look at a source no more; what it has shown already is still written."""
        if key in self._tracks:
            self._leaving.add(key)

    def feed(self, key: SourceKey, packets: Packets) -> None:
        """Packets of a source."""
        self._tracks[key][1].feed(packets)

    def take(self, position: int, count: int, *, kept: bool) -> list[tuple[str, Picture]]:
        """The pictures of the next `count` samples, each with its lane and its place counted from `position`."""
        found = [
            (lane, Picture(max(picture.at - position, 0), picture.coded))
            for lane, track in self._tracks.values()
            for picture in track.take(position + count, kept=kept)
        ]
        for key in [key for key in self._leaving if self._tracks[key][1].end <= position + count]:
            self._leaving.discard(key)
            _, track = self._tracks.pop(key)
            self._left = [self._left[0] + track.kept, self._left[1] + track.lost]
        return found

    def wanted(self, now_ns: int) -> list[SourceKey]:
        """The sources that are to be asked for a key picture."""
        return [key for key in self.sources if self._tracks[key][1].wants_key(now_ns)]

    def describe(self) -> dict[str, int]:
        """How many pictures were kept, and how many lost on the way."""
        tracks = [track for _, track in self._tracks.values()]
        kept, lost = self._left
        return {"kept": kept + sum(t.kept for t in tracks), "lost": lost + sum(t.lost for t in tracks)}
