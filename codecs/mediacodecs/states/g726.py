"""The state of G.726 at 16, 24, 32 and 40 kbit/s."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mediacodecs.states import concealment

# Words, after that of a decoder's concealment: bits a code, packing, slow and fast step, speed control and its
# averages, tone flag, poles; the signs of the last two partly reconstructed signals, the last two reconstructed
# signals, six zero coefficients and six differences.
BITS, HIGH_FIRST, YL, YU, AP, DMS, DML, TD, A1, A2, PK1, PK2, SR1, SR2, B, DQ = (*range(1, 16), 21)
#: Words of an encoder, and of the codec part of a decoder.
ENCODER_WORDS = 27
DECODER_WORDS = ENCODER_WORDS


def new_encoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of an encoder: `encoding` ends with the rate in kbit/s and may begin with the packing of AAL2."""
    state = np.zeros(ENCODER_WORDS, np.int64)
    state[BITS], state[HIGH_FIRST] = int(encoding[-2:]) // 8, encoding.startswith("AAL2-")
    state[YL], state[YU] = 34816, 544
    state[SR1], state[SR2] = 32, 32
    state[DQ : DQ + 6] = 32
    return state


def new_decoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of such a decoder, with concealment."""
    return concealment.behind(new_encoder(encoding, sample_rate, channels, fmtp), sample_rate, channels)
