"""G.711 against the standard's own definition, FFmpeg and the standard library."""

from __future__ import annotations

import warnings

import av
import numpy as np
import pytest

from mediacodecs import create, frames, g711
from mediacodecs.streams import new_decoder, new_encoder

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import audioop
except ImportError:  # gone from Python 3.13
    audioop = None
needs_audioop = pytest.mark.skipif(audioop is None, reason="this Python has no audioop")

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)
EVERY_CODE = np.arange(256).astype(np.uint8)
LAWS = [("PCMA", "pcm_alaw"), ("PCMU", "pcm_mulaw")]


def ffmpeg_decode(codec_name, payload):
    """int16 samples, by FFmpeg."""
    decoder = av.CodecContext.create(codec_name, "r")
    decoder.sample_rate, decoder.layout = 8000, "mono"
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in decoder.decode(av.Packet(payload))])


@pytest.mark.parametrize(("encoding", "ffmpeg_name"), LAWS)
def test_every_code_decodes_as_ffmpeg_decodes_it(encoding, ffmpeg_name):
    assert np.array_equal(create(encoding).decode(EVERY_CODE), ffmpeg_decode(ffmpeg_name, EVERY_CODE.tobytes()))


@needs_audioop
@pytest.mark.parametrize(("encoding", "table"), [("PCMA", "alaw2lin"), ("PCMU", "ulaw2lin")])
def test_every_code_decodes_as_the_standard_library_decodes_it(encoding, table):
    reference = np.frombuffer(getattr(audioop, table)(EVERY_CODE.tobytes(), 2), np.int16)
    assert np.array_equal(create(encoding).decode(EVERY_CODE), reference)


@pytest.mark.parametrize("encoding", ["PCMA", "PCMU"])
def test_decoded_codes_encode_to_themselves(encoding):
    codec = create(encoding)
    again = codec.encode(codec.decode(EVERY_CODE))
    minus_zero = 0x7F  # µ-law has two zeros
    expected = np.where((minus_zero == EVERY_CODE) & (encoding == "PCMU"), 0xFF, EVERY_CODE)
    assert np.array_equal(again, expected)


@needs_audioop
def test_alaw_encodes_every_sample_as_the_standard_library_does():
    reference = np.frombuffer(audioop.lin2alaw(EVERY_SAMPLE.tobytes(), 2), np.uint8)
    assert np.array_equal(create("PCMA").encode(EVERY_SAMPLE), reference)


def decision_intervals(encoding):
    """For each positive code, in order of size, the lowest 16-bit sample of its interval (G.711 tables 1a and 2a)."""
    if encoding == "PCMA":  # decision values on the 12-bit scale of magnitudes: steps of 2 up to 64, then doubling
        steps = [2] * 32 + [4] * 16 + [8] * 16 + [16] * 16 + [32] * 16 + [64] * 16 + [128] * 16
        return np.concatenate([[0], np.cumsum(steps)[:-1]]) * 8
    steps = [1] + [2] * 15 + [4] * 16 + [8] * 16 + [16] * 16 + [32] * 16 + [64] * 16 + [128] * 16 + [256] * 16
    return np.concatenate([[0], np.cumsum(steps)[:-1]]) * 4


@pytest.mark.parametrize("encoding", ["PCMA", "PCMU"])
def test_every_sample_falls_into_the_interval_of_the_standards_decision_values(encoding):
    lowest = decision_intervals(encoding)
    codec = create(encoding)
    outputs = np.unique(np.abs(codec.decode(EVERY_CODE).astype(int)))
    magnitudes = np.abs(codec.decode(codec.encode(EVERY_SAMPLE)).astype(int))
    samples = EVERY_SAMPLE.astype(int)
    ones_complement = np.where(samples < 0, -samples - 1, samples)
    expected = outputs[np.searchsorted(lowest, ones_complement, side="right") - 1]
    assert np.array_equal(magnitudes, expected)
    assert np.all(np.sign(codec.decode(codec.encode(EVERY_SAMPLE)).astype(int)) * samples >= 0)


@pytest.mark.parametrize(
    ("encoding", "codes", "full_scale_dbm0", "peak"),
    [
        ("PCMA", "34212134b4a1a1b4", g711.ALAW_OVERLOAD_DBM0, g711.ALAW_OVERLOAD_PEAK),
        ("PCMU", "1e0b0b1e9e8b8b9e", g711.ULAW_OVERLOAD_DBM0, g711.ULAW_OVERLOAD_PEAK),
    ],
)
def test_the_standards_milliwatt_sequence_has_0_dbm0(encoding, codes, full_scale_dbm0, peak):
    samples = create(encoding).decode(np.frombuffer(bytes.fromhex(codes), np.uint8)).astype(float)
    level = 10 * np.log10(np.mean(samples**2) / (peak**2 / 2)) + full_scale_dbm0
    assert abs(level) < 0.02, f"{level:.3f} dBm0 (G.711 tables 5 and 6)"


@pytest.mark.parametrize(
    ("table", "source", "target"),
    [
        (g711.ALAW_TO_ULAW, g711.ALAW_DECODE, g711.ULAW_DECODE),
        (g711.ULAW_TO_ALAW, g711.ULAW_DECODE, g711.ALAW_DECODE),
    ],
)
def test_conversion_between_the_laws_goes_to_the_nearest_of_the_same_sign(table, source, target):
    for code in range(256):
        half = target[0x80:] if code & 0x80 else target[:0x80]
        error = abs(int(target[table[code]]) - int(source[code]))
        assert error == np.abs(half.astype(int) - int(source[code])).min(), f"code {code:#x}"
        assert (table[code] ^ code) & 0x80 == 0, f"code {code:#x} changes its sign"


@pytest.mark.parametrize("encoding", ["PCMA", "PCMU"])
def test_packet_threads_code_as_the_tables_say(encoding):
    table, stream = create(encoding), new_decoder(encoding)
    octets, samples = np.zeros(len(EVERY_SAMPLE), np.uint8), np.zeros(256, np.int16)
    size = frames.encode_frame(stream.codec, new_encoder(encoding).state, EVERY_SAMPLE, len(EVERY_SAMPLE), octets)
    assert size == len(octets) and np.array_equal(octets, table.encode(EVERY_SAMPLE))
    assert frames.decode_frame(stream.codec, stream.state, EVERY_CODE, 256, samples) == 256
    assert np.array_equal(samples, table.decode(EVERY_CODE))


def test_slices_and_lost_packets():
    codec = create("PCMA")
    assert np.array_equal(codec.encode(EVERY_SAMPLE[::2]), codec.encode(EVERY_SAMPLE)[::2])
    assert np.array_equal(codec.conceal(160), np.zeros(160))
    assert len(codec.encode(EVERY_SAMPLE[:0])) == 0


def test_another_sample_rate_is_refused():
    with pytest.raises(ValueError, match="16000"):
        g711.ALaw(16000)
