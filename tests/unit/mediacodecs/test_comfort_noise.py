"""Comfort noise: described and made again with the same level and colour."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediacodecs import comfort_noise, numbering
from mediacodecs.states.detectors import BACKWARD, NOISE_WORDS, reset_noise

RNG = np.random.default_rng(10)


def coloured(level_dbov, seconds=1.0):
    """int16[n]: noise that falls towards high frequencies."""
    noise = np.convolve(RNG.normal(0, 1, int(8000 * seconds)), [1, 1.2, 0.6, 0.2])[: int(8000 * seconds)]
    return np.rint(noise / noise.std() * 32768 * 10 ** (level_dbov / 20)).astype(np.int16)


def describe(pcm, order):
    """uint8[order + 1]"""
    out = np.zeros(11, np.uint8)
    octets = comfort_noise.describe(np.zeros(NOISE_WORDS, np.int64), pcm, len(pcm), order, out)
    assert octets == order + 1
    return out[:octets]


def generate(payload, count, seed=5):
    """int16[count] after 100 ms to settle."""
    state = np.zeros(NOISE_WORDS, np.int64)
    reset_noise(state, seed)
    comfort_noise.update(state, np.frombuffer(bytes(payload) or b"\0", np.uint8), len(payload))
    pcm = np.zeros(800 + count, np.int16)
    comfort_noise.generate(state, pcm, len(pcm))
    return pcm[800:]


def level_dbov(pcm):
    return 20 * np.log10(np.sqrt(np.mean(pcm.astype(float) ** 2)) / 32768)


def spectrum_db(pcm):
    blocks = pcm[: len(pcm) // 256 * 256].reshape(-1, 256) * np.hanning(256)
    return 10 * np.log10((np.abs(np.fft.rfft(blocks)) ** 2).mean(axis=0) + 1)


@pytest.mark.parametrize("level", [-30, -50, -70])
@pytest.mark.parametrize("order", [0, 4, 10])
def test_level_and_colour_come_back(mode, level, order):
    pcm = coloured(level, 1.0 if mode == "compiled" else 0.2)
    payload = describe(pcm[:1600], order)
    assert abs(int(payload[0]) + level) <= 1
    heard = generate(payload, 16000 if mode == "compiled" else 2400)
    assert abs(level_dbov(heard) - level) < 1.5
    if mode == "compiled" and order:
        apart = spectrum_db(heard)[4:100] - spectrum_db(pcm)[4:100]
        assert np.sqrt(np.mean(apart**2)) < 2.5, "the spectra differ"


@pytest.mark.parametrize("level", [-35, -50, -65])
def test_ffmpeg_describes_it_alike(ffmpeg, level):
    """FFmpeg looks through a window, so the coefficients differ by a little."""
    pcm = coloured(level, 0.08)
    (theirs,) = ffmpeg.packets("comfortnoise", pcm, 8000, compression_level="10")
    ours = describe(pcm, 10).astype(int)
    assert abs(ours[0] - theirs[0]) <= 1, f"level {ours[0]} or {theirs[0]}"
    apart = np.abs(ours[1:4] - np.frombuffer(theirs, np.uint8)[1:4].astype(int))
    assert apart.max() <= 24, f"{ours[1:4]} or {list(theirs[1:4])}"


def test_ffmpeg_makes_noise_of_the_same_colour(ffmpeg):
    """FFmpeg's is 6 dB softer than the level says: it takes evenly distributed numbers for as loud as they can be."""
    pcm = coloured(-40)
    payload = describe(pcm[:1600], 10)
    heard = np.concatenate(ffmpeg.decode_frames("comfortnoise", [payload] * 40, 8000))
    apart = spectrum_db(heard)[4:100] + 6 - spectrum_db(pcm)[4:100]
    assert np.sqrt(np.mean(apart**2)) < 3, "the spectra differ"


def test_a_level_alone_is_white():
    heard = spectrum_db(generate([50], 80000))[4:124]
    assert heard.max() - heard.min() < 3


def test_the_first_coefficient_has_the_sign_that_peers_use():
    """k1 = -r1/r0: a background of low frequencies has a negative first coefficient, an octet below 127."""
    assert describe(coloured(-40), 1)[1] < 127
    low = spectrum_db(generate([40, 127 - 100], 40000))
    assert low[5:20].mean() > low[100:120].mean() + 10


def test_the_level_changes_without_a_click(mode):
    state = np.zeros(NOISE_WORDS, np.int64)
    reset_noise(state, 3)
    pcm = np.zeros(160, np.int16)
    comfort_noise.generate(state, pcm, 160)
    assert not pcm.any(), "silent until something is known"
    comfort_noise.update(state, np.array([30], np.uint8), 1)
    comfort_noise.generate(state, pcm, 160)
    early, late = np.abs(pcm[:8].astype(float)).mean(), np.abs(pcm[120:].astype(float)).mean()
    assert early < late / 3
    comfort_noise.update(state, np.zeros(1, np.uint8), 0)
    comfort_noise.generate(state, pcm, 160)
    assert abs(level_dbov(pcm) + 30) < 2, "an empty payload changes nothing"


def test_silence_is_described_as_such():
    payload = describe(np.zeros(160, np.int16), 3).tolist()
    assert payload[0] > 90
    assert payload[1:] == [127, 127, 127]


def test_no_room_and_too_many_coefficients_are_refused():
    state, pcm = np.zeros(NOISE_WORDS, np.int64), np.zeros(160, np.int16)
    assert comfort_noise.describe(state, pcm, 160, 5, np.zeros(5, np.uint8)) == numbering.NO_ROOM
    assert comfort_noise.describe(state, pcm, 160, 11, np.zeros(50, np.uint8)) == numbering.NO_ROOM


@settings(max_examples=100)
@given(st.binary(max_size=40))
def test_any_description_gives_bounded_noise_that_ends(payload):
    state = np.zeros(NOISE_WORDS, np.int64)
    reset_noise(state, 1)
    comfort_noise.update(state, np.frombuffer(payload or b"\0", np.uint8), len(payload))
    pcm = np.zeros(1600, np.int16)
    comfort_noise.generate(state, pcm, 1600)
    rms = np.sqrt(np.mean(pcm[800:].astype(float) ** 2))
    assert rms <= 4 * 32768 * 10 ** (-((payload or b"\x7f")[0] & 127) / 20) + 1
    assert np.abs(state[BACKWARD:]).max() < 2**40


def test_plain_python_and_compiled_code_agree_to_the_bit(request):
    pcm = coloured(-40)[:800]
    payload = describe(pcm, 8)
    compiled = generate(payload, 1600)
    request.getfixturevalue("plain")
    assert np.array_equal(describe(pcm, 8), payload)
    assert np.array_equal(generate(payload, 1600), compiled)
