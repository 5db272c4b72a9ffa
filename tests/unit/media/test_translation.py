"""Recorded codecs that are only decoded: AAC, G.723.1 and iLBC, as other coders than ours have made them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from mediacodecs.decoded_only import new_decoder
from softswitch.media import StreamFormat
from softswitch.media.recording import loops
from softswitch.media.recording.packets import Packets
from softswitch.media.recording.track import Track, natural_rate
from tests.unit.mediacodecs.test_aac import HBR, hbr, units_of_a_tone

#: A second and a half of 500 Hz in frames of 30 ms, captured from PJSIP.
_ILBC = Path(__file__).parents[2] / "data" / "ilbc-500hz.bin"
_SECOND_NS = 1_000_000_000


def aac() -> tuple[StreamFormat, list[bytes], int]:
    """440 Hz of FFmpeg's encoder at 44.1 kHz, which no room has, a packet for each unit."""
    units, config = units_of_a_tone(44100)
    fmtp = HBR.replace("config=1408", f"config={config.hex()}")
    return StreamFormat(97, "mpeg4-generic", 44100, fmtp=fmtp), [hbr(unit) for unit in units], 1024


def g723() -> tuple[StreamFormat, list[bytes], int]:
    """440 Hz of FFmpeg's encoder."""
    made = av.CodecContext.create("g723_1", "w")
    made.sample_rate, made.layout, made.format, made.bit_rate = 8000, "mono", "s16", 6300
    wave = (9000 * np.sin(2 * np.pi * 440 * np.arange(12000) / 8000)).astype(np.int16)
    packets = []
    for begin in range(0, len(wave), 240):
        frame = av.AudioFrame.from_ndarray(wave[None, begin : begin + 240], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 8000, begin
        packets += [bytes(packet) for packet in made.encode(frame)]
    return StreamFormat(4, "G723", 8000), packets, 240


def ilbc() -> tuple[StreamFormat, list[bytes], int]:
    """500 Hz of PJSIP's encoder."""
    octets = _ILBC.read_bytes()
    packets = [octets[i : i + 50] for i in range(0, len(octets), 50)]
    return StreamFormat(102, "iLBC", 8000, fmtp="mode=30"), packets, 240


def packets_of(entry: StreamFormat, payloads: list[bytes], ticks: int) -> Packets:
    """These payloads as a tap tells them, each at its time."""
    heads, at = np.zeros((len(payloads), loops.HEAD_WORDS), np.int64), 0
    for i, (head, payload) in enumerate(zip(heads, payloads, strict=True)):
        head[loops.TAP_KIND], head[loops.TAP_SIZE], head[loops.AT] = entry.payload_type, len(payload), at
        head[loops.TAP_SSRC], head[loops.TAP_SEQUENCE], head[loops.TAP_TIMESTAMP] = 7, i, i * ticks
        head[loops.TAP_TIME_NS] = i * ticks * _SECOND_NS // entry.clock_rate
        at += len(payload)
    return Packets(heads, np.frombuffer(b"".join(payloads), np.uint8))


@pytest.mark.parametrize(("made", "hertz"), [(aac, 440), (g723, 440), (ilbc, 500)])
@pytest.mark.parametrize("rate_hz", [8000, 16000])
def test_what_is_only_decoded_is_recorded(made, hertz, rate_hz):
    entry, payloads, ticks = made()
    assert natural_rate([entry]) == (16000 if made is aac else 8000)
    track = Track(rate_hz, 0, 0, [entry])
    assert track.decodes
    track.feed(packets_of(entry, payloads, ticks))
    assert track.counters.malformed == 0 and track.counters.decoded >= len(payloads) - 2
    total = np.zeros((int(0.8 * rate_hz), 1), np.int32)
    track.take(len(total), total, 0)
    sound = total[rate_hz // 5 :, 0].astype(float)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 8 * len(sound)))
    assert abs(spectrum.argmax() * rate_hz / (8 * len(sound)) - hertz) < 5
    bend = np.max(np.abs(np.diff(sound, 2))) / (np.max(np.abs(sound)) * (2 * np.pi * hertz / rate_hz) ** 2)
    assert bend < 4, "no click is heard between two packets"


def test_garbage_is_silent():
    entry, payloads, ticks = g723()
    track = Track(8000, 0, 0, [entry])
    track.feed(packets_of(entry, [payloads[0], b"\x00" * 7, b"", payloads[3]], ticks))
    assert track.counters.decoded == 2


@pytest.mark.parametrize("encoding", ["iLBC", "G723"])
@pytest.mark.parametrize("octets", [b"", b"\x00", b"\xff" * 37, bytes(range(256)) * 5])
def test_any_octets_are_decoded_or_refused(encoding, octets):
    decoder = new_decoder(encoding, "mode=20", 8000)
    try:
        assert decoder.decode(octets).dtype == np.int16
    except ValueError:
        assert octets, "nothing is no error"


def test_a_stream_that_is_not_described_is_not_recorded():
    entry = StreamFormat(97, "mpeg4-generic", 16000, fmtp="mode=AAC-hbr")
    assert natural_rate([entry]) == 0 and not Track(8000, 0, 0, [entry]).decodes
