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
    for data in mutations(sip_seeds(), 3000):
        exercise_sip(data)
        exercise_stream(data)


def test_sdp_seeds() -> None:
    assert all(exercise_sdp(seed) is not None for seed in sdp_seeds()[:1])
    for seed in sdp_seeds():
        exercise_sdp(seed)


def test_sdp_with_one_fault_at_a_time() -> None:
    for data in faults(SDP):
        exercise_sdp(data)


def test_sdp_mutations() -> None:
    for data in mutations(sdp_seeds(), 3000):
        exercise_sdp(data)
