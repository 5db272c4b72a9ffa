"""RTP and RTCP of single calls, kept for a while beside their SIP: what `GET …/capture.pcap` holds of their media.

Off until somebody asks for one call and for so many seconds. Packets are kept without encryption, also those of calls
that are secured: who may ask may hear.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from softswitch.media import MediaEngine, Port
from softswitch.media.addresses import decode_address
from softswitch.media.captures import CapturedPackets
from softswitch.media.layouts.capture import (
    CAPTURE_KIND,
    CAPTURE_SIZE,
    CAPTURE_SSRC,
    CAPTURE_TIME_NS,
    RTCP_RECEIVED,
    RTCP_SENT,
    RTP_RECEIVED,
)

#: Captures that run at the same time.
MOST_CAPTURES = 8

Address = tuple[str, int]


class TooManyCaptures(RuntimeError):
    """As many captures as may run do."""


@dataclass(frozen=True, slots=True)
class CaptureLimits:
    """Most octets kept of all captures, and for how many seconds after the last packet."""

    octets: int = 32_000_000
    keep_s: float = 900.0


class MediaDatagram(NamedTuple):
    """One packet: monotonic seconds, both ends, octets."""

    time: float
    source: Address
    destination: Address
    payload: bytes


@dataclass(slots=True)
class CallCapture:
    """What is kept of one call; `full`: it ended early because there was no more room. Times are monotonic seconds."""

    until: float
    ports: dict[int, Port] = field(default_factory=dict)  # by their SSRC
    chunks: list[CapturedPackets] = field(default_factory=list)
    packets: int = 0
    octets: int = 0
    lost: int = 0
    full: bool = False

    def datagrams(self) -> Iterator[MediaDatagram]:
        """The packets, thread by thread in their order; may run on another thread."""
        for chunk in list(self.chunks):
            at = 0
            for head, words in zip(chunk.heads, chunk.addresses, strict=True):
                port, kind, size = self.ports[int(head[CAPTURE_SSRC])], int(head[CAPTURE_KIND]), int(head[CAPTURE_SIZE])
                near = (port.local[0], port.rtcp_port if kind in (RTCP_RECEIVED, RTCP_SENT) else port.local[1])
                far, payload = decode_address(words), chunk.octets[at : at + size].tobytes()
                ends = (far, near) if kind in (RTP_RECEIVED, RTCP_RECEIVED) else (near, far)
                yield MediaDatagram(int(head[CAPTURE_TIME_NS]) / 1e9, *ends, payload)
                at += size


class CallCaptures:
    """All of them, by the id of the call; `ports_of` says which ports a call has now."""

    def __init__(self, engine: MediaEngine, ports_of: Callable[[str], Collection[Port]], limits: CaptureLimits) -> None:
        self.limits = limits
        self._engine = engine
        self._ports_of = ports_of
        self._captures: dict[str, CallCapture] = {}
        self._lost: dict[int, int] = {}  # by packet thread, until now

    def start(self, call_id: str, seconds: float, now: float) -> CallCapture:
        """Keep what comes of a call's media from now on, for so long; 0 ends it. Raises TooManyCaptures."""
        capture = self._captures.get(call_id)
        if capture is None or capture.until <= now:
            if seconds and sum(each.until > now for each in self._captures.values()) >= MOST_CAPTURES:
                raise TooManyCaptures(f"{MOST_CAPTURES} captures run already")
            capture = self._captures.setdefault(call_id, CallCapture(now))
        capture.until = now + seconds
        self.handle_timer(now)
        return capture

    def get(self, call_id: str, now: float) -> CallCapture | None:
        """The capture of a call with everything until now, None when there was none."""
        self.handle_timer(now)
        return self._captures.get(call_id)

    def handle_timer(self, now: float) -> None:
        """Take over what has come, look for new ports, let go of what is old; at least four times a second."""
        if not self._captures:
            return
        for chunk in self._engine.captured():
            self._keep(chunk)
        for call_id, capture in list(self._captures.items()):
            running = capture.until > now and not capture.full
            wanted = {port.ssrc: port for port in self._ports_of(call_id)} if running else {}
            self._switch(capture, wanted)
            if capture.until < now - self.limits.keep_s:
                del self._captures[call_id]

    def _switch(self, capture: CallCapture, wanted: dict[int, Port]) -> None:
        """Have these ports captured and no others; those of before stay known, for what is kept of them."""
        for ssrc, port in (capture.ports | wanted).items():
            if not port.closed and port.captured != (ssrc in wanted):
                self._engine.capture(port, ssrc in wanted)
        capture.ports |= wanted

    def _keep(self, chunk: CapturedPackets) -> None:
        missed = chunk.lost - self._lost.get(chunk.worker, 0)
        self._lost[chunk.worker] = chunk.lost
        for capture in self._captures.values():
            mine = chunk.of(np.array(list(capture.ports), np.int64), CAPTURE_SSRC)
            capture.lost += missed
            if len(mine.heads) and not capture.full:
                capture.chunks.append(mine)
                capture.packets += len(mine.heads)
                capture.octets += mine.heads.nbytes + mine.addresses.nbytes + mine.octets.nbytes
        if sum(capture.octets for capture in self._captures.values()) > self.limits.octets:
            for capture in self._captures.values():
                capture.full = True
