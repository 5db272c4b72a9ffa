"""The states of AMR and AMR-WB, whose libraries keep their own in memory of their own: see `mediacodecs.handles`.

AMR is libopencore-amrnb's; AMR-WB is decoded by libopencore-amrwb and encoded by libvo-amrwbenc.
"""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mediacodecs.codec import CodecUnavailable
from mediacodecs.framing import octet_aligned, parameters
from mediacodecs.framing import sample_rate as rate_of
from mediacodecs.library import open_library

#: Words of a state: handle and owner (see `handles`), whether it is an encoder, the packing, the modes allowed (as
#: bits), the mode used and the one the peer asked for, least frames between two changes, only to a neighbour or not,
#: frames since the last change, discontinuous transmission, AMR-WB; then the storage of one frame, and its samples.
HANDLE, OWNER, ENCODES, ALIGNED, ALLOWED, MODE, WISH, PERIOD, NEIGHBOUR, SINCE, DTX, WIDE = range(12)
STORAGE = 12
STORAGE_OCTETS = 64
SPEECH = STORAGE + STORAGE_OCTETS // 8
MOST_SAMPLES = 320
WORDS = SPEECH + MOST_SAMPLES // 4

#: The mode request that asks for nothing.
NO_REQUEST = 15
_NARROW_MODES, _WIDE_MODES = 8, 9

NARROW_LIBRARIES = (("libopencore-amrnb.so.0", "libopencore-amrnb0"),)
WIDE_LIBRARIES = (("libopencore-amrwb.so.0", "libopencore-amrwb0"), ("libvo-amrwbenc.so.0", "libvo-amrwbenc0"))


@cache
def open_libraries(*, wide: bool) -> tuple[ctypes.CDLL, ...]:
    """The libraries of AMR-WB, or AMR; raises OSError for the first that is missing."""
    return tuple(open_library(*each) for each in (WIDE_LIBRARIES if wide else NARROW_LIBRARIES))


def new_encoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of an encoder that obeys a receiver's `fmtp`; raises CodecUnavailable for another rate or channels."""
    return _new(encoding, sample_rate, channels, fmtp, encodes=True)


def new_decoder(encoding: str, sample_rate: int, channels: int, fmtp: str) -> NDArray[np.int64]:
    """The state of a decoder of what comes in our own packing; raises CodecUnavailable for another rate or channels."""
    return _new(encoding, sample_rate, channels, fmtp, encodes=False)


def _new(encoding: str, sample_rate: int, channels: int, fmtp: str, *, encodes: bool) -> NDArray[np.int64]:
    wide = encoding == "AMR-WB"
    try:
        open_libraries(wide=wide)
    except OSError as error:
        raise CodecUnavailable(f"{encoding}: {error}") from error
    if (sample_rate, channels) != (rate_of(encoding), 1):
        raise CodecUnavailable(f"{encoding} has {rate_of(encoding)} Hz and one channel here")
    modes = _WIDE_MODES if wide else _NARROW_MODES
    given = parameters(fmtp)
    named = [item.strip() for item in given.get("mode-set", "").split(",")]
    allowed = [int(item) for item in named if item.isascii() and item.isdigit() and int(item[:2]) < modes]
    state = np.zeros(WORDS, np.int64)
    state[WIDE] = wide
    state[ENCODES] = encodes
    state[ALIGNED] = octet_aligned(fmtp)
    state[ALLOWED] = sum(1 << mode for mode in set(allowed)) or (1 << modes) - 1
    state[MODE] = max(allowed, default=modes - 1)
    state[WISH] = NO_REQUEST
    state[PERIOD] = 2 if given.get("mode-change-period") == "2" else 1
    state[NEIGHBOUR] = given.get("mode-change-neighbor") == "1"
    return state
