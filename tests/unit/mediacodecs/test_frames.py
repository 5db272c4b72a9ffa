"""Codecs by number, as the packet thread calls them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mediacodecs
from mediacodecs import CodecUnavailable, frames, numbering
from mediacodecs.streams import new_decoder, new_encoder, number_of

GUARD = 64
# encoding, sample rate, channels, samples and octets of a frame of 20 ms
FRAMES = [
    ("PCMU", 8000, 1, 160, 160),
    ("PCMA", 8000, 1, 160, 160),
    ("L16", 16000, 1, 320, 640),
    ("L16", 48000, 2, 1920, 3840),
    ("G722", 16000, 1, 320, 160),
    ("G722", 8000, 1, 160, 160),
    ("G726-16", 8000, 1, 160, 40),
    ("G726-32", 8000, 1, 160, 80),
    ("AAL2-G726-40", 8000, 1, 160, 100),
    ("opus", 8000, 1, 160, None),
    ("opus", 48000, 2, 1920, None),
]
EVERY_FRAME = pytest.mark.parametrize(("encoding", "rate", "channels", "samples", "octets"), FRAMES)


def tones(samples, rate, channels):
    """int16[samples]: two tones, the same in all channels."""
    time = np.arange(samples // channels) / rate
    one = 6000 * np.sin(2 * np.pi * 300 * time) + 3000 * np.sin(2 * np.pi * 1100 * time)
    return np.repeat(one, channels).astype(np.int16)


def guarded(array):
    """The array amid octets that nobody may touch, and those."""
    whole = np.full(GUARD + array.nbytes + GUARD, 0xA5, np.uint8)
    inner = whole[GUARD : GUARD + array.nbytes].view(array.dtype)
    inner[:] = array
    return inner, whole


def untouched(whole):
    """Whether the octets around are as they were."""
    return bool((whole[:GUARD] == 0xA5).all() and (whole[-GUARD:] == 0xA5).all())


@EVERY_FRAME
def test_a_frame_goes_through_and_comes_back(mode, encoding, rate, channels, samples, octets):
    encoder, decoder = new_encoder(encoding, rate, channels), new_decoder(encoding, rate, channels)
    pcm, out = tones(10 * samples, rate, channels), np.zeros(4000, np.uint8)
    heard = np.zeros((10, samples), np.int16)
    for number in range(10):
        frame = pcm[number * samples : (number + 1) * samples]
        size = frames.encode_frame(encoder.codec, encoder.state, frame, samples, out)
        assert size == octets or (octets is None and 10 < size < 1275)
        assert frames.decode_frame(decoder.codec, decoder.state, out, size, heard[number]) == samples
    level = np.sqrt(np.mean(heard[5:].astype(float) ** 2)) / np.sqrt(np.mean(pcm.astype(float) ** 2))
    assert 0.8 < level < 1.2, f"what comes back has {level:.2f} times the level"


@EVERY_FRAME
def test_plain_python_and_compiled_code_agree_to_the_bit(
    encoding, rate, channels, samples, octets, difficult_audio, request
):
    pcm = difficult_audio(6 * samples)
    results = []
    for kind in ("compiled", "plain"):
        if kind == "plain":
            request.getfixturevalue("plain")
        encoder, decoder = new_encoder(encoding, rate, channels), new_decoder(encoding, rate, channels)
        collected = []
        for number in range(6):
            out, heard = np.zeros(4000, np.uint8), np.zeros(samples, np.int16)
            frame = pcm[number * samples : (number + 1) * samples]
            size = frames.encode_frame(encoder.codec, encoder.state, frame, samples, out)
            if number == 3:
                frames.conceal_frame(decoder.codec, decoder.state, heard, samples)
            else:
                frames.decode_frame(decoder.codec, decoder.state, out, size, heard)
            collected.append((size, out.tobytes(), heard.tobytes()))
        results.append(collected)
    assert results[0] == results[1]


@EVERY_FRAME
def test_a_state_may_be_copied(encoding, rate, channels, samples, octets):
    encoder = new_encoder(encoding, rate, channels)
    pcm, out = tones(samples, rate, channels), np.zeros((2, 4000), np.uint8)
    frames.encode_frame(encoder.codec, encoder.state, pcm, samples, out[0])
    copy = encoder.state.copy()
    first = frames.encode_frame(encoder.codec, encoder.state, pcm, samples, out[0])
    second = frames.encode_frame(encoder.codec, copy, pcm, samples, out[1])
    assert first == second
    assert np.array_equal(out[0, :first], out[1, :second])


@EVERY_FRAME
def test_nothing_outside_the_arrays_is_written(encoding, rate, channels, samples, octets):
    rng = np.random.default_rng(5)
    encoder, decoder = new_encoder(encoding, rate, channels), new_decoder(encoding, rate, channels)
    encoding_state, encoder_memory = guarded(encoder.state)
    decoding_state, decoder_memory = guarded(decoder.state)
    out, out_memory = guarded(np.zeros(octets or 200, np.uint8))
    pcm, pcm_memory = guarded(np.zeros(samples, np.int16))
    for turn in range(60):
        noise = rng.integers(-32768, 32768, samples).astype(np.int16)
        size = frames.encode_frame(encoder.codec, encoding_state, noise, samples, out)
        assert size > 0 or encoding == "opus"
        payload = out if turn % 2 else rng.integers(0, 256, rng.integers(1, len(out) + 1)).astype(np.uint8)
        frames.decode_frame(decoder.codec, decoding_state, payload, len(payload), pcm)
        if turn % 3 == 0:
            frames.conceal_frame(decoder.codec, decoding_state, pcm, samples)
        if turn % 4 == 0:
            frames.recover_frame(decoder.codec, decoding_state, payload, len(payload), pcm)
    for memory in (encoder_memory, decoder_memory, out_memory, pcm_memory):
        assert untouched(memory)


@settings(max_examples=150)
@given(st.sampled_from(FRAMES), st.binary(max_size=1500), st.integers(0, 2000))
def test_any_payload_is_decoded_or_refused(kind, data, room):
    encoding, rate, channels, _, _ = kind
    decoder = new_decoder(encoding, rate, channels)
    payload = np.frombuffer(data or b"\0", np.uint8)
    pcm, memory = guarded(np.zeros(room, np.int16))
    samples = frames.decode_frame(decoder.codec, decoder.state, payload, len(data), pcm)
    assert samples in (numbering.MALFORMED, numbering.NO_ROOM) or 0 <= samples <= room
    assert untouched(memory)


@pytest.mark.parametrize("encoding", ["PCMU", "PCMA", "L16", "G722", "G726-32", "opus"])
def test_too_little_room_is_told(mode, encoding):
    encoder, decoder = new_encoder(encoding), new_decoder(encoding)
    pcm, out = tones(320, 8000, 1), np.zeros(1000, np.uint8)
    size = frames.encode_frame(encoder.codec, encoder.state, pcm, 320, out)
    small = np.zeros(20, np.int16)
    assert frames.decode_frame(decoder.codec, decoder.state, out, size, small) == numbering.NO_ROOM
    assert frames.conceal_frame(decoder.codec, decoder.state, small, 21) == numbering.NO_ROOM
    if encoding != "opus":  # libopus makes do with less
        assert frames.encode_frame(encoder.codec, encoder.state, pcm, 320, out[:20]) == numbering.NO_ROOM


def test_a_codec_that_is_not_loaded_answers_so(mode, monkeypatch):
    decoder = new_decoder("PCMA")
    monkeypatch.setattr(frames, "_table", frames._table)
    pcm, before = np.zeros(160, np.int16), frames._table.copy()
    frames._table[:] = 0
    try:
        arguments = (decoder.codec, decoder.state, np.zeros(160, np.uint8), 160, pcm)
        assert frames.decode_frame(*arguments) == numbering.NOT_LOADED
        assert frames.recover_frame(*arguments) == numbering.NOT_LOADED
        assert frames.conceal_frame(decoder.codec, decoder.state, pcm, 160) == numbering.NOT_LOADED
        assert (
            frames.encode_frame(decoder.codec, decoder.state, pcm, 160, np.zeros(160, np.uint8)) == numbering.NOT_LOADED
        )
    finally:
        frames._table[:] = before


def test_an_unknown_encoding_is_refused():
    with pytest.raises(CodecUnavailable, match="G7226"):
        number_of("G7226")
    assert number_of("aal2-g726-24") == numbering.G726


def test_compiled_callers_run_without_the_lock_of_the_interpreter():
    decode_frame, decoder = frames.decode_frame, new_decoder("PCMA")

    @numba.njit(nogil=True)
    def many(codec, state, payload, pcm, times):
        total = 0
        for _ in range(times):
            total += decode_frame(codec, state, payload, 160, pcm)
        return total

    assert many(decoder.codec, decoder.state, np.zeros(160, np.uint8), np.zeros(160, np.int16), 1000) == 160_000


def test_a_caller_kept_on_disk_finds_the_table_of_another_process(tmp_path):
    (tmp_path / "caller.py").write_text(
        textwrap.dedent("""
        import numba
        import numpy as np
        from mediacodecs import frames
        from mediacodecs.streams import new_decoder, new_encoder

        encode_frame, decode_frame = frames.encode_frame, frames.decode_frame

        @numba.njit(nogil=True, cache=True)
        def there_and_back(codec, to, of, pcm, out, heard):
            size = encode_frame(codec, to, pcm, len(pcm), out)
            return decode_frame(codec, of, out, size, heard)

        pcm, out, heard = np.arange(160, dtype=np.int16), np.zeros(400, np.uint8), np.zeros(160, np.int16)
        for encoding in ("PCMA", "opus"):
            to, of = new_encoder(encoding), new_decoder(encoding)
            assert there_and_back(to.codec, to.state, of.state, pcm, out, heard) == 160
        print(sum(there_and_back.stats.cache_hits.values()))
        """)
    )
    path = os.pathsep.join([str(Path(mediacodecs.__file__).parent.parent), str(tmp_path)])
    environment = os.environ | {"PYTHONPATH": path}  # what the caller calls is on disk already
    hits = [
        subprocess.run(
            [sys.executable, "-m", "caller"], env=environment, check=True, capture_output=True, text=True, timeout=60
        ).stdout
        for _ in range(2)
    ]
    assert [text.strip() for text in hits] == ["0", "1"], "compiled by the first process, loaded by the second"
