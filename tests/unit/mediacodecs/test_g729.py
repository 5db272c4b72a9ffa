"""G.729 by libbcg729, beside FFmpeg's own decoder; the library is loaded only because these tests allow it."""

from __future__ import annotations

import numpy as np
import pytest

from mediacodecs import CodecUnavailable, frames, handles, numbering
from mediacodecs.numbering import LEAD
from mediacodecs.streams import new_decoder, new_encoder, release

FRAME, OCTETS = 80, 10
WITHOUT_B = "annexb=no"


@pytest.fixture(autouse=True)
def installed(gpl_codecs):
    """The tests are skipped where there is no libbcg729."""
    try:
        release(new_encoder("G729"))
    except CodecUnavailable as reason:
        pytest.skip(str(reason))


def encode(encoder, pcm, frame=FRAME):
    """What the encoder returns for each packet, and the octets."""
    out = np.zeros(64, np.uint8)
    for begin in range(0, len(pcm) - frame + 1, frame):
        given = frames.encode_frame(encoder.codec, encoder.state, pcm[begin : begin + frame], frame, out)
        yield given // LEAD, out[: given % LEAD].copy()


def decode(decoder, payload):
    """int16[n] of one packet, or the error."""
    pcm = np.zeros(960, np.int16)
    count = frames.decode_frame(decoder.codec, decoder.state, payload, len(payload), pcm)
    return pcm[:count] if count >= 0 else count


def noise(count, level=60, seed=3):
    return np.random.default_rng(seed).normal(0, level, count).astype(np.int16)


def test_ffmpeg_hears_what_we_say_as_we_do(ffmpeg, speech):
    """FFmpeg's decoder is not the library's: it differs in its post filter's rounding, not in the speech."""
    packets = [payload for _, payload in encode(new_encoder("G729", fmtp=WITHOUT_B), speech[:16000])]
    assert {len(payload) for payload in packets} == {OCTETS}, "8 kbit/s, all the time"
    decoder = new_decoder("G729")
    ours = np.concatenate([decode(decoder, payload) for payload in packets]).astype(float)
    theirs = np.concatenate(ffmpeg.decode_frames("g729", packets, 8000)).astype(float)
    error = 10 * np.log10((ours**2).sum() / ((ours - theirs) ** 2).sum())
    assert error > 15, f"{error:.1f} dB between what two decoders hear"
    loud = np.abs(speech[:16000].reshape(-1, 320).astype(float)).mean(1)
    again = np.abs(ours.reshape(-1, 320)).mean(1)
    assert np.corrcoef(loud, again)[0, 1] > 0.8, "loud and soft where they were loud and soft"
    release(decoder)


@pytest.mark.parametrize("ms", [10, 20, 30, 40, 50, 60])
def test_packets_of_several_frames(mode, speech, ms):
    encoder, decoder = new_encoder("G729", fmtp=WITHOUT_B), new_decoder("G729")
    for lead, payload in encode(encoder, speech[8000:8960], 8 * ms):
        assert (lead, len(payload)) == (0, ms)
        assert len(decode(decoder, payload)) == 8 * ms
    release(encoder), release(decoder)


def test_silence_is_described_and_then_not_sent(mode):
    encoder, decoder = new_encoder("G729"), new_decoder("G729")
    background = noise(20000)
    given = list(encode(encoder, background))
    sizes = [len(payload) for _, payload in given]
    assert 2 in sizes, f"the noise is described: {sizes}"
    assert sizes[sizes.index(2) :].count(0) > 20, f"and then not sent: {sizes}"
    for _, payload in given[: sizes.index(2) + 1]:
        heard = decode(decoder, payload)
        assert len(heard) == FRAME
        assert frames.rests(decoder.codec, decoder.state) == (len(payload) == 2)
    pcm = np.zeros(1600, np.int16)
    assert frames.conceal_frame(decoder.codec, decoder.state, pcm, 1600) == 1600
    ratio = 20 * np.log10(pcm[800:].astype(float).std() / background.astype(float).std())
    assert abs(ratio) < 6, f"the noise goes on, {ratio:.1f} dB from what it was"
    release(encoder), release(decoder)


def test_who_says_annexb_no_is_sent_everything():
    for fmtp in (WITHOUT_B, "AnnexB=NO"):
        encoder = new_encoder("G729", fmtp=fmtp)
        assert {len(payload) for _, payload in encode(encoder, noise(8000))} == {OCTETS}, fmtp
        release(encoder)


@pytest.mark.parametrize("ms", [20, 60])
def test_a_packet_begins_with_the_first_frame_that_is_sent(speech, ms):
    """Speech behind silence: what a packet leaves out at its beginning is told, and nothing is out of place."""
    pcm = np.concatenate([noise(8000, 20), speech[8000:12000], noise(8000, 20)])
    whole, packed = new_encoder("G729"), new_encoder("G729")
    single = [payload for _, payload in encode(whole, pcm)]
    many = ms // 10
    begun_late = 0
    for i, (lead, payload) in enumerate(encode(packed, pcm, 8 * ms)):
        own = [one.tobytes() for one in single[i * many : (i + 1) * many]]
        begun_late += lead > 0 and len(payload) > 2
        if len(payload):
            assert payload[: len(own[lead // FRAME])].tobytes() == own[lead // FRAME], f"packet {i} begins at {lead}"
        else:
            assert not any(own), f"packet {i} is left out, though a frame was to be sent: {own}"
        if any(len(one) == OCTETS for one in own):
            assert len(payload) >= OCTETS, f"packet {i}: {[len(one) for one in own]}"
    assert begun_late, "some packet begins with silence"
    release(whole), release(packed)


def test_lost_frames_are_made_up_and_fade(mode, speech):
    encoder, decoder = new_encoder("G729", fmtp=WITHOUT_B), new_decoder("G729")
    for _, payload in encode(encoder, speech[8000:12000], 160):
        decode(decoder, payload)
    levels = []
    for _ in range(10):
        lost = np.zeros(160, np.int16)
        assert frames.conceal_frame(decoder.codec, decoder.state, lost, 160) == 160
        levels.append(float(lost.astype(float).std()))
    assert levels[0] > 10 and levels[-1] < levels[0] / 4, f"levels {levels}"
    release(encoder), release(decoder)


@pytest.mark.parametrize("size", [0, 1, 3, 9, 11, 13])
def test_half_frames_are_refused(mode, size):
    decoder = new_decoder("G729")
    assert decode(decoder, np.zeros(size, np.uint8)) == numbering.MALFORMED
    pcm = np.zeros(FRAME, np.int16)
    assert frames.decode_frame(decoder.codec, decoder.state, np.zeros(12, np.uint8), 12, pcm) == numbering.NO_ROOM
    release(decoder)


def test_as_many_are_given_back_as_were_made():
    before = handles.opened() - handles.closed()
    for _ in range(50):
        encoder, decoder = new_encoder("G729"), new_decoder("G729")
        for _, payload in encode(encoder, np.zeros(FRAME, np.int16)):
            decode(decoder, payload if len(payload) else np.zeros(OCTETS, np.uint8))
        release(encoder), release(decoder)
        release(encoder)  # a second time does nothing
    assert handles.opened() - handles.closed() == before


def test_it_is_8_khz_mono():
    for rate, channels in ((16000, 1), (8000, 2)):
        with pytest.raises(CodecUnavailable, match=r"G\.729 has 8000 Hz"):
            new_decoder("G729", rate, channels)
