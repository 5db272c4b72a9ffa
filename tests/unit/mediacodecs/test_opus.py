"""Opus against FFmpeg's own decoder and its libopus, its losses, and a machine without the library."""

from __future__ import annotations

import ctypes
import importlib
import sys

import av
import numpy as np
import pytest

from mediacodecs import CodecUnavailable, create, frames, opus, registry
from mediacodecs.opus_fmtp import OpusParameters
from mediacodecs.states.opus import SAMPLE_RATES, library_version
from mediacodecs.streams import new_decoder, new_encoder

FRAME = 960
HISS = np.random.default_rng(4)


def tones(seconds, rate, *hertz):
    """int16[n]: sines of the same level."""
    time = np.arange(int(seconds * rate)) / rate
    return (sum(np.sin(2 * np.pi * one * time) for one in hertz) * 12000 / len(hertz)).astype(np.int16)


def packets(encoder, pcm, frame):
    """uint8[m] for every frame; empty where nothing is sent."""
    out, sent = np.zeros(1500, np.uint8), []
    for begin in range(0, len(pcm) - frame + 1, frame):
        size = frames.encode_frame(encoder.codec, encoder.state, pcm[begin : begin + frame], frame, out)
        assert size >= 0
        sent.append(out[:size].copy())
    return sent


def decoded(decoder, sent, frame):
    """int16[n] of all packets."""
    pcm = np.zeros((len(sent), frame), np.int16)
    for row, payload in zip(pcm, sent, strict=True):
        assert frames.decode_frame(decoder.codec, decoder.state, payload, len(payload), row) == frame
    return pcm.reshape(-1)


def level_of(pcm, hertz, rate):
    """The part of the energy that is within 20 Hz of a frequency."""
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2
    at = np.fft.rfftfreq(len(pcm), 1 / rate)
    return spectrum[abs(at - hertz) < 20].sum() / spectrum.sum()


@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_another_decoder_hears_what_was_sent(mode, rate):
    """FFmpeg's own decoder, which shares no code with libopus."""
    pcm = tones(0.6, rate, 440, 1300)
    sent = packets(new_encoder("opus", rate), pcm, rate // 50)
    decoder = av.CodecContext.create("opus", "r")
    decoder.sample_rate, decoder.layout = 48000, "mono"
    heard = [frame.to_ndarray()[0] for payload in sent for frame in decoder.decode(av.Packet(payload.tobytes()))]
    audio = np.concatenate(heard)[9600:]
    assert level_of(audio, 440, 48000) > 0.4
    assert level_of(audio, 1300, 48000) > 0.4


def test_what_another_encoder_sends_is_heard(mode, ffmpeg):
    sent = ffmpeg.packets("libopus", tones(0.6, 48000, 440, 1300), 48000, bit_rate=32000)
    decoder = new_decoder("opus", 8000)
    audio = decoded(decoder, [np.frombuffer(payload, np.uint8) for payload in sent], 160)[1600:]
    assert level_of(audio, 440, 8000) > 0.4
    assert level_of(audio, 1300, 8000) > 0.4


def test_stereo_only_where_it_is_wanted():
    """A receiver that wants mono is sent mono, though it could be decoded either way (RFC 7587 §7)."""
    pcm = np.column_stack([tones(0.2, 48000, 500), tones(0.2, 48000, 2500)]).reshape(-1)
    for fmtp, stereo in (("", 0), ("stereo=1", 4)):
        sent = packets(new_encoder("opus", 48000, 2, fmtp), pcm, 2 * FRAME)
        assert sent[5][0] & 4 == stereo, "the bit s of the first octet (RFC 6716 §3.1)"


@pytest.mark.parametrize(("rate", "bandwidths"), [(8000, {0}), (16000, {0, 1, 2}), (48000, {4})])
def test_no_more_bandwidth_is_sent_than_will_be_played(rate, bandwidths):
    noise = HISS.normal(0, 6000, 48000).astype(np.int16)
    sent = packets(new_encoder("opus", 48000, 1, f"maxplaybackrate={rate};maxaveragebitrate=64000"), noise, FRAME)
    configuration = int(sent[-1][0]) >> 3
    bandwidth = [0, 0, 1, 1, 2, 2, 3, 4, 0, 0, 2, 2, 3, 3, 4, 4][configuration // 2]
    assert bandwidth in bandwidths, f"configuration {configuration} (RFC 6716 table 2)"


def test_the_average_bit_rate_is_kept():
    noise = HISS.normal(0, 3000, 96000).astype(np.int16)
    for wanted in (12000, 24000, 64000):
        sent = packets(new_encoder("opus", 48000, 1, f"maxaveragebitrate={wanted}"), noise, FRAME)
        assert 8 * sum(map(len, sent)) / 2 < 1.15 * wanted
    lengths = {len(payload) for payload in packets(new_encoder("opus", 48000, 1, "cbr=1"), noise, FRAME)}
    assert len(lengths) == 1, "constant bit rate: all packets are of one length"


def test_nothing_is_sent_in_silence_when_the_receiver_allows_it(mode):
    silence = np.zeros(2 * 8000, np.int16)
    quiet = packets(new_encoder("opus", 8000, 1, "usedtx=1"), silence, 160)
    assert sum(not len(payload) for payload in quiet) > 70, "of 100 packets"
    assert all(len(payload) for payload in packets(new_encoder("opus", 8000), silence, 160))


def test_a_lost_frame_is_recovered_from_the_next_packet(mode):
    """Forward error correction: what is recovered is far nearer to the lost frame than what is concealed."""
    rate, frame = 16000, 320
    time = np.arange(rate) / rate
    pcm = (9000 * np.sin(2 * np.pi * (300 + 600 * time) * time) * (np.floor(time * 8) % 2)).astype(np.int16)
    encoder = new_encoder("opus", rate, 1, "useinbandfec=1;maxaveragebitrate=24000")
    opus.set_expected_loss(encoder.state, 30)
    sent = packets(encoder, pcm, frame)
    complete = decoded(new_decoder("opus", rate), sent, frame).reshape(-1, frame)
    distances = {"recovered": 0.0, "concealed": 0.0}
    for kind in distances:
        decoder = new_decoder("opus", rate)
        heard = np.zeros(frame, np.int16)
        for number, payload in enumerate(sent[:-1]):
            if number % 7 != 6:
                frames.decode_frame(decoder.codec, decoder.state, payload, len(payload), heard)
            elif kind == "recovered":
                following = sent[number + 1]
                assert frames.recover_frame(decoder.codec, decoder.state, following, len(following), heard) == frame
            else:
                assert frames.conceal_frame(decoder.codec, decoder.state, heard, frame) == frame
            if number % 7 == 6:
                distances[kind] += float(np.mean((heard.astype(float) - complete[number]) ** 2))
    assert distances["recovered"] < 0.5 * distances["concealed"]


def test_concealment_goes_on_and_fades():
    codec = create("opus", 8000)
    for begin in range(0, 3200, 160):
        codec.decode(codec.encode(tones(1, 8000, 400)[begin : begin + 160]))
    lost = [float(np.abs(codec.conceal(160).astype(float)).mean()) for _ in range(25)]
    assert lost[0] > 2000
    assert lost[-1] < 200
    with pytest.raises(ValueError, match="cannot conceal 7"):
        codec.conceal(7)


def test_no_packet_of_opus_is_refused():
    codec = create("opus", 48000)
    for payload in (b"", b"\x03", b"\xff\xff\xff"):
        with pytest.raises(ValueError, match="are no packet of opus"):
            codec.decode(np.frombuffer(payload, np.uint8))
    with pytest.raises(ValueError, match="make no packet"):
        codec.encode(np.zeros(100, np.int16))


def test_rates_that_opus_has_not_are_refused():
    with pytest.raises(ValueError, match="44100"):
        new_decoder("opus", 44100)
    with pytest.raises(ValueError, match="11025"):
        new_encoder("opus", 11025)


def test_the_bit_rate_can_change_between_frames():
    noise = HISS.normal(0, 3000, 48000).astype(np.int16)
    encoder = new_encoder("opus", 48000)
    opus.set_bitrate(encoder.state, 64000)
    before = sum(map(len, packets(encoder, noise, FRAME)))
    opus.set_bitrate(encoder.state, 16000)
    assert sum(map(len, packets(encoder, noise, FRAME))) < 0.5 * before
    assert library_version().startswith("libopus")


def test_without_the_library_the_package_to_install_is_named(monkeypatch):
    def refuse(*arguments, **options):
        raise OSError("no such file")

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    for module in ("mediacodecs.opus", "mediacodecs.states.opus"):
        monkeypatch.delitem(sys.modules, module)
        monkeypatch.delattr(module)
    with pytest.raises(CodecUnavailable, match="apt-get install libopus0"):
        create("opus", 48000)
    statuses = [status for status in registry.supported() if status.encoding == "opus"]
    assert statuses
    assert not any(status.usable for status in statuses)
    assert "libopus0" in statuses[0].reason
    importlib.invalidate_caches()


@pytest.mark.parametrize(
    ("fmtp", "expected"),
    [
        ("", OpusParameters()),
        ("maxplaybackrate=16000; stereo=1; useinbandfec=1", OpusParameters(16000, stereo=True, fec=True)),
        ("MaxAverageBitrate=20000;usedtx=1;cbr=1", OpusParameters(max_average_bitrate=20000, dtx=True, cbr=True)),
        ("maxplaybackrate=44100", OpusParameters(24000)),
        ("maxplaybackrate=4000", OpusParameters(8000)),
        ("maxaveragebitrate=100", OpusParameters(max_average_bitrate=6000)),
        ("maxaveragebitrate=99999999999999999999", OpusParameters(max_average_bitrate=510000)),
        ("stereo=yes;x-google=1;;=;useinbandfec", OpusParameters()),
        ("useinbandfec=0;sprop-stereo=1", OpusParameters()),
    ],
)
def test_fmtp_is_read(fmtp, expected):
    assert OpusParameters.parse(fmtp) == expected


@pytest.mark.parametrize(
    ("parameters", "fmtp"),
    [
        (OpusParameters(), ""),
        (OpusParameters(fec=True, dtx=True), "useinbandfec=1;usedtx=1"),
        (OpusParameters(16000, 24000, True, cbr=True), "maxplaybackrate=16000;maxaveragebitrate=24000;stereo=1;cbr=1"),
    ],
)
def test_fmtp_is_told_and_read_again(parameters, fmtp):
    assert parameters.serialize() == fmtp
    assert OpusParameters.parse(fmtp) == parameters
