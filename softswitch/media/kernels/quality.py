"""How a port's peer sounds: assessed once a report interval (ITU-T G.107), and tallied for metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.reception import expected_in_stream
from softswitch.media.layouts.quality import CLASSES, JITTER_CLASSES_MS, LOSS_CLASSES, MOS_CLASSES
from softswitch.rtp import bursts, e_model

_r_factor = part(e_model.r_factor)
_mean_opinion = part(e_model.mean_opinion)
_burst_ratio = part(e_model.burst_ratio)
_mouth_to_ear_ms = part(e_model.mouth_to_ear_ms)
_burst_and_gap = part(bursts.burst_and_gap)
_RUNS = bursts.RUNS
_TOP = CLASSES - 1
_MOS = np.array(MOS_CLASSES)
_JITTER = np.array(JITTER_CLASSES_MS)
_LOSS = np.array(LOSS_CLASSES)


@part
def jitter_ms(port: Any) -> Any:
    """Interarrival jitter (RFC 3550 §6.4.1)."""
    clock = port["rx_clock"] if port["rx_clock"] > 0 else 8000
    return port["jitter_16"] * 62.5 / clock


@part
def round_trip_ms(port: Any) -> Any:
    """Round trip as RTCP measured it, 0 when it is not known."""
    return max(port["round_trip"], 0) / 65.536


@part
def delay_ms(port: Any) -> Any:
    """The estimated delay from the peer's mouth to an ear."""
    return _mouth_to_ear_ms(round_trip_ms(port), float(port["packet_ms"]), jitter_ms(port))


@part
def burst_and_gap(port: Any) -> Any:
    """Densities and durations of bursts and gaps since the beginning, see `softswitch.rtp.bursts`."""
    since = port["rx_in_stream"] - port["loss_at"]
    return _burst_and_gap(port["loss_counts"], since, float(port["packet_ms"]))


@part
def assess(port: Any, worker: Any) -> None:
    """Judge the interval since the last call by loss, its bursts, delay and codec; nothing came: no judgement."""
    if port["rx_ssrc"] < 0:
        return
    expected = expected_in_stream(port)
    received = port["rx_in_stream"] - port["duplicates_in_stream"]
    came = received - port["received_assessed"]
    lost = max(expected - port["expected_assessed"] - came, 0)
    runs = port["loss_counts"][_RUNS] - port["runs_assessed"]
    port["expected_assessed"] = expected
    port["received_assessed"] = received
    port["runs_assessed"] = port["loss_counts"][_RUNS]
    if came <= 0:
        port["interval_mos"] = 0.0
        return
    loss = lost / (came + lost)
    ratio = _burst_ratio(lost, came, runs)
    rating = _r_factor(delay_ms(port), loss, ratio, port["impairment"], port["robustness"])
    port["interval_loss"] = loss
    port["interval_r"] = rating
    port["interval_mos"] = _mean_opinion(rating)
    port["intervals"] += 1
    if port["impairment"] >= 0.0:  # below: no speech
        _tally(worker["mos_tally"], _MOS, port["interval_mos"])
        worker["mos_sum"] += port["interval_mos"]
    _tally(worker["jitter_tally"], _JITTER, jitter_ms(port))
    _tally(worker["loss_tally"], _LOSS, loss)
    worker["jitter_sum"] += jitter_ms(port)
    worker["loss_sum"] += loss


@part
def _tally(tally: Any, edges: Any, value: float) -> None:
    """Count a value in the first class whose upper end it does not exceed."""
    for i in range(_TOP):
        if value <= edges[i]:
            tally[i] += 1
            return
    tally[_TOP] += 1
