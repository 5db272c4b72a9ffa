"""What is heard where frames of a waveform codec are missing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mediacodecs import frames
from mediacodecs.states import concealment
from mediacodecs.streams import new_decoder


def vowel(seconds, rate, pitch=130.0):
    """int16[n]: a pitch with harmonics."""
    time = np.arange(int(seconds * rate)) / rate
    return sum(4000 / k * np.sin(2 * np.pi * k * pitch * time + k) for k in range(1, 9)).astype(np.int16)


def with_losses(pcm, rate, lost, channels=1, frame_ms=20):
    """int16[n]: `pcm` through L16, the frames whose number is in `lost` concealed."""
    decoder = new_decoder("L16", rate, channels)
    size = rate // 1000 * frame_ms * channels
    heard = np.zeros_like(pcm)
    for number in range(len(pcm) // size):
        out = heard[number * size : (number + 1) * size]
        if number in lost:
            assert frames.conceal_frame(decoder.codec, decoder.state, out, size) == size
        else:
            payload = pcm[number * size : (number + 1) * size].astype(">i2").view(np.uint8)
            frames.decode_frame(decoder.codec, decoder.state, payload, len(payload), out)
    return heard


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_a_vowel_goes_on(mode, rate):
    pcm = vowel(0.3, rate)
    heard = with_losses(pcm, rate, {8})
    size = rate // 50
    lost = slice(8 * size, 8 * size + size // 2)  # the first 10 ms are not attenuated
    noise = (heard[lost].astype(float) - pcm[lost]) ** 2
    assert 10 * np.log10(np.mean(pcm[lost].astype(float) ** 2) / np.mean(noise)) > 12


def test_nothing_is_changed_without_a_loss(mode):
    pcm = vowel(0.2, 8000)
    assert np.array_equal(with_losses(pcm, 8000, set()), pcm)


def test_no_click_at_either_end(mode):
    pcm = vowel(0.5, 8000)
    steepest = np.abs(np.diff(pcm.astype(int))).max()
    for lost in ({5}, {5, 6}, {5, 6, 7, 8, 9, 10}, {5, 7, 9}):
        heard = with_losses(pcm, 8000, lost)
        assert np.abs(np.diff(heard.astype(int))).max() < 1.4 * steepest, f"frames {lost} lost"


def test_a_long_loss_fades_to_silence_in_60_ms(mode):
    heard = with_losses(vowel(0.4, 8000), 8000, set(range(10, 20))).astype(float)
    levels = [np.sqrt(np.mean(heard[begin : begin + 80] ** 2)) for begin in range(1600, 2400, 80)]
    assert levels[0] > 0.8 * np.sqrt(np.mean(heard[800:1600] ** 2))
    assert all(later < earlier * 1.02 for earlier, later in itertools.pairwise(levels[1:7]))
    assert not heard[1600 + 480 :].any()


def test_a_long_loss_is_no_bare_buzz(mode):
    """After 10 ms more than one period is repeated, so noise does not turn into a tone."""
    noise = np.random.default_rng(8).normal(0, 3000, 3200).astype(np.int16)
    heard = with_losses(noise, 8000, {10, 11}).astype(float)[1600:1920]
    likeness = [np.corrcoef(heard[lag:], heard[:-lag])[0, 1] for lag in range(40, 121)]
    assert max(likeness) < 0.95


def test_channels_stay_apart(mode):
    left, right = vowel(0.3, 8000, 110.0), vowel(0.3, 8000, 110.0) // 4
    heard = with_losses(np.column_stack([left, right]).reshape(-1), 8000, {8}, channels=2).reshape(-1, 2).astype(float)
    lost = heard[8 * 160 : 8 * 160 + 80]
    assert 3 < np.sqrt(np.mean(lost[:, 0] ** 2) / np.mean(lost[:, 1] ** 2)) < 5


@pytest.mark.parametrize("frame_ms", [5, 10, 30, 60])
def test_any_frame_length_works(mode, frame_ms):
    pcm = vowel(0.6, 8000)
    heard = with_losses(pcm, 8000, {5}, frame_ms=frame_ms)
    begin = 5 * frame_ms * 8
    assert np.abs(heard[begin : begin + 40]).max() > 1000


def test_loss_before_anything_was_heard_is_silence(mode):
    assert not with_losses(vowel(0.1, 8000), 8000, {0, 1, 2, 3, 4}).any()


def test_speech_with_losses_is_nearer_to_itself_than_with_gaps(speech):
    """Judged by short spectra, as the ear does: repeated periods need not be in phase with what was lost."""
    speech = speech[: len(speech) // 160 * 160]
    lost = set(np.flatnonzero(np.random.default_rng(1).random(len(speech) // 160) < 0.1).tolist())
    heard = with_losses(speech, 8000, lost)

    def spectrum(frame):
        return 20 * np.log10(np.abs(np.fft.rfft(frame * np.hanning(160))) + 30)

    distances = {"concealed": [], "silent": []}
    for number in lost:
        frame = slice(160 * number, 160 * number + 160)
        truth = spectrum(speech[frame].astype(float))
        distances["concealed"].append(np.sqrt(np.mean((spectrum(heard[frame].astype(float)) - truth) ** 2)))
        distances["silent"].append(np.sqrt(np.mean((spectrum(np.zeros(160)) - truth) ** 2)))
    assert np.mean(distances["concealed"]) < 0.6 * np.mean(distances["silent"])


def test_the_state_has_the_length_that_is_told():
    assert len(new_decoder("PCMA").state) == 1 + concealment.words(8000, 1)
