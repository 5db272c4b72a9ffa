"""The jitter buffer in virtual time: packets at stated instants, a turn of the mixer every 10 ms, no sockets."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from mediacodecs.g711 import ALaw
from mediacodecs.states import detectors
from softswitch.media import PCMA, PortSettings, StreamFormat, can_transcode
from softswitch.media.kernels import intake
from softswitch.media.kernels.sound import hearing
from softswitch.media.layouts.port import PORT
from softswitch.media.layouts.scratch import SCRATCH
from softswitch.media.layouts.voice import CODED_NOISE, NOISE_WORDS, VOICE
from softswitch.media.playing.tones import sine
from softswitch.media.voices import prepare_voice

from .conftest import use_plain_python

_MS = 1_000_000
_TURN = 80
PEAK = 8000


class Line:
    """A sender whose packets reach one voice, and what is heard of it turn by turn."""

    def __init__(
        self,
        sound: np.ndarray,
        *,
        frame: int = 160,
        first_sequence: int = 0,
        formats: tuple[StreamFormat, ...] = (PCMA,),
    ) -> None:
        self.voices, self.port = np.zeros(1, VOICE), np.zeros(1, PORT)[0]
        self.scratch = np.zeros(1, SCRATCH)[0]
        prepare_voice(self.voices, 0, PortSettings(formats=formats), 8000)
        self.voice = self.voices[0]
        self.frame, self.first = frame, first_sequence
        self.payload = ALaw().encode(sound)
        self.now_ns = 1_000_000_000
        self.heard: list[np.ndarray] = []
        self.silent_turns = 0

    def arrives(self, number: int, *, renewed: bool = False) -> None:
        """Packet `number` of the sender comes now."""
        sequence = (self.first + number) & 0xFFFF
        at = number % (len(self.payload) // self.frame) * self.frame
        head = struct.pack(">BBHII", 0x80, 8, sequence, 0, 1)
        packet = np.frombuffer(head + self.payload[at : at + self.frame].tobytes(), np.uint8)
        intake.take_in(self.port, self.voice, packet.copy(), len(packet), 0, sequence, renewed, self.now_ns)

    def describes_noise(self, number: int, *, level_dbov: int) -> None:
        """Packet `number` of the sender comes now, with comfort noise of its second format."""
        self.puts(number, bytes([-level_dbov]), 13)

    def puts(self, number: int, payload: bytes, payload_type: int) -> None:
        """Packet `number` of the sender comes now, with a payload of its second format."""
        sequence = (self.first + number) & 0xFFFF
        head = struct.pack(">BBHII", 0x80, payload_type, sequence, 0, 1)
        packet = np.frombuffer(head + payload, np.uint8)
        intake.take_in(self.port, self.voice, packet.copy(), len(packet), 1, sequence, False, self.now_ns)

    def turn(self) -> None:
        """The mixer takes the next 10 ms."""
        if hearing.pull(self.voice, 8000, self.scratch, self.now_ns):
            begin = int(self.voice["heard_begin"])
            self.heard.append(np.array(self.voice["heard"][begin : begin + _TURN]))
            self.voice["heard_begin"] = begin + _TURN
        else:
            self.heard.append(np.zeros(_TURN, np.int16))
            self.silent_turns += 1

    def run(self, seconds: float, arrivals_ms: dict[float, list[int]] | None = None, *, ppm: float = 0.0) -> None:
        """Let time pass: packets every 20 ms of a clock that is `ppm` fast, or at the instants given."""
        times: list[tuple[int, int]] = []
        if arrivals_ms is None:
            step = self.frame * 125_000 / (1 + ppm * 1e-6)
            times = [(int(k * step) + 3 * _MS, k) for k in range(int(seconds * 1e9 / step) + 2)]
        else:
            times = [(int(ms * _MS), k) for ms, numbers in sorted(arrivals_ms.items()) for k in numbers]
        begin, at = self.now_ns, 0
        for turn in range(int(seconds * 100)):
            turn_ns = begin + turn * 10 * _MS
            while at < len(times) and begin + times[at][0] <= turn_ns:
                self.now_ns = begin + times[at][0]
                self.arrives(times[at][1])
                at += 1
            self.now_ns = turn_ns
            self.turn()

    def sound(self) -> np.ndarray:
        return np.concatenate(self.heard).astype(float)

    def depth_ms(self) -> float:
        return (int(self.voice["heard_end"]) - int(self.voice["heard_begin"])) / 8

    def counted(self) -> dict[str, int]:
        return {name: int(self.voice[name]) for name in ("late", "concealed", "shortened", "lengthened")}


def tone(seconds: float = 1.0, hz: float = 400) -> np.ndarray:
    count = int(8000 * seconds)
    return np.rint(PEAK * np.sin(2 * np.pi * hz * np.arange(count) / 8000)).astype(np.int16)


def roughness(sound: np.ndarray, hz: float = 400) -> float:
    """How much the sharpest bend of the signal exceeds that of the sine it should be: 1 is smooth."""
    bend = PEAK * (2 * np.pi * hz / 8000) ** 2
    return float(np.max(np.abs(np.diff(sound, 2))) / bend)


def steady(*, lost=(), swapped=(), doubled=(), count: int = 50) -> dict[float, list[int]]:
    arrivals = {3.0 + 20 * k: [k] for k in range(count) if k not in lost}
    for k in doubled:
        arrivals[3.0 + 20 * k].append(k)
    for k in swapped:
        arrivals[3.0 + 20 * k], arrivals[3.0 + 20 * (k + 1)] = [], [k + 1, k]
    return arrivals


@pytest.fixture(params=["compiled", "python"])
def mode(request, monkeypatch):
    if request.param == "python":
        use_plain_python(monkeypatch)


@pytest.mark.parametrize(
    ("arrivals", "counted"),
    [
        (steady(), {}),
        (steady(swapped=(10, 20)), {}),
        (steady(doubled=(10, 20)), {}),
        (steady(lost=(10, 20)), {"concealed": 2}),
    ],
    ids=["in order", "reordered", "duplicated", "lost"],
)
@pytest.mark.parametrize("first", [0, 65520], ids=["", "wrap-around"])
def test_order_repetition_and_loss(mode, arrivals, counted, first):
    line = Line(tone(), first_sequence=first)
    line.run(0.95, arrivals)
    assert line.counted() == {"late": 0, "concealed": 0, "shortened": 0, "lengthened": 0} | counted
    sound = line.sound()[400:]
    assert roughness(sound) < 2.5, "no click is heard"
    assert np.sqrt(np.mean(sound[800:] ** 2)) > 0.6 * PEAK / np.sqrt(2), "and no silence"


def test_comfort_noise_is_heard_until_sound_comes_again(mode):
    """RFC 3389 §5: after one description nothing more need come; the next sound comes whole."""
    line = Line(tone(), formats=(PCMA, StreamFormat(13, "CN", 8000)))
    line.run(0.2, steady(count=10))
    line.describes_noise(10, level_dbov=-40)
    line.run(0.5, {})
    rustling = line.sound()[-3200:]
    level_dbov = 20 * np.log10(np.sqrt(np.mean(rustling**2)) / 32768)
    assert level_dbov == pytest.approx(-40, abs=1.5), "noise of the described level, as long as nothing comes"
    line.first = 11
    line.run(0.3, steady(count=15))
    assert np.sqrt(np.mean(line.sound()[-1600:] ** 2)) > 0.6 * PEAK / np.sqrt(2), "sound again"
    assert line.counted() == {"late": 0, "concealed": 0, "shortened": 0, "lengthened": 0}, "nothing was missing"
    assert detectors.NOISE_WORDS == NOISE_WORDS


@pytest.mark.parametrize(("encoding", "sid"), [("AMR", "f0444ef5eaaa30"), ("G729", "0000")])
def test_a_silence_described_by_the_codec_goes_on(gpl_codecs, encoding, sid):
    """After the codec's own description of silence (SID) its decoder makes the noise, for as long as nothing comes."""
    if not can_transcode(encoding):
        pytest.skip(f"{encoding} is not usable on this machine")
    line = Line(tone(), formats=(PCMA, StreamFormat(98, encoding, 8000, fmtp="octet-align=1")))
    line.run(0.2, steady(count=10))
    line.puts(10, bytes.fromhex(sid), 98)
    line.run(0.1, {})
    assert line.voice["noisy"] == CODED_NOISE, "the packet said that silence follows"
    line.silent_turns = 0
    line.run(1.0, {})
    assert line.silent_turns == 0, "noise, not the silence of somebody who is gone"
    line.first = 11
    line.run(0.3, steady(count=15))
    assert np.sqrt(np.mean(line.sound()[-1600:] ** 2)) > 0.6 * PEAK / np.sqrt(2), "sound again"
    assert line.counted() == {"late": 0, "concealed": 0, "shortened": 0, "lengthened": 0}, "nothing was missing"


def test_another_stream_begins_a_new_buffer(mode):
    line = Line(tone())
    line.run(0.2, steady(count=10))
    line.now_ns += 5 * _MS
    line.first = 40000
    line.arrives(0, renewed=True)
    assert int(line.voice["next_sequence"]) == 40000, "numbers of the stream before say nothing of this one"


def test_a_packet_after_its_turn_is_late(mode):
    line = Line(tone())
    arrivals = steady(lost=(20,))
    arrivals[600.0] = [20]
    line.run(0.9, arrivals)
    assert line.counted()["late"] == 1


@pytest.mark.parametrize(
    ("ppm", "frame", "minutes"),
    [(200, 160, 8), (-200, 160, 8), (0, 160, 2), (200, 80, 3), (-200, 80, 3), (200, 480, 3), (-200, 480, 3)],
)
def test_clocks_apart_neither_add_delay_nor_click(ppm, frame, minutes):
    line = Line(tone(12, hz=400), frame=frame)
    line.run(60 * minutes, ppm=ppm)
    counted = line.counted()
    sound = line.sound()[8000:]
    assert roughness(sound) < 2.0, f"no click in {minutes} minutes: {counted}"
    assert counted["late"] == counted["concealed"] == 0, f"nothing is missed: {counted}"
    drift_ms = abs(ppm) * 1e-6 * minutes * 60_000
    changes = counted["shortened"] + counted["lengthened"]
    assert changes <= drift_ms / 2.5 + 4, f"{changes} periods for {drift_ms:.0f} ms of drift"
    highest, following = int(line.voice["highest_sequence"]), int(line.voice["next_sequence"])
    waiting = ((highest - following + 1) & 0xFFFF) * frame / 8
    depth = line.depth_ms() + waiting
    assert depth <= 60 + frame / 8, f"the delay has not crept up: {depth} ms"


def test_jitter_makes_the_buffer_deeper_and_calm_makes_it_shallower():
    line = Line(np.resize(sine(400, -12), 96000))
    random = np.random.default_rng(7)
    rough = {20.0 * k + float(random.uniform(0, 60)): [k] for k in range(1500)}
    line.run(30, rough)
    missed = line.counted()
    assert missed["concealed"] <= 15, f"after the first seconds the depth is right: {missed}"
    late_before = missed["late"]
    line.first += 1500
    before = line.counted()["shortened"]
    line.run(60, {20.0 * k + 2: [k] for k in range(3000)})
    assert line.counted()["shortened"] >= before + 2, "in calm the delay is given back"
    assert line.counted()["late"] <= late_before + 1


def test_a_frozen_buffer_stays_as_deep_as_it_is():
    line = Line(tone(12))
    line.voice["frozen"] = 1
    line.run(120, ppm=200)
    counted = line.counted()
    assert (counted["shortened"], counted["lengthened"]) == (0, 0)


def test_after_packets_were_held_up_the_delay_is_given_back_within_seconds():
    line = Line(tone(12))
    line.run(1.0)
    line.first += 50
    line.run(0.24, {})
    line.run(15, {0.0: [*range(12)]} | {20.0 * (k - 12) + 3: [k] for k in range(12, 750)})
    highest, following = int(line.voice["highest_sequence"]), int(line.voice["next_sequence"])
    depth = line.depth_ms() + ((highest - following + 1) & 0xFFFF) * 20
    assert depth <= 60, f"{depth} ms are left of 240"
    assert roughness(line.sound()[16000:]) < 2.0, "and no click is heard"
