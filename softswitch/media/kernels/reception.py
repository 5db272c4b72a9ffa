"""What a receiver keeps of a stream: sequence, loss, order, repetition, jitter (RFC 3550 §6.4.1, A.1, A.3, A.8)."""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.clock import ticks
from softswitch.media.kernels.compiler import part
from softswitch.rtp import bursts

#: A jump further than this forward or back is a sender that started anew (RFC 3550 A.1).
MAXIMUM_DROPOUT, MAXIMUM_MISORDER = 3000, 100
_WINDOW = 32
_WINDOW_MASK = 0xFFFFFFFF

_note_losses = part(bursts.note_losses)

#: What `track` says of a packet.
IN_STREAM, NEW_STREAM, DUPLICATE = 0, 1, 2


@part
def track(port: Any, ssrc: int, sequence: int, timestamp: int, clock: int, now_ns: int) -> int:
    """Count a packet of the port's peer; IN_STREAM, NEW_STREAM (other SSRC, or a great jump) or DUPLICATE."""
    arrival = ticks(now_ns, clock)
    ahead = (sequence - port["highest_sequence"]) & 0xFFFF
    behind = 0x10000 - ahead
    if ssrc != port["rx_ssrc"] or (ahead > MAXIMUM_DROPOUT and behind > MAXIMUM_MISORDER):
        _begin_stream(port, ssrc, sequence, timestamp, clock, arrival)
        return NEW_STREAM
    duplicate = ahead == 0
    if 0 < ahead <= MAXIMUM_DROPOUT:
        if sequence < port["highest_sequence"]:
            port["cycles"] += 0x10000
        if ahead > 1:
            _note_losses(port["loss_counts"], ahead - 1, port["rx_in_stream"] - port["loss_at"])
            port["loss_at"] = port["rx_in_stream"]
        port["highest_sequence"] = sequence
        port["window"] = ((port["window"] << ahead) | 1) & _WINDOW_MASK if ahead < _WINDOW else 1
    elif ahead > 0:
        bit = 1 << behind if behind < _WINDOW else 0
        duplicate = (port["window"] & bit) != 0
        port["window"] |= bit
        if not duplicate:
            port["reordered"] += 1
    port["rx_in_stream"] += 1
    if duplicate:
        port["duplicates"] += 1
        port["duplicates_in_stream"] += 1
        return DUPLICATE
    _measure_jitter(port, timestamp, clock, arrival)
    return IN_STREAM


@part
def _begin_stream(port: Any, ssrc: int, sequence: int, timestamp: int, clock: int, arrival: int) -> None:
    if port["rx_ssrc"] >= 0:
        port["lost_before"] += max(lost_in_stream(port), 0)
        if ssrc != port["rx_ssrc"]:
            port["ssrc_changes"] += 1
    if ssrc != port["rx_ssrc"]:
        port["last_sr"] = 0
    port["rx_ssrc"] = ssrc
    port["highest_sequence"] = sequence
    port["base_sequence"] = sequence
    port["cycles"] = 0
    port["rx_in_stream"] = 1
    port["duplicates_in_stream"] = 0
    port["window"] = 1
    port["expected_prior"] = 0
    port["received_prior"] = 0
    port["expected_assessed"] = 0
    port["received_assessed"] = 0
    port["duplicates_assessed"] = 0
    port["loss_at"] = 0
    port["statistics_from"] = sequence
    port["statistics_lost"] = 0
    port["statistics_duplicates"] = 0
    port["rx_clock"] = clock
    port["rx_timestamp"] = timestamp
    port["transit"] = arrival - timestamp
    port["jitter_16"] = 0


@part
def _measure_jitter(port: Any, timestamp: int, clock: int, arrival: int) -> None:
    # Packets of one instant (a video frame, a telephone event and its repetitions) are sent apart on purpose.
    if timestamp == port["rx_timestamp"]:
        return
    transit = arrival - timestamp
    if clock == port["rx_clock"]:
        change = (transit - port["transit"]) & 0xFFFFFFFF
        change = min(change, 0x100000000 - change)
        port["jitter_16"] += change - ((port["jitter_16"] + 8) >> 4)
    port["rx_clock"] = clock
    port["rx_timestamp"] = timestamp
    port["transit"] = transit


@part
def expected_in_stream(port: Any) -> Any:
    """How many packets the present stream's sender has sent, as far as sequence numbers tell."""
    return port["cycles"] + port["highest_sequence"] - port["base_sequence"] + 1


@part
def lost_in_stream(port: Any) -> Any:
    """How many packets of the present stream have not come; repetitions do not make up for them."""
    return expected_in_stream(port) - (port["rx_in_stream"] - port["duplicates_in_stream"])
