"""Two spans back to back in one process: what one end sends, the other receives. For tests and the demonstration.

Frames of the D channel cross on the event loop; a B channel is a pair of RTP ports on loopback, joined as soon as both
ends have opened theirs.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from gateways.e1.q931 import B_CHANNELS
from gateways.e1.span.interface import SpanObserver
from softswitch.media import MediaEngine, PortSettings, StreamFormat

if TYPE_CHECKING:
    from softswitch.media import Port

#: What a B channel carries.
ALAW = StreamFormat(8, "PCMA", 8000)


class LoopSpan:
    """One end; `pair` makes both. `cut` keeps every frame from arriving until it is False again."""

    def __init__(self, engine: MediaEngine) -> None:
        self.slots = B_CHANNELS
        self.cut = False
        self._engine = engine
        self._observer: SpanObserver | None = None
        self._far: LoopSpan
        self._ports: dict[int, Port] = {}
        self._counters: Counter[str] = Counter()

    @classmethod
    def pair(cls, engine: MediaEngine, far_engine: MediaEngine | None = None) -> tuple[Self, Self]:
        """Both ends of one line."""
        one, other = cls(engine), cls(far_engine or engine)
        one._far, other._far = other, one
        return one, other

    async def open(self, observer: SpanObserver) -> None:
        """See Span."""
        self._observer = observer
        observer.defects_changed(frozenset(), asyncio.get_running_loop().time())

    async def close(self) -> None:
        """See Span."""
        self._observer = None

    def send_dframe(self, frame: bytes) -> None:
        """See Span."""
        self._counters["frames sent"] += 1
        if not self.cut:
            asyncio.get_running_loop().call_soon(self._far._arrived, frame)

    def _arrived(self, frame: bytes) -> None:
        if self._observer is not None and not self.cut:
            self._counters["frames received"] += 1
            self._observer.dframe_received(frame, asyncio.get_running_loop().time())

    def open_channel(self, slot: int, owner: str) -> Port:
        """See Span."""
        port = self._engine.open_port(owner, address="127.0.0.1")
        port.configure(PortSettings(formats=(ALAW,)))
        self.move_channel(port, slot)
        return port

    def move_channel(self, port: Port, slot: int) -> None:
        """See Span."""
        self._ports = {at: kept for at, kept in self._ports.items() if kept is not port and not kept.closed}
        self._ports[slot] = port
        far = self._far._ports.get(slot)
        if far is not None and not far.closed:
            _point(port, far)
            _point(far, port)

    def echo_loss_db(self) -> dict[int, float]:
        """See Span."""
        return {}

    def counters(self) -> dict[str, Any]:
        """See Span."""
        return dict(self._counters)


def _point(port: Port, far: Port) -> None:
    port.configure(replace(port.settings, remote=("127.0.0.1", far.local_port)))
