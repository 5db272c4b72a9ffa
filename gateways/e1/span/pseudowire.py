"""Spans over UDP: CESoPSN (RFC 5086) and SAToP (RFC 4553), as E1-over-IP gateways speak them.

The media engine cuts and joins the packets; here alarms get their names, and frames of the D channel go up and down.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from gateways.e1.span.interface import Alarm, SpanObserver
from softswitch.media import MediaEngine, MediaError
from softswitch.media.pseudowire_settings import PseudowireSettings
from softswitch.media.wires.pseudowire import Pseudowire, WireAlarm

if TYPE_CHECKING:
    from softswitch.media import Port

_ALARMS = {
    WireAlarm.LOF: Alarm.LOF,
    WireAlarm.LMFA: Alarm.LMFA,
    WireAlarm.AIS: Alarm.AIS,
    WireAlarm.RAI: Alarm.RAI,
    WireAlarm.PACKETS: Alarm.PACKETS,
}


class PseudowireSpan:
    """A span of the pseudowire that `settings` describe; `name` owns its port of the engine."""

    def __init__(self, engine: MediaEngine, name: str, settings: PseudowireSettings) -> None:
        self.slots = frozenset(settings.carried) - {settings.d_slot}
        self.settings = settings
        self._engine = engine
        self._name = name
        self._wire: Pseudowire | None = None
        self._observer: SpanObserver | None = None

    async def open(self, observer: SpanObserver) -> None:
        """See Span."""
        self._observer = observer
        self._wire = self._engine.open_pseudowire(f"span:{self._name}", self.settings, self)
        self.alarms_changed(self._wire.alarms, time.monotonic())

    async def close(self) -> None:
        """See Span."""
        self._observer = None
        if self._wire is not None:
            self._wire.close()

    def send_dframe(self, frame: bytes) -> None:
        """See Span."""
        if self._observer is not None:
            self._running().send_frame(frame)

    def open_channel(self, slot: int, owner: str) -> Port:
        """See Span."""
        return self._running().open_channel(slot, owner)

    def move_channel(self, port: Port, slot: int) -> None:
        """See Span."""
        self._running().move_channel(port, slot)

    def echo_loss_db(self) -> dict[int, float]:
        """See Span."""
        return {} if self._wire is None else self._wire.echo_loss_db()

    def counters(self) -> dict[str, Any]:
        """See Span."""
        return {} if self._wire is None else dict(self._wire.counters())

    def frame_received(self, frame: bytes, now: float) -> None:
        """See PseudowireObserver."""
        if self._observer is not None:
            self._observer.dframe_received(frame, now)

    def alarms_changed(self, alarms: int, now: float) -> None:
        """See PseudowireObserver."""
        if self._observer is not None:
            self._observer.defects_changed(frozenset(_ALARMS[bit] for bit in WireAlarm if alarms & bit), now)

    def _running(self) -> Pseudowire:
        if self._wire is None:
            raise MediaError(f"span {self._name} is not open")
        return self._wire
