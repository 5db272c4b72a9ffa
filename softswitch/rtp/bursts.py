"""Bursts and gaps of loss (RFC 3611 §4.7.2, A.2): the counts of a four-state chain, and what they mean.

A loss belongs to a burst when fewer than `MINIMUM_GAP` packets have come since the one before. Plain arithmetic: the
media engine compiles `note_losses` and `burst_and_gap`.
"""

from __future__ import annotations

from typing import Any

#: Gmin, the value recommended for speech.
MINIMUM_GAP = 16

#: Places of the counts: packets received in gaps, ends of bursts, lone losses, packets received within bursts, losses
#: after received ones within bursts, losses after losses; then losses since the burst began, and all runs of losses.
C11, C13, C14, C22, C23, C33, IN_BURST, RUNS = range(8)
COUNTS = 8


def note_losses(counts: Any, lost: int, received: int) -> None:
    """Count a run of `lost` packets (1 or more) before which `received` have come since the last loss."""
    counts[RUNS] += 1
    if received >= MINIMUM_GAP:
        if counts[IN_BURST] == 1:
            counts[C14] += 1
        elif counts[IN_BURST] > 1:
            counts[C13] += 1
        counts[IN_BURST] = 1
        counts[C11] += received
    else:
        counts[IN_BURST] += 1
        if received <= 0:
            counts[C33] += 1
        else:
            counts[C23] += 1
            counts[C22] += received - 1
    counts[IN_BURST] += lost - 1
    counts[C33] += lost - 1


def burst_and_gap(counts: Any, since: int, packet_ms: float) -> tuple[float, float, float, float]:
    """Densities (share of lost packets, 0–1) of bursts and of gaps, then their mean durations in ms.

    `since` packets have come after the last loss. Without a burst all is one gap.
    """
    bursts: float = counts[C13]
    lone: float = counts[C14]
    if counts[IN_BURST] > 1:  # not yet counted as over
        bursts += 1.0
    elif counts[IN_BURST] == 1:
        lone += 1.0
    calm: float = counts[C11]
    if since >= MINIMUM_GAP or counts[RUNS] == 0:
        calm += since
    gap_density = lone / (calm + lone) if calm + lone > 0.0 else 0.0
    if bursts == 0.0:
        return 0.0, gap_density, 0.0, (calm + lone) * packet_ms
    recovering = bursts + counts[C23] + counts[C33]
    p32 = counts[C23] / recovering
    within = counts[C22] + counts[C23]
    p23 = 1.0 - counts[C22] / within if within > 0 else 1.0
    total = calm + lone + 2.0 * bursts + counts[C22] + 2.0 * counts[C23] + counts[C33]
    gap_ms = (calm + lone + bursts) * packet_ms / bursts
    density = p23 / (p23 + p32) if p23 + p32 > 0.0 else 0.0
    return density, gap_density, total * packet_ms / bursts - gap_ms, gap_ms
