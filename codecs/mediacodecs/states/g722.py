"""The state of G.722: the two bands' predictors and, behind them, the samples the mirror filters still need."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediacodecs.states import concealment

CHUNK = 80  # pairs of samples that pass through the filters at a time
HISTORY = 22  # samples of the past that a 24-tap filter needs for the next pair

# One band's words: predicted signal, its zero part, logarithmic step, step, pole coefficients, the last reconstructed
# signal, the last two partly reconstructed ones, and six zero coefficients and quantized differences. The filters take
# signals and differences twice their size, so that is how they are kept.
S, SZ, NB, DET, A1, A2, R1, P1, P2, B, D = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15
BAND = 21
NARROW = 1  # whether samples are at 8 kHz; word 0 is the place of a decoder's concealment
LOW, HIGH = 2, 2 + BAND
FILTER = 2 + 2 * BAND
#: Words of an encoder, and of the codec part of a decoder.
ENCODER_WORDS = FILTER + (HISTORY + 2 * CHUNK + 3) // 4
DECODER_WORDS = ENCODER_WORDS


def new_encoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of an encoder of samples at 16000 or 8000 Hz that has heard nothing."""
    state = np.zeros(ENCODER_WORDS, np.int64)
    state[NARROW] = sample_rate == 8000
    state[LOW + DET], state[HIGH + DET] = 32, 8
    return state


def new_decoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of such a decoder, with concealment."""
    return concealment.behind(new_encoder(encoding, sample_rate, channels, fmtp), sample_rate, channels)
