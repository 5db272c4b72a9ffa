"""The last packets of pictures, kept for those who have lost one (RFC 4585 §6.2.1): a ring that overwrites itself.

A packet's place follows from its port and its sequence number alone, so neither keeping nor finding one searches. A
place may also say that a packet was asked for of its sender, so that many who miss it ask once.
"""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.compiler import part
from softswitch.media.layouts.scratch import CACHE_OCTETS, CACHE_PLACES, CACHE_STRIDE, CACHE_WORDS

_PORT, _GENERATION, _SSRC, _SEQUENCE, _SIZE, _FORMAT, _TIMESTAMP, _ASKED_NS = range(CACHE_WORDS)
#: A packet that was asked for is not asked for again so soon.
_PATIENCE_NS = 50_000_000


@part
def _place(slot: int, sequence: int) -> Any:
    return (slot * CACHE_STRIDE + sequence) % CACHE_PLACES


@part
def _holds(heads: Any, at: int, slot: int, generation: int, ssrc: int, sequence: int) -> bool:
    return bool(
        heads[at + _SSRC] == ssrc
        and heads[at + _SEQUENCE] == sequence
        and heads[at + _PORT] == slot
        and heads[at + _GENERATION] == generation
    )


@part
def keep(port: Any, slot: int, packet: Any, size: int, number: int, stream: Any, scratch: Any) -> None:
    """Keep `packet[:size]` (uint8) of a port's stream (ssrc, sequence, timestamp), unless it is too large."""
    if size > CACHE_OCTETS:
        return
    place = _place(slot, stream[1])
    heads, octets = scratch["cache_heads"], scratch["cache_octets"]
    at = place * CACHE_WORDS
    heads[at + _PORT] = slot
    heads[at + _GENERATION] = port["generation"]
    heads[at + _SSRC] = stream[0]
    heads[at + _SEQUENCE] = stream[1]
    heads[at + _TIMESTAMP] = stream[2]
    heads[at + _SIZE] = size
    heads[at + _FORMAT] = number
    begin = place * CACHE_OCTETS
    for i in range(size):
        octets[begin + i] = packet[i]


@part
def find(port: Any, slot: int, ssrc: int, sequence: int, packet: Any, scratch: Any) -> Any:
    """Put a packet that was kept into `packet`; its size (0: it is not there any more), format number and timestamp."""
    place = _place(slot, sequence)
    heads, octets = scratch["cache_heads"], scratch["cache_octets"]
    at = place * CACHE_WORDS
    if not _holds(heads, at, slot, port["generation"], ssrc, sequence):
        return 0, 0, 0
    size = heads[at + _SIZE]
    begin = place * CACHE_OCTETS
    for i in range(size):
        packet[i] = octets[begin + i]
    return size, heads[at + _FORMAT], heads[at + _TIMESTAMP]


@part
def to_be_asked(port: Any, slot: int, ssrc: int, sequence: int, scratch: Any, now_ns: int) -> bool:
    """Whether a packet that never came should be asked for now; if so, that it was asked for is kept."""
    heads = scratch["cache_heads"]
    at = _place(slot, sequence) * CACHE_WORDS
    generation = port["generation"]
    if _holds(heads, at, slot, generation, ssrc, sequence) and now_ns - heads[at + _ASKED_NS] < _PATIENCE_NS:
        return False
    heads[at + _PORT] = slot
    heads[at + _GENERATION] = generation
    heads[at + _SSRC] = ssrc
    heads[at + _SEQUENCE] = sequence
    heads[at + _SIZE] = 0
    heads[at + _ASKED_NS] = now_ns
    return True
