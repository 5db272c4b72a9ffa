"""Which codecs are usable on this machine, and why the others are not."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import NamedTuple, cast

from mediacodecs.codec import Codec, CodecUnavailable


class CodecStatus(NamedTuple):
    """One codec as `softswitch doctor` shows it; `reason` is empty when it is usable."""

    encoding: str
    sample_rate: int
    usable: bool
    reason: str


class _Entry(NamedTuple):
    encoding: str
    sample_rates: tuple[int, ...]
    module: str
    factory: str


# The module of a codec is imported when it is first wanted: numba alone takes half a second.
_ENTRIES = (
    _Entry("PCMA", (8000,), "mediacodecs.g711", "ALaw"),
    _Entry("PCMU", (8000,), "mediacodecs.g711", "ULaw"),
    _Entry("L16", (8000, 16000, 44100, 48000), "mediacodecs.l16", "L16"),
)


def _factory(entry: _Entry) -> Callable[..., Codec]:
    try:
        module = importlib.import_module(entry.module)
    except (ImportError, OSError) as error:
        raise CodecUnavailable(f"{entry.encoding}: {error}") from error
    return cast("Callable[..., Codec]", getattr(module, entry.factory))


def create(encoding: str, sample_rate: int = 8000, channels: int = 1) -> Codec:
    """A new codec for the SDP encoding name (any case); raises CodecUnavailable, which says why."""
    for entry in _ENTRIES:
        if entry.encoding == encoding.upper():
            if sample_rate not in entry.sample_rates:
                rates = ", ".join(str(rate) for rate in entry.sample_rates)
                raise CodecUnavailable(f"{entry.encoding} has no sample rate {sample_rate} (it has {rates})")
            return _factory(entry)(sample_rate, channels)
    known = ", ".join(entry.encoding for entry in _ENTRIES)
    raise CodecUnavailable(f"no codec named {encoding!r} (there are {known})")


def supported() -> list[CodecStatus]:
    """Every codec and rate this product knows, each tried: usable, or the reason why not."""
    found = []
    for entry in _ENTRIES:
        try:
            _factory(entry)
        except CodecUnavailable as error:
            found += [CodecStatus(entry.encoding, rate, False, str(error)) for rate in entry.sample_rates]
        else:
            found += [CodecStatus(entry.encoding, rate, True, "") for rate in entry.sample_rates]
    return found
