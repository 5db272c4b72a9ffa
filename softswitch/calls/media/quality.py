"""How the party of a port sounds, in the words of records and call details."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from softswitch.media import Port


def describe_quality(port: Port) -> dict[str, Any]:
    """What was counted and measured of what a party sends, and what it says of what it gets; JSON-ready.

    `loss` and densities are shares (0–1), `mos` and `r_factor` the E-model's for the whole stream, `mos_now` for the
    last interval; None where something is not known.
    """
    counters, quality, hearing = port.counters(), port.quality(), port.hearing()
    told: dict[str, Any] = {
        "local_address": _address(port.local),
        "remote_address": _address(counters.remote),
        "ssrc": port.ssrc,
        "packets_received": counters.packets_received,
        "packets_sent": counters.packets_sent,
        "octets_sent": counters.octets_sent,
        "lost": counters.lost,
        "loss": round(quality.loss, 4),
        "jitter_ms": round(counters.jitter_ms, 2),
        "rtt_ms": _rounded(quality.round_trip_ms),
        "delay_ms": round(quality.delay_ms, 1),
        "mos": _rounded(quality.mos, 2),
        "mos_now": _rounded(quality.mos_now, 2),
        "r_factor": _rounded(quality.r_factor),
        "bursts": {
            "density": round(quality.burst_density, 4),
            "duration_ms": round(quality.burst_ms),
            "gap_density": round(quality.gap_density, 4),
            "gap_duration_ms": round(quality.gap_ms),
        },
        "remote": {
            "lost": counters.remote_lost,
            "jitter_ms": round(counters.remote_jitter_ms, 2),
            **(asdict(quality.peer) if quality.peer is not None else {}),
        },
    }
    if hearing is not None:
        told["jitter_buffer"] = {
            "depth_ms": round(hearing.depth_ms, 1),
            "late": hearing.late,
            "concealed": hearing.concealed,
            "shortened": hearing.shortened,
            "lengthened": hearing.lengthened,
        }
    return told


def _address(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
