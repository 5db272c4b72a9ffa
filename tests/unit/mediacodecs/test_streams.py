"""Codecs of the registry that keep a state: their interface, and those that are known by name only."""

from __future__ import annotations

import numpy as np
import pytest

from mediacodecs import CodecUnavailable, create, registry
from mediacodecs.streams import MOST_SAMPLES, new_decoder, new_encoder


def test_what_is_relayed_only_says_why_and_cannot_be_made():
    supported = {status.encoding.upper() for status in registry.supported()}
    assert registry.relayed_only(), "some encodings are relayed only"
    for status in registry.relayed_only():
        assert not status.usable
        assert status.reason.startswith("relayed and recorded, not transcoded: "), "why not, in words"
        assert status.encoding.upper() not in supported
        with pytest.raises(CodecUnavailable, match="no codec named"):
            create(status.encoding, status.sample_rate)


@pytest.mark.parametrize(
    ("encoding", "rate", "words"),
    [("G722", 16000, (90, 490)), ("G726-32", 8000, (27, 233)), ("PCMA", 8000, (1, 207)), ("L16", 48000, (1, 1181))],
)
def test_the_sizes_of_states_are_those_in_the_document(encoding, rate, words):
    assert (len(new_encoder(encoding, rate).state), len(new_decoder(encoding, rate).state)) == words


def test_names_are_taken_in_any_case_and_unknown_ones_refused():
    assert create("Opus", 8000).encoding == "opus"
    assert create("aal2-g726-16").rtp_clock == 8000
    with pytest.raises(CodecUnavailable, match="G723"):
        new_decoder("G723")


def test_a_stream_conceals_what_is_lost():
    codec = create("G722", 16000)
    tone = (8000 * np.sin(2 * np.pi * 300 * np.arange(3200) / 16000)).astype(np.int16)
    for begin in range(0, 3200, 320):
        codec.decode(codec.encode(tone[begin : begin + 320]))
    assert np.abs(codec.conceal(320)).max() > 6000
    assert len(codec.conceal(0)) == 0


def test_a_payload_longer_than_any_frame_is_refused():
    with pytest.raises(ValueError, match="are no packet of G722"):
        create("G722", 16000).decode(np.zeros(MOST_SAMPLES, np.uint8))
