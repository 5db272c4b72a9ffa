"""PCMU, PCMA and L16 as frame functions, with concealment: the codecs whose samples do not depend on each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mediacodecs import plc
from mediacodecs.g711 import ALAW_DECODE, ALAW_ENCODE, ULAW_DECODE, ULAW_ENCODE
from mediacodecs.memory import octets_at, samples_at, words_at
from mediacodecs.numbering import L16, NO_ROOM, PCMA
from mediacodecs.states.concealment import HEAD_WORDS
from mediacodecs.states.pcm import DECODER_WORDS


def frame_functions(codec: int) -> tuple[Callable[..., int], ...]:
    """Decode, encode, conceal and recover, for `frames.load`."""
    if codec == L16:
        return _decode_l16_at, _encode_l16_at, plc.conceal_at, plc.recover_at
    if codec == PCMA:
        return _decode_alaw_at, _encode_alaw_at, plc.conceal_at, plc.recover_at
    return _decode_ulaw_at, _encode_ulaw_at, plc.conceal_at, plc.recover_at


def _decode_alaw_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    if count > capacity:
        return NO_ROOM
    payload, pcm = octets_at(source, count), samples_at(target, capacity)
    for i in range(count):
        pcm[i] = ALAW_DECODE[payload[i]]
    plc.heard(words_at(state + 8 * DECODER_WORDS, HEAD_WORDS), pcm, count)
    return count


def _decode_ulaw_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    if count > capacity:
        return NO_ROOM
    payload, pcm = octets_at(source, count), samples_at(target, capacity)
    for i in range(count):
        pcm[i] = ULAW_DECODE[payload[i]]
    plc.heard(words_at(state + 8 * DECODER_WORDS, HEAD_WORDS), pcm, count)
    return count


def _decode_l16_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    """Half a sample, or half a set of channels, at the end is left out (RFC 3551 §4.5.11: network byte order)."""
    head = words_at(state + 8 * DECODER_WORDS, HEAD_WORDS)
    samples = count // 2 - count // 2 % head[0]
    if samples > capacity:
        return NO_ROOM
    payload, pcm = octets_at(source, count), samples_at(target, capacity)
    for i in range(samples):
        word = np.int64(payload[2 * i]) << 8 | np.int64(payload[2 * i + 1])
        pcm[i] = word - ((word & 0x8000) << 1)
    plc.heard(head, pcm, samples)
    return samples


def _encode_alaw_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    if count > capacity:
        return NO_ROOM
    pcm, out = samples_at(source, count), octets_at(target, capacity)
    for i in range(count):
        out[i] = ALAW_ENCODE[(np.int64(pcm[i]) >> 4) + 2048]
    return count


def _encode_ulaw_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    if count > capacity:
        return NO_ROOM
    pcm, out = samples_at(source, count), octets_at(target, capacity)
    for i in range(count):
        out[i] = ULAW_ENCODE[(np.int64(pcm[i]) >> 2) + 8192]
    return count


def _encode_l16_at(state: int, source: int, count: int, target: int, capacity: int) -> Any:
    if 2 * count > capacity:
        return NO_ROOM
    pcm, out = samples_at(source, count), octets_at(target, capacity)
    for i in range(count):
        word = np.int64(pcm[i])
        out[2 * i] = (word >> 8) & 0xFF
        out[2 * i + 1] = word & 0xFF
    return 2 * count
