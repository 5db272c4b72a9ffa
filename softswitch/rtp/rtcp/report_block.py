"""The reception report block inside sender and receiver reports (RFC 3550 §6.4.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from softswitch.rtp.errors import RtpError
from softswitch.rtp.rtcp.header import pack

SIZE = 24

_LAYOUT = struct.Struct("!IIIIII")


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What was received of source `ssrc`.

    `fraction_lost` counts 256ths since the last report, `cumulative_lost` packets (signed 24 bits: duplicates make it
    negative), `highest_sequence_number` carries the cycles above 16 bits, `jitter` in RTP ticks,
    `last_sender_report` the middle 32 bits of its NTP time, `delay_since_last` in units of 1/65536 s.
    """

    ssrc: int
    fraction_lost: int
    cumulative_lost: int
    highest_sequence_number: int
    jitter: int
    last_sender_report: int
    delay_since_last: int

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read 24 octets; raises `RtpError`."""
        if len(data) < SIZE:
            raise RtpError("cut short in a report block", len(data))
        ssrc, loss, highest, jitter, last, delay = _LAYOUT.unpack_from(data)
        lost = loss & 0xFFFFFF
        return cls(ssrc, loss >> 24, lost - 0x1000000 if lost & 0x800000 else lost, highest, jitter, last, delay)

    def serialize(self) -> bytes:
        """The block's 24 octets; the cumulative loss is kept within its 24 bits. Raises `RtpError`."""
        lost = max(-0x800000, min(0x7FFFFF, self.cumulative_lost)) & 0xFFFFFF
        if not 0 <= self.fraction_lost <= 255:
            raise RtpError(f"fraction lost {self.fraction_lost} is not between 0 and 255")
        return pack(
            _LAYOUT,
            self.ssrc,
            self.fraction_lost << 24 | lost,
            self.highest_sequence_number,
            self.jitter,
            self.last_sender_report,
            self.delay_since_last,
        )


def parse_blocks(body: bytes, start: int, count: int) -> tuple[tuple[ReportBlock, ...], bytes]:
    """(`count` blocks from `start`, what follows them); raises `RtpError`."""
    end = start + count * SIZE
    if len(body) < end:
        raise RtpError("fewer report blocks than the count says", len(body))
    return tuple(ReportBlock.parse(body[at : at + SIZE]) for at in range(start, end, SIZE)), body[end:]
