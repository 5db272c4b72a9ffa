"""What is done to the sound of B channels: echo cancelled, levels changed, and nothing for modems."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mediacodecs.g711 import ALAW_DECODE, ALAW_ENCODE
from softswitch.media import echo_library
from softswitch.media.kernels.wire import treatment
from softswitch.media.layouts.wire import HEARD_OCTETS, SPAN, SPOKEN_OCTETS
from softswitch.media.pseudowire_settings import PseudowireSettings, prepare_span

from .wire_pair import use_plain_wire

_SLOT, _BLOCKS = 7, 150


class Channel:
    """One B channel of a span without a line: what we say, and what comes, in blocks of 20 ms."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
        use_plain_wire(monkeypatch)
        spans = np.zeros(1, SPAN)
        settings = PseudowireSettings(("127.0.0.1", 1), ("127.0.0.1", 2), **changes)  # type: ignore[arg-type]
        settings.check()
        prepare_span(spans, 0, settings)
        self.span = spans[0]
        self.span["slot_fresh"][_SLOT] = 1

    def block(self, said: NDArray[np.int16], came: NDArray[np.int16]) -> NDArray[np.int16]:
        """What is heard of `came` after `said`; int16[160] each."""
        at = _SLOT * SPOKEN_OCTETS
        places = at + (self.span["tx_frames"] + np.arange(HEARD_OCTETS)) % SPOKEN_OCTETS
        self.span["spoken"][places] = ALAW_ENCODE[(said.astype(int) >> 4) + 2048]
        self.span["tx_frames"] += HEARD_OCTETS
        packet = np.zeros(12 + HEARD_OCTETS, np.uint8)
        packet[12:] = ALAW_ENCODE[(came.astype(int) >> 4) + 2048]
        treatment.treat_heard(self.span, _SLOT, packet, 12)
        return ALAW_DECODE[packet[12:]]


def speech(samples: int, seed: int) -> NDArray[np.int16]:
    """Noise with the slow swell of syllables, about -12 dBm0."""
    noise = np.random.default_rng(seed).normal(0, 6000, samples)
    swell = 0.2 + 0.8 * np.sin(np.arange(samples) * 2 * np.pi * 3 / 8000) ** 2
    return np.clip(noise * swell, -32000, 32000).astype(np.int16)


def hybrid(said: NDArray[np.int16]) -> NDArray[np.int16]:
    """The echo of a line with two wires: 12 dB weaker, 12 ms late, spread over 5 ms."""
    taps = np.zeros(136)
    taps[96:] = np.exp(-np.arange(40) / 8) * np.cos(np.arange(40) * 1.1)
    taps *= 0.25 / np.sqrt((taps**2).sum())
    return np.convolve(said, taps)[: len(said)].astype(np.int16)


def energy(samples: NDArray[np.int16]) -> float:
    return float((samples.astype(float) ** 2).sum())


@pytest.mark.skipif(bool(echo_library.missing), reason=echo_library.missing)
def test_echo_is_cancelled_and_the_far_speaker_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Channel(monkeypatch, echo_tail_ms=32)
    said = speech(_BLOCKS * HEARD_OCTETS, 1)
    came = hybrid(said)
    far = speech(_BLOCKS * HEARD_OCTETS, 2) // 2
    far[: 130 * HEARD_OCTETS] = 0  # who speaks there begins at the end
    heard = []
    measured = 0.0
    for at in range(_BLOCKS):
        heard.append(channel.block(*(sound[at * HEARD_OCTETS :][:HEARD_OCTETS] for sound in (said, came + far))))
        if at == 129:
            measured = 10 * np.log10(channel.span["echo_came"][_SLOT] / channel.span["echo_left"][_SLOT])
    last = slice(100, 130)
    left = energy(np.concatenate(heard[last]))
    loss_db = 10 * np.log10(energy(came[last.start * HEARD_OCTETS : last.stop * HEARD_OCTETS]) / left)
    assert loss_db > 20, f"the echo is weaker by {loss_db:.1f} dB only"
    assert measured == pytest.approx(loss_db, abs=5), "what is told of it is another thing than what was done"
    kept = energy(np.concatenate(heard[132:])) / energy(far[132 * HEARD_OCTETS :])
    assert 0.7 < kept < 1.4, f"of the far speaker {kept:.2f} is left"
    assert channel.span["echo_blocks"] == _BLOCKS and channel.span["echo_disabled"] == 0


def test_2100_hz_ends_all_treatment_until_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Channel(monkeypatch, gain_heard_db=-6.0, gain_said_db=-6.0)
    tone = (8000 * np.sin(2 * np.pi * 2100 * np.arange(HEARD_OCTETS) / 8000)).astype(np.int16)  # 42 whole periods
    silence = np.zeros(HEARD_OCTETS, np.int16)
    first = channel.block(silence, tone)
    assert energy(first) / energy(tone) == pytest.approx(0.25, abs=0.02), "6 dB less"
    for _ in range(25):
        last = channel.block(silence, tone)
    assert channel.span["echo_disabled"] == 1
    assert np.array_equal(last, ALAW_DECODE[ALAW_ENCODE[(tone.astype(int) >> 4) + 2048]]), "a modem is heard as it is"
    assert treatment.treat_said(channel.span, _SLOT, 0x2A, 0) == 0x2A
    channel.span["slot_fresh"][_SLOT] = 1
    again = channel.block(silence, tone)
    assert energy(again) / energy(tone) == pytest.approx(0.25, abs=0.02), "another call is treated again"


def test_gain_towards_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Channel(monkeypatch, gain_said_db=6.0)
    for sample in (-9000, -500, 0, 700, 12000):
        octet = int(ALAW_ENCODE[(sample >> 4) + 2048])
        louder = int(ALAW_DECODE[treatment.treat_said(channel.span, _SLOT, octet, 0)])
        assert louder == pytest.approx(int(ALAW_DECODE[octet]) * 1.995, rel=0.05, abs=10)


@pytest.mark.parametrize("changes", [{"echo_tail_ms": 4}, {"echo_tail_ms": 500}, {"gain_said_db": 30.0}])
def test_what_cannot_be_done_is_refused(changes: dict[str, float]) -> None:
    settings = PseudowireSettings(("127.0.0.1", 1), ("127.0.0.1", 2), **changes)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"echo|levels"):
        settings.check()
