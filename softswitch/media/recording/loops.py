"""The recorder's compiled loops: emptying the tap, decoding packets onto a timeline, adding tracks up, coding Opus.

All take numpy arrays and no lock, and run without the GIL; each is called a few times a second and never for a single
packet. Positions are counted in samples from the beginning of the recording.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

import mediacodecs
from mediacodecs import activity
from mediacodecs.compiled import Compiler
from mediacodecs.frames import conceal_frame, decode_frame, encode_frame, recover_frame
from mediacodecs.resample import resample
from mediacodecs.states.detectors import ACTIVITY_WORDS, reset_activity
from softswitch.media.kernels import atomic
from softswitch.media.layouts.tap import (
    TAP_KIND,
    TAP_OCTETS,
    TAP_PLACES,
    TAP_READ,
    TAP_SEQUENCE,
    TAP_SIZE,
    TAP_SSRC,
    TAP_TIME_NS,
    TAP_TIMESTAMP,
    TAP_WORDS,
    TAP_WRITTEN,
)
from softswitch.media.recording.plan import ASTRAY_S

_MEDIA = Path(__file__).parent.parent
_OWN = (Path(__file__), Path(__file__).with_name("plan.py"))
_compiler = Compiler(
    "recording", (*_OWN, _MEDIA / "layouts" / "tap.py", _MEDIA / "kernels", Path(mediacodecs.__file__).parent)
)
entry, part = _compiler.entry, _compiler.part
_load_acquire, _store_release = atomic.load_acquire, atomic.store_release

#: A head as it is kept: that of the tap, and where its payload begins.
HEAD_WORDS, AT = TAP_WORDS + 1, TAP_WORDS

#: A row of a track's table, by payload type: number of the decoder (-1: not decoded), RTP clock, codec, the decoder's
#: sample rate, where the states of decoder and resampler (-1: none) begin.
DECODER, CLOCK, CODEC, RATE, STATE, RESAMPLER, ROW_WORDS = range(7)

#: Words of a track's own state.
(
    ORIGIN_NS,  # when the recording began
    SAMPLE_RATE,  # of the recording
    FRONTIER,  # everything before has been taken out
    SSRC,  # -1 before the first packet
    SEQUENCE,
    ANCHOR_TIMESTAMP,
    ANCHOR,  # the position of that timestamp
    END,  # of the last packet's samples
    FRAME,  # samples of the last packet, at the decoder's rate
    LOWEST,  # the least delay of late, and over how many packets
    WATCHED,
    DECODED,
    CONCEALED,
    LATE,
    MALFORMED,
    TRACK_WORDS,
) = range(16)

_SECOND_NS = 1_000_000_000
_MOST_CONCEALED = 10
_WATCHED_PACKETS = 250
#: What has drifted by a 50th of a second is moved.
_DRIFTED = 50
#: Samples that a packet may have, 120 ms at 48 kHz, also after resampling.
LONGEST = 5760 * 6


@entry(types.int64(types.int64[::1], types.int64[::1], types.uint8[::1], types.int64[:, ::1], types.uint8[::1]))
def collect(positions: Any, heads: Any, payload: Any, kept_heads: Any, kept_octets: Any) -> int:
    """Move what waits in a tap to `kept_heads` (int64[n, HEAD_WORDS]) and `kept_octets`; returns the packets."""
    read = positions[TAP_READ]
    written = _load_acquire(positions, TAP_WRITTEN)
    count, at = 0, 0
    while read < written and count < len(kept_heads):
        place = read % TAP_PLACES
        size = heads[place * TAP_WORDS + TAP_SIZE]
        if at + size > len(kept_octets):
            break
        for i in range(TAP_WORDS):
            kept_heads[count, i] = heads[place * TAP_WORDS + i]
        kept_heads[count, AT] = at
        for i in range(size):
            kept_octets[at + i] = payload[place * TAP_OCTETS + i]
        at += size
        count += 1
        read += max((size + TAP_OCTETS - 1) // TAP_OCTETS, 1)
    _store_release(positions, TAP_READ, read)
    return count


@part
def _ahead(one: int, other: int) -> int:
    """By how much a sequence number lies before another, -32768 … 32767."""
    return ((one - other + 0x8000) & 0xFFFF) - 0x8000


@part
def _put_in_order(heads: Any, order: Any) -> None:
    """Number the packets by sequence number within their streams; they are nearly in order as they came."""
    for i in range(len(order)):
        at = i
        while at > 0:
            before = order[at - 1]
            same = heads[before, TAP_SSRC] == heads[i, TAP_SSRC]
            if not same or _ahead(heads[i, TAP_SEQUENCE], heads[before, TAP_SEQUENCE]) >= 0:
                break
            order[at] = before
            at -= 1
        order[at] = i


@part
def _write(track: Any, window: Any, at: int, pcm: Any, count: int) -> None:
    """Lay samples onto the timeline, of which `window` (int16, a power of two long) holds what is not yet taken."""
    begin = track[FRONTIER]
    end = begin + len(window)
    mask = len(window) - 1
    if at < begin:
        track[LATE] += 1
    for i in range(max(begin - at, 0), min(count, end - at)):
        window[(at + i) & mask] = pcm[i]


@part
def _at_rate(row: Any, states: Any, pcm: Any, count: int, wide: Any) -> int:
    """The decoder's samples at the recording's rate, in `wide`; returns how many."""
    if row[RESAMPLER] < 0:
        for i in range(count):
            wide[i] = pcm[i]
        return count
    return int(resample(states[row[RESAMPLER] :], pcm, count, wide))


@part
def _place(track: Any, head: Any, clock: int) -> int:
    """Where a packet's samples lie: by its timestamp, as long as that keeps with the time of its arrival."""
    rate = track[SAMPLE_RATE]
    arrival = (head[TAP_TIME_NS] - track[ORIGIN_NS]) * rate // _SECOND_NS
    passed = ((head[TAP_TIMESTAMP] - track[ANCHOR_TIMESTAMP] + 0x80000000) & 0xFFFFFFFF) - 0x80000000
    at = track[ANCHOR] + passed * rate // clock
    delay = arrival - at
    if head[TAP_SSRC] != track[SSRC] or abs(delay) > rate * ASTRAY_S:
        track[SSRC] = head[TAP_SSRC]
        track[ANCHOR_TIMESTAMP], track[ANCHOR] = head[TAP_TIMESTAMP], arrival
        track[SEQUENCE] = (head[TAP_SEQUENCE] - 1) & 0xFFFF
        track[END], track[FRAME] = arrival, 0
        track[LOWEST], track[WATCHED] = rate, 0
        return int(arrival)
    seconds = passed // clock
    track[ANCHOR_TIMESTAMP] = (track[ANCHOR_TIMESTAMP] + seconds * clock) & 0xFFFFFFFF
    track[ANCHOR] += seconds * rate
    track[LOWEST] = min(track[LOWEST], delay)
    track[WATCHED] += 1
    if track[WATCHED] >= _WATCHED_PACKETS:  # the sender's clock is not ours
        if abs(track[LOWEST]) * _DRIFTED > rate:
            track[ANCHOR] += track[LOWEST]
        track[LOWEST], track[WATCHED] = rate, 0
    return int(at)


@part
def _stand_in(
    track: Any, row: Any, states: Any, window: Any, at: int, lost: int, payload: Any, pcm: Any, wide: Any
) -> None:
    """Fill the gap before position `at` when it is that of `lost` packets; else nothing was sent, and it is silent."""
    rate = track[SAMPLE_RATE]
    frame = track[FRAME]
    length = frame * rate // row[RATE]
    if not 0 < lost <= _MOST_CONCEALED or length == 0 or abs(at - track[END] - lost * length) > length // 2:
        return
    state = states[row[STATE] :]
    for k in range(lost):
        if k == lost - 1:
            count = recover_frame(row[CODEC], state, payload, len(payload), pcm[:frame])
        else:
            count = conceal_frame(row[CODEC], state, pcm, frame)
        if count <= 0:
            return
        count = _at_rate(row, states, pcm, count, wide)
        _write(track, window, track[END], wide, count)
        track[END] += count
        track[CONCEALED] += 1


@entry(
    types.void(
        types.int64[:, ::1],
        types.uint8[::1],
        types.int64[::1],
        types.int64[:, ::1],
        types.int64[::1],
        types.int64[::1],
        types.int16[::1],
        types.int16[::1],
        types.int16[::1],
    )
)
def decode_packets(
    heads: Any, octets: Any, order: Any, table: Any, track: Any, states: Any, window: Any, pcm: Any, wide: Any
) -> None:
    """Decode the packets `heads` (int64[n, HEAD_WORDS]) of one source onto its track's `window`.

    `order` (int64[n]), `pcm` and `wide` (int16[LONGEST]) are room to work in, `table` (int64[128, ROW_WORDS]) says
    what becomes of each payload type, `states` holds the decoders. What is missing is concealed; silence stays 0.
    """
    _put_in_order(heads, order)
    for k in range(len(order)):
        head = heads[order[k]]
        row = table[head[TAP_KIND] & 0x7F]
        if row[DECODER] < 0 or head[TAP_SIZE] == 0:
            if head[TAP_SSRC] == track[SSRC]:
                track[SEQUENCE] = head[TAP_SEQUENCE]
            continue
        at = _place(track, head, row[CLOCK])
        payload = octets[head[AT] : head[AT] + head[TAP_SIZE]]
        ahead = _ahead(head[TAP_SEQUENCE], track[SEQUENCE])
        if ahead > 1:
            _stand_in(track, row, states, window, at, ahead - 1, payload, pcm, wide)
        count = decode_frame(row[CODEC], states[row[STATE] :], payload, head[TAP_SIZE], pcm)
        if count <= 0:
            track[MALFORMED] += 1
            continue
        track[FRAME] = count
        count = _at_rate(row, states, pcm, count, wide)
        _write(track, window, at, wide, count)
        track[DECODED] += 1
        if ahead > 0:
            track[SEQUENCE] = head[TAP_SEQUENCE]
            track[END] = at + count


@entry(types.void(types.int64[::1], types.int16[::1], types.int64, types.int32[:, ::1], types.int64))
def take(track: Any, window: Any, count: int, total: Any, column: int) -> None:
    """Take the next `count` samples off a track and add them to `total` (int32[count, channels]): to one column, or -1
    to all."""
    mask = len(window) - 1
    at = track[FRONTIER]
    for i in range(count):
        sample = window[(at + i) & mask]
        if sample != 0:
            window[(at + i) & mask] = 0
            if column >= 0:
                total[i, column] += sample
            else:
                for channel in range(total.shape[1]):
                    total[i, channel] += sample
    track[FRONTIER] = at + count


@entry(
    types.int64(
        types.int64, types.int64[::1], types.int16[::1], types.int64, types.uint8[::1], types.int64[::1]
    )
)  # fmt: skip
def encode_frames(codec: int, state: Any, pcm: Any, samples: int, out: Any, sizes: Any) -> int:
    """Encode `len(sizes)` frames of `samples` (all channels together) into `out`, their octets into `sizes`."""
    at = 0
    for k in range(len(sizes)):
        octets = encode_frame(codec, state, pcm[k * samples :], samples, out[at : at + 4000])
        sizes[k] = max(octets, 0)
        at += sizes[k]
    return at


@entry(
    types.int64(
        types.int64, types.int64[::1], types.uint8[::1], types.int64[::1], types.int16[::1]
    )
)  # fmt: skip
def decode_frames(codec: int, state: Any, octets: Any, sizes: Any, pcm: Any) -> int:
    """Decode `len(sizes)` frames that lie one after the other into `pcm`; returns the samples of all channels."""
    at, made = 0, 0
    for k in range(len(sizes)):
        count = decode_frame(codec, state, octets[at:], sizes[k], pcm[made:])
        made += max(count, 0)
        at += sizes[k]
    return made


def new_speech_state(sample_rate: int) -> NDArray[np.int64]:
    """The state of a detector of voice activity for samples at `sample_rate` (Hz)."""
    state = np.zeros(ACTIVITY_WORDS, np.int64)
    reset_activity(state, sample_rate)
    return state


@entry(types.void(types.int64[::1], types.int32[::1], types.int64, types.uint8[::1]))
def find_speech(state: Any, samples: Any, frame: int, found: Any) -> None:
    """Tell in `found` which of the frames of `frame` samples, from the first on, are speech."""
    for k in range(len(found)):
        found[k] = 1 if activity.is_speech(state, samples[k * frame : (k + 1) * frame], frame) else 0


@entry(types.uint32(types.uint8[::1], types.uint32[::1]))
def ogg_checksum(octets: Any, table: Any) -> Any:
    """The checksum of an Ogg page, whose own field is zero (RFC 3533 §6)."""
    value = np.uint32(0)
    for octet in octets:
        value = np.uint32(np.uint32(value << np.uint32(8)) ^ table[(value >> np.uint32(24)) ^ np.uint32(octet)])
    return value


@part
def _best_place(pcm: Any, wanted: int, around: int, half: int, search: int) -> int:
    """Where near `around` the samples are most like those from `wanted` on, by correlation."""
    best, best_score = around, -1.0
    for at in range(max(around - search, 0), min(around + search, len(pcm) - 2 * half)):
        score, power = 0.0, 1.0
        for i in range(0, half, 2):
            one, other = float(pcm[wanted + i]), float(pcm[at + i])
            score += one * other
            power += other * other
        score /= np.sqrt(power)
        if score > best_score:
            best, best_score = at, score
    return best


@entry(types.void(types.int16[::1], types.int64, types.int64, types.float64, types.int16[::1]))
def overlap_frames(pcm: Any, half: int, search: int, speed: float, out: Any) -> None:
    """Lay frames of `2 * half` samples over each other by half, `speed` times as far apart in `pcm` as in `out`."""
    at = 0
    frames = len(out) // half - 1
    for i in range(half):
        out[i] = pcm[i]
    for k in range(frames):
        following = at + half  # what would come next by nature
        around = int((k + 1) * half * speed)
        if following + 2 * half + search >= len(pcm) or around + 2 * half + search >= len(pcm):
            break
        at = _best_place(pcm, following, around, half, search)
        for i in range(half):
            share = i / half
            out[(k + 1) * half + i] = np.int16(pcm[following + i] * (1.0 - share) + pcm[at + i] * share)
