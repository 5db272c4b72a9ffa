"""GSM and Codec2, through the system's libraries."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from mediacodecs import CodecUnavailable, create, frames, framing, handles, library
from mediacodecs.streams import new_decoder, new_encoder, release


@pytest.fixture
def gsm():
    """A GSM codec, or the test is skipped."""
    try:
        return create("GSM")
    except CodecUnavailable as reason:
        pytest.skip(str(reason))


def test_gsm_decodes_as_ffmpeg_does(gsm, ffmpeg, speech):
    packets = [gsm.encode(speech[begin : begin + 160]) for begin in range(0, 32000, 160)]
    assert {len(packet) for packet in packets} == {33} and {packet[0] >> 4 for packet in packets} == {0xD}
    ours = np.concatenate([gsm.decode(packet) for packet in packets])
    theirs = np.concatenate([ffmpeg.decode("gsm", packets[0].tobytes(), 8000)])
    assert (ours[:160] == theirs).all()
    assert 0.5 < ours.std() / speech[:32000].std() < 1.5


def test_gsm_takes_several_frames_and_refuses_half_ones(gsm):
    payload = gsm.encode(np.zeros(480, np.int16))
    assert len(payload) == 99 and len(gsm.decode(payload)) == 480
    for wrong in (payload[:98], payload[:0], np.zeros(33, np.uint8)):
        with pytest.raises(ValueError, match="no packet of GSM"):
            gsm.decode(wrong)
    with pytest.raises(ValueError, match="make no packet"):
        gsm.encode(np.zeros(100, np.int16))


@pytest.mark.parametrize("mode", framing.CODEC2_MODES)
def test_codec2_speaks_in_every_mode(mode, speech):
    ms, octets = framing.CODEC2_MODES[mode]
    try:
        codec = create("CODEC2", fmtp=f"mode={mode}")
    except CodecUnavailable as reason:
        pytest.skip(str(reason))
    frame = 8 * ms
    packets = [codec.encode(speech[begin : begin + frame]) for begin in range(0, 32000, frame)]
    assert {len(packet) for packet in packets} == {octets}
    heard = np.concatenate([codec.decode(packet) for packet in packets])
    loud = np.abs(speech[: len(heard)].reshape(-1, 320).astype(float)).mean(1)
    again = np.abs(heard.reshape(-1, 320).astype(float)).mean(1)
    assert np.corrcoef(loud, again)[0, 1] > 0.6, "loud and soft where they were loud and soft"
    with pytest.raises(ValueError, match="no packet"):
        codec.decode(packets[0][:-1])


def test_a_state_of_another_process_is_made_anew():
    """A worker that takes a port over finds pointers that mean nothing to it."""
    encoder, decoder = new_encoder("CODEC2"), new_decoder("CODEC2")
    pcm, out, before = np.zeros(160, np.int16), np.zeros(20, np.uint8), handles.opened()
    for stream in (encoder, decoder):
        stream.state[1], stream.state[2] = 0xDEAD, 12345
    assert frames.encode_frame(encoder.codec, encoder.state, pcm, 160, out) == 6
    assert frames.decode_frame(decoder.codec, decoder.state, out, 6, pcm) == 160
    assert handles.opened() == before + 2
    encoder.state[2] = 12345
    release(encoder)  # of another process: forgotten, not freed
    assert encoder.state[1] == 0
    release(decoder)


def test_opus_is_made_anew_in_another_process():
    encoder, decoder = new_encoder("opus", 8000, 1, "usedtx=1;maxaveragebitrate=12000"), new_decoder("opus", 8000)
    code = """
import sys, numpy as np
from mediacodecs import frames, numbering
frames.load(numbering.OPUS)
words = np.frombuffer(sys.stdin.buffer.read(), np.int64).copy()
encoder, decoder = words[: int(sys.argv[1])].copy(), words[int(sys.argv[1]) :].copy()
out, pcm = np.zeros(1500, np.uint8), np.zeros(160, np.int16)
pcm[:] = 8000 * np.sin(np.arange(160) / 3)
sizes = [frames.encode_frame(numbering.OPUS, encoder, pcm, 160, out) for _ in range(20)]
print(max(sizes), frames.decode_frame(numbering.OPUS, decoder, out, sizes[-1], pcm))
"""
    given = encoder.state.tobytes() + decoder.state.tobytes()
    command = [sys.executable, "-c", code, str(len(encoder.state))]
    done = subprocess.run(command, input=given, capture_output=True, check=True, timeout=120)
    size, samples = map(int, done.stdout.split())
    assert 10 < size < 60 and samples == 160


def test_a_missing_library_names_its_package():
    with pytest.raises(OSError, match="apt-get install libnothing0"):
        library.open_library("libnothing.so.0", "libnothing0")


@pytest.mark.parametrize(
    ("encoding", "fmtp", "ms", "packing"),
    [
        ("PCMA", "", 10, ""),
        ("gsm", "", 20, ""),
        ("AMR", "octet-align=1; mode-set=7", 20, "octet-aligned"),
        ("amr-wb", "mode-set=2", 20, "bandwidth-efficient"),
        ("CODEC2", "", 20, "2400"),
        ("CODEC2", "mode=1300", 40, "1300"),
        ("CODEC2", "mode=17", 20, "2400"),
    ],
)
def test_frames_by_the_session_description(encoding, fmtp, ms, packing):
    assert framing.frame_ms(encoding, fmtp) == ms
    assert framing.packing(encoding, fmtp) == packing
