"""A-law on one side and µ-law on the other."""

from __future__ import annotations

import av
import numpy as np

from softswitch.media import PCMA, PCMU, StreamFormat


def decode(codec_name, payload):
    """int16 samples of a payload, by FFmpeg's decoder."""
    decoder = av.CodecContext.create(codec_name, "r")
    decoder.sample_rate, decoder.layout = 8000, "mono"
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in decoder.decode(av.Packet(payload))])


def test_every_code_is_turned_into_the_nearest_of_the_other_law(engine, make_leg):
    alaw, ulaw = make_leg(engine, formats=(PCMA,)), make_leg(engine, formats=(PCMU,))
    engine.connect(alaw.port, ulaw.port)
    codes = bytes(range(256))
    reachable = {name: np.unique(decode(name, codes)).astype(int) for name in ("pcm_alaw", "pcm_mulaw")}
    for source, target, sent_as, heard_as in (
        (alaw, ulaw, ("pcm_alaw", 8), ("pcm_mulaw", 0)),
        (ulaw, alaw, ("pcm_mulaw", 0), ("pcm_alaw", 8)),
    ):
        source.phone.send(source.port, codes, payload_type=sent_as[1])
        packet = target.phone.receive()
        assert packet.payload_type == heard_as[1]
        original = decode(sent_as[0], codes).astype(int)
        converted = decode(heard_as[0], packet.payload).astype(int)
        nearest = np.abs(reachable[heard_as[0]][None, :] - original[:, None]).min(axis=1)
        assert np.array_equal(np.abs(converted - original), nearest)
        assert np.all(converted * original >= 0), "the sign is kept"


def test_speech_level_and_shape_survive(engine, make_leg):
    alaw, ulaw = make_leg(engine, formats=(PCMA,)), make_leg(engine, formats=(PCMU,))
    engine.connect(alaw.port, ulaw.port)
    signal = np.rint(8000 * np.sin(2 * np.pi * 440 / 8000 * np.arange(160))).astype(np.int16)
    encoder = av.CodecContext.create("pcm_alaw", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 8000, "mono", "s16"
    frame = av.AudioFrame.from_ndarray(signal.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = 8000
    payload = b"".join(bytes(packet) for packet in encoder.encode(frame))
    alaw.phone.send(alaw.port, payload)
    heard = decode("pcm_mulaw", ulaw.phone.receive().payload)
    error = heard.astype(float) - signal
    noise_db = 10 * np.log10(np.mean(error**2) / np.mean(signal.astype(float) ** 2))
    assert noise_db < -34, f"two G.711 codings leave noise of {noise_db:.1f} dB"


def test_header_and_padding_are_not_converted(engine, make_leg):
    alaw, ulaw = make_leg(engine, formats=(PCMA,)), make_leg(engine, formats=(PCMU,))
    engine.connect(alaw.port, ulaw.port)
    extra = b"CSRC" + b"\xbe\xde\x00\x01" + b"\x10\xff\x00\x00"
    alaw.phone.send(alaw.port, b"\xd5\xd5" + b"\0\0\3", first=0x80 | 0x20 | 0x10 | 1, extra=extra)
    packet = ulaw.phone.receive()
    assert packet.payload.startswith(extra), "CSRC and header extension are no sound"
    assert packet.payload.endswith(b"\0\0\3"), "padding is no sound"
    assert list(decode("pcm_mulaw", packet.payload[len(extra) : -3])) == [8, 8]


def test_a_header_that_promises_more_than_there_is_counts_as_malformed(engine, make_leg, wait_for):
    alaw, ulaw = make_leg(engine, formats=(PCMA,)), make_leg(engine, formats=(PCMU,))
    engine.connect(alaw.port, ulaw.port)
    alaw.phone.send(alaw.port, b"\xbe\xde\xff\xff" + bytes(20), first=0x90)
    alaw.phone.send(alaw.port, b"\xd5" * 20 + b"\xff", first=0xA0)
    alaw.phone.send(alaw.port, b"\xd5" * 20 + b"\x00", first=0xA0)
    wait_for(lambda: alaw.port.counters().malformed == 3, "three packets of impossible length")
    assert ulaw.phone.silent()


def test_what_both_sides_know_is_not_converted(engine, make_leg):
    both, ulaw = make_leg(engine, formats=(PCMA, PCMU)), make_leg(engine, formats=(PCMU,))
    engine.connect(both.port, ulaw.port)
    both.phone.send(both.port, b"\x01" * 4, payload_type=0)
    assert ulaw.phone.receive().payload == b"\x01" * 4
    both.phone.send(both.port, b"\xd5" * 4, payload_type=8)
    assert ulaw.phone.receive().payload == b"\xfe" * 4


def test_the_preferred_format_is_the_one_converted_into(engine, make_leg):
    dynamic = StreamFormat(97, "PCMU", 8000)
    alaw = make_leg(engine, formats=(PCMA,))
    other = make_leg(engine, formats=(PCMU, dynamic), send_format=dynamic)
    engine.connect(alaw.port, other.port)
    alaw.phone.send(alaw.port)
    assert other.phone.receive().payload_type == 97
