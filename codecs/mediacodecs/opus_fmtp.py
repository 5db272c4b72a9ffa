"""What SDP says about Opus (RFC 7587 §6.1): parsing the peer's wishes, and telling ours. Needs no library."""

from __future__ import annotations

from dataclasses import dataclass

_RATES = (8000, 12000, 16000, 24000, 48000)
_LEAST_BITRATE, _MOST_BITRATE = 6000, 510000


@dataclass(frozen=True, slots=True)
class OpusParameters:
    """The receiver's wishes; whoever sends to it obeys. Rates in Hz, the bit rate in bit/s, 0 for as the encoder likes.

    `max_playback_rate` is the highest rate worth sending, `stereo` whether it prefers stereo, `fec` whether it uses
    in-band forward error correction, `dtx` whether silence need not be sent, `cbr` whether the bit rate must be
    constant.
    """

    max_playback_rate: int = 48000
    max_average_bitrate: int = 0
    stereo: bool = False
    fec: bool = False
    dtx: bool = False
    cbr: bool = False

    @classmethod
    def parse(cls, fmtp: str) -> OpusParameters:
        """Read the part of `a=fmtp` after the payload type; what is unknown or no number is ignored (RFC 7587 §7)."""
        given: dict[str, int] = {}
        for item in fmtp.split(";"):
            name, _, value = item.partition("=")
            if value.strip().isascii() and value.strip().isdigit():
                given[name.strip().lower()] = int(value.strip()[:9])
        rate = given.get("maxplaybackrate", 48000)
        bitrate = given.get("maxaveragebitrate", 0)
        return cls(
            max_playback_rate=max([known for known in _RATES if known <= rate], default=8000),
            max_average_bitrate=min(max(bitrate, _LEAST_BITRATE), _MOST_BITRATE) if bitrate else 0,
            stereo=given.get("stereo") == 1,
            fec=given.get("useinbandfec") == 1,
            dtx=given.get("usedtx") == 1,
            cbr=given.get("cbr") == 1,
        )

    def serialize(self) -> str:
        """The parameters that differ from the defaults, in the form of `a=fmtp`."""
        named = (
            ("maxplaybackrate", self.max_playback_rate, 48000),
            ("maxaveragebitrate", self.max_average_bitrate, 0),
            ("stereo", int(self.stereo), 0),
            ("useinbandfec", int(self.fec), 0),
            ("usedtx", int(self.dtx), 0),
            ("cbr", int(self.cbr), 0),
        )
        return ";".join(f"{name}={value}" for name, value, default in named if value != default)
