"""Codecs: processor time for a frame of 20 ms, encoded, decoded and made up, and what compiling each codec takes.

Everything runs in compiled loops of this process, which is also what is measured: the least of many runs, since other
work on the machine only adds. Speech is encoded; one packet of it is decoded again and again.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import Bench, arguments
from numba import types

from mediacodecs import frames, numbering, streams
from mediacodecs.codec import CodecUnavailable
from mediacodecs.compiled import Compiler
from softswitch.media.playing import sounds
from softswitch.media.playing.resample import resample

_CODECS = (
    ("PCMA", 8000, numbering.PCMA),
    ("L16", 8000, numbering.L16),
    ("G722", 16000, numbering.G722),
    ("G722", 8000, numbering.G722),
    ("G726-32", 8000, numbering.G726),
    ("GSM", 8000, numbering.GSM),
    ("AMR", 8000, numbering.AMR),
    ("AMR-WB", 16000, numbering.AMR_WB),
    ("CODEC2", 8000, numbering.CODEC2),
    ("G729", 8000, numbering.G729),
    ("opus", 8000, numbering.OPUS),
    ("opus", 16000, numbering.OPUS),
    ("opus", 48000, numbering.OPUS),
)
_FRAMES_PER_S, _SECONDS, _ROUNDS, _LOSSES = 50, 4, 100, 60
_MOST_OCTETS, _MOST_SAMPLES = 2000, 5760

_compiler = Compiler("bench-codecs", (Path(__file__),))
_number, _state, _octets, _samples = types.int64, types.int64[::1], types.uint8[::1], types.int16[::1]


@_compiler.entry(types.int64(_number, _state, _samples, _number, _octets, _number))
def _encode(codec: int, state: Any, pcm: Any, samples: int, out: Any, rounds: int) -> Any:
    size = 0
    for i in range(rounds):
        at = i * samples % (len(pcm) - samples)
        size = frames.encode_frame(codec, state, pcm[at : at + samples], samples, out)
    return size


@_compiler.entry(types.int64(_number, _state, _octets, _number, _samples, _number))
def _decode(codec: int, state: Any, payload: Any, size: int, pcm: Any, rounds: int) -> Any:
    count = 0
    for _ in range(rounds):
        count = frames.decode_frame(codec, state, payload, size, pcm)
    return count


@_compiler.entry(types.int64(_number, _state, _samples, _number))
def _conceal(codec: int, state: Any, pcm: Any, samples: int) -> Any:
    return frames.conceal_frame(codec, state, pcm, samples)


def _time_us(work: Callable[[], object]) -> float:
    begin = time.thread_time()
    work()
    return (time.thread_time() - begin) * 1e6


def _measure(bench: Bench, name: str, rate: int, runs: int) -> None:
    encoder, decoder = streams.new_encoder(name, rate), streams.new_decoder(name, rate)
    samples, title = rate // _FRAMES_PER_S, f"{name.lower()}_{rate // 1000}k"
    speech = np.ascontiguousarray(resample(sounds.announcement(), 8000, rate)[: rate * _SECONDS])
    payload, pcm = np.zeros(_MOST_OCTETS, np.uint8), np.zeros(_MOST_SAMPLES, np.int16)
    ours, theirs = encoder.state.copy(), decoder.state.copy()
    took = min(_time_us(lambda: _encode(encoder.codec, ours, speech, samples, payload, _ROUNDS)) for _ in range(runs))
    bench.figure(f"codec_us_per_frame_{title}_encode", took / _ROUNDS, "us")
    size = _encode(encoder.codec, ours, speech, samples, payload, 21)
    took = min(_time_us(lambda: _decode(decoder.codec, theirs, payload, size, pcm, _ROUNDS)) for _ in range(runs))
    bench.figure(f"codec_us_per_frame_{title}_decode", took / _ROUNDS, "us")
    call = min(_time_us(lambda: _conceal(decoder.codec, theirs, pcm, 0)) for _ in range(_LOSSES))
    losses = []
    for _ in range(_LOSSES):
        _decode(decoder.codec, theirs, payload, size, pcm, 5)
        losses.append(_time_us(lambda: _conceal(decoder.codec, theirs, pcm, samples)) - call)
    bench.figure(f"codec_us_per_frame_{title}_first_lost", statistics.median(losses), "us")


def main() -> int:
    """Run the bench."""
    options = arguments("What each codec takes.")
    bench = Bench("codec_cost", json_output=options.json)
    frames.load(numbering.L16)  # numba itself is loaded by now
    for name, rate, number in _CODECS:
        begin = time.process_time()
        try:
            frames.load(number)
            loaded_s = time.process_time() - begin
            _measure(bench, name, rate, 5 if options.quick else 20)
        except (CodecUnavailable, ImportError, OSError) as error:
            bench.note(f"{name} at {rate} Hz: {error}")
            continue
        if loaded_s > 0.001:  # else another rate of it was measured before
            bench.figure(f"load_s_{name.lower()}", loaded_s, "s")
    return bench.finish()


if __name__ == "__main__":
    raise SystemExit(main())
