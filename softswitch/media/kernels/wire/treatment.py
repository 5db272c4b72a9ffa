"""What is done to a B channel's sound between the line and its port: echo cancelled, level changed.

Modems and fax machines want neither: from the answering tone of 2100 Hz on, in either direction, nothing is done for
the rest of the call (ITU-T G.168 §7 wants it disabled by such a tone). Only spans that ask for a treatment come here;
all others carry their octets as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mediacodecs.dtmf import PEAK_0_DBM0
from mediacodecs.fax_tone import is_fax
from mediacodecs.g711 import ALAW_DECODE, ALAW_ENCODE
from softswitch.media.kernels.wire import echo
from softswitch.media.kernels.wire.compiler import part
from softswitch.media.layouts.wire import HEARD_OCTETS, SPOKEN_OCTETS, TONE_WORDS

_cancel, _begin = echo.cancel, echo.begin

#: What we say is loud enough for its echo to be measured above this level.
_SPEAKING_DBM0 = -40.0
_SPEAKING = HEARD_OCTETS * (PEAK_0_DBM0 * 10 ** (_SPEAKING_DBM0 / 20)) ** 2 / 2
#: A hybrid's echo is weaker than this share of what made it; what is stronger has somebody speaking there.
_MOST_ECHO = 0.5
#: How much of the energies is kept from block to block: an echo comes late, and the measure is of the last second.
_REFERENCE_KEPT, _MEASURE_KEPT = 0.75, 0.95


@part
def treat_said(span: Any, slot: int, octet: Any, frame: int) -> Any:
    """An octet for the line, of frame number `frame` of the packet being made, as it is to be sent."""
    if span["slot_clear"][slot] == 0:
        octet = span["gain_said"][octet]
    span["spoken"][slot * SPOKEN_OCTETS + ((span["tx_frames"] + frame) & (SPOKEN_OCTETS - 1))] = octet
    return octet


@part
def treat_heard(span: Any, slot: int, packet: Any, begin: int) -> None:
    """20 ms that came from the line, `packet[begin:begin + 160]` (uint8), as they are to be heard."""
    if span["slot_fresh"][slot] != 0:
        _forget(span, slot)
    if span["slot_clear"][slot] != 0:
        return
    samples = span["samples"]
    for i in range(HEARD_OCTETS):
        samples[i] = ALAW_DECODE[packet[begin + i]]
    _recall(span, slot, samples)
    if _is_tone(span, 2 * slot, samples[:HEARD_OCTETS]) or _is_tone(
        span, 2 * slot + 1, samples[HEARD_OCTETS : 2 * HEARD_OCTETS]
    ):
        span["slot_clear"][slot] = 1
        span["echo_disabled"] += 1
        return
    gain = span["gain_heard"]
    if span["echo_tail"] == 0:
        for i in range(HEARD_OCTETS):
            packet[begin + i] = gain[packet[begin + i]]
        return
    _cancel(span, slot)
    span["echo_blocks"] += 1
    _measure(span, slot, samples)
    for i in range(HEARD_OCTETS):
        packet[begin + i] = gain[ALAW_ENCODE[(samples[2 * HEARD_OCTETS + i] >> 4) + 2048]]


@part
def _forget(span: Any, slot: int) -> None:
    """Another call: begin anew."""
    span["slot_fresh"][slot] = 0
    span["slot_clear"][slot] = 0
    span["echo_at"][slot] = 0
    span["echo_reference"][slot] = 0.0
    span["echo_came"][slot] = 0.0
    span["echo_left"][slot] = 0.0
    for i in range(2 * slot * TONE_WORDS, 2 * (slot + 1) * TONE_WORDS):
        span["tones"][i] = 0
    if span["echo_tail"] != 0:
        _begin(span, slot)


@part
def _recall(span: Any, slot: int, samples: Any) -> None:
    """Put the 20 ms that we said, up to a packet before now, behind what was heard.

    They follow those of the last time without a gap, unless the line's time has jumped.
    """
    newest = span["tx_frames"] - span["frames"]
    behind = newest - (span["echo_at"][slot] + HEARD_OCTETS)
    if behind < -span["frames"] or behind > span["frames"]:
        span["echo_at"][slot] = newest - HEARD_OCTETS
    at = span["echo_at"][slot]
    base = slot * SPOKEN_OCTETS
    for i in range(HEARD_OCTETS):
        samples[HEARD_OCTETS + i] = ALAW_DECODE[span["spoken"][base + ((at + i) & (SPOKEN_OCTETS - 1))]]
    span["echo_at"][slot] = at + HEARD_OCTETS


@part
def _is_tone(span: Any, number: int, samples: Any) -> Any:
    return is_fax(span["tones"][number * TONE_WORDS : (number + 1) * TONE_WORDS], samples, HEARD_OCTETS)


@part
def _energy(samples: Any, begin: int) -> Any:
    energy = 0.0
    for i in range(begin, begin + HEARD_OCTETS):
        sample = np.float64(samples[i])
        energy += sample * sample
    return energy


@part
def _measure(span: Any, slot: int, samples: Any) -> None:
    """Add to the measure of what the canceller takes away, while we alone speak (ERLE, G.168 §3.11)."""
    said = _energy(samples, HEARD_OCTETS)
    reference = max(said, span["echo_reference"][slot] * _REFERENCE_KEPT)
    span["echo_reference"][slot] = reference
    came = _energy(samples, 0)
    if reference < _SPEAKING or came > reference * _MOST_ECHO:
        return
    span["echo_came"][slot] = span["echo_came"][slot] * _MEASURE_KEPT + came
    span["echo_left"][slot] = span["echo_left"][slot] * _MEASURE_KEPT + _energy(samples, 2 * HEARD_OCTETS)
