"""Packet indices and what has come already: the rollover counter and the replay list (RFC 3711 §3.3.1, §3.3.2).

A replay list is `REPLAY_WORDS` words of 32 bits, used in a circle by the bits of the index, so that advancing moves
nothing but clears the words that are entered anew.
"""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.compiler import part
from softswitch.media.layouts.srtp import REPLAY_WORDS, STREAMS

_BITS = 32
#: Indices so far behind the highest are refused unseen; the word being filled is not yet all past.
_REACH = (REPLAY_WORDS - 1) * _BITS
NO_STREAM = -1


@part
def estimate_index(highest: int, sequence: int) -> Any:
    """The index of a sequence number, nearest to the highest so far (-1: none); negative when there is no such."""
    if highest < 0:
        return sequence
    counter, last = highest >> 16, highest & 0xFFFF
    if last < 0x8000:
        if sequence - last > 0x8000:
            counter -= 1
    elif last - 0x8000 > sequence:
        counter += 1
    return counter * 0x10000 + sequence


@part
def is_new(seen: Any, place: int, highest: int, index: int) -> bool:
    """Whether an index has neither come before nor lies too far back, by the list at `place` of `seen` (uint32[n])."""
    if index > highest:
        return True
    if highest - index >= _REACH:
        return False
    word = seen[place * REPLAY_WORDS + ((index >> 5) & (REPLAY_WORDS - 1))]
    return bool((word >> (index & 31)) & 1 == 0)


@part
def mark(seen: Any, place: int, highest: int, index: int) -> Any:
    """Put an index that `is_new` on the list; returns the highest from now on."""
    base = place * REPLAY_WORDS
    if index > highest:
        entered = (index >> 5) - (highest >> 5) if highest >= 0 else REPLAY_WORDS
        for i in range(min(entered, REPLAY_WORDS)):
            seen[base + (((index >> 5) - i) & (REPLAY_WORDS - 1))] = 0
    at = base + ((index >> 5) & (REPLAY_WORDS - 1))
    seen[at] = seen[at] | (1 << (index & 31))
    return max(index, highest)


@part
def find_stream(port: Any, ssrc: int) -> Any:
    """The place of a stream of the peer's, NO_STREAM when none of its packets has been authentic yet."""
    for i in range(STREAMS):
        if port["srtp_ssrc"][i] == ssrc:
            return i
    return NO_STREAM


@part
def add_stream(port: Any, ssrc: int) -> Any:
    """Make a place for a new stream, if need be that of the one not heard of for longest."""
    oldest = 0
    for i in range(STREAMS):
        if port["srtp_ssrc"][i] < 0:
            oldest = i
            break
        if port["srtp_turn"][i] < port["srtp_turn"][oldest]:
            oldest = i
    port["srtp_ssrc"][oldest] = ssrc
    port["srtp_index"][oldest] = -1
    port["srtcp_index"][oldest] = -1
    for i in range(oldest * REPLAY_WORDS, (oldest + 1) * REPLAY_WORDS):
        port["srtp_seen"][i] = 0
        port["srtcp_seen"][i] = 0
    return oldest


@part
def note_turn(port: Any, place: int) -> None:
    """Remember that a stream has just been heard of."""
    port["srtp_clock"] += 1
    port["srtp_turn"][place] = port["srtp_clock"]
