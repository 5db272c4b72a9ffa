"""Talkers and cameras whose packets go straight into a tap, on a clock that the test turns: no network is needed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mediacodecs import create
from softswitch.media import PCMA, StreamFormat
from softswitch.media.kernels import tap
from softswitch.media.layouts.port import PORT
from softswitch.media.layouts.scratch import SCRATCH
from softswitch.media.layouts.tap import TAP_RECEIVED
from softswitch.media.recording import requests
from softswitch.media.recording.recorder import Recorder

RATE = 8000
MS = 1_000_000


class Picture(Protocol):
    """A coded picture as RTP payloads."""

    @property
    def payloads(self) -> list[bytes]: ...


class Studio:
    """A recorder on a clock of its own, and who talks to it. `notices` are what it has told."""

    def __init__(self, folder: Path, *, free_octets: int = 1 << 40, **options: Any) -> None:
        self.folder = folder
        self.now_ns = 1_000_000 * MS
        self.free_octets = free_octets
        self.notices: list[dict[str, Any]] = []
        self.scratch = np.zeros(1, SCRATCH)
        self.recorder = Recorder(
            self.notices.append, clock_ns=lambda: self.now_ns, free_octets=lambda path: self.free_octets, **options
        )
        self.recorder.attach(SimpleNamespace(scratch=[self.scratch]), range(1))  # type: ignore[arg-type]
        self.talkers: list[Talker | Camera] = []

    def talker(self, hz: float, *, keep_s: float = 0.0, form: StreamFormat = PCMA) -> Talker:
        """Somebody who says a sine of `hz`, 20 ms at a time."""
        talker = Talker(self, len(self.talkers), hz, form)
        self._listen(talker, form, keep_s)
        return talker

    def camera(self, encoding: str, pictures: Iterable[Picture]) -> Camera:
        """Somebody who shows these pictures, 25 in a second."""
        camera = Camera(self, len(self.talkers), StreamFormat(96, encoding, 90000), pictures)
        self._listen(camera, camera.form, 0.0)
        return camera

    def _listen(self, party: Talker | Camera, form: StreamFormat, keep_s: float) -> None:
        self.talkers.append(party)
        formats = requests.format_values([form])
        self.recorder.handle({"op": requests.LISTEN, "source": party.source, "formats": formats, "keep_s": keep_s})

    def start(
        self,
        name: str,
        sources: Sequence[tuple[Talker | Camera, str]],
        container: str = "wav",
        layout: str = "stereo",
        past_s: float = 0.0,
    ) -> None:
        """Begin a recording."""
        lanes = list(dict.fromkeys(lane for talker, lane in sources if isinstance(talker, Talker)))
        plan = {"id": name, "stem": str(self.folder / name), "container": container, "layout": layout}
        heard = [[talker.source, lane] for talker, lane in sources]
        self.ask(requests.START, plan={**plan, "lanes": lanes, "rate_hz": 0}, past_s=past_s, sources=heard)

    def ask(self, op: str, **members: Any) -> None:
        """Hand a request over."""
        self.recorder.handle({"op": op, **members})

    def talk(self, seconds: float, *silent: Talker | Camera) -> None:
        """Everybody talks but who is silent, and the recorder works four times a second."""
        for turn in range(round(seconds * 50)):
            for talker in self.talkers:
                talker.say(sent=talker not in silent)
            self.now_ns += 20 * MS
            if turn % 12 == 11:
                self.recorder.step()

    def stop(self, name: str) -> dict[str, Any]:
        """End a recording; what was told of it."""
        self.ask(requests.STOP, id=name)
        self.recorder.step()
        return next(n for n in reversed(self.notices) if n["notice"] == requests.FINISHED and n["id"] == name)


class Sender:
    """One stream of RTP packets."""

    sequence, timestamp = 65500, 0xFFFFF000

    def __init__(self, studio: Studio, slot: int, form: StreamFormat) -> None:
        self._studio = studio
        self._record = np.zeros(1, PORT)[0]
        self._record["generation"] = 1
        self.source = [slot, 1, TAP_RECEIVED]
        self.form = form

    def packet(self, payload: bytes, **header: int) -> None:
        """Put one packet into the tap."""
        sequence, timestamp = header.get("sequence", self.sequence), header.get("timestamp", self.timestamp)
        head = bytes([0x80, self.form.payload_type | header.get("marker", 0) << 7])
        head += (sequence & 0xFFFF).to_bytes(2, "big")
        head += (timestamp & 0xFFFFFFFF).to_bytes(4, "big") + (7 + self.source[0]).to_bytes(4, "big")
        packet = np.frombuffer(bytearray(head + payload), np.uint8)
        slot, scratch = self.source[0], self._studio.scratch[0]
        tap.tap.py_func(self._record, slot, TAP_RECEIVED, packet, len(packet), scratch, self._studio.now_ns)


class Camera(Sender):
    """Pictures, one every 40 ms; a packet whose number (from 0) is in `lose` does not arrive, one in `late` comes with
    the next picture."""

    def __init__(self, studio: Studio, slot: int, form: StreamFormat, pictures: Iterable[Picture]) -> None:
        super().__init__(studio, slot, form)
        self._pictures = iter(pictures)
        self._turn = 0
        self._sent = 0
        self.lose: set[int] = set()
        self.late: set[int] = set()
        self.shown: list[Picture] = []

    def say(self, *, sent: bool = True) -> None:
        """Every second time the next picture."""
        self._turn += 1
        picture = next(self._pictures, None) if self._turn % 2 else None
        if picture is None or not sent:
            return
        self.shown.append(picture)
        waiting = []
        for place, payload in enumerate(picture.payloads):
            marker = int(place == len(picture.payloads) - 1)
            if self._sent in self.late:
                waiting.append((payload, self.sequence, marker))
            elif self._sent not in self.lose:
                self.packet(payload, marker=marker)
            self._sent += 1
            self.sequence += 1
        for payload, sequence, marker in waiting:
            self.packet(payload, sequence=sequence, marker=marker)
        self.timestamp += 3600


class Talker(Sender):
    """A sine."""

    def __init__(self, studio: Studio, slot: int, hz: float, form: StreamFormat) -> None:
        super().__init__(studio, slot, form)
        self._hz = hz
        self._codec = create(form.encoding, RATE) if form.encoding != "G722" else create("G722", 16000)
        self.samples = 0

    def say(self, *, sent: bool = True) -> None:
        """The next 20 ms; not sent, they are lost on the way."""
        rate = self._codec.sample_rate
        count = rate // 50
        time = (self.samples + np.arange(count)) / rate
        self.samples += count
        pcm = (8000 * np.sin(2 * np.pi * self._hz * time)).astype(np.int16)
        payload = np.asarray(self._codec.encode(pcm)).tobytes()
        if sent:
            self.packet(payload)
        self.sequence += 1
        self.timestamp += self.form.clock_rate // 50


def heard(path: Path, track: int = 0) -> NDArray[np.int16]:
    """A track of a file as ffmpeg reads it, int16[n, channels] at 8 kHz; fails when ffmpeg complains."""
    channels = len(streams(path)) and int(streams(path)[track])
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", f"0:a:{track}", "-ar", str(RATE), "-f", "s16le", "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0 and not done.stderr, f"ffmpeg cannot read {path}: {done.stderr.decode()}"
    return np.frombuffer(done.stdout, "<i2").reshape(-1, channels)


def streams(path: Path) -> list[str]:
    """The channels of every sound track that ffprobe finds."""
    command = ["ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", "stream=channels", "-of", "csv=p=0"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=True)
    return done.stdout.split()


def tones(samples: NDArray[np.int16], rate_hz: int = RATE) -> list[int]:
    """The frequencies of int16[n] that are louder than a tenth of the loudest, in Hz; none in silence."""
    level = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    if level.max() < 50 * len(samples):
        return []
    peaks = [i for i in range(2, len(level) - 2) if level[i] == level[i - 2 : i + 3].max()]
    return [round(i * rate_hz / len(samples)) for i in peaks if level[i] > level.max() / 10]
