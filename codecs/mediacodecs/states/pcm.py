"""States of PCMU, PCMA and L16, which keep nothing: word 0 of a decoder is the place of its concealment."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediacodecs.states import concealment

#: Words of an encoder (it keeps nothing), and of a decoder before its concealment.
ENCODER_WORDS = 1
DECODER_WORDS = 1


def new_encoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of an encoder."""
    return np.zeros(ENCODER_WORDS, np.int64)


def new_decoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of a decoder with concealment."""
    return concealment.behind(np.zeros(DECODER_WORDS, np.int64), sample_rate, channels)
