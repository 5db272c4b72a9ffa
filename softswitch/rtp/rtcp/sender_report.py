"""The sender report (RFC 3550 §6.4.1) and the NTP time in it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from softswitch.rtp.errors import RtpError
from softswitch.rtp.rtcp import header
from softswitch.rtp.rtcp.report_block import ReportBlock, parse_blocks

_LAYOUT = struct.Struct("!IQIII")

#: Seconds from the NTP era (1900) to the Unix era (1970).
_NTP_OFFSET_S = 2_208_988_800


def ntp_from_unix(unix_s: float) -> int:
    """64-bit NTP time of a Unix time in seconds (RFC 3550 §4)."""
    seconds = int(unix_s // 1)
    return ((seconds + _NTP_OFFSET_S) & 0xFFFFFFFF) << 32 | int((unix_s - seconds) * (1 << 32))


def unix_from_ntp(ntp: int) -> float:
    """Unix time in seconds of a 64-bit NTP time, in the era from 1968 to 2104 (RFC 4330 §3)."""
    seconds = ntp >> 32
    era = 0 if seconds & 0x80000000 else 1 << 32
    return seconds + era - _NTP_OFFSET_S + (ntp & 0xFFFFFFFF) / (1 << 32)


def middle_of_ntp(ntp: int) -> int:
    """The middle 32 bits of a 64-bit NTP time, as report blocks repeat them."""
    return ntp >> 16 & 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class SenderReport:
    """What source `ssrc` sent and received.

    `ntp` is 64-bit NTP time, `rtp_timestamp` the same instant in RTP ticks; `extension` holds profile-specific octets.
    """

    ssrc: int
    ntp: int
    rtp_timestamp: int
    packet_count: int
    octet_count: int
    blocks: tuple[ReportBlock, ...] = ()
    extension: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read one packet; raises `RtpError`."""
        return cls.from_raw(header.expect(data, header.SENDER_REPORT))

    @classmethod
    def from_raw(cls, packet: header.RawPacket) -> Self:
        """Read the body of a packet already cut out; raises `RtpError`."""
        if len(packet.body) < _LAYOUT.size:
            raise RtpError("cut short in a sender report", len(packet.body))
        ssrc, ntp, rtp_timestamp, packets, octets = _LAYOUT.unpack_from(packet.body)
        blocks, extension = parse_blocks(packet.body, _LAYOUT.size, packet.counter)
        return cls(ssrc, ntp, rtp_timestamp, packets, octets, blocks, extension)

    def serialize(self) -> bytes:
        """The packet's octets; raises `RtpError`."""
        body = header.pack(
            _LAYOUT,
            self.ssrc,
            self.ntp,
            self.rtp_timestamp,
            self.packet_count & 0xFFFFFFFF,
            self.octet_count & 0xFFFFFFFF,
        )
        body += b"".join(block.serialize() for block in self.blocks) + self.extension
        return header.join(header.SENDER_REPORT, len(self.blocks), body)
