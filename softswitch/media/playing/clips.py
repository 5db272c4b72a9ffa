"""The store of everything that is played: equal clips are kept once, unused ones go when room is needed."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softswitch.media.errors import MediaError


@dataclass(slots=True)
class Clip:
    """Samples in the store: `offset` and `length` count samples, `users` the playbacks that may still read them."""

    offset: int
    length: int
    digest: bytes
    users: int = 0


class ClipStore:
    """Places clips in one int16 array that the packet threads read.

    A clip is written before the command that plays it is published, and its place is given to another only when
    nobody plays it any more, so that a packet thread never reads samples that change.
    """

    def __init__(self, samples: NDArray[np.int16]) -> None:
        self._samples = samples
        self._clips: OrderedDict[bytes, Clip] = OrderedDict()  # least recently used first

    def hold(self, pcm: NDArray[np.int16]) -> Clip:
        """Put int16[n] into the store, or find it there, and count one user; raises MediaError when it does not fit."""
        pcm = np.ascontiguousarray(pcm, np.int16)
        if not len(pcm):
            raise ValueError("a clip without a sample cannot be played")
        digest = hashlib.blake2b(pcm.data, digest_size=16).digest()
        clip = self._clips.get(digest)
        if clip is None:
            clip = Clip(self._place(len(pcm)), len(pcm), digest)
            self._samples[clip.offset : clip.offset + clip.length] = pcm
            self._clips[digest] = clip
        self._clips.move_to_end(digest)
        clip.users += 1
        return clip

    @property
    def held(self) -> tuple[Clip, ...]:
        """Every clip in the store, whether anyone plays it or not."""
        return tuple(self._clips.values())

    def release(self, clip: Clip) -> None:
        """One user less; the samples stay until their room is needed."""
        clip.users -= 1

    def occupy(self, ranges: set[tuple[int, int]]) -> Callable[[], None]:
        """Keep samples (offset, length) that somebody else has put there and still plays, until the function that is
        returned is called."""
        clips = [Clip(offset, length, b"%d" % offset, users=1) for offset, length in ranges]
        self._clips.update((clip.digest, clip) for clip in clips)

        def vacate() -> None:
            for clip in clips:
                self.release(clip)

        return vacate

    def _place(self, length: int) -> int:
        while True:
            end = 0
            for clip in sorted(self._clips.values(), key=lambda clip: clip.offset):
                if clip.offset - end >= length:
                    return end
                end = clip.offset + clip.length
            if len(self._samples) - end >= length:
                return end
            unused = next((clip for clip in self._clips.values() if clip.users == 0), None)
            if unused is None:
                raise MediaError(f"no room for a clip of {length} samples: {len(self._clips)} others are being played")
            del self._clips[unused.digest]
