"""Silence that is described to a member instead of sent (RFC 3389)."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from softswitch.media import PCMA, PortSettings, StreamFormat
from softswitch.media.kernels.sound import speaking
from softswitch.media.layouts.port import PORT
from softswitch.media.layouts.scratch import SCRATCH
from softswitch.media.layouts.shared import ROOM_FEEDER
from softswitch.media.layouts.voice import VOICE
from softswitch.media.playing import tones
from softswitch.media.voices import prepare_voice

from .conftest import use_plain_python

CN = StreamFormat(13, "CN", 8000)
G722 = StreamFormat(9, "G722", 8000)
AMR = StreamFormat(98, "AMR", 8000)
QUIET = PortSettings(remote=("127.0.0.1", 9), formats=(PCMA, CN), comfort_noise=True)


def noise(level_dbov: float, seconds: float, seed: int = 1) -> np.ndarray:
    """int16[n] at 8 kHz."""
    drawn = np.random.default_rng(seed).normal(0, 32768 * 10 ** (level_dbov / 20), int(8000 * seconds))
    return np.rint(drawn).astype(np.int16)


def tone(seconds: float, dbm0: float = -12) -> np.ndarray:
    return np.resize(tones.sine(700, dbm0, 8000), int(8000 * seconds))


class Member:
    """One member of a room at 8 kHz as plain Python in virtual time: what is sent when it is to hear something."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, settings: PortSettings) -> None:
        use_plain_python(monkeypatch)
        monkeypatch.setattr(speaking, "transmit", self._sent)
        self.voices, self.port, self.scratch = np.zeros(1, VOICE), np.zeros(1, PORT)[0], np.zeros(1, SCRATCH)[0]
        prepare_voice(self.voices, 0, settings, 8000)
        self.port["send"], self.port["remote_length"], self.port["feeder"] = 1, 16, ROOM_FEEDER
        self.packets: list[bytes] = []
        self.turn = 0

    def _sent(self, port: object, packet: np.ndarray, size: int, octets: int, scratch: object) -> None:
        self.packets.append(packet[:size].tobytes())

    def hears(self, pcm: np.ndarray) -> list[bytes]:
        """Let it hear int16[n], packet by packet; what it is sent meanwhile."""
        before, voice = len(self.packets), self.voices[0]
        for begin in range(0, len(pcm) - 159, 160):
            voice["spoken"][:160] = pcm[begin : begin + 160]
            voice["spoken_count"] = 160
            self.turn += 1
            speaking.speak(self.port, 0, voice, self.scratch, self.turn * 20_000_000)
        return self.packets[before:]


def types_of(packets: list[bytes]) -> list[int]:
    return [packet[1] & 127 for packet in packets]


def number(packet: bytes) -> tuple[int, int]:
    """Sequence number and timestamp."""
    return int.from_bytes(packet[2:4], "big"), int.from_bytes(packet[4:8], "big")


def test_silence_is_described_and_sound_is_sent(monkeypatch):
    member = Member(monkeypatch, QUIET)
    assert set(types_of(member.hears(tone(0.4)))) == {8}
    quiet = member.hears(noise(-55, 3))
    falls = types_of(quiet).index(13)
    assert falls <= 15, "sound goes on for no longer than the hangover of a quarter of a second"
    described = quiet[falls:]
    assert set(types_of(described)) == {13} and 3 <= len(described) <= 10, f"{len(described)} packets in three seconds"
    assert {len(packet) for packet in described} == {12 + 11}, "the level and the spectrum"
    assert abs(described[0][12] - 55) <= 2, "as loud as what it stands for"
    again = member.hears(tone(0.1))
    assert again[0][1] == 0x80 | 8, "sound begins again with the marker"
    for before, after in itertools.pairwise(member.packets):
        assert number(after)[0] == number(before)[0] + 1, "no gap in the numbers"
    spent = (number(again[0])[1] - number(member.packets[0])[1]) / 160
    assert spent == 170, "time goes on while nothing is sent"


def test_a_change_of_the_background_is_told_at_once(monkeypatch):
    member = Member(monkeypatch, QUIET)
    member.hears(noise(-70, 2))
    louder = [packet for packet in member.hears(noise(-64, 0.3)) if packet[1] == 13]
    assert len(louder) >= 1 and abs(louder[0][12] - 64) <= 2, "before the second is over"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (dataclasses.replace(QUIET, comfort_noise=False), "it is not wanted"),
        (dataclasses.replace(QUIET, formats=(PCMA,)), "the peer takes none"),
        (dataclasses.replace(QUIET, formats=(PCMA, StreamFormat(97, "CN", 16000))), "it is of another clock"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_silence_is_sent_where(monkeypatch, settings, why):
    assert types_of(Member(monkeypatch, settings).hears(noise(-60, 0.4))) == [8] * 20, why


def test_a_soft_tone_is_no_silence(monkeypatch):
    assert types_of(Member(monkeypatch, QUIET).hears(tone(2, dbm0=-32))) == [8] * 100


def test_g722_is_told_the_level_alone(monkeypatch):
    """What a spectrum at 8 kHz is to a decoder at 16 kHz is nowhere said."""
    settings = dataclasses.replace(QUIET, formats=(G722, CN))
    described = [packet for packet in Member(monkeypatch, settings).hears(noise(-60, 0.5)) if packet[1] == 13]
    assert described and all(len(packet) == 13 for packet in described)


def test_a_transcoded_call_falls_silent(make_engine, make_leg):
    """The same through an engine of compiled code."""
    engine = make_engine()
    quiet = make_leg(engine, formats=(PCMA, CN), comfort_noise=True)
    other = make_leg(engine, formats=(StreamFormat(97, "L16", 16000),))
    engine.connect(quiet.port, other.port)
    kinds = [quiet.phone.receive().payload_type for _ in range(20)]
    assert kinds[-1] == 13, "nobody says anything, so silence is described when the hangover is over"
    assert quiet.phone.receive().payload_type == 13, "and again after a second"
