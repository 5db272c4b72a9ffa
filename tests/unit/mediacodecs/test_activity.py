"""Whether somebody speaks, before and in noise."""

from __future__ import annotations

import numpy as np
import pytest

from mediacodecs import activity
from mediacodecs.states.detectors import ACTIVITY_WORDS, reset_activity

NOISE = np.random.default_rng(9)


def decisions(pcm, rate=8000, frame_ms=20):
    """bool[n], one a frame."""
    state = np.zeros(ACTIVITY_WORDS, np.int64)
    reset_activity(state, rate)
    size = rate // 1000 * frame_ms
    frames = range(0, len(pcm) - size + 1, size)
    return np.array([bool(activity.is_speech(state, pcm[begin : begin + size], size)) for begin in frames])


def noisy(pcm, rms):
    """int16[n]: with white noise."""
    return np.clip(np.rint(pcm + NOISE.normal(0, rms, len(pcm))), -32768, 32767).astype(np.int16)


def burst(rate=8000, frame_ms=20):
    """A second of noise, half a second of a tone, two seconds of noise; and the frames of the tone."""
    audio = np.zeros(int(3.5 * rate))
    audio[rate : rate * 3 // 2] = 3000 * np.sin(2 * np.pi * 300 * np.arange(rate // 2) / rate)
    return noisy(audio, 60), slice(1000 // frame_ms, 1500 // frame_ms)


@pytest.mark.parametrize(("rate", "frame_ms"), [(8000, 20), (8000, 10), (8000, 60), (16000, 20), (48000, 10)])
def test_a_burst_is_found_at_once_and_lasts_a_little_longer(mode, rate, frame_ms):
    audio, loud = burst(rate, frame_ms)
    found = decisions(audio, rate, frame_ms)
    assert not found[: loud.start].any()
    assert found[loud].all()
    tail = found[loud.stop :]
    lasting_ms = int(np.argmin(tail)) * frame_ms
    assert 180 <= lasting_ms <= 300, f"hangover of {lasting_ms} ms"
    assert not tail[int(np.argmin(tail)) :].any()


def test_a_click_lasts_less_long_than_a_word():
    audio = np.zeros(16000)
    audio[8000:8040] = 8000
    assert 2 <= decisions(noisy(audio, 20)).sum() <= 6


def test_the_level_of_a_steady_noise_makes_no_difference():
    for rms in (5, 50, 500, 900):
        assert decisions(noisy(np.zeros(80000), rms)).mean() < 0.01


def test_louder_noise_is_learnt():
    audio = np.concatenate([NOISE.normal(0, 50, 16000), NOISE.normal(0, 300, 8000 * 12)]).astype(np.int16)
    found = decisions(audio)
    assert found[100:120].all(), "at first it may be speech"
    assert not found[-100:].any(), "12 s later it is the background"


def test_digital_silence_is_none():
    assert not decisions(np.zeros(8000, np.int16)).any()


def test_a_soft_hiss_of_other_colour_is_speech():
    """A fricative 5 dB above a rumbling background, found by its zero crossings."""
    rumble = np.convolve(NOISE.normal(0, 1, 16000), np.ones(12) / 12, "same")
    rumble *= 300 / rumble.std()
    rumble[9600:10400] += np.diff(NOISE.normal(0, 360, 801))
    found = decisions(np.rint(rumble).astype(np.int16))
    assert found[61:64].all()
    assert not found[:59].any()


@pytest.mark.parametrize("rms", [3, 30, 150])
def test_speech_is_found_and_its_pauses(speech, rms):
    quiet = np.zeros(8000)
    audio = np.concatenate([quiet, speech[:32000], quiet, quiet])
    found = decisions(noisy(audio, rms))
    frames = audio[: len(found) * 160].reshape(-1, 160)
    loud = np.sqrt(np.mean(frames**2, axis=1)) > max(500, 4 * rms)
    assert found[loud].mean() > 0.97, "of the loud frames"
    assert not found[:45].any()
    assert not found[-40:].any()


def test_plain_python_and_compiled_code_agree(request):
    audio, _ = burst()
    compiled = decisions(audio)
    request.getfixturevalue("plain")
    assert np.array_equal(decisions(audio), compiled)
