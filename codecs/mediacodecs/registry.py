"""Which codecs are usable on this machine, and why the others are not."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import NamedTuple, cast

from mediacodecs.codec import Codec, CodecUnavailable


class CodecStatus(NamedTuple):
    """One codec as `softswitch doctor` shows it; `reason` is empty when it is usable.

    `switched_off`: it is not usable because nobody has allowed its library.
    """

    encoding: str
    sample_rate: int
    usable: bool
    reason: str
    switched_off: bool = False


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
    _Entry("G722", (16000, 8000), "mediacodecs.streams", "g722"),
    _Entry("G726-16", (8000,), "mediacodecs.streams", "g726_16"),
    _Entry("G726-24", (8000,), "mediacodecs.streams", "g726_24"),
    _Entry("G726-32", (8000,), "mediacodecs.streams", "g726_32"),
    _Entry("G726-40", (8000,), "mediacodecs.streams", "g726_40"),
    _Entry("AAL2-G726-16", (8000,), "mediacodecs.streams", "aal2_g726_16"),
    _Entry("AAL2-G726-24", (8000,), "mediacodecs.streams", "aal2_g726_24"),
    _Entry("AAL2-G726-32", (8000,), "mediacodecs.streams", "aal2_g726_32"),
    _Entry("AAL2-G726-40", (8000,), "mediacodecs.streams", "aal2_g726_40"),
    _Entry("opus", (8000, 12000, 16000, 24000, 48000), "mediacodecs.opus", "codec"),
    _Entry("GSM", (8000,), "mediacodecs.gsm", "codec"),
    _Entry("AMR", (8000,), "mediacodecs.amr", "codec"),
    _Entry("AMR-WB", (16000,), "mediacodecs.amr_wb", "codec"),
    _Entry("CODEC2", (8000,), "mediacodecs.codec2", "codec"),
    _Entry("G729", (8000,), "mediacodecs.g729", "codec"),
)

# What an SDP offer may name and nothing here codes: legs that both speak it are relayed.
_RELAYED_ONLY = (
    ("G723", 8000, "relayed and recorded, not transcoded: no library that packet threads can call"),
    ("iLBC", 8000, "relayed and recorded, not transcoded: FFmpeg only decodes it, and Debian has no library"),
    ("MP4A-LATM", 48000, "relayed and recorded, not transcoded: phones are sent no AAC"),
    ("MPEG4-GENERIC", 48000, "relayed and recorded, not transcoded: phones are sent no AAC"),
)


def _factory(entry: _Entry) -> Callable[..., Codec]:
    try:
        module = importlib.import_module(entry.module)
    except (ImportError, OSError) as error:
        raise CodecUnavailable(f"{entry.encoding}: {error}") from error
    return cast("Callable[..., Codec]", getattr(module, entry.factory))


def create(encoding: str, sample_rate: int = 8000, channels: int = 1, fmtp: str = "") -> Codec:
    """A new codec for the SDP encoding name (any case) and `a=fmtp`; raises CodecUnavailable, which says why."""
    for entry in _ENTRIES:
        if entry.encoding.upper() == encoding.upper():
            if sample_rate not in entry.sample_rates:
                rates = ", ".join(str(rate) for rate in entry.sample_rates)
                raise CodecUnavailable(f"{entry.encoding} has no sample rate {sample_rate} (it has {rates})")
            return _factory(entry)(sample_rate, channels, **({"fmtp": fmtp} if fmtp else {}))
    known = ", ".join(entry.encoding for entry in _ENTRIES)
    raise CodecUnavailable(f"no codec named {encoding!r} (there are {known})")


def supported() -> list[CodecStatus]:
    """Every codec and rate this product knows, each tried: usable, or the reason why not."""
    found = []
    for entry in _ENTRIES:
        try:
            _factory(entry)
        except CodecUnavailable as error:
            off = isinstance(error.__cause__, PermissionError)
            found += [CodecStatus(entry.encoding, rate, False, str(error), off) for rate in entry.sample_rates]
        else:
            found += [CodecStatus(entry.encoding, rate, True, "") for rate in entry.sample_rates]
    return found


def why_not(encoding: str) -> str:
    """Why the codec of that SDP name (any case) cannot be decoded and encoded here; empty when it can."""
    for entry in _ENTRIES:
        if entry.encoding.upper() == encoding.upper():
            try:
                _factory(entry)
            except CodecUnavailable as error:
                return str(error)
            return ""
    known = {name.upper(): reason for name, _, reason in _RELAYED_ONLY}
    return known.get(encoding.upper(), "no codec of this product")


def relayed_only() -> list[CodecStatus]:
    """The codecs that are known by name and cannot be decoded or encoded here, each with the reason."""
    return [CodecStatus(encoding, rate, False, reason) for encoding, rate, reason in _RELAYED_ONLY]
