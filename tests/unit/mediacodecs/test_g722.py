"""G.722 against libspandsp and FFmpeg, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from mediacodecs import create

FRAME = 320


def encode(codec, pcm):
    """uint8[n / 2], in frames of 20 ms."""
    return np.concatenate([codec.encode(pcm[begin : begin + FRAME]) for begin in range(0, len(pcm), FRAME)])


def decode(codec, payload):
    """int16[2 n], in frames of 20 ms."""
    parts = range(0, len(payload), FRAME // 2)
    return np.concatenate([codec.decode(payload[begin : begin + FRAME // 2]) for begin in parts])


@pytest.fixture
def seconds(mode):
    """How much audio: plain Python is some thousand times slower."""
    return 4.0 if mode == "compiled" else 0.5


def test_encodes_as_ffmpeg_and_spandsp_do(seconds, difficult_audio, ffmpeg, spandsp):
    pcm = difficult_audio(int(16000 * seconds))
    payload = encode(create("G722", 16000), pcm)
    assert payload.tobytes() == ffmpeg.encode("g722", pcm, 16000)[: len(payload)]
    assert np.array_equal(payload, spandsp.g722_encode(pcm))


def test_decodes_what_was_encoded_as_ffmpeg_and_spandsp_do(seconds, difficult_audio, ffmpeg, spandsp):
    payload = encode(create("G722", 16000), difficult_audio(int(16000 * seconds)) // 2)
    pcm = decode(create("G722", 16000), payload)
    assert np.array_equal(pcm, ffmpeg.decode("g722", payload.tobytes(), 16000))
    overshot = (pcm == 32767) | (pcm == -32768)  # where spandsp lets the sample wrap round
    assert np.array_equal(pcm[~overshot], spandsp.g722_decode(payload)[~overshot])
    assert np.count_nonzero(overshot) < len(pcm) / 100


def test_decodes_any_octets_as_ffmpeg_does(seconds, ffmpeg):
    payload = np.random.default_rng(2).integers(0, 256, int(8000 * seconds)).astype(np.uint8)
    assert np.array_equal(decode(create("G722", 16000), payload), ffmpeg.decode("g722", payload.tobytes(), 16000))


def test_at_8_khz_it_codes_and_decodes_as_spandsp_does(seconds, difficult_audio, spandsp):
    pcm = difficult_audio(int(8000 * seconds))
    codec = create("G722", 8000)
    payload = np.concatenate([codec.encode(pcm[begin : begin + 160]) for begin in range(0, len(pcm), 160)])
    assert np.array_equal(payload, spandsp.g722_encode(pcm, narrow=True))
    heard = np.concatenate([codec.decode(payload[begin : begin + 160]) for begin in range(0, len(payload), 160)])
    assert np.array_equal(heard, spandsp.g722_decode(payload, narrow=True))


@pytest.mark.parametrize(("sent_rate", "heard_rate"), [(8000, 16000), (16000, 8000)])
def test_8_and_16_khz_understand_each_other(sent_rate, heard_rate):
    time = np.arange(sent_rate) / sent_rate
    pcm = (8000 * np.sin(2 * np.pi * 1000 * time)).astype(np.int16)
    sender, receiver = create("G722", sent_rate), create("G722", heard_rate)
    frame = sent_rate // 50
    parts = [receiver.decode(sender.encode(pcm[begin : begin + frame])) for begin in range(0, len(pcm), frame)]
    heard = np.concatenate(parts).astype(float)[heard_rate // 5 :]
    assert len(parts[0]) == heard_rate // 50
    at = np.arange(len(heard)) / heard_rate
    peak = 2 * abs(np.mean(heard * np.exp(-2j * np.pi * 1000 * at)))
    assert abs(20 * np.log10(peak / 8000)) < 0.5, "the level is the same"
    rest = np.mean(heard**2) - peak**2 / 2
    assert 10 * np.log10(peak**2 / 2 / rest) > 25, "and little else is heard"


def test_a_packet_of_10_ms_or_60_ms_is_the_same_stream(difficult_audio):
    pcm = difficult_audio(9600)
    small, large = create("G722", 16000), create("G722", 16000)
    parts = [small.encode(pcm[begin : begin + 160]) for begin in range(0, 9600, 160)]
    parts_large = [large.encode(pcm[begin : begin + 960]) for begin in range(0, 9600, 960)]
    assert np.array_equal(np.concatenate(parts), np.concatenate(parts_large))


def test_both_bands_come_through():
    time = np.arange(16000) / 16000
    for hertz in (300, 1000, 3000, 5000, 6500):
        pcm = (8000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)
        codec = create("G722", 16000)
        heard = decode(codec, encode(codec, pcm)).astype(float)[3200:]
        spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
        peak = int(np.argmax(spectrum)) * 16000 / len(heard)
        assert abs(peak - hertz) < 3, f"{hertz} Hz came out as {peak} Hz"


def test_the_rtp_clock_is_half_the_sample_rate():
    codec = create("g722", 16000)
    assert (codec.sample_rate, codec.rtp_clock) == (16000, 8000)
    assert len(codec.encode(np.zeros(320, np.int16))) == 160


def test_half_a_pair_of_samples_and_an_empty_payload_are_refused():
    with pytest.raises(ValueError, match="5 samples"):
        create("G722", 16000).encode(np.zeros(5, np.int16))
    with pytest.raises(ValueError, match="0 octets"):
        create("G722", 16000).decode(np.zeros(0, np.uint8))
