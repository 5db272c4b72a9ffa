"""AMR and AMR-WB: payloads of RFC 4867 in both packings, against FFmpeg's decoders and tshark."""

from __future__ import annotations

import shutil
import struct
import subprocess

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediacodecs import CodecUnavailable, create, frames, handles, numbering
from mediacodecs.streams import new_decoder, new_encoder, release

KINDS = [("AMR", 8000, "libopencore_amrnb"), ("AMR-WB", 16000, "amrwb")]
EVERY_KIND = pytest.mark.parametrize(("encoding", "rate", "other"), KINDS, ids=lambda value: str(value))
PACKINGS = pytest.mark.parametrize("fmtp", ["", "octet-align=1"], ids=["bandwidth-efficient", "octet-aligned"])


@pytest.fixture(scope="module", autouse=True)
def libraries():
    """The libraries, or these tests are skipped."""
    for encoding, rate, _ in KINDS:
        try:
            create(encoding, rate)
        except CodecUnavailable as reason:
            pytest.skip(str(reason))


def wide(speech, rate):
    return speech if rate == 8000 else np.ascontiguousarray(np.repeat(speech, 2))


def encoded(stream, pcm, frame):
    """uint8[m] for every packet."""
    out, sent = np.zeros(1500, np.uint8), []
    for begin in range(0, len(pcm) - frame + 1, frame):
        size = frames.encode_frame(stream.codec, stream.state, pcm[begin : begin + frame], frame, out)
        assert size >= 0
        sent.append(out[:size].tobytes())
    return sent


def decoded(stream, sent, frame):
    """int16[n] of all packets."""
    rows = np.zeros((len(sent), frame), np.int16)
    for row, payload in zip(rows, sent, strict=True):
        octets = np.frombuffer(payload, np.uint8)
        assert frames.decode_frame(stream.codec, stream.state, octets, len(octets), row) == frame
    return rows.reshape(-1)


def correlation(one, other):
    one, other = one.astype(float), other.astype(float)
    return float(one @ other / np.sqrt((one @ one) * (other @ other) + 1))


def correlations(sent, heard):
    """How alike they are when `heard` is later by 0, 1, 2 … samples."""
    size = 2 * max(len(sent), len(heard))
    products = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sent, size)), size)
    return products / np.sqrt((sent.astype(float) @ sent) * (heard.astype(float) @ heard))


@EVERY_KIND
@PACKINGS
def test_speech_comes_back_as_speech(encoding, rate, other, fmtp, speech):
    pcm, frame = wide(speech[:40000], rate), rate // 50
    before = pcm.copy()
    heard = decoded(
        new_decoder(encoding, rate, 1, fmtp), encoded(new_encoder(encoding, rate, 1, fmtp), pcm, frame), frame
    )
    assert (pcm == before).all(), "the encoder must leave its input alone"
    best = max(correlations(pcm, heard)[: rate // 50])
    assert best > 0.8, f"what comes back is like what was sent by {best:.2f}"


@EVERY_KIND
def test_another_decoder_hears_the_same(encoding, rate, other, speech):
    pcm, frame = wide(speech[:20000], rate), rate // 50
    sent = encoded(new_encoder(encoding, rate, 1, "octet-align=1"), pcm, frame)
    ours = decoded(new_decoder(encoding, rate, 1, "octet-align=1"), sent, frame)
    decoder = av.CodecContext.create(other, "r")
    decoder.sample_rate, decoder.layout = rate, "mono"
    parts = [f.to_ndarray().reshape(-1) for payload in sent for f in decoder.decode(av.Packet(payload[1:]))]
    theirs = np.concatenate(parts)
    theirs = theirs if theirs.dtype == np.int16 else theirs * 32768
    if other.startswith("lib"):
        assert (ours == theirs[: len(ours)]).all(), "the same library decodes to the bit"
    else:
        assert correlation(ours, theirs[: len(ours)]) > 0.99


@EVERY_KIND
@pytest.mark.parametrize("per_packet", [1, 2, 3, 5])
def test_both_packings_carry_the_same_speech(encoding, rate, other, per_packet, speech):
    pcm, frame = wide(speech[:9600], rate), rate // 50 * per_packet
    heard = []
    for fmtp in ("", "octet-align=1"):
        sent = encoded(new_encoder(encoding, rate, 1, fmtp), pcm, frame)
        heard.append(decoded(new_decoder(encoding, rate, 1, fmtp), sent, frame))
    assert (heard[0] == heard[1]).all()


def test_the_headers_are_those_of_the_standard():
    """RFC 4867 §4.3.5.1 and §4.4.5.1: CMR 15 and one frame of mode 5.9 (type 2, 118 bits) or 12.2 (type 7, 244)."""
    silence = np.zeros(160, np.int16)
    (payload,) = encoded(new_encoder("AMR", fmtp="mode-set=2"), silence, 160)
    assert len(payload) == (4 + 6 + 118 + 7) // 8
    assert payload[0] == 0b1111_0_001 and payload[1] >> 6 == 0b0_1
    (payload,) = encoded(new_encoder("AMR", fmtp="octet-align=1"), silence, 160)
    assert len(payload) == 1 + 1 + 31 and payload[:2] == bytes([0xF0, 7 << 3 | 4])
    (payload,) = encoded(new_encoder("AMR", fmtp="octet-align=1"), np.zeros(320, np.int16), 320)
    assert payload[:3] == bytes([0xF0, 0x80 | 7 << 3 | 4, 7 << 3 | 4]) and len(payload) == 1 + 2 + 62


@pytest.mark.parametrize(
    ("fmtp", "wishes", "modes"),
    [
        ("", (15, 3, 0), (7, 3, 0)),
        ("mode-set=0,2,5", (7, 4, 1), (5, 2, 0)),
        ("mode-set=0,2,5;mode-change-neighbor=1", (0, 0, 0), (2, 0, 0)),
        ("mode-change-period=2", (3, 4, 4), (3, 3, 4)),
    ],
)
def test_the_peer_asks_for_a_mode(fmtp, wishes, modes):
    encoder = new_encoder("AMR", fmtp="octet-align=1;" + fmtp)
    decoder = new_decoder("AMR", fmtp="octet-align=1")
    encoded(encoder, np.zeros(160, np.int16), 160)
    sent = []
    for wish in wishes:
        asking = np.array([wish << 4, 15 << 3 | 4], np.uint8)
        assert frames.decode_frame(decoder.codec, decoder.state, asking, 2, np.zeros(160, np.int16)) == 160
        frames.follow_peer(encoder.codec, encoder.state, decoder.state)
        sent += encoded(encoder, np.zeros(160, np.int16), 160)
    assert tuple(payload[1] >> 3 & 15 for payload in sent) == modes


def test_lost_frames_fade_away(speech):
    encoder, decoder = new_encoder("AMR"), new_decoder("AMR")
    decoded(decoder, encoded(encoder, speech[8000:16000], 160), 160)
    levels = []
    for _ in range(12):
        lost = np.zeros(160, np.int16)
        assert frames.conceal_frame(decoder.codec, decoder.state, lost, 160) == 160
        levels.append(float(lost.astype(float).std()))
    assert levels[0] > 10 and levels[-1] < levels[0] / 4, f"levels {levels}"


@given(st.binary(max_size=80), st.booleans(), st.sampled_from(["AMR", "AMR-WB"]))
def test_no_payload_does_harm(payload, aligned, encoding):
    rate = 8000 if encoding == "AMR" else 16000
    decoder = new_decoder(encoding, rate, 1, "octet-align=1" if aligned else "")
    octets = np.frombuffer(payload + b"\0", np.uint8)[: len(payload)]
    samples = frames.decode_frame(decoder.codec, decoder.state, octets, len(octets), np.zeros(12 * 320, np.int16))
    assert samples == numbering.MALFORMED or samples % (rate // 50) == 0
    release(decoder)


def test_as_many_are_given_back_as_were_made():
    before = handles.opened() - handles.closed()
    for _ in range(50):
        for encoding, rate, _ in KINDS:
            encoder, decoder = new_encoder(encoding, rate), new_decoder(encoding, rate)
            decoded(decoder, encoded(encoder, np.zeros(rate // 50, np.int16), rate // 50), rate // 50)
            release(encoder), release(decoder)
            release(encoder)  # a second time does nothing
    assert handles.opened() - handles.closed() == before


@pytest.mark.interop
@EVERY_KIND
@PACKINGS
def test_tshark_reads_the_payloads(encoding, rate, other, fmtp, tmp_path):
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    (payload,) = encoded(new_encoder(encoding, rate, 1, fmtp), np.zeros(3 * rate // 50, np.int16), 3 * rate // 50)
    rtp = struct.pack(">BBHII", 0x80, 96, 1, 2, 3) + payload
    udp = struct.pack(">HHHH", 4000, 4002, 8 + len(rtp), 0) + rtp
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1") + udp
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    (tmp_path / "one.pcap").write_bytes(header + struct.pack("<IIII", 0, 0, len(ip), len(ip)) + ip)
    kind = "OA" if fmtp else "BE"
    command = ["tshark", "-r", str(tmp_path / "one.pcap"), "-V", "-d", "udp.port==4002,rtp"]
    command += ["-o", "amr.encoding.version:RFC 3267 " + ("octet aligned" if fmtp else "BW-efficient")]
    command += [
        "-o",
        f"amr.mode:{'Narrowband' if encoding == 'AMR' else 'Wideband'} AMR",
        "-o",
        "amr.dynamic.payload.type:96",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    text = done.stdout
    assert "Adaptive Multi-Rate" in text or "AMR" in text, f"{kind}: {done.stderr or text}"
    assert text.count("FT bits") >= 3, f"three frames in one packet, {kind}: {text}"
    assert "Malformed" not in text, text
