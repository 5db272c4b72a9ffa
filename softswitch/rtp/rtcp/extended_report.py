"""Extended reports (RFC 3611): reference time, delay since last, statistics as octets, VoIP metrics in full."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

from softswitch.rtp.errors import RtpError
from softswitch.rtp.rtcp import header

REFERENCE_TIME = 4
DELAY_SINCE_LAST = 5
VOIP_METRICS = 7

_SSRC = struct.Struct("!I")
_BLOCK_HEAD = struct.Struct("!BBH")
_NTP = struct.Struct("!Q")
_DELAY = struct.Struct("!III")


class UnknownBlock(NamedTuple):
    """A block that is kept as it is; `specific` is the octet after the type."""

    block_type: int
    specific: int
    data: bytes

    def serialize(self) -> bytes:
        """The block's octets; raises `RtpError`."""
        return _block(self.block_type, self.specific, self.data)


class ReferenceTime(NamedTuple):
    """Receiver reference time (RFC 3611 §4.4): 64-bit NTP time."""

    ntp: int

    def serialize(self) -> bytes:
        """The block's octets; raises `RtpError`."""
        return _block(REFERENCE_TIME, 0, header.pack(_NTP, self.ntp))


class DelaySinceLast(NamedTuple):
    """One entry of the block that answers reference times (RFC 3611 §4.5); delay in units of 1/65536 s."""

    ssrc: int
    last_reference: int
    delay: int


class DelayReport(NamedTuple):
    """The block that answers reference times (RFC 3611 §4.5)."""

    entries: tuple[DelaySinceLast, ...]

    def serialize(self) -> bytes:
        """The block's octets; raises `RtpError`."""
        return _block(DELAY_SINCE_LAST, 0, b"".join(header.pack(_DELAY, *entry) for entry in self.entries))


@dataclass(frozen=True, slots=True)
class VoipMetrics:
    """How a call sounded to source `ssrc`'s receiver (RFC 3611 §4.7).

    Rates and densities count 256ths, durations and delays milliseconds, levels dBm0 (signed), R factors 0–100,
    mean opinion scores tenths (10–50). 127 stands for "not known" in levels, R factors and scores.
    """

    ssrc: int
    loss_rate: int = 0
    discard_rate: int = 0
    burst_density: int = 0
    gap_density: int = 0
    burst_duration_ms: int = 0
    gap_duration_ms: int = 0
    round_trip_ms: int = 0
    end_system_delay_ms: int = 0
    signal_level_dbm0: int = 127
    noise_level_dbm0: int = 127
    residual_echo_loss_db: int = 127
    minimum_gap: int = 16
    r_factor: int = 127
    external_r_factor: int = 127
    mos_listening: int = 127
    mos_conversational: int = 127
    receiver_configuration: int = 0
    jitter_buffer_ms: int = 0
    jitter_buffer_maximum_ms: int = 0
    jitter_buffer_absolute_maximum_ms: int = 0

    SIZE: ClassVar[int] = 32

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the block's 32 octets after its head; raises `RtpError`."""
        if len(data) != cls.SIZE:
            raise RtpError("a VoIP metrics block has 32 octets", len(data))
        fields = list(_METRICS.unpack(data))
        return cls(*fields)

    def serialize(self) -> bytes:
        """The block's octets with its head; raises `RtpError`."""
        body = header.pack(
            _METRICS,
            self.ssrc,
            self.loss_rate,
            self.discard_rate,
            self.burst_density,
            self.gap_density,
            self.burst_duration_ms,
            self.gap_duration_ms,
            self.round_trip_ms,
            self.end_system_delay_ms,
            self.signal_level_dbm0,
            self.noise_level_dbm0,
            self.residual_echo_loss_db,
            self.minimum_gap,
            self.r_factor,
            self.external_r_factor,
            self.mos_listening,
            self.mos_conversational,
            self.receiver_configuration,
            self.jitter_buffer_ms,
            self.jitter_buffer_maximum_ms,
            self.jitter_buffer_absolute_maximum_ms,
        )
        return _block(VOIP_METRICS, 0, body)


#: ssrc · four rates · four times · signal, noise (signed) · echo loss, gap, R, external R, two scores, configuration,
#: a reserved octet · three jitter buffer times.
_METRICS = struct.Struct("!I4B4Hbb7Bx3H")

Block = UnknownBlock | ReferenceTime | DelayReport | VoipMetrics


@dataclass(frozen=True, slots=True)
class ExtendedReport:
    """The blocks that `ssrc` reports."""

    ssrc: int
    blocks: tuple[Block, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read one packet; raises `RtpError`."""
        return cls.from_raw(header.expect(data, header.EXTENDED_REPORT))

    @classmethod
    def from_raw(cls, packet: header.RawPacket) -> Self:
        """Read the body of a packet already cut out; raises `RtpError`."""
        body = packet.body
        if len(body) < 4:
            raise RtpError("cut short in an extended report", len(body))
        blocks: list[Block] = []
        at = 4
        while at < len(body):
            if at + 4 > len(body):
                raise RtpError("cut short in the head of a report block", at)
            kind, specific, words = _BLOCK_HEAD.unpack_from(body, at)
            end = at + 4 + 4 * words
            if end > len(body):
                raise RtpError("a report block is shorter than its length says", at)
            blocks.append(_parse_block(kind, specific, body[at + 4 : end]))
            at = end
        return cls(_SSRC.unpack_from(body)[0], tuple(blocks))

    def serialize(self) -> bytes:
        """The packet's octets; raises `RtpError`."""
        body = header.pack(_SSRC, self.ssrc) + b"".join(block.serialize() for block in self.blocks)
        return header.join(header.EXTENDED_REPORT, 0, body)


def _parse_block(kind: int, specific: int, data: bytes) -> Block:
    if kind == VOIP_METRICS:
        return VoipMetrics.parse(data)
    if kind == REFERENCE_TIME and len(data) == _NTP.size:
        return ReferenceTime(*_NTP.unpack(data))
    if kind == DELAY_SINCE_LAST and len(data) % _DELAY.size == 0:
        return DelayReport(tuple(DelaySinceLast(*entry) for entry in _DELAY.iter_unpack(data)))
    return UnknownBlock(kind, specific, data)


def _block(kind: int, specific: int, data: bytes) -> bytes:
    if len(data) % 4 or len(data) > 4 * 0xFFFF or not 0 <= specific <= 255:
        raise RtpError(f"a report block of {len(data)} octets cannot be written")
    return _BLOCK_HEAD.pack(kind, specific, len(data) // 4) + data
