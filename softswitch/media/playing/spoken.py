"""Short phrases that the switch says, in English and then in Chinese, put together of recorded words.

The words lie in `sounds/spoken`, A-law at 8 kHz; spoken.md there says how they were made.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from softswitch.media.playing.sounds import read_wav


@cache
def word(name: str) -> NDArray[np.int16]:
    """One recorded word, int16[n] at 8 kHz; raises OSError when there is none of that name."""
    return read_wav((files("softswitch.media") / "sounds" / "spoken" / f"{name}.wav").read_bytes())


def prompt(*names: str) -> NDArray[np.int16]:
    """The phrases of these names one after the other: `pin` asks for a PIN, `wrong` refuses one."""
    return _join([f"{name}_{language}" for language in ("en", "zh") for name in names])


def place_in_queue(place: int, minutes: int = 0) -> NDArray[np.int16]:
    """Which place a caller has in a queue, the first is 1, and how many minutes it may last (0: not told)."""
    english = ["place_en", *_digits(place, "en")]
    chinese = ["place_zh", *_digits(place, "zh"), "place_end_zh"]
    if minutes:
        english += ["wait_en", *_digits(minutes, "en")]
        chinese += ["wait_zh", *_digits(minutes, "zh"), "wait_end_zh"]
    return _join(english + chinese)


def _digits(number: int, language: str) -> list[str]:
    return [f"{digit}_{language}" for digit in str(max(number, 0))]


def _join(names: list[str]) -> NDArray[np.int16]:
    return np.concatenate([word(name) for name in names])


__all__ = ["place_in_queue", "prompt", "word"]
