"""How speech over packets sounds to its listener: the E-model's rating and what people would say (ITU-T G.107).

Everything that a relay cannot know (loudness, room noise, echo) has the standard's default value, with which the
rating of an undisturbed line is 93.2. Plain arithmetic on numbers: the media engine compiles these very functions.
"""

from __future__ import annotations

import math
from typing import NamedTuple

#: R0 − Is with all default values (G.107 Table 2).
DEFAULT_RATING = 93.2


class CodecRating(NamedTuple):
    """How much a codec spoils by itself (Ie) and how well it stands random loss (Bpl), as G.113 Appendix I has them."""

    impairment: float
    robustness: float


#: G.113 Table I.1–I.4 for telephone codecs with loss concealment. Wideband codecs are rated on the telephone scale
#: as doing no harm of their own; their robustness is of the order of the narrowband figure for the same method.
_CODECS = {
    "PCMA": CodecRating(0, 25.1),
    "PCMU": CodecRating(0, 25.1),
    "L16": CodecRating(0, 25.1),
    "G722": CodecRating(0, 20),
    "OPUS": CodecRating(0, 20),
    "AMR-WB": CodecRating(0, 13),
    "AMR": CodecRating(5, 10),
    "GSM": CodecRating(20, 10),
    "G729": CodecRating(11, 19),
    "G723": CodecRating(15, 16.1),
    "ILBC": CodecRating(11, 32),
    "G728": CodecRating(7, 17),
    "G726-40": CodecRating(2, 15),
    "G726-32": CodecRating(7, 15),
    "G726-24": CodecRating(25, 15),
    "G726-16": CodecRating(50, 15),
    "CODEC2": CodecRating(40, 10),
}
_UNKNOWN = CodecRating(10, 15)


def codec_rating(encoding: str) -> CodecRating:
    """The rating of an rtpmap encoding; a middling one for what is not known."""
    return _CODECS.get(encoding.upper().removeprefix("AAL2-"), _UNKNOWN)


def r_factor(delay_ms: float, loss: float, burst_ratio: float, impairment: float, robustness: float) -> float:
    """The rating R (0–100): one-way delay from mouth to ear, share of packets lost (0–1), BurstR (1: at random),
    and the codec's Ie and Bpl (G.107 §7.4 Idd, §7.5 Ie-eff; talker and listener echo are taken as cancelled)."""
    delayed = 0.0
    if delay_ms > 100.0:
        x = math.log(delay_ms / 100.0) / math.log(2.0)
        delayed = 25.0 * ((1.0 + x**6) ** (1.0 / 6.0) - 3.0 * (1.0 + (x / 3.0) ** 6) ** (1.0 / 6.0) + 2.0)
    percent = 100.0 * loss
    spoilt = impairment + (95.0 - impairment) * percent / (percent / max(burst_ratio, 1.0) + robustness)
    return min(max(DEFAULT_RATING - delayed - spoilt, 0.0), 100.0)


def mean_opinion(rating: float) -> float:
    """The mean opinion score (1.0–4.5) of a rating (G.107 Annex B)."""
    if rating <= 0.0:
        return 1.0
    if rating >= 100.0:
        return 4.5
    return max(1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6, 1.0)


def burst_ratio(lost: int, received: int, runs: int) -> float:
    """BurstR (G.107 §3.2): how much longer runs of lost packets are than they were if loss struck at random."""
    if lost <= 0 or received <= 0 or runs <= 0:
        return 1.0
    return min(max(1.0 / (runs / received + runs / lost), 1.0), 8.0)


def mouth_to_ear_ms(round_trip_ms: float, packet_ms: float, jitter_ms: float) -> float:
    """An estimate of the one-way delay: half the round trip, one packet gathered, and a receiver's buffer that holds
    one packet and twice the jitter."""
    return max(round_trip_ms, 0.0) / 2.0 + 2.0 * packet_ms + 2.0 * jitter_ms
