"""A media engine without sockets: keeps what it is told and decides routes by the engine's own rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from softswitch.media import MediaEvent, NotTranscodable, PlaybackEnded, PortSettings, PortsExhausted, RtpTimeout
from softswitch.media.playing.playback import playable_format
from softswitch.media.quality import PortQuality
from softswitch.media.routing import find_route


@dataclass(slots=True)
class FakeCounters:
    """The counters a record is made of."""

    packets_received: int = 50
    packets_sent: int = 49
    lost: int = 1
    jitter_ms: float = 0.25
    octets_sent: int = 8428
    remote: tuple[str, int] = ("192.0.2.9", 4000)
    remote_lost: int = 0
    remote_jitter_ms: float = 0.0
    last_received_s: float | None = None


@dataclass(slots=True, eq=False)
class FakePort:
    """One port; `playing` names what it plays, `history` every settings it was given."""

    engine: FakeEngine
    id: str
    owner: str
    local: tuple[str, int]
    settings: PortSettings = field(default_factory=PortSettings)
    dscp: int = 0
    peer: FakePort | None = None
    playing: str = ""
    closed: bool = False
    history: list[PortSettings] = field(default_factory=list)
    last_received_s: float | None = None
    heard: set[str] = field(default_factory=set)
    wants_picture: bool = False
    ssrc: int = 7
    transport: None = None
    bundle: None = None
    pressed: list[str] = field(default_factory=list)

    def send_digits(self, digits: str, duration_ms: int = 160, gap_ms: int = 80) -> int:
        self.pressed.append(digits)
        return 1

    def listen(self, **wishes: bool | None) -> None:
        self.heard |= {name for name, wanted in wishes.items() if wanted}
        self.heard -= {name for name, wanted in wishes.items() if wanted is False}

    def configure(self, settings: PortSettings) -> None:
        assert not self.closed, "a closed port is configured"
        self.settings = settings
        self.history.append(settings)
        if self.peer is not None:
            find_route(self.settings, self.peer.settings)
            find_route(self.peer.settings, self.settings)

    def request_shown_key_frame(self) -> None:
        self.wants_picture = True

    def counters(self) -> FakeCounters:
        return FakeCounters(last_received_s=self.last_received_s)

    def quality(self) -> PortQuality:
        return PortQuality(0.02, 0.25, None, 40.5, 86.2, 4.25, None, 0.0, 0.02, 0.0, 1000.0, None)

    def hearing(self) -> None:
        return None

    def close(self) -> None:
        if not self.closed:
            self.engine.disconnect(self)
            self.closed = True
            del self.engine.ports[self.id]


class FakeEngine:
    """As much of `MediaEngine` as calls use."""

    def __init__(self, capacity: int = 1000) -> None:
        self.capacity = capacity
        self.ports: dict[str, FakePort] = {}
        self.opened = 0

    def open_port(
        self, owner: str, *, address: str | None = None, rtcp_mux: bool = False, near: str = "", dscp: int = 0
    ) -> FakePort:
        if len(self.ports) >= self.capacity:
            raise PortsExhausted("no port left")
        self.opened += 1
        port = FakePort(self, f"p{self.opened}", owner, (address or "192.0.2.1", 30000 + 2 * self.opened))
        port.dscp = dscp
        self.ports[port.id] = port
        return port

    def connect(self, one: FakePort, other: FakePort) -> None:
        assert one is not other and not one.closed and not other.closed
        find_route(one.settings, other.settings)
        find_route(other.settings, one.settings)
        for port in (one, other):
            self.disconnect(port)
            port.playing = ""
        one.peer, other.peer = other, one

    def disconnect(self, port: FakePort) -> None:
        peer, port.peer = port.peer, None
        if peer is not None:
            peer.peer = None

    def echo(self, port: FakePort) -> None:
        port.playing = "echo"

    def tone(self, port: FakePort, hz: float, level_dbm0: float) -> int:
        return self._play(port, f"tone {hz:g} {level_dbm0:g}")

    def play(self, port: FakePort, pcm: Any, loop: bool = False, *, rate_hz: int = 8000) -> int:
        return self._play(port, f"{pcm} loop" if loop else str(pcm))

    def stop(self, port: FakePort, playback: int | None = None) -> None:
        port.playing = ""

    def _play(self, port: FakePort, what: str) -> int:
        playable_format(port.settings)
        port.playing = what
        return 1

    # -- for tests

    def joined(self) -> list[set[str]]:
        """The pairs of remote hosts whose media flows through the engine to each other."""
        pairs = []
        for port in self.ports.values():
            if port.peer is not None:
                pair = {str(p.settings.remote[0]) if p.settings.remote else "" for p in (port, port.peer)}
                if pair not in pairs:
                    pairs.append(pair)
        return pairs

    def port_to(self, host: str) -> FakePort:
        """The port whose packets go to `host`."""
        return next(p for p in self.ports.values() if p.settings.remote is not None and p.settings.remote[0] == host)

    def timeout(self, port: FakePort) -> MediaEvent:
        """What the engine tells when nothing has come for too long."""
        return RtpTimeout(port, 60.0, 0.0)  # type: ignore[arg-type]

    def played(self, port: FakePort) -> MediaEvent:
        """What the engine tells at the end of a sound."""
        return PlaybackEnded(port, 1, 0.0)  # type: ignore[arg-type]


__all__ = ["FakeEngine", "FakePort", "NotTranscodable"]
