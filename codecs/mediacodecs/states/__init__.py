"""What encoders and decoders keep between frames, made ready without any compiled code.

A state is an image: the engine copies it into memory of its own, which another process codes with. So the process that
prepares a call needs neither numba nor the codecs' machine code, which takes a second to load. `mediacodecs.streams`
makes the same states for those who code with them in their own process.

The modules of this package have the codecs' words by name; the loops that work on them are in the modules of the same
names beside it.
"""

from __future__ import annotations

import importlib
import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediacodecs import numbering
from mediacodecs.codec import CodecUnavailable

_G726 = re.compile(r"(AAL2-)?G726-(16|24|32|40)")
_NUMBERS = {
    "PCMU": numbering.PCMU,
    "PCMA": numbering.PCMA,
    "L16": numbering.L16,
    "G722": numbering.G722,
    "OPUS": numbering.OPUS,
    "GSM": numbering.GSM,
    "AMR": numbering.AMR,
    "AMR-WB": numbering.AMR_WB,
    "CODEC2": numbering.CODEC2,
    "G729": numbering.G729,
}
#: The module of each codec number.
_MODULES = {
    numbering.PCMU: "pcm",
    numbering.PCMA: "pcm",
    numbering.L16: "pcm",
    numbering.G722: "g722",
    numbering.G726: "g726",
    numbering.OPUS: "opus",
    numbering.GSM: "gsm",
    numbering.AMR: "amr",
    numbering.AMR_WB: "amr",
    numbering.CODEC2: "codec2",
    numbering.G729: "g729",
}


class Stream(NamedTuple):
    """A codec number and the state, int64[n], of an encoder or a decoder."""

    codec: int
    state: NDArray[np.int64]


def number_of(encoding: str) -> int:
    """The codec number for an SDP encoding name (any case); raises CodecUnavailable for an unknown one."""
    name = encoding.upper()
    if name in _NUMBERS:
        return _NUMBERS[name]
    if _G726.fullmatch(name):
        return numbering.G726
    raise CodecUnavailable(f"no codec named {encoding!r}")


def new_decoder(encoding: str, sample_rate: int = 8000, channels: int = 1, fmtp: str = "") -> Stream:
    """A decoder, giving samples at `sample_rate` (Hz), of what a sender sends whom we have told `fmtp`.

    Raises CodecUnavailable, which says why, and ValueError for a rate that the codec has not.
    """
    codec = number_of(encoding)
    return Stream(codec, _module(codec, encoding).new_decoder(encoding.upper(), sample_rate, channels, fmtp))


def new_encoder(encoding: str, sample_rate: int = 8000, channels: int = 1, fmtp: str = "") -> Stream:
    """An encoder of samples at `sample_rate` (Hz) for a receiver whose `a=fmtp` says `fmtp`.

    Raises CodecUnavailable, which says why, and ValueError for a rate that the codec has not.
    """
    codec = number_of(encoding)
    return Stream(codec, _module(codec, encoding).new_encoder(encoding.upper(), sample_rate, channels, fmtp))


def _module(codec: int, encoding: str) -> Any:
    try:
        return importlib.import_module(f"{__name__}.{_MODULES[codec]}")
    except (ImportError, OSError) as error:
        raise CodecUnavailable(f"{encoding}: {error}") from error
