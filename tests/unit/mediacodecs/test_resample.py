"""The resampler: what passes, what does not, how late, and that frames make no difference."""

from __future__ import annotations

import numpy as np
import pytest

from mediacodecs import numbering, resample
from mediacodecs.states.resampling import SAMPLE_RATES, delay_samples, new_resampler

PAIRS = [(source, target) for source in SAMPLE_RATES for target in SAMPLE_RATES if source != target]
EVERY_PAIR = pytest.mark.parametrize(("source", "target"), PAIRS)
PASS_HZ = {8000: 3400, 16000: 7000, 24000: 11000}


def run(state, pcm, frame):
    """int16[n]: all of `pcm`, `frame` samples at a time."""
    parts = []
    for begin in range(0, len(pcm), frame):
        part = pcm[begin : begin + frame]
        out = np.zeros(len(part) * 6 + 6, np.int16)
        made = resample.resample(state, part, len(part), out)
        assert made >= 0
        parts.append(out[:made].copy())
    return np.concatenate(parts)


def sine(hertz, rate, seconds, peak=16000.0):
    """int16[n]"""
    return np.rint(peak * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.int16)


def response_db(source, target, hertz):
    """How much of a sine comes through at its own frequency, and how much at any other, in dB."""
    heard = run(new_resampler(source, target), sine(hertz, source, 0.2), source // 50)[target // 20 :].astype(float)
    time = np.arange(len(heard)) / target
    basis = np.column_stack([np.sin(2 * np.pi * hertz * time), np.cos(2 * np.pi * hertz * time)])
    parts, *_ = np.linalg.lstsq(basis, heard, rcond=None)
    rest = heard - basis @ parts
    return 20 * np.log10(np.hypot(*parts) / 16000), 10 * np.log10(np.mean(rest**2) / (16000**2 / 2) + 1e-12)


@EVERY_PAIR
def test_the_pass_band_is_flat(source, target):
    end = PASS_HZ[min(source, target)]
    levels = [response_db(source, target, hertz)[0] for hertz in np.linspace(100, end, 12)]
    assert max(levels) - min(levels) < 0.02, f"ripple {max(levels) - min(levels):.4f} dB"
    assert abs(np.mean(levels)) < 0.01


@EVERY_PAIR
def test_images_and_aliases_are_70_db_down(source, target):
    lower = min(source, target)
    if target > source:
        tones = np.linspace(150, PASS_HZ[lower], 9)  # what is added besides the tone are its images
        assert max(response_db(source, target, hertz)[1] for hertz in tones) < -70
        return
    stop = lower - PASS_HZ[lower]
    for hertz in np.linspace(stop, source / 2 - 100, 9):
        heard = run(new_resampler(source, target), sine(hertz, source, 0.2, 30000.0), source // 50)
        alias = np.sqrt(np.mean(heard[target // 20 :].astype(float) ** 2)) * np.sqrt(2) / 30000
        assert 20 * np.log10(alias + 1e-9) < -70, f"{hertz:.0f} Hz"


@EVERY_PAIR
def test_the_delay_is_below_2_ms_and_as_told(mode, source, target):
    pcm = np.zeros(source // 50, np.int16)
    pcm[len(pcm) // 4] = 30000
    state = new_resampler(source, target)
    told = delay_samples(state) / source
    assert told < 0.002
    heard = np.abs(run(state, pcm, source // 100).astype(float))
    middle = float((heard**2 * np.arange(len(heard))).sum() / (heard**2).sum()) / target
    assert abs(middle - len(pcm) // 4 / source - told) < 0.6 / min(source, target)


@EVERY_PAIR
def test_frames_of_any_length_make_the_same_samples(source, target):
    pcm = np.random.default_rng(6).integers(-20000, 20000, source // 10).astype(np.int16)
    whole = run(new_resampler(source, target), pcm, len(pcm))
    for frame in (1, 7, source // 100, 241, 500):
        assert np.array_equal(run(new_resampler(source, target), pcm, frame), whole), f"frames of {frame}"
    assert len(whole) == len(pcm) * target // source


@EVERY_PAIR
def test_a_frame_gives_exactly_its_share(mode, source, target):
    state = new_resampler(source, target)
    pcm, out = np.zeros(source // 100, np.int16), np.zeros(target // 100, np.int16)
    for _ in range(4):
        assert resample.resample(state, pcm, len(pcm), out) == target // 100
    assert resample.resample(state, pcm, len(pcm), out[:-1]) == numbering.NO_ROOM


@pytest.mark.parametrize(("source", "target"), [(8000, 16000), (48000, 8000), (24000, 16000)])
def test_plain_python_and_compiled_code_agree_to_the_bit(source, target, request):
    pcm = np.random.default_rng(7).integers(-32768, 32768, source // 25).astype(np.int16)
    compiled = run(new_resampler(source, target), pcm, source // 50)
    request.getfixturevalue("plain")
    assert np.array_equal(run(new_resampler(source, target), pcm, source // 50), compiled)


def test_full_scale_is_clipped_and_does_not_wrap():
    square = np.where(np.arange(1600) // 20 % 2, 32767, -32768).astype(np.int16)
    heard = run(new_resampler(8000, 48000), square, 160).astype(int)
    assert heard.max() == 32767
    assert heard.min() == -32768
    assert np.abs(np.diff(heard)).max() < 32768, "an overflow would jump from one end to the other"


@pytest.mark.parametrize(("source", "target"), [(8000, 8000), (8000, 44100), (11025, 8000)])
def test_other_rates_are_refused(source, target):
    with pytest.raises(ValueError, match=str(source)):
        new_resampler(source, target)
