"""ICE candidates in descriptions (RFC 8839 §5.1) and their priority (RFC 8445 §5.1.2)."""

from __future__ import annotations

import ipaddress
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from softswitch.rtp.errors import RtpError

_HOST_PREFERENCE = 126
_KINDS = frozenset({"host", "srflx", "prflx", "relay"})
_LEAST_FIELDS = 8


@dataclass(frozen=True, slots=True)
class Candidate:
    """One transport address that a peer may be reached at; `kind` is host, srflx, prflx or relay."""

    foundation: str
    component: int
    transport: str
    priority: int
    host: str
    port: int
    kind: str = "host"

    @classmethod
    def parse(cls, text: str) -> Candidate:
        """The value of ``a=candidate``; raises RtpError. A name instead of an address (mDNS) is kept as it is."""
        fields = text.split()
        if len(fields) < _LEAST_FIELDS or fields[6] != "typ" or fields[7] not in _KINDS:
            raise RtpError(f"no candidate: {text[:80]!r}")
        component, priority, port = (int(each) if each.isascii() and each.isdigit() else -1 for each in
                                     (fields[1], fields[3], fields[5]))  # fmt: skip
        if not 1 <= component <= 256 or not 0 <= priority < 1 << 32 or not 0 <= port < 65536:
            raise RtpError(f"a number is out of range in the candidate {text[:80]!r}")
        return cls(fields[0], component, fields[2].lower(), priority, fields[4], port, fields[7])

    def __str__(self) -> str:
        head = f"{self.foundation} {self.component} {self.transport} {self.priority}"
        return f"{head} {self.host} {self.port} typ {self.kind}"


def host_candidates(addresses: Sequence[str], port: int) -> list[Candidate]:
    """The candidates of one socket with multiplexed RTCP: one for each address under which peers may reach it."""
    found = []
    for rank, host in enumerate(dict.fromkeys(addresses)):
        preference = 65535 - 256 * rank - (0 if ipaddress.ip_address(host).version == 6 else 128)
        priority = (_HOST_PREFERENCE << 24) | (preference << 8) | 255
        found.append(Candidate(str(zlib.crc32(host.encode())), 1, "udp", priority, host, port))
    return found
