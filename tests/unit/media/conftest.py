"""An engine on loopback, in compiled code and as plain Python, and phones that talk to it, all in the stage's time."""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import softswitch.media.kernels
from mediacodecs.frames import load_all
from mediacodecs.states.detectors import reset_activity
from softswitch.media import PCMA, MediaEngine, MediaEvent, Port, PortSettings, StreamFormat
from softswitch.media.layouts.scratch import SCRATCH
from softswitch.media.layouts.voice import VOICE
from softswitch.media.voices import prepare_voice

from .stage import HOST, PATIENCE_S, Stage

#: There is one ::1 for all: other processes look for ports of it from elsewhere.
_FIRST_PORT = 50000 + os.getpid() * 50 % 8000

#: Types of RTCP packets (RFC 5761 §4).
_REPORTS = range(192, 224)


class Packet(NamedTuple):
    """One RTP packet as it was received, `at` what time of the stage."""

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    source: tuple[str, int]
    at: float


def _look(source: socket.socket) -> tuple[bytes, Any]:
    """A datagram that has come and where it is from, or no octets."""
    try:
        return source.recvfrom(4096, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return b"", None


class Phone:
    """A peer with an RTP and an RTCP socket of its own; while it waits, time goes by on the stage."""

    def __init__(self, stage: Stage, host: str = HOST) -> None:
        self.stage = stage
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.rtp = socket.socket(family, socket.SOCK_DGRAM)
        self.rtcp = socket.socket(family, socket.SOCK_DGRAM)
        self._bind_pair(host)
        self.ssrc, self.sequence, self.timestamp = 0x11223344, 100, 5000

    def _bind_pair(self, host: str) -> None:
        for port in range(_FIRST_PORT, 60000, 2):
            try:
                self.rtp.bind((host, port))
            except OSError:
                continue
            try:
                self.rtcp.bind((host, port + 1))
                return
            except OSError:  # somebody else has the second one: begin anew with another pair
                family = self.rtp.family
                self.rtp.close()
                self.rtp = socket.socket(family, socket.SOCK_DGRAM)
        raise AssertionError("no free port pair for a test phone")

    @property
    def address(self) -> tuple[str, int]:
        """Where this phone's RTP is."""
        name = self.rtp.getsockname()
        return name[0], name[1]

    def send(self, port: Port, payload: bytes = bytes(160), payload_type: int = 8, **header: Any) -> None:
        """Send the next RTP packet of this phone's stream, or one with the header fields given."""
        sequence = header.get("sequence", self.sequence)
        timestamp = header.get("timestamp", self.timestamp)
        first = header.get("first", 0x80)
        second = payload_type | (0x80 if header.get("marker") else 0)
        ssrc = header.get("ssrc", self.ssrc)
        head = struct.pack(">BBHII", first, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
        self.rtp.sendto(head + header.get("extra", b"") + payload, port.local)
        if "sequence" not in header:
            self.sequence += 1
        if "timestamp" not in header:
            self.timestamp += 160

    def send_rtcp(self, port: Port, datagram: bytes) -> None:
        """Send a datagram to the RTCP port."""
        self.rtcp.sendto(datagram, (port.local[0], port.rtcp_port))

    def receive(self, timeout_s: float = PATIENCE_S) -> Packet:
        """The next RTP packet; fails the test when none comes. Reports for who has the port before are passed over."""
        timeout_s = self.stage.patience(timeout_s)
        data, source = self._wait(self.rtp, timeout_s)
        while data and data[1] in _REPORTS:
            data, source = self._wait(self.rtp, timeout_s)
        assert data, f"no RTP packet within {timeout_s} s"
        return self._packet(data, source)

    def _packet(self, data: bytes, source: Any) -> Packet:
        first, second, sequence, timestamp, ssrc = struct.unpack_from(">BBHII", data)
        assert first >> 6 == 2, "RTP version"
        at = self.stage.monotonic()
        return Packet(second > 127, second & 127, sequence, timestamp, ssrc, data[12:], (source[0], source[1]), at)

    def receive_raw(self) -> bytes:
        """The next datagram on the RTP socket, whatever it is; fails the test when none comes."""
        data = self._wait(self.rtp, self.stage.patience(PATIENCE_S))[0]
        assert data, f"no datagram within {PATIENCE_S} s"
        return data

    def receive_rtcp(self, timeout_s: float = PATIENCE_S) -> bytes:
        """The next RTCP datagram; fails the test when none comes."""
        timeout_s = self.stage.patience(timeout_s)
        data = self._wait(self.rtcp, timeout_s)[0]
        assert data, f"no RTCP within {timeout_s} s"
        return data

    def take(self) -> list[Packet]:
        """All RTP packets that have come until now."""
        packets = []
        while (found := _look(self.rtp))[0]:
            packets += [] if found[0][1] in _REPORTS else [self._packet(*found)]
        return packets

    def silent(self, seconds: float = 0.05) -> bool:
        """Whether no RTP comes for a while."""
        return not self._wait(self.rtp, seconds)[0]

    def _wait(self, source: socket.socket, patience_s: float) -> tuple[bytes, Any]:
        """A datagram and where it is from, or no octets."""
        found: list[tuple[bytes, Any]] = []

        def look() -> bool:
            found[:] = [_look(source)]
            return bool(found[0][0])

        self.stage.wait(look, patience_s)
        return found[0]

    def close(self) -> None:
        """Give the sockets back."""
        self.rtp.close()
        self.rtcp.close()


@functools.cache
def warm_codecs() -> None:
    """Compile what plain Python calls of the codecs, so that no test waits for it in its packet thread."""
    from softswitch.media.kernels.sound import coding, ear

    load_all()  # no packet thread has done so when this test is the first of its process
    voices, scratch = np.zeros(1, VOICE), np.zeros(1, SCRATCH)[0]
    wide = StreamFormat(97, "L16", 16000)
    for formats in ((PCMA,), (wide,)):
        prepare_voice(voices, 0, PortSettings(formats=formats), 8000)
        voice = voices[0]
        voice["length"][0] = 320
        samples = voice["heard"][:5760]
        assert coding.decode.py_func(voice, 0, samples, scratch) > 0
        coding.conceal.py_func(voice, -1, samples, scratch)
        coding.conceal.py_func(voice, 0, samples, scratch)
        pcm, count = coding.gathered.py_func(voice, scratch)
        coding.encode.py_func(voice, pcm, count, scratch["output"])
        ear.detect(voice["key_state"], samples, 160, voice["found"])
        ear.suspects(voice["key_state"])
        ear.is_fax(voice["fax_state"], samples, 160)
        reset_activity(voice["speech_state"], 8000)
        ear.is_speech(voice["speech_state"], samples, 160)


def use_plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every kernel be the Python function it was compiled from; the codecs have tests of their own."""
    warm_codecs()
    found = pkgutil.walk_packages(softswitch.media.kernels.__path__, "softswitch.media.kernels.")
    names = [info.name for info in found]
    # All are loaded first: one that compiles when it is imported must not find others already turned back.
    for module in [importlib.import_module(name) for name in names]:
        for name, value in list(vars(module).items()):
            if hasattr(value, "py_func") and value.py_func.__module__.startswith("softswitch."):
                monkeypatch.setattr(module, name, value.py_func)


@pytest.fixture
def stage() -> Stage:
    """The clock of the test, see `stage.py`."""
    return Stage()


@pytest.fixture
def make_engine(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., MediaEngine]]:
    """Start engines that go by the stage's clock; they are closed when the test ends."""
    stage.enter(monkeypatch)
    engines: list[MediaEngine] = []

    def make(**options: Any) -> MediaEngine:
        defaults: dict[str, Any] = {"address": HOST, "first_port": 20000, "last_port": 24999}
        engine = MediaEngine(**(defaults | options)).start()
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.close()


@pytest.fixture(params=["compiled", "python"])
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test twice: with compiled kernels, and with the same functions as plain Python."""
    if request.param == "python":
        use_plain_python(monkeypatch)
    return str(request.param)


@pytest.fixture
def engine(mode: str, make_engine: Callable[..., MediaEngine]) -> MediaEngine:
    """An engine whose packet loop is compiled code, and again one whose packet loop is plain Python."""
    return make_engine()


@pytest.fixture
def make_phone(stage: Stage) -> Iterator[Callable[..., Phone]]:
    """Make phones; they are closed when the test ends."""
    phones: list[Phone] = []

    def make(host: str = HOST) -> Phone:
        phones.append(Phone(stage, host))
        return phones[-1]

    yield make
    for phone in phones:
        phone.close()


class Leg(NamedTuple):
    """A phone and the port it talks to."""

    phone: Phone
    port: Port


@pytest.fixture
def make_leg(make_phone: Callable[..., Phone]) -> Callable[..., Leg]:
    """Open and configure a port for a new phone; keyword arguments are those of PortSettings."""

    def make(engine: MediaEngine, *, host: str = HOST, owner: str = "call", **settings: Any) -> Leg:
        phone = make_phone(host)
        port = engine.open_port(owner, address=host)
        port.configure(PortSettings(**({"remote": phone.address, "formats": (PCMA,)} | settings)))
        return Leg(phone, port)

    return make


@pytest.fixture
def wait_for(stage: Stage) -> Callable[..., Any]:
    """Let time go by until a condition is met: `Stage.eventually`."""
    return stage.eventually


@pytest.fixture
def next_event(stage: Stage) -> Callable[..., Any]:
    """Wait for the engine's next event of a kind and return it."""

    def find(engine: MediaEngine, kind: type[MediaEvent], patience_s: float = PATIENCE_S) -> Any:
        seen: list[MediaEvent] = []

        def look() -> MediaEvent | None:
            seen.extend(engine.poll())
            return next((event for event in seen if isinstance(event, kind)), None)

        return stage.eventually(look, f"event {kind.__name__} (seen: {seen})", patience_s)

    return find
