"""The records that the control side and the packet threads share: plain numpy structures without a pointer in them.

Everything the engine knows lies in these arrays, so they can be placed in any memory, also one that two processes see.
Numbers are int64 except in tables and addresses: compiled code then mixes them without surprises, and the same code
run as plain Python does not overflow. Times are nanoseconds of CLOCK_MONOTONIC.

Who may write what
------------------
A port's record belongs to the control side while `state` is FREE or being prepared, and from the OPEN command to the
CLOSE command to the one packet thread named in `worker`. The other side may read at any time: every number is one
aligned 64-bit word, read and written whole on the machines we run on, so a counter read is never torn, only a few
nanoseconds old. What takes more than one word, the latched address, is guarded by `latch_version` (odd while it
changes). Every other change travels through the command ring, see `softswitch.media.commands`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LAYOUT_VERSION = 14

#: A socket address as the kernel writes it (sockaddr_in, sockaddr_in6), in 32-bit words.
ADDRESS_WORDS = 7
ADDRESS = ("u4", ADDRESS_WORDS)

#: Port states.
FREE, OPEN = 0, 1

#: Kinds of ports: one with RTP sockets; a span's pseudowire; and, from INTERNAL_PORT on, those whose packets cross in
#: the rings of a line: one whose gateway has the other end, and the two ends of a link, which are each other's.
RTP_PORT, PSEUDOWIRE, INTERNAL_PORT, LINK_NEAR, LINK_FAR = 0, 1, 2, 3, 4

#: How sure a port is where its peer sends from: not at all, by the first packet, by the signalled address itself.
UNLATCHED, LATCHED, LATCHED_AS_SIGNALLED = 0, 1, 2

#: `route_payload_type` of a format the other side did not agree to.
UNMAPPED = 255

#: What is done to a payload on the way from one port to another; in a fan-out it may also be coded anew.
COPY, ALAW_TO_ULAW, ULAW_TO_ALAW, RENDERED = 0, 1, 2, 3

#: What the payloads of a format are, as far as the engine looks into pictures to find where they may be joined.
NO_PICTURE, PICTURE_H264, PICTURE_H265, PICTURE_VP8 = 0, 1, 2, 3

#: Feedback that the peer has agreed to act on (RFC 4585 §4.2, RFC 5104 §7.1), as bits of `feedback`.
FEEDBACK_NACK, FEEDBACK_PLI, FEEDBACK_FIR = 1, 2, 4

#: What a played clip is encoded into.
PLAY_ALAW, PLAY_ULAW, PLAY_L16, PLAY_ENCODED = 1, 2, 3, 4

#: `keying` of a port that presses no key, sends a telephone-event, or pauses after one; the most keys of one command.
NO_KEY, KEY_DOWN, KEY_UP = 0, 1, 2
MAXIMUM_KEYS = 64

#: What a port is listened to for, as bits of `listens`; `HUSH` keeps keys that are heard from being passed on as sound.
LISTEN_KEYS, LISTEN_SPEECH, LISTEN_FAX, LISTEN_HUSH = 1, 2, 4, 8

#: `feeder` of a port that nothing, the player, or a conference has last sent through.
NO_FEEDER, PLAYER_FEEDER, ROOM_FEEDER = -1, -2, -3

#: `peer` of a port whose packets go nowhere, to the other members of its room, or into its voice's jitter buffer.
NO_PEER, FAN_OUT_PEER, CONFERENCE_PEER = -1, -2, -3

#: `voice` of a port whose sound is not taken apart.
NO_VOICE = -1

#: The end of a list of ports, and a room without talker.
NOBODY = -1

#: What memory is fetched by.
CACHE_LINE_OCTETS = 64

#: The longest packet taken or sent, in octets.
MAXIMUM_PACKET = 2048

#: Bits of a port's `transport`: the peer agreed to DTLS; it is found by ICE alone, so no other source is heard.
TRANSPORT_DTLS, TRANSPORT_ICE = 1, 2


def offset_of(kind: np.dtype[Any], field: str) -> int:
    """Where a field of a record begins, in octets."""
    assert kind.fields is not None
    return int(kind.fields[field][1])


def whole_lines(fields: list[Any]) -> np.dtype[Any]:
    """A record of these fields that ends with a cache line, so that in an array each begins with one."""
    record = np.dtype(fields, align=True)
    assert record.names is not None
    return np.dtype(
        {
            "names": list(record.names),
            "formats": [record[name] for name in record.names],
            "offsets": [offset_of(record, name) for name in record.names],
            "itemsize": -(-record.itemsize // CACHE_LINE_OCTETS) * CACHE_LINE_OCTETS,
        },
        align=True,
    )
