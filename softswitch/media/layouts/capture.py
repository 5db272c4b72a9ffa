"""The capture ring: RTP and RTCP of single calls, as they were received and sent, for whoever looks for a fault."""

from __future__ import annotations

#: A ring with one writer, the packet thread, and one reader, the control side. Every packet has a place of its own: a
#: head of so many words, the far address, and its octets from the header on, never encrypted.
CAPTURE_PLACES, CAPTURE_WORDS = 1024, 4
#: Words of a head. `CAPTURE_SSRC` is that under which the port sends, by which it is known.
CAPTURE_SSRC, CAPTURE_KIND, CAPTURE_SIZE, CAPTURE_TIME_NS = range(CAPTURE_WORDS)
#: CAPTURE_KIND: RTP or RTCP of the port's peer, and the port's own.
RTP_RECEIVED, RTP_SENT, RTCP_RECEIVED, RTCP_SENT = range(4)
#: Ring positions; they only grow. The third is no position but the count of packets that found no room.
CAPTURE_WRITTEN, CAPTURE_READ, CAPTURE_LOST, CAPTURE_POSITIONS = 0, 8, 16, 24
