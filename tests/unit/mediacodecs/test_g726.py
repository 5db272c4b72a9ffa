"""G.726 at four rates and in both packings against libspandsp, bit for bit, and beside FFmpeg."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from mediacodecs import create

FRAME = 160
VARIANTS = [(bits, high_first) for bits in (2, 3, 4, 5) for high_first in (False, True)]
EVERY_VARIANT = pytest.mark.parametrize(("bits", "high_first"), VARIANTS)


def make(bits, high_first):
    """A codec of so many bits a sample."""
    return create(f"{'AAL2-' if high_first else ''}G726-{8 * bits}")


def encode(codec, pcm):
    """All frames' octets together."""
    return np.concatenate([codec.encode(pcm[begin : begin + FRAME]) for begin in range(0, len(pcm), FRAME)])


def decode(codec, payload, bits):
    """All frames' samples together."""
    size = FRAME * bits // 8
    return np.concatenate([codec.decode(payload[begin : begin + size]) for begin in range(0, len(payload), size)])


@EVERY_VARIANT
def test_encodes_as_spandsp_does(mode, bits, high_first, difficult_audio, spandsp):
    pcm = difficult_audio(32000 if mode == "compiled" else 3200)
    assert np.array_equal(encode(make(bits, high_first), pcm), spandsp.g726_encode(pcm, bits, high_first))


@EVERY_VARIANT
def test_decodes_as_spandsp_does(mode, bits, high_first, difficult_audio, spandsp):
    pcm = difficult_audio(32000 if mode == "compiled" else 3200) // 5  # spandsp lets loud samples wrap round
    codec = make(bits, high_first)
    payload = encode(codec, pcm)
    assert np.array_equal(decode(codec, payload, bits), spandsp.g726_decode(payload, bits, high_first))


def wrap_free_ramp(count):
    """int16[count] by integers alone: a triangle of growing height with a pseudo-random dither."""
    number, samples = 1, []
    for i in range(count):
        number = (number * 69069 + 1) & 0xFFFFFFFF
        samples.append((abs(i % 80 - 40) - 20) * (i // 8) + (number >> 24) - 128)
    return np.array(samples, np.int16)


@pytest.mark.parametrize(
    ("bits", "digest"),
    [
        (2, "e76730f0b4d46c69"),
        (3, "cc0c4409344a2ba3"),
        (4, "9cdba2c249c3b178"),
        (5, "65be3a4fec6ff8af"),
    ],
)
def test_the_octets_stay_those_that_spandsp_gave(mode, bits, digest):
    payload = encode(make(bits, False), wrap_free_ramp(4800))
    assert hashlib.sha256(payload.tobytes()).hexdigest()[:16] == digest


@pytest.mark.parametrize(("bits", "high_first"), [variant for variant in VARIANTS if variant[0] < 5])
def test_ffmpeg_hears_the_same_but_for_rounding(bits, high_first, difficult_audio, ffmpeg):
    """FFmpeg rounds otherwise than the recommendation, and forgets too fast at 40 kbit/s: packing counts here."""
    pcm = difficult_audio(16000)[:4800] // 5
    codec = make(bits, high_first)
    payload = encode(codec, pcm)
    ours = decode(codec, payload, bits).astype(float)
    theirs = ffmpeg.decode_raw(
        "g726" if high_first else "g726le", payload.tobytes(), code_size=str(bits), sample_rate="8000"
    )
    noise = np.mean((ours - theirs) ** 2)
    assert 10 * np.log10(np.mean(ours**2) / noise) > 25, "the two decoders hear different things"


@pytest.mark.parametrize(("bits", "least_db"), [(2, 10), (3, 16), (4, 22), (5, 28)])
def test_more_bits_are_nearer_to_the_signal(bits, least_db):
    time = np.arange(8000) / 8000
    pcm = (4000 * np.sin(2 * np.pi * 440 * time) + 2000 * np.sin(2 * np.pi * 1310 * time)).astype(np.int16)
    codec = make(bits, False)
    noise = (decode(codec, encode(codec, pcm), bits).astype(float) - pcm)[800:]
    distance = 10 * np.log10(np.mean(pcm[800:].astype(float) ** 2) / np.mean(noise**2))
    assert distance > least_db


def test_the_packings_mirror_each_other(difficult_audio):
    low, high = make(4, False), make(4, True)
    pcm = difficult_audio(1600)
    first, second = encode(low, pcm), encode(high, pcm)
    assert np.array_equal(first, second >> 4 | second << 4), "of two codes in an octet the order alone differs"


@EVERY_VARIANT
def test_any_octets_are_decoded(bits, high_first):
    payload = np.random.default_rng(3).integers(0, 256, 5 * bits * 40).astype(np.uint8)
    assert len(decode(make(bits, high_first), payload, bits)) == len(payload) * 8 // bits


def test_samples_that_fill_no_octet_are_refused():
    with pytest.raises(ValueError, match="7 samples"):
        create("G726-24").encode(np.zeros(7, np.int16))
    with pytest.raises(ValueError, match="0 octets"):
        create("G726-32").decode(np.zeros(0, np.uint8))
