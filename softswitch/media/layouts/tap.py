"""The tap: packets that a packet thread copies for a recorder, and what else of a port is copied."""

from __future__ import annotations

#: What of a port is copied for a recorder: what is heard of its peer, what is sent to it.
TAP_RECEIVED, TAP_SENT = 1, 2
#: All its packets are copied for a capture (`softswitch.media.layouts.capture`).
TAP_CAPTURE = 4

#: The tap: a ring with one writer, the packet thread, and one reader, the recorder. A packet takes a head of eight
#: words and as many places of payload as it needs, one after the other; behind the last place there is room for the
#: rest of a packet, so that every payload lies in one piece.
TAP_PLACES, TAP_OCTETS = 32768, 192
#: Words of a head. The generation tells one use of a port's record from the next.
TAP_PORT, TAP_GENERATION, TAP_KIND, TAP_SIZE, TAP_SSRC, TAP_SEQUENCE, TAP_TIMESTAMP, TAP_TIME_NS = range(8)
TAP_WORDS = 8
#: TAP_KIND holds the payload type in the lowest seven bits, the marker in the next, then the direction.
TAP_MARKER, TAP_DIRECTION_SHIFT = 0x80, 8
#: Ring positions; they only grow. The third is no position but the count of packets that found no room.
TAP_WRITTEN, TAP_READ, TAP_LOST, TAP_POSITIONS = 0, 8, 16, 24
