"""How the stream that a port receives sounds, read from its record: for call details, records and events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import NDArray

from softswitch.media.layouts.quality import JITTER_CLASSES_MS, LOSS_CLASSES, MOS_CLASSES
from softswitch.rtp import bursts, e_model
from softswitch.rtp.errors import RtpError
from softswitch.rtp.rtcp.extended_report import VoipMetrics

_UNKNOWN = 127
_TENTHS = 10


@dataclass(frozen=True, slots=True)
class PeerVerdict:
    """What the peer's VoIP metrics (RFC 3611 §4.7) say of our stream; shares 0–1, None: not known."""

    loss: float
    discarded: float
    burst_density: float
    burst_ms: int
    r_factor: int | None
    mos_listening: float | None
    mos_conversational: float | None
    jitter_buffer_ms: int


@dataclass(frozen=True, slots=True)
class PortQuality:
    """How the peer of a port sounds, from the beginning of its stream until now.

    `loss` is a share (0–1). `r_factor` and `mos` are the E-model's (ITU-T G.107) for the whole stream, `mos_now` for
    the last report interval; None where nothing came, or where it is no speech. `burst_…` and `gap_…` are as RFC 3611
    has them. `delay_ms` is the estimate from mouth to ear that the rating assumes.
    """

    loss: float
    jitter_ms: float
    round_trip_ms: float | None
    delay_ms: float
    r_factor: float | None
    mos: float | None
    mos_now: float | None
    burst_density: float
    gap_density: float
    burst_ms: float
    gap_ms: float
    peer: PeerVerdict | None


def read_quality(record: NDArray[Any]) -> PortQuality:
    """The quality that a port's record tells of."""
    lost, received = losses(record)
    loss = lost / (lost + received) if received else 0.0
    jitter_ms = int(record["jitter_16"]) * 62.5 / (int(record["rx_clock"]) or 8000)
    trip = int(record["round_trip"])
    packet_ms, counts = int(record["packet_ms"]), record["loss_counts"]
    delay_ms = e_model.mouth_to_ear_ms(max(trip, 0) / 65.536, packet_ms, jitter_ms)
    since = int(record["rx_in_stream"]) - int(record["loss_at"])
    burst_density, gap_density, burst_ms, gap_ms = bursts.burst_and_gap(counts, since, packet_ms)
    rating = None
    if received and record["impairment"] >= 0:
        ratio = e_model.burst_ratio(lost, received, int(counts[bursts.RUNS]))
        rating = e_model.r_factor(delay_ms, loss, ratio, float(record["impairment"]), float(record["robustness"]))
    now = float(record["interval_mos"])
    return PortQuality(
        loss=loss,
        jitter_ms=jitter_ms,
        round_trip_ms=None if trip < 0 else trip / 65.536,
        delay_ms=delay_ms,
        r_factor=rating,
        mos=None if rating is None else e_model.mean_opinion(rating),
        mos_now=now if now > 0 and rating is not None else None,
        burst_density=float(burst_density),
        gap_density=float(gap_density),
        burst_ms=float(burst_ms),
        gap_ms=float(gap_ms),
        peer=_verdict(record),
    )


def losses(record: NDArray[Any]) -> tuple[int, int]:
    """Packets of a port's streams that never came, and those that did, repetitions left out."""
    lost = int(record["lost_before"])
    if record["rx_ssrc"] >= 0:
        expected = int(record["cycles"]) + int(record["highest_sequence"]) - int(record["base_sequence"]) + 1
        lost += max(expected - int(record["rx_in_stream"]) + int(record["duplicates_in_stream"]), 0)
    return lost, max(int(record["packets_received"]) - int(record["duplicates"]), 0)


def _verdict(record: NDArray[Any]) -> PeerVerdict | None:
    if not record["voice_blocks"]:
        return None
    try:
        said = VoipMetrics.parse(record["voice_block"].tobytes())
    except RtpError:
        return None
    return PeerVerdict(
        loss=said.loss_rate / 256,
        discarded=said.discard_rate / 256,
        burst_density=said.burst_density / 256,
        burst_ms=said.burst_duration_ms,
        r_factor=None if said.r_factor >= _UNKNOWN else said.r_factor,
        mos_listening=None if said.mos_listening >= _UNKNOWN else said.mos_listening / _TENTHS,
        mos_conversational=None if said.mos_conversational >= _UNKNOWN else said.mos_conversational / _TENTHS,
        jitter_buffer_ms=said.jitter_buffer_ms,
    )


class Tally(NamedTuple):
    """How many report intervals of all ports since the start fell into each class, for a histogram.

    `classes` are (upper end, intervals) one by one, the last with an infinite end; `total` is the sum of the values.
    """

    classes: tuple[tuple[float, int], ...]
    total: float


def read_tallies(workers: NDArray[Any]) -> dict[str, Tally]:
    """The tallies ``mos``, ``jitter_ms`` and ``loss`` (share) of all workers together."""
    kinds = (("mos", "mos", MOS_CLASSES), ("jitter", "jitter_ms", JITTER_CLASSES_MS), ("loss", "loss", LOSS_CLASSES))
    return {
        name: Tally(
            tuple(zip((*ends, float("inf")), (int(n) for n in workers[f"{kind}_tally"].sum(axis=0)), strict=True)),
            float(workers[f"{kind}_sum"].sum()),
        )
        for kind, name, ends in kinds
    }
