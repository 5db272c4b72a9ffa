"""Who spoke when in a recording: the spans of speech of each lane, as the detector of voice activity finds them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softswitch.media.recording import loops

_FRAMES_PER_S = 100
#: Spans that are less apart are one.
_PAUSE_S = 0.3
#: Of all lanes together; when there are so many, the last of a lane is drawn out instead.
_MOST_SPANS = 3000


class SpeechSpans:
    """The spans of all lanes of one recording at `rate_hz`."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._states: dict[str, NDArray[np.int64]] = {}
        self._spans: dict[str, list[list[float]]] = {}

    def hear(self, lane: str, samples: NDArray[np.int32], position: int) -> None:
        """What a lane says, int32[n], in 10 ms each, from `position` (in samples) of what is kept."""
        state = self._states.get(lane)
        if state is None:
            state = self._states[lane] = loops.new_speech_state(self._rate_hz)
        frame = self._rate_hz // _FRAMES_PER_S
        found = np.zeros(len(samples) // frame, np.uint8)
        loops.find_speech(state, samples, frame, found)
        edges = np.flatnonzero(np.diff(found, prepend=0, append=0))
        for begin, end in edges.reshape(-1, 2).tolist():
            self._add(lane, (position + begin * frame) / self._rate_hz, (position + end * frame) / self._rate_hz)

    def describe(self) -> dict[str, list[list[float]]]:
        """Begin and end in seconds of every span, by lane, JSON-ready."""
        return {lane: [[round(at, 2) for at in span] for span in spans] for lane, spans in self._spans.items()}

    def _add(self, lane: str, begin_s: float, end_s: float) -> None:
        spans = self._spans.setdefault(lane, [])
        full = sum(map(len, self._spans.values())) >= _MOST_SPANS
        if spans and (full or begin_s - spans[-1][1] < _PAUSE_S):
            spans[-1][1] = end_s
        elif not full:
            spans.append([begin_s, end_s])
