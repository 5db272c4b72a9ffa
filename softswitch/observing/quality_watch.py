"""Tells of parties that sound bad, sound well again, or are not heard at all, by what the media ports have measured.

All ports are looked at with a few operations on whole arrays; only those that stand out cost anything each.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softswitch.calls.call import Call
from softswitch.calls.leg import Leg
from softswitch.events import EventBus
from softswitch.events.quality import OneWayMedia, QualityDegraded, QualityRecovered
from softswitch.media import MediaEngine, MediaError, Port
from softswitch.media.layouts.shared import OPEN

logger = logging.getLogger(__name__)

_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """Below which mean opinion score a party sounds bad, from which on well again, and after how many seconds of
    sending without receiving a path counts as one-way (0: never)."""

    degraded_mos: float = 3.1
    recovered_mos: float = 3.6
    one_way_s: float = 5.0


class QualityWatch:
    """Looks once a second; `find` says which leg of which call a port belongs to."""

    def __init__(
        self,
        engine: MediaEngine,
        bus: EventBus,
        limits: QualityLimits,
        find: Callable[[Port], tuple[Call, Leg] | None],
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.limits = limits
        self.degradations = 0
        self.one_ways = 0
        self._engine = engine
        self._bus = bus
        self._find = find
        self._monotonic_ns = monotonic_ns
        self._degraded: set[str] = set()  # by the port's id
        self._one_way: set[str] = set()
        self._look_at = 0.0

    @property
    def degraded(self) -> int:
        """How many ports sound bad now."""
        return len(self._degraded)

    @property
    def one_way(self) -> int:
        """How many ports send and receive nothing now."""
        return len(self._one_way)

    def handle_timer(self, now: float) -> None:
        """Look, if it is time."""
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_S
        try:
            arena = self._engine.arena
        except MediaError:
            return
        used = int(arena.workers["ports_used"].max(initial=0))
        ports = arena.ports[:used]
        self._judge(ports)
        self._look_for_one_way(ports)

    def _judge(self, ports: NDArray[Any]) -> None:
        judged = (ports["state"] == OPEN) & (ports["interval_mos"] > 0) & (ports["impairment"] >= 0)
        bad = set(self._ids(ports, judged & (ports["interval_mos"] < self.limits.degraded_mos)))
        for port_id in bad - self._degraded:
            if self._tell(QualityDegraded, ports, port_id):
                self._degraded.add(port_id)
                self.degradations += 1
        if not self._degraded:
            return
        well = set(self._ids(ports, judged & (ports["interval_mos"] >= self.limits.recovered_mos)))
        for port_id in self._degraded & well:
            self._tell(QualityRecovered, ports, port_id)
        self._degraded -= well
        self._degraded &= set(self._ids(ports, ports["state"] == OPEN))

    def _tell(self, kind: type[QualityDegraded | QualityRecovered], ports: NDArray[Any], port_id: str) -> bool:
        found = self._party(port_id)
        if found is None:
            return False
        port, call, leg = found
        quality, record = port.quality(), ports[port.slot]
        trip = -1.0 if quality.round_trip_ms is None else round(quality.round_trip_ms, 1)
        mos, loss = round(float(record["interval_mos"]), 2), round(float(record["interval_loss"]), 4)
        self._bus.tell(kind, call.id, leg.id, leg.party.number, mos, loss, round(quality.jitter_ms, 2), trip)
        return True

    def _look_for_one_way(self, ports: NDArray[Any]) -> None:
        if self.limits.one_way_s <= 0:
            return
        long_ago = self._monotonic_ns() - int(self.limits.one_way_s * 1e9)
        deaf = (ports["state"] == OPEN) & (ports["packets_received"] == 0) & (ports["packets_sent"] > 0)
        deaf &= (ports["receive"] != 0) & (ports["send"] != 0) & (ports["timeout_from_ns"] < long_ago)
        deaf &= ports["tx_ns"] > long_ago  # it goes on sending
        found = set(self._ids(ports, deaf))
        for port_id in found - self._one_way:
            self._tell_one_way(port_id)
        self._one_way = found

    def _tell_one_way(self, port_id: str) -> None:
        found = self._party(port_id)
        if found is None:
            return
        port, call, leg = found
        if leg.floor is not None:  # such a terminal sends nothing before it has the floor
            return
        self.one_ways += 1
        said, seen = _place(port.settings.remote or ("", 0)), _place(port.strangers())
        sent = port.counters().packets_sent
        detail = (
            f"no RTP from {leg.party.number or 'the party'} within {self.limits.one_way_s:g} s on port "
            f"{port.local_port}; its SDP advertised {said or 'no address'}, "
            + (f"packets are seen from {seen}" if seen else "no packet was seen at all")
        )
        logger.warning("%s", detail, extra={"call": call.id, "leg": leg.id})
        self._bus.tell(OneWayMedia, call.id, leg.id, leg.party.number, port.local_port, said, seen, sent, detail)

    def _party(self, port_id: str) -> tuple[Port, Call, Leg] | None:
        try:
            port = self._engine.port(port_id)
        except KeyError:
            return None
        found = self._find(port)
        return None if found is None else (port, *found)

    @staticmethod
    def _ids(ports: NDArray[Any], mask: NDArray[np.bool_]) -> Iterator[str]:
        for slot in np.flatnonzero(mask):
            yield f"{slot}.{ports[slot]['generation']}"


def _place(address: tuple[str, int]) -> str:
    host, port = address
    return "" if not port else f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
