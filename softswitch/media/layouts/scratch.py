"""What one packet thread works in, packet by packet."""

from __future__ import annotations

import numpy as np

from softswitch.media.layouts.capture import CAPTURE_PLACES, CAPTURE_POSITIONS, CAPTURE_WORDS
from softswitch.media.layouts.shared import ADDRESS, ADDRESS_WORDS, MAXIMUM_PACKET
from softswitch.media.layouts.srtp import CIPHERS, SHA_OCTETS
from softswitch.media.layouts.tap import TAP_OCTETS, TAP_PLACES, TAP_POSITIONS, TAP_WORDS

#: Sockets looked at after one epoll_wait: so many that the call costs little, so few that `now` stays true.
EPOLL_EVENTS = 64

#: Packets of pictures that are kept to be repeated, each in a place of so many octets; streams of neighbouring ports
#: begin so many places apart. A head has eight words.
CACHE_PLACES, CACHE_OCTETS, CACHE_STRIDE, CACHE_WORDS = 8192, 1536, 509, 8

#: What one packet thread works in. Nobody else looks at it, but at the tap and the capture.
SCRATCH = np.dtype(
    [
        ("packet", "u1", MAXIMUM_PACKET + 64),
        ("output", "u1", MAXIMUM_PACKET + 64),
        ("sealed", "u1", MAXIMUM_PACKET + 64),
        ("cipher", "i8", CIPHERS),  # libcrypto's contexts, 0 none
        ("sha", "u1", SHA_OCTETS),
        ("digest", "u1", 24),
        ("iv", "u1", 16),
        ("aad", "u1", 16),
        ("counter", "u1", 8),
        ("samples", "i2", 5760),  # of one packet, at its codec's rate
        ("source", *ADDRESS),
        ("source_length", "i4"),
        ("length_word", "i4", 1),
        ("time", "i8", 2),
        ("clock_ns", "i8"),  # what time it is for a loop that is turned by hand; 0: the system knows
        ("timer", "i8", 4),
        ("word", "i8", 1),
        ("epoll", "i4", 4 * EPOLL_EVENTS),
        ("epoll_event", "i4", 4),
        ("tap_positions", "i8", TAP_POSITIONS),
        ("tap_heads", "i8", TAP_PLACES * TAP_WORDS),
        ("tap_payload", "u1", TAP_PLACES * TAP_OCTETS + MAXIMUM_PACKET),
        ("capture_positions", "i8", CAPTURE_POSITIONS),
        ("capture_heads", "i8", CAPTURE_PLACES * CAPTURE_WORDS),
        ("capture_addresses", "u4", CAPTURE_PLACES * ADDRESS_WORDS),
        ("capture_octets", "u1", CAPTURE_PLACES * MAXIMUM_PACKET),
        ("picture_begins", "i8"),  # with the packet that is being passed on
        ("cache_heads", "i8", CACHE_PLACES * CACHE_WORDS),
        ("cache_octets", "u1", CACHE_PLACES * CACHE_OCTETS),
        ("message", "i8", 9),  # struct msghdr and one struct iovec
        ("control", "i8", 3),  # struct cmsghdr and two descriptors
        ("handed", "i8", 2),  # slot and generation
    ],
    align=True,
)
