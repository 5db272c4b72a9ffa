"""Speech and tones for the tests, and how alike what was sent and what arrived are."""

from __future__ import annotations

import subprocess
import time
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 8000
Samples = npt.NDArray[np.float64]

# One period of 1 kHz at 0 dBm0 in mu-law: ITU-T G.711 table 6, the definition of the level.
_MILLIWATT = bytes.fromhex("1e0b0b1e9e8b8b9e")


def decode_ulaw(octets: npt.NDArray[np.uint8]) -> Samples:
    """Linear samples (16-bit scale) of mu-law octets, from the segments of ITU-T G.711 table 2a."""
    inverted = ~octets & 0xFF
    segment = (inverted >> 4) & 7
    step = inverted & 0x0F
    magnitude = (((step.astype(np.int32) << 3) + 0x84) << segment) - 0x84
    return np.where(inverted & 0x80, -magnitude, magnitude).astype(np.float64)


def decode_alaw(octets: npt.NDArray[np.uint8]) -> Samples:
    """Linear samples (16-bit scale) of A-law octets, from the segments of ITU-T G.711 table 1a."""
    even = octets ^ 0x55
    segment = (even >> 4) & 7
    step = (even & 0x0F).astype(np.int32) * 16 + 8
    magnitude = np.where(segment == 0, step, (step + 256) << np.maximum(segment.astype(np.int32) - 1, 0))
    return np.where(even & 0x80, magnitude, -magnitude).astype(np.float64)


def encode_ulaw(pcm: npt.NDArray[np.int16]) -> bytes:
    """The nearest mu-law octet of each sample."""
    codes = np.arange(256, dtype=np.uint8)
    levels = decode_ulaw(codes)
    order = np.argsort(levels, kind="stable")
    bounds = (levels[order][1:] + levels[order][:-1]) / 2
    return codes[order][np.searchsorted(bounds, pcm.astype(np.float64))].tobytes()


def level_dbm0(samples: Samples) -> float:
    """Level against the digital milliwatt."""
    reference = decode_ulaw(np.frombuffer(_MILLIWATT, np.uint8))
    return float(20 * np.log10(np.sqrt(np.mean(samples**2)) / np.sqrt(np.mean(reference**2))))


def frequency_hz(samples: Samples) -> float:
    """Frequency of the strongest tone, by the phase between two halves: far finer than one bin."""
    half = len(samples) // 2
    window = np.hanning(half)
    first, second = np.fft.rfft(samples[:half] * window), np.fft.rfft(samples[half : 2 * half] * window)
    peak = int(np.argmax(np.abs(first)))
    coarse = peak * RATE / half
    turned = np.angle(second[peak] / first[peak]) / (2 * np.pi)
    cycles = np.round(coarse * half / RATE - turned)
    return float((cycles + turned) * RATE / half)


def pitch_hz(samples: Samples) -> float:
    """The strongest frequency to a bin of all that was heard: pauses do it no harm, as they do to `frequency_hz`."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * RATE / len(samples))


def speech(folder: Path, text: str, *, seconds: float, voice: str = "en", lead_s: float = 0.2) -> tuple[Path, Samples]:
    """A WAV file (8 kHz, mono) of `seconds` with `text` spoken over and over by espeak-ng; the path and the samples."""
    raw, path = folder / "espeak.wav", folder / f"speech-{voice}-{abs(hash(text)) % 10**6}.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-w", str(raw), text], check=True, timeout=30)
    subprocess.run(
        ["sox", str(raw), "-r", str(RATE), "-c", "1", "-b", "16", str(path), "gain", "-n", "-6"], check=True, timeout=30
    )
    once = read_wav(path)
    once = np.concatenate([np.zeros(int(lead_s * RATE)), once])
    samples = np.resize(once, int(seconds * RATE))
    write_wav(path, samples)
    return path, samples


def read_wav(path: Path) -> Samples:
    """Samples of a mono 16-bit WAV file at 8 kHz."""
    with wave.open(str(path), "rb") as file:
        assert file.getframerate() == RATE, f"{path.name} has {file.getframerate()} Hz instead of {RATE}"
        frames = file.readframes(file.getnframes())
        channels = file.getnchannels()
    return np.frombuffer(frames, "<i2").astype(np.float64)[::channels]


def write_wav(path: Path, samples: Samples) -> None:
    """Write a mono 16-bit WAV file at 8 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.clip(samples, -32768, 32767).astype("<i2").tobytes())


def likeness(sent: Samples, received: Samples) -> tuple[float, int]:
    """Greatest normalised cross-correlation of `received` with a stretch of `sent`, and where that stretch begins."""
    received = received - received.mean()
    size = len(sent) + len(received)
    spectrum = np.fft.rfft(sent, size) * np.conj(np.fft.rfft(received, size))
    products = np.fft.irfft(spectrum, size)[: len(sent) - len(received) + 1]
    energy = np.concatenate([[0.0], np.cumsum(sent**2)])
    windows = energy[len(received) :] - energy[: -len(received)]
    scores = products / np.sqrt(np.maximum(windows, 1e-9) * max(float(np.sum(received**2)), 1e-9))
    best = int(np.argmax(scores))
    return float(scores[best]), best


def voiced(samples: Samples, threshold: float = 200.0) -> Samples:
    """`samples` without the silence at both ends."""
    loud = np.flatnonzero(np.abs(samples) > threshold)
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples[:0]


def read_growing(path: Path) -> Samples:
    """Samples of a WAV file (8 kHz, mono, 16 bits) that is still being written; none before it is there."""
    octets = path.read_bytes()[44:] if path.exists() else b""
    return np.frombuffer(octets[: len(octets) // 2 * 2], "<i2").astype(np.float64)


def recorded_s(path: Path) -> float:
    """How long a WAV file is that is still being written, in seconds."""
    return len(read_growing(path)) / RATE


class Likeness:
    """How many `seconds` on end of what is received are found in what was sent, and the score of every half second.

    Each second is looked for by itself, so that two clocks may slip by a frame in between; silence counts for nothing.
    """

    def __init__(self, sent: Samples, least: float) -> None:
        self._sent, self._least = sent, least
        self._at = self._run = 0
        self.seconds = 0.0
        self.scores: list[float] = []

    def listen(self, received: Samples) -> None:
        """Look at what is new of all that has been received."""
        while self._at + RATE <= len(received):
            second = received[self._at : self._at + RATE]
            self._at += RATE // 2
            if np.sqrt(np.mean(second**2)) <= 100:
                continue
            self.scores.append(round(likeness(self._sent, second)[0], 3))
            self._run = self._run + 1 if self.scores[-1] >= self._least else 0
            if self._run:
                self.seconds = max(self.seconds, (self._run + 1) / 2)


def hear_on_end(file: Path, sent: Samples, seconds: float, *, least: float, since_s: float = 0.0) -> None:
    """Wait until `seconds` on end of what a phone records are what the other one says.

    Phones that get no processor time leave gaps, so that it may take a while; what is coded wrongly never gets there.
    What was recorded in the first `since_s` seconds does not count.
    """
    deadline = time.monotonic() + 60
    found = Likeness(sent, least)
    while found.seconds < seconds:
        assert time.monotonic() < deadline, (
            f"{file.name}: {found.seconds:g} s on end reach {least}; scores {found.scores}"
        )
        time.sleep(0.2)
        found.listen(read_growing(file)[int(since_s * RATE) :])


def is_alike(sent: Samples, received: Samples, *, seconds: float, least: float = 0.98) -> bool:
    """Whether `assert_alike` would be content by now."""
    try:
        assert_alike(sent, received, seconds=seconds, least=least)
    except AssertionError:
        return False
    return True


def assert_alike(sent: Samples, received: Samples, *, seconds: float, least: float = 0.98, what: str = "") -> None:
    """`seconds` of what was received must be found in what was sent; tries stretches, because a call may begin and
    end anywhere and two clocks may slip by a frame in between. Raises AssertionError with the figures."""
    heard = voiced(received)
    need = int(seconds * RATE)
    assert len(heard) >= need, f"{what}: {len(heard) / RATE:.1f} s of sound arrived instead of {seconds:g} s"
    stretch = RATE  # one second at a time: a jitter buffer that slips once must not spoil the whole
    scores = [
        likeness(sent, heard[start : start + stretch])[0]
        for start in range(0, len(heard) - stretch + 1, stretch // 2)
        if np.sqrt(np.mean(heard[start : start + stretch] ** 2)) > 100
    ]
    good = sum(score >= least for score in scores)
    assert good * (stretch // 2) >= need * 0.8, (
        f"{what}: {good} of {len(scores)} stretches reach {least}; scores {[round(score, 3) for score in scores]}"
    )
