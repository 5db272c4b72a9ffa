"""DTMF made from telephone-events, and found in sound within the limits of ITU-T Q.24."""

from __future__ import annotations

import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest

from mediacodecs import dtmf, dtmf_detector
from mediacodecs.dtmf import COLUMN, HIGH_HZ, LOW_HZ, PEAK_0_DBM0, ROW
from mediacodecs.dtmf_detector import END
from softswitch.media.playing.resample import resample

RNG = np.random.default_rng(11)
EVERY_DIGIT = range(16)
ONSETS = range(0, 160, 37)  # where in a frame and between two hops the digit begins


def pair(digit, ms, low_db=-10.0, high_db=-10.0, low_off=0.0, high_off=0.0):
    """float[n]: the two tones of a digit, levels in dBm0, offsets as parts of the frequency."""
    time = np.arange(8 * ms) / 8000
    low, high = LOW_HZ[ROW[digit]] * (1 + low_off), HIGH_HZ[COLUMN[digit]] * (1 + high_off)
    return PEAK_0_DBM0 * (
        10 ** (low_db / 20) * np.sin(2 * np.pi * low * time + 0.3)
        + 10 ** (high_db / 20) * np.sin(2 * np.pi * high * time)
    )


def detect(audio, frame=160):
    """What is found, in order: digits, and END + digit."""
    state, found = np.zeros(dtmf_detector.WORDS, np.int64), np.zeros(8, np.int64)
    pcm = np.clip(np.rint(audio), -32768, 32767).astype(np.int16)
    heard = []
    for begin in range(0, len(pcm) - frame + 1, frame):
        count = dtmf_detector.detect(state, pcm[begin : begin + frame], frame, found)
        heard += found[:count].tolist()
    return heard


def surrounded(sound, onset=0, noise=0.0):
    """The sound between 50 ms and 100 ms of silence or noise."""
    audio = np.concatenate([np.zeros(400 + onset), sound, np.zeros(800)])
    return audio + RNG.normal(0, noise, len(audio)) if noise else audio


NOISE_15_DB = PEAK_0_DBM0 * 10 ** (-25 / 20)  # 15 dB below two tones of -10 dBm0

ACCEPTED = [
    ("40 ms", {}),
    ("1.5 % high", {"low_off": 0.015, "high_off": 0.015}),
    ("1.5 % low", {"low_off": -0.015, "high_off": -0.015}),
    ("1.5 % apart", {"low_off": 0.015, "high_off": -0.015}),
    ("1.5 % together", {"low_off": -0.015, "high_off": 0.015}),
    ("-25 dBm0", {"low_db": -25, "high_db": -25}),
    ("-3 dBm0", {"low_db": -3, "high_db": -3}),
    ("high group 4 dB louder", {"low_db": -14, "high_db": -10}),
    ("low group 8 dB louder", {"low_db": -10, "high_db": -18}),
    ("twist and offset", {"low_db": -14, "high_db": -10, "low_off": 0.015, "high_off": 0.015}),
    ("reverse twist and offset", {"low_db": -10, "high_db": -18, "low_off": -0.015, "high_off": -0.015}),
]
REFUSED = [
    ("low group 3.5 % high", 100, {"low_off": 0.035}),
    ("low group 3.5 % low", 100, {"low_off": -0.035}),
    ("high group 3.5 % high", 100, {"high_off": 0.035}),
    ("high group 3.5 % low", 100, {"high_off": -0.035}),
    ("20 ms", 20, {"low_db": -5, "high_db": -5}),
    ("23 ms", 23, {"low_db": -5, "high_db": -5}),
    ("high group 8 dB louder", 100, {"low_db": -18, "high_db": -10}),
    ("low group 12 dB louder", 100, {"low_db": -6, "high_db": -18}),
    ("-40 dBm0", 100, {"low_db": -40, "high_db": -40}),
]


@pytest.mark.parametrize(("name", "options"), ACCEPTED, ids=[name for name, _ in ACCEPTED])
def test_is_accepted(name, options):
    for digit in EVERY_DIGIT:
        for onset in ONSETS:
            assert detect(surrounded(pair(digit, 40, **options), onset)) == [digit, END + digit], (digit, onset)


@pytest.mark.parametrize("options", [{}, {"low_off": 0.015, "high_off": -0.015}], ids=["exact", "1.5 % off"])
def test_is_accepted_with_noise_15_db_below(options):
    for digit in EVERY_DIGIT:
        for onset in ONSETS:
            heard = detect(surrounded(pair(digit, 45, **options), onset, NOISE_15_DB))
            assert heard == [digit, END + digit], (digit, onset)


@pytest.mark.parametrize(("name", "ms", "options"), REFUSED, ids=[name for name, _, _ in REFUSED])
def test_is_refused(name, ms, options):
    for digit in EVERY_DIGIT:
        for onset in ONSETS:
            assert detect(surrounded(pair(digit, ms, **options), onset)) == [], (digit, onset)


def test_in_plain_python_too(plain):
    assert detect(surrounded(pair(5, 40))) == [5, END + 5]
    assert detect(surrounded(pair(5, 60, low_off=0.035))) == []


def test_plain_python_and_compiled_code_keep_the_same_state(request):
    audio = np.rint(surrounded(pair(9, 40), 13, 300.0))[:1600].astype(np.int16)
    states = []
    for kind in ("compiled", "plain"):
        if kind == "plain":
            request.getfixturevalue("plain")
        state = np.zeros(dtmf_detector.WORDS, np.int64)
        dtmf_detector.detect(state, audio, len(audio), np.zeros(8, np.int64))
        states.append(state)
    assert np.array_equal(*states)


def test_digits_40_ms_long_and_40_ms_apart_are_told_apart():
    number = [1, 1, 2, 15, 0, 0, 10, 11]
    audio = np.concatenate([np.zeros(400), *(np.concatenate([pair(d, 40), np.zeros(320)]) for d in number)])
    assert detect(np.concatenate([audio, np.zeros(800)])) == [what for d in number for what in (d, END + d)]


def test_digits_without_a_pause_between_are_told_apart():
    audio = np.concatenate([np.zeros(400), pair(1, 60), pair(6, 60), np.zeros(800)])
    assert detect(audio) == [1, END + 1, 6, END + 6]


def test_a_break_of_10_ms_is_bridged():
    for digit in EVERY_DIGIT:
        audio = surrounded(np.concatenate([pair(digit, 40), np.zeros(80), pair(digit, 40)]))
        assert detect(audio) == [digit, END + digit]


def test_frames_of_any_length_find_the_same():
    audio = np.concatenate([np.zeros(400), pair(3, 50), np.zeros(400), pair(12, 50), np.zeros(1160)])
    for frame in (80, 40, 240, 480, 37):
        assert detect(audio, frame) == [3, END + 3, 12, END + 12], f"frames of {frame}"


def test_what_has_no_room_is_left_out():
    state = np.zeros(dtmf_detector.WORDS, np.int64)
    audio = np.rint(surrounded(pair(3, 60))).astype(np.int16)
    assert dtmf_detector.detect(state, audio, len(audio), np.zeros(0, np.int64)) == 0


@pytest.mark.parametrize("hertz", [(350, 440), (480, 620), (697, 770), (1209, 1336), (941,), (2130, 2750), (440, 480)])
def test_other_tones_are_no_digits(hertz):
    time = np.arange(8000) / 8000
    assert detect(sum(8000 * np.sin(2 * np.pi * one * time) for one in hertz)) == []


@pytest.mark.parametrize("gain", [1.0, 0.3, 0.1])
def test_speech_is_not_taken_for_digits(speech, gain):
    assert detect(speech * gain) == []


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
@pytest.mark.parametrize(("voice", "pitch"), [("en+m3", 30), ("en+f2", 70)])
def test_minutes_of_a_low_and_a_high_voice_are_not_taken_for_digits(tmp_path, voice, pitch):
    """Talk-off: some three minutes of fluent speech each."""
    text = " ".join((Path(__file__).parents[3] / "README.md").read_text().split()[:500])
    wav = tmp_path / "speech.wav"
    subprocess.run(
        ["espeak-ng", "-v", voice, "-p", str(pitch), "-w", str(wav), "--stdin"], input=text.encode(), check=True
    )
    with wave.open(str(wav)) as file:
        spoken = resample(np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate(), 8000)
    assert len(spoken) > 120 * 8000, "some minutes"
    assert detect(spoken.astype(float)) == []


def test_noise_and_music_are_not_taken_for_digits():
    assert detect(RNG.normal(0, 6000, 160_000)) == []
    time = np.arange(80_000) / 8000
    scale = 220 * 2 ** (np.floor(time * 8) % 25 / 12)
    chord = sum(3000 * np.sin(2 * np.pi * np.cumsum(scale * k) / 8000) for k in (1, 1.26, 1.5, 2, 3))
    assert detect(chord) == []


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_an_event_becomes_its_two_tones(mode, rate):
    for event in EVERY_DIGIT if mode == "compiled" else (0, 15):
        state, pcm = np.zeros(dtmf.WORDS, np.int64), np.zeros(rate // 10, np.int16)
        assert dtmf.start_tone(state, event, 10, rate)
        assert dtmf.tone(state, pcm, len(pcm))
        steady = pcm[rate // 50 :].astype(float)
        time = np.arange(len(steady)) / rate
        for hertz in (LOW_HZ[ROW[event]], HIGH_HZ[COLUMN[event]]):
            peak = 2 * abs(np.mean(steady * np.exp(-2j * np.pi * hertz * time)))
            assert abs(20 * np.log10(peak / PEAK_0_DBM0) + 13) < 0.3, f"{hertz} Hz of event {event}: 3 dB below both"


def test_what_is_made_is_found(mode):
    state, frame = np.zeros(dtmf.WORDS, np.int64), np.zeros(160, np.int16)
    audio, sounding = [], []
    for number in range(16):
        if number == 3:
            dtmf.start_tone(state, 7, 8, 8000)
        if number == 8:
            dtmf.stop_tone(state)
        sounding.append(bool(dtmf.tone(state, frame, 160)))
        audio.append(frame.copy())
    assert detect(np.concatenate(audio)) == [7, END + 7]
    assert sounding == [False] * 3 + [True] * 6 + [False] * 7, "the frame in which it fades still sounds"


def test_it_begins_and_ends_without_a_click():
    state, pcm = np.zeros(dtmf.WORDS, np.int64), np.zeros(480, np.int16)
    dtmf.start_tone(state, 15, 3, 8000)
    dtmf.tone(state, pcm[:240], 240)
    dtmf.stop_tone(state)
    dtmf.tone(state, pcm[240:], 240)
    steps = np.abs(np.diff(pcm.astype(int)))
    assert pcm[0] == 0
    assert not pcm[257:].any()
    assert max(steps[:16].max(), steps[239:].max()) <= steps[20:239].max()


@pytest.mark.parametrize("event", [16, 255, -1])
def test_events_without_tones_are_silent(mode, event):
    state, pcm = np.zeros(dtmf.WORDS, np.int64), np.ones(160, np.int16)
    assert not dtmf.start_tone(state, event, 10, 8000)
    assert not dtmf.tone(state, pcm, 160)
    assert not pcm.any()
