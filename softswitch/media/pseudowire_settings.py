"""What both ends of an E1 span over UDP are told, and the record that the packet thread makes of it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediacodecs.g711 import ALAW_DECODE, ALAW_ENCODE
from softswitch.media.layouts.shared import NOBODY
from softswitch.media.layouts.wire import (
    ALARM_PACKETS,
    CESOPSN,
    CONTROL_OCTETS,
    CRC4_AUTO,
    CRC4_OFF,
    CRC4_ON,
    FRAMES_PER_S,
    IDLE_OCTET,
    RTP_AFTER,
    RTP_BEFORE,
    RTP_NONE,
    RTP_OCTETS,
    SAID_OCTETS,
    SATOP,
    SLOTS,
    WIRE_OCTETS,
    WIRE_PLACES,
)

#: Echoes that can be cancelled, and by how much levels can be changed.
SHORTEST_TAIL_MS, LONGEST_TAIL_MS, MOST_GAIN_DB = 8, 128, 20.0
#: Of a span's record what its next span goes on with: filters that the packet thread's library has made.
_KEPT = ("echo_state", "echo_owner", "echo_length")


class Carriage(IntEnum):
    """What the packets of a pseudowire carry: timeslots (RFC 5086), or the bits of the whole line (RFC 4553)."""

    CESOPSN = CESOPSN
    SATOP = SATOP


class RtpHeader(IntEnum):
    """Where the packets of a pseudowire have an RTP header: before the control word (RFC 4553 §4.1) or behind it."""

    NONE = RTP_NONE
    BEFORE = RTP_BEFORE
    AFTER = RTP_AFTER


class Crc4(IntEnum):
    """CRC-4 multiframes on a line whose framing is ours: never, always, or checked when the far end has them."""

    OFF = CRC4_OFF
    ON = CRC4_ON
    AUTO = CRC4_AUTO


@dataclass(frozen=True, slots=True)
class PseudowireSettings:
    """What both ends of a pseudowire are told: there is no signalling for it.

    `slots` are carried in ascending order, `d_slot` of them is the D channel (0: none); SAToP carries all. `frames` of
    125 µs are in a packet. `depth_ms` of the jitter buffer, which is filled to half; `lead_ms` of speech is gathered
    before it is said on the line. A `master` sends by its own clock, else by the far end's. The state of packet loss
    begins with `loss_enter` lost in a row or `loss_percent` in a second, and ends with `loss_leave` in a row.
    `by_source`: several far ends send to one port and are told by theirs. Packets are marked `dscp` (RFC 2474; 0: not).
    `waits`: nothing is sent until the far end does, and no more a second after it has stopped.

    `echo_tail_ms`: the longest echo from the line that is cancelled in B channels, 0 for none. `gain_heard_db`,
    `gain_said_db`: what comes from the line, and goes there, is made so much louder.
    """

    local: tuple[str, int]
    remote: tuple[str, int]
    carriage: Carriage = Carriage.CESOPSN
    slots: tuple[int, ...] = tuple(range(1, SLOTS))
    d_slot: int = 16
    frames: int = 8
    rtp: RtpHeader = RtpHeader.NONE
    rtp_payload_type: int = 96
    depth_ms: int = 10
    lead_ms: int = 20
    master: bool = False
    crc4: Crc4 = Crc4.AUTO
    loss_enter: int = 10
    loss_leave: int = 10
    loss_percent: int = 15
    by_source: bool = False
    waits: bool = False
    dscp: int = 0
    echo_tail_ms: int = 0
    gain_heard_db: float = 0.0
    gain_said_db: float = 0.0

    @property
    def carried(self) -> tuple[int, ...]:
        """The timeslots of B and D channels."""
        return tuple(range(1, SLOTS)) if self.carriage is Carriage.SATOP else self.slots

    @property
    def treated(self) -> bool:
        """Whether sound of B channels is changed between line and port; else every octet is carried as it is."""
        return bool(self.echo_tail_ms or self.gain_heard_db or self.gain_said_db)

    @property
    def payload_octets(self) -> int:
        """Of one packet."""
        return self.frames * (SLOTS if self.carriage is Carriage.SATOP else len(self.slots))

    @property
    def packet_octets(self) -> int:
        """Of one packet: control word, RTP header if there is one, payload."""
        return self.payload_octets + CONTROL_OCTETS + (RTP_OCTETS if self.rtp else 0)

    @property
    def period_ns(self) -> int:
        """Of one packet."""
        return self.frames * 1_000_000_000 // FRAMES_PER_S

    def check(self) -> None:
        """Raises ValueError when no pseudowire can be like that."""
        slots = self.carried
        if list(slots) != sorted(set(slots)) or not slots or slots[0] < 1 or slots[-1] >= SLOTS:
            raise ValueError(f"timeslots are 1 to {SLOTS - 1} in ascending order, not {slots}")
        if self.d_slot and self.d_slot not in slots:
            raise ValueError(f"the D channel's timeslot {self.d_slot} is not carried")
        if self.frames < 1 or self.payload_octets > WIRE_OCTETS:
            raise ValueError(
                f"{self.frames} frames of {len(slots)} timeslots are no packet of up to {WIRE_OCTETS} octets"
            )
        depth_ns = self.depth_ms * 1_000_000
        if depth_ns < 4 * self.period_ns or depth_ns > (WIRE_PLACES - 1) * self.period_ns:
            raise ValueError(f"a jitter buffer of {self.depth_ms} ms is no 4 to {WIRE_PLACES - 1} packets deep")
        if not 1 <= self.lead_ms <= SAID_OCTETS // 16:
            raise ValueError(f"speech is gathered for 1 to {SAID_OCTETS // 16} ms, not {self.lead_ms}")
        if self.echo_tail_ms and not SHORTEST_TAIL_MS <= self.echo_tail_ms <= LONGEST_TAIL_MS:
            raise ValueError(
                f"echo of {self.echo_tail_ms} ms: {SHORTEST_TAIL_MS} to {LONGEST_TAIL_MS} can be cancelled"
            )
        if max(abs(self.gain_heard_db), abs(self.gain_said_db)) > MOST_GAIN_DB:
            raise ValueError(f"levels are changed by {MOST_GAIN_DB:g} dB at most")


def prepare_span(spans: NDArray[Any], number: int, settings: PseudowireSettings, *, segments: bool = False) -> None:
    """Make a free record that of a new span. First sequence number and SSRC are random.

    `segments`: its socket cuts several packets that are sent as one.
    """
    record = spans[number]
    echo_filters = {name: record[name].copy() for name in _KEPT}
    spans[number : number + 1].view(np.uint8)[:] = 0
    for name, filters in echo_filters.items():
        record[name] = filters
    slots = settings.carried
    record["mode"], record["frames"], record["payload"] = settings.carriage, settings.frames, settings.payload_octets
    record["slot_count"] = len(slots)
    record["slots"][: len(slots)] = slots
    record["d_slot"] = settings.d_slot
    record["rtp"], record["rtp_payload_type"] = settings.rtp, settings.rtp_payload_type
    record["rtp_ssrc"] = secrets.randbits(32)
    record["tx_sequence"] = secrets.randbits(16)
    record["master"] = settings.master
    record["period_ns"] = settings.period_ns
    record["depth_ns"] = settings.depth_ms * 1_000_000
    record["lead"] = settings.lead_ms * 8
    record["loss_enter"], record["loss_leave"] = settings.loss_enter, settings.loss_leave
    record["loss_percent"] = settings.loss_percent
    record["crc4"] = settings.crc4
    record["waits"] = settings.waits
    record["segments"] = segments
    record["treated"], record["echo_tail"] = settings.treated, settings.echo_tail_ms * 8
    record["gain_heard"] = _gain_table(settings.gain_heard_db)
    record["gain_said"] = _gain_table(settings.gain_said_db)
    record["alarms"] = record["alarms_told"] = ALARM_PACKETS
    record["slot_port"] = NOBODY
    record["slot_wake"] = -1
    record["rx_length"] = -1
    record["tx_flag"] = 8
    record["place_sequence"] = -1
    record["said"] = IDLE_OCTET
    record["spoken"] = IDLE_OCTET


def _gain_table(gain_db: float) -> NDArray[np.uint8]:
    """uint8[256]: the A-law octet of each octet's sample, made louder by `gain_db`."""
    if not gain_db:
        return np.arange(256, dtype=np.uint8)
    samples = np.clip(np.rint(ALAW_DECODE * 10 ** (gain_db / 20)), -32768, 32767).astype(np.int32)
    table: NDArray[np.uint8] = ALAW_ENCODE[(samples >> 4) + 2048]
    return table
