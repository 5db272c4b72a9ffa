"""What is usable here, and why the rest is not."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from mediacodecs import CodecUnavailable, create, library, registry, supported


def test_everything_supported_can_be_created_and_keeps_its_word():
    usable = {status.encoding for status in supported() if status.usable}
    assert {"PCMU", "PCMA", "L16"} <= usable, f"what needs no library is usable everywhere, not only {usable}"
    for status in supported():
        if not status.usable:
            assert "apt-get install" in status.reason, status
            continue
        codec = create(status.encoding, status.sample_rate)
        assert (codec.encoding, codec.sample_rate) == (status.encoding, status.sample_rate)
        samples = np.zeros(codec.sample_rate * codec.frame_ms // 1000, np.int16)
        assert len(codec.decode(codec.encode(samples))) == len(samples)


def test_names_are_taken_in_any_case():
    assert create("pcmu").encoding == "PCMU"


@pytest.mark.parametrize(("encoding", "rate", "reason"), [("EVRC", 8000, "no codec named"), ("PCMA", 16000, "16000")])
def test_what_there_is_not_is_told(encoding, rate, reason):
    with pytest.raises(CodecUnavailable, match=reason):
        create(encoding, rate)


def test_a_missing_library_makes_its_codec_unusable_with_a_reason(monkeypatch):
    entry = registry._Entry("XCODEC", (8000,), "mediacodecs.not_there", "X")
    monkeypatch.setattr(registry, "_ENTRIES", (entry,))
    (status,) = supported()
    assert (status.encoding, status.usable) == ("XCODEC", False)
    assert "not_there" in status.reason
    with pytest.raises(CodecUnavailable, match="not_there"):
        create("XCODEC")


def test_a_library_under_the_gpl_is_used_only_where_that_is_allowed(monkeypatch):
    monkeypatch.delenv("MEDIACODECS_GPL", raising=False)
    for module in ("mediacodecs.g729", "mediacodecs.states.g729"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    (status,) = [status for status in supported() if status.encoding == "G729"]
    assert (status.usable, status.switched_off) == (False, True)
    for needed in ("libbcg729.so.0 is under the GPL", "gpl_codecs = true in [rtp]", "apt-get install libbcg729-0"):
        assert needed in status.reason, f"says what to do: {needed}"
    assert registry.why_not("g729") == status.reason
    monkeypatch.setenv("MEDIACODECS_GPL", "1")
    with pytest.raises(OSError, match="libnothing0") as missing:
        library.open_library("libnothing.so.0", "libnothing0", gpl=True)
    assert not isinstance(missing.value, PermissionError), "allowed, but not installed"


def test_l16_is_network_byte_order():
    codec = create("L16", 16000)
    assert codec.encode(np.array([1, -2], np.int16)).tobytes() == b"\x00\x01\xff\xfe"
    assert codec.decode(np.frombuffer(b"\x80\x00\x7f\xff", np.uint8)).tolist() == [-32768, 32767]
    assert (codec.rtp_clock, len(codec.conceal(5))) == (16000, 5)


def test_half_a_sample_is_refused():
    with pytest.raises(ValueError, match="3 octets"):
        create("L16").decode(np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match="2-channel"):
        create("L16", 48000, 2).decode(np.zeros(2, np.uint8))
