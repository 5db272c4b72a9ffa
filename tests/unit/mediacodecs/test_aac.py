"""AAC as cameras send it: both payloads, built here from FFmpeg's encoder."""

from __future__ import annotations

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediacodecs.aac import AacDecoder
from mediacodecs.aac_payload import AacFormat, access_units, read_format

HBR = "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408"


def encoder(rate):
    made = av.CodecContext.create("aac", "w")
    made.sample_rate, made.layout, made.format, made.bit_rate = rate, "mono", "fltp", 32000
    made.open()
    return made


def units_of_a_tone(rate, hertz=440):
    """Raw access units and the AudioSpecificConfig."""
    made = encoder(rate)
    wave = (0.3 * np.sin(2 * np.pi * hertz * np.arange(rate) / rate)).astype(np.float32)
    units = []
    for begin in range(0, rate - 1024, 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, begin : begin + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, begin
        units += [bytes(packet) for packet in made.encode(frame)]
    return units, bytes(made.extradata)


def hbr(*units):
    headers = b"".join((len(unit) << 3).to_bytes(2, "big") for unit in units)
    return (16 * len(units)).to_bytes(2, "big") + headers + b"".join(units)


def latm(unit):
    return b"\xff" * (len(unit) // 255) + bytes([len(unit) % 255]) + unit


def latm_config(config):
    bits = (0b0_1_000000_0000_000 << 8 * len(config) | int.from_bytes(config, "big")) << 1
    return bits.to_bytes(len(config) + 2, "big").hex()


def peak(pcm, rate):
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return np.argmax(spectrum) * rate / len(pcm)


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
@pytest.mark.parametrize("per_packet", [1, 2])
def test_a_tone_in_mpeg4_generic_is_heard(rate, per_packet):
    units, config = units_of_a_tone(rate)
    fmtp = f"mode=AAC-hbr; sizeLength=13; indexLength=3; indexDeltaLength=3; config={config.hex()}"
    decoder = AacDecoder("mpeg4-generic", fmtp)
    assert (decoder.form.sample_rate, decoder.form.channels) == (rate, 1)
    packets = [hbr(*units[i : i + per_packet]) for i in range(0, len(units) - 1, per_packet)]
    heard = np.concatenate([decoder.decode(packet) for packet in packets])
    assert peak(heard[2000:6000].astype(float), 8000) == pytest.approx(440, abs=5)


def test_a_tone_in_latm_is_heard():
    units, config = units_of_a_tone(16000)
    decoder = AacDecoder("MP4A-LATM", f"profile-level-id=1;cpresent=0;config={latm_config(config)}", 16000)
    assert decoder.form.config[:2] == config[:2]
    heard = np.concatenate([decoder.decode(latm(unit)) for unit in units])
    assert peak(heard[4000:12000].astype(float), 16000) == pytest.approx(440, abs=5)


def test_the_headers_of_the_standard():
    form = read_format("mpeg4-generic", HBR)
    assert form == AacFormat(13, 3, 3, b"\x14\x08") and (form.sample_rate, form.channels) == (16000, 1)
    assert access_units(form, bytes.fromhex("0020 0018 0010 aabbcc ddee")) == [b"\xaa\xbb\xcc", b"\xdd\xee"]


@pytest.mark.parametrize(
    ("encoding", "fmtp", "reason"),
    [
        ("mpeg4-generic", "mode=AAC-hbr", "no config"),
        ("mpeg4-generic", "mode=AAC-hbr;config=xyz", "hexadecimal"),
        ("mpeg4-generic", "mode=CELP-vbr;config=1408", "CELP"),
        ("mpeg4-generic", "mode=AAC-hbr;config=1408;sizelength=99", "AU headers"),
        ("MP4A-LATM", "config=40002410", "cpresent"),
        ("MP4A-LATM", "cpresent=0;config=ffffffff", "more than one"),
        ("opus", "config=1408", "no AAC"),
    ],
)
def test_what_is_not_supported_is_told(encoding, fmtp, reason):
    with pytest.raises(ValueError, match=reason):
        read_format(encoding, fmtp)


@given(st.binary(max_size=100))
def test_no_payload_does_harm(payload):
    for form in (read_format("mpeg4-generic", HBR), AacFormat(0, 0, 0, b"\x14\x08")):
        try:
            units = access_units(form, payload)
        except ValueError:
            continue
        assert all(units) and sum(map(len, units)) < len(payload)


def test_nonsense_is_refused():
    decoder = AacDecoder("mpeg4-generic", HBR)
    with pytest.raises(ValueError, match=r"AAC|mpeg4"):
        decoder.decode(hbr(b"\xff" * 40))
