"""Clips, tones and announcements: what is heard, at what level, and when."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mediacodecs import create
from softswitch.media import PCMA, PCMU, NotTranscodable, PlaybackEnded, PortClosed, PortSettings, StreamFormat
from softswitch.media.playing.sounds import announcement
from softswitch.media.playing.tones import level_dbm0


def hear(phone, packets):
    """The next packets of a phone, and the samples in them."""
    heard = [phone.receive() for _ in range(packets)]
    codecs = {0: create("PCMU"), 8: create("PCMA")}
    samples = [codecs[packet.payload_type].decode(np.frombuffer(packet.payload, np.uint8)) for packet in heard]
    return heard, np.concatenate(samples)


@pytest.mark.parametrize("law", [PCMA, PCMU])
def test_the_milliwatt_tone_has_its_exact_frequency_and_level(engine, make_leg, law):
    leg = make_leg(engine, formats=(law,))
    engine.tone(leg.port, 1004, -16)
    _, samples = hear(leg.phone, 25)  # 4000 samples: 502 periods
    spectrum = np.abs(np.fft.rfft(samples.astype(float)))
    assert np.argmax(spectrum) * 8000 / len(samples) == 1004
    carrier = 20 * np.log10(spectrum[502] * 2 / len(samples) / 32768) + 3.14
    expected = -16 if law is PCMA else -16 + (3.14 - 3.17 - 20 * np.log10(32768 / 32636))
    assert abs(carrier - expected) < 0.03, f"level {carrier:.3f} dBm0"
    noise = np.sum(np.delete(spectrum, 502) ** 2)
    assert 10 * np.log10(spectrum[502] ** 2 / noise) > 36, "signal to noise of one G.711 coding"


def test_packets_are_numbered_in_sequence_and_begin_with_a_marker(engine, make_leg):
    leg = make_leg(engine)
    engine.tone(leg.port, 450, -10)
    heard, _ = hear(leg.phone, 10)
    assert [packet.marker for packet in heard] == [True] + [False] * 9
    assert {packet.ssrc for packet in heard} == {leg.port.ssrc}
    steps = {
        ((b.sequence - a.sequence) & 0xFFFF, (b.timestamp - a.timestamp) & 0xFFFFFFFF)
        for a, b in itertools.pairwise(heard)
    }
    assert steps == {(1, 160)}


def test_packets_come_every_20_ms_without_drift(engine, make_leg):
    leg = make_leg(engine)
    engine.tone(leg.port, 1004, -16)
    heard, _ = hear(leg.phone, 51)
    assert [round(1000 * (packet.at - heard[0].at)) for packet in heard] == list(range(0, 1001, 20))


@pytest.mark.parametrize(("ptime_ms", "octets"), [(10, 80), (20, 160), (30, 240), (60, 480)])
def test_packets_are_as_long_as_was_agreed(engine, make_leg, ptime_ms, octets):
    leg = make_leg(engine, formats=(StreamFormat(8, "PCMA", 8000, ptime_ms=ptime_ms),))
    engine.tone(leg.port, 1004, -16)
    heard, samples = hear(leg.phone, 4)
    assert {len(packet.payload) for packet in heard} == {octets}
    assert (heard[1].timestamp - heard[0].timestamp) & 0xFFFFFFFF == octets
    assert abs(level_dbm0(samples) + 16) < 0.3


def test_a_clip_is_heard_sample_by_sample_and_its_end_is_told(engine, make_leg, next_event):
    leg = make_leg(engine)
    codec = create("PCMA")
    clip = codec.decode(np.random.default_rng(1).integers(0, 256, 500).astype(np.uint8))
    playback = engine.play(leg.port, clip)
    _, samples = hear(leg.phone, 4)
    assert np.array_equal(samples[:500], clip)
    assert np.all(np.abs(samples[500:]) <= 8), "silence fills the last packet"
    event = next_event(engine, PlaybackEnded)
    assert (event.port, event.playback) == (leg.port, playback)
    assert leg.phone.silent()
    assert engine.statistics().players == 0


def test_a_loop_has_no_seam(engine, make_leg):
    leg = make_leg(engine)
    clip = create("PCMA").decode(np.arange(100).astype(np.uint8))
    engine.play(leg.port, clip, loop=True)
    _, samples = hear(leg.phone, 5)
    assert np.array_equal(samples, np.tile(clip, 8))


def test_the_announcement_is_played_into_16_bit_audio_of_another_rate(engine, make_leg):
    leg = make_leg(engine, formats=(StreamFormat(100, "L16", 16000),))
    speech = announcement()[6000:8080]
    engine.play(leg.port, speech)
    payload = b"".join(leg.phone.receive().payload for _ in range(13))
    heard = np.frombuffer(payload, ">i2")[::2].astype(float)
    correlation = np.corrcoef(heard[100:-100], speech[100:-100])[0, 1]
    assert correlation > 0.999, "every second sample at 16 kHz is a sample at 8 kHz"


def test_a_player_and_a_bridge_share_one_stream(engine, make_leg):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    other.phone.send(other.port)
    before = one.phone.receive()
    engine.tone(one.port, 450, -10)
    tone = one.phone.receive()
    assert (tone.sequence - before.sequence) & 0xFFFF == 1
    assert 0 < (tone.timestamp - before.timestamp) & 0xFFFFFFFF < 16000
    engine.stop(one.port)
    while True:
        other.phone.send(other.port, b"bridge")
        packet = one.phone.receive()
        assert (packet.sequence - tone.sequence) & 0xFFFF == 1
        assert packet.ssrc == tone.ssrc
        if packet.payload == b"bridge":
            break
        tone = packet
    assert packet.marker


def test_a_clip_waits_while_the_port_may_not_send(engine, make_leg):
    leg = make_leg(engine, send=False)
    clip = create("PCMA").decode(np.arange(160).astype(np.uint8))
    engine.play(leg.port, clip)
    assert leg.phone.silent(0.1)
    leg.port.configure(PortSettings(remote=leg.phone.address, formats=(PCMA,)))
    heard, samples = hear(leg.phone, 1)
    assert np.array_equal(samples, clip), "nothing of the clip was lost"
    assert heard[0].marker


def test_a_second_clip_takes_the_place_of_the_first(engine, make_leg, next_event):
    leg = make_leg(engine)
    engine.tone(leg.port, 450, -10)
    first = leg.phone.receive()
    second_id = engine.play(leg.port, np.full(160, 1000, np.int16))
    assert next_event(engine, PlaybackEnded).playback == second_id
    leg.phone.take()
    assert leg.phone.silent(), "both have ended"
    assert leg.port.counters().packets_sent >= 2
    assert first.ssrc == leg.port.ssrc


def test_stopping_names_the_playback_it_means(engine, make_leg):
    leg = make_leg(engine)
    old = engine.tone(leg.port, 450, -10)
    engine.tone(leg.port, 1004, -16)
    engine.stop(leg.port, old)
    assert leg.phone.receive(), "the newer tone goes on"
    engine.stop(leg.port)
    while not leg.phone.silent(0.06):
        pass
    assert engine.statistics().players == 0


def test_new_settings_change_the_format_of_what_is_played(engine, make_leg, next_event):
    leg = make_leg(engine, formats=(PCMU,))
    clip = np.repeat(create("PCMA").decode(np.arange(200).astype(np.uint8)), 8)
    playback = engine.play(leg.port, clip)
    _, first = hear(leg.phone, 2)
    leg.port.configure(PortSettings(remote=leg.phone.address, formats=(PCMA,)))
    heard, rest = [], [first]
    while sum(map(len, rest)) < len(clip):
        packets, samples = hear(leg.phone, 1)
        heard += packets
        rest.append(samples)
    assert [packet.payload_type for packet in heard][-4:] == [8, 8, 8, 8]
    error = np.concatenate(rest)[: len(clip)].astype(float) - clip
    assert np.abs(error).max() <= 520, "not a sample is missing or heard twice, both laws err by half a step"
    assert next_event(engine, PlaybackEnded).playback == playback


def test_a_format_of_another_rate_starts_the_clip_again(engine, make_leg):
    leg = make_leg(engine)
    engine.play(leg.port, np.full(16000, 1000, np.int16))
    leg.phone.receive()
    leg.port.configure(PortSettings(remote=leg.phone.address, formats=(StreamFormat(100, "L16", 16000),)))
    while True:
        packet = leg.phone.receive()
        if packet.payload_type == 100:
            break
    assert len(packet.payload) == 640


def test_playing_ends_when_no_format_is_left_for_it(engine, make_leg, next_event):
    leg = make_leg(engine)
    playback = engine.tone(leg.port, 450, -10)
    leg.port.configure(PortSettings(remote=leg.phone.address, formats=(StreamFormat(96, "H264", 90000),)))
    assert next_event(engine, PlaybackEnded).playback == playback


def test_many_players_are_spread_and_all_served(engine, make_leg):
    legs = [make_leg(engine) for _ in range(30)]
    for leg in legs:
        engine.tone(leg.port, 1004, -16)
    for leg in legs:
        heard, _ = hear(leg.phone, 3)
        assert {(b.sequence - a.sequence) & 0xFFFF for a, b in itertools.pairwise(heard)} == {1}
    for leg in legs[::2]:
        engine.stop(leg.port)
    for leg in legs[1::2]:
        leg.port.close()
    assert engine.statistics().ports_open == 15


def test_a_format_that_cannot_be_played_into_is_told(engine, make_leg):
    leg = make_leg(engine, formats=(StreamFormat(96, "H264", 90000),))
    with pytest.raises(NotTranscodable, match="H264"):
        engine.tone(leg.port, 1004, -16)


def test_impossible_wishes_are_refused(engine, make_leg):
    leg = make_leg(engine)
    with pytest.raises(ValueError, match="4000"):
        engine.tone(leg.port, 4000, -16)
    with pytest.raises(ValueError, match="dBm0"):
        engine.tone(leg.port, 1004, 10)
    with pytest.raises(ValueError, match="sample"):
        engine.play(leg.port, np.zeros(0, np.int16))
    leg.port.close()
    with pytest.raises(PortClosed):
        engine.tone(leg.port, 1004, -16)


@pytest.mark.parametrize(
    ("entry", "rate_hz"),
    [
        (StreamFormat(9, "G722", 8000), 16000),
        (StreamFormat(97, "opus", 48000, 2), 16000),
        (StreamFormat(96, "G726-32", 8000), 8000),
    ],
    ids=["G722", "Opus", "G726"],
)
def test_a_clip_is_played_into_a_codec_that_needs_an_encoder(make_engine, make_leg, next_event, entry, rate_hz):
    engine = make_engine()
    leg = make_leg(engine, formats=(entry,))
    free = len(engine.rooms._free_voices)
    samples = np.rint(8000 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)).astype(np.int16)
    engine.play(leg.port, samples, rate_hz=16000)
    packets = [leg.phone.receive() for _ in range(50)]
    assert next_event(engine, PlaybackEnded)
    assert {p.payload_type for p in packets} == {entry.payload_type}
    assert [p.sequence - packets[0].sequence for p in packets] == list(range(50))
    step = entry.clock_rate // 50
    assert {b.timestamp - a.timestamp for a, b in itertools.pairwise(packets)} == {step}, "by the RTP clock"
    codec = create(entry.encoding, rate_hz)
    pcm = np.concatenate([codec.decode(np.frombuffer(p.payload, np.uint8)) for p in packets])[rate_hz // 10 :]
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    assert abs(np.argmax(spectrum) * rate_hz / len(pcm) - 1000) < 5, "the sine of 1000 Hz is heard"
    assert abs(level_dbm0(pcm) - level_dbm0(samples)) < 1.5, "as loud as it was"
    assert len(engine.rooms._free_voices) == free, "the encoder is given back"
