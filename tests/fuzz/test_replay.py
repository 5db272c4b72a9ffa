"""The fuzz targets' claims on fixed inputs: seeds, one fault at a time, and a fixed series of mutations."""

from __future__ import annotations

from softswitch.sip.message import Message
from tests.fuzz.exercise import exercise_sip, exercise_stream
from tests.fuzz.exercise_sdp import exercise_sdp
from tests.fuzz.seeds import INVITE, SDP, faults, mutations, sdp_seeds, sip_seeds


def test_sip_seeds() -> None:
    outcomes = [exercise_sip(seed) for seed in sip_seeds()]
    assert sum(isinstance(outcome, Message) for outcome in outcomes) > 50, "most seeds are messages"
    assert isinstance(outcomes[-1], Message)
    for seed in sip_seeds():
        exercise_stream(seed)


def test_sip_with_one_fault_at_a_time() -> None:
    parsed = sum(exercise_sip(data) is not None for data in faults(INVITE))
    assert parsed > 1000, "most faults are in values, which are looked into later"


def test_sip_mutations() -> None:
    parsed = 0
    for data in mutations(sip_seeds(), 3000):
        parsed += exercise_sip(data) is not None
        exercise_stream(data)
    assert 500 < parsed < 3000, f"some are messages and some are none, {parsed} of 3000 were"


def test_sdp_seeds() -> None:
    assert all(exercise_sdp(seed) is not None for seed in sdp_seeds()[:1])
    for seed in sdp_seeds():
        exercise_sdp(seed)


def test_sdp_with_one_fault_at_a_time() -> None:
    outcomes = [exercise_sdp(data) is not None for data in faults(SDP)]
    assert 0 < sum(outcomes) < len(outcomes), f"some are read and some refused, {sum(outcomes)} of {len(outcomes)} were"


def test_sdp_mutations() -> None:
    read = sum(exercise_sdp(data) is not None for data in mutations(sdp_seeds(), 3000))
    assert 100 < read < 3000, f"some are descriptions and some are none, {read} of 3000 were"
