"""What a recording is to be, and the files that it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MIXED, STEREO, SEPARATE = "mixed", "stereo", "separate"

#: What comes so much later than it should, in seconds, has its place still: on a busy machine even a packet thread may
#: not have its turn for a while. Whatever lies further from where it should lie begins anew.
ASTRAY_S = 1


class SourceKey(NamedTuple):
    """A port's record, which use of it, and the direction (TAP_RECEIVED, TAP_SENT)."""

    port: int
    generation: int
    direction: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a recording is to be. `stem` is the path of its files without extension, `lanes` those known beforehand:
    the parties, each a channel of `stereo` or a track of `separate`."""

    id: str
    stem: Path
    container: str = "wav"
    layout: str = MIXED
    lanes: tuple[str, ...] = ()
    rate_hz: int = 8000


@dataclass(slots=True)
class Part:
    """A file of a recording: which lane it holds ("": all), and where in the recording it begins."""

    path: Path
    lane: str
    offset_s: float
    seconds: float = 0.0
