"""What all ports together have done, for metrics."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softswitch.media.layouts.shared import LINK_NEAR, OPEN
from softswitch.media.memory import Arena

#: Counters that a port and, for closed ports, its worker have under the same name.
_OF_PORTS = (
    "packets_received",
    "octets_received",
    "packets_sent",
    "octets_sent",
    "dropped_source",
    "dropped_payload_type",
    "dropped_direction",
    "dropped_unrouted",
    "malformed",
    "ignored",
    "send_errors",
    "rtcp_sent",
    "rtcp_received",
    "srtp_auth_failures",
    "srtp_replayed",
)
_OF_WORKERS = (
    "timeouts",
    "deadlines_missed",
    "events_lost",
    "players",
    "link_frames_missing",
    "link_frames_skipped",
)


@dataclass(frozen=True, slots=True)
class MediaStatistics:
    """Totals since the engine was started, closed ports included, and how many ports there are now.

    `lost` counts sequence numbers that never came; `players` is how many ports play a clip now; `deadlines_missed`
    counts packets of clips left out because the machine did not run us for a fifth of a second. `link_frames_missing`
    counts turns of 10 ms in which a room heard nothing of one that it is linked with, because that came too late,
    `link_frames_skipped` those left out because too many had come at once.
    """

    ports_open: int
    ports_free: int
    ports_quarantined: int
    packet_threads: int
    packets_received: int
    octets_received: int
    packets_sent: int
    octets_sent: int
    lost: int
    dropped_source: int
    dropped_payload_type: int
    dropped_direction: int
    dropped_unrouted: int
    malformed: int
    ignored: int
    send_errors: int
    rtcp_sent: int
    rtcp_received: int
    srtp_auth_failures: int
    srtp_replayed: int
    timeouts: int
    deadlines_missed: int
    events_lost: int
    link_frames_missing: int
    link_frames_skipped: int
    players: int
    dtls_handshakes: int
    dtls_failures: int
    dtls_fingerprint_mismatches: int
    stun_answered: int
    stun_refused: int
    ice_consent_lost: int


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One packet thread: the process it runs in, whether it does, its open ports, and processor time in seconds."""

    number: int
    pid: int
    alive: bool
    ports: int
    cpu_s: float


@dataclass(frozen=True, slots=True)
class HelperStatus:
    """The helper: the process it runs in (0: nobody has asked it for anything yet), and whether it was not lost."""

    pid: int
    alive: bool


@dataclass(slots=True)
class TransportCounters:
    """What secured peers have done since the start, closed ports included; STUN also of plain keep-alives."""

    dtls_handshakes: int = 0
    dtls_failures: int = 0
    dtls_fingerprint_mismatches: int = 0
    stun_answered: int = 0
    stun_refused: int = 0
    ice_consent_lost: int = 0


def collect(
    arena: Arena, *, ports_open: int, ports_free: int, ports_quarantined: int, transports: TransportCounters
) -> MediaStatistics:
    """Add up the counters of the open ports and those that closed ports have left; of links only what they could not
    take, the rest having been counted where it came in."""
    used = max((int(worker["ports_used"]) for worker in arena.workers), default=0)
    ports = arena.ports[:used]
    ports = ports[ports["state"] == OPEN]
    links, ports = ports[ports["kind"] >= LINK_NEAR], ports[ports["kind"] < LINK_NEAR]
    totals = {name: int(ports[name].sum() + arena.workers[name].sum()) for name in _OF_PORTS}
    totals["send_errors"] += int(links["send_errors"].sum())
    totals |= {name: int(arena.workers[name].sum()) for name in _OF_WORKERS}
    totals["lost"] = int(arena.workers["lost_before"].sum() + ports["lost_before"].sum() + _lost_now(ports))
    return MediaStatistics(
        ports_open=ports_open,
        ports_free=ports_free,
        ports_quarantined=ports_quarantined,
        packet_threads=len(arena.workers),
        **totals,
        **asdict(transports),
    )


def _lost_now(ports: NDArray[Any]) -> int:
    """Lost in the streams that are running."""
    expected = ports["cycles"] + ports["highest_sequence"] - ports["base_sequence"] + 1
    missing = expected - ports["rx_in_stream"] + ports["duplicates_in_stream"]
    return int(np.clip(missing[ports["rx_ssrc"] >= 0], 0, None).sum())
