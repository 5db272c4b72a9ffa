"""A room: ports that hear each other."""

from __future__ import annotations

import numpy as np

#: As many rooms as there can be at a time.
MAXIMUM_ROOMS = 4096
#: Samples of 10 ms at 48 kHz, the highest rate of a room.
MAXIMUM_TURN = 480

#: A room: ports that hear each other. Written by the packet thread in whose care its members are.
ROOM = np.dtype(
    [
        ("generation", "i8"),
        ("first", "i8"),  # member, NOBODY none
        ("members", "i8"),
        ("talker", "i8"),  # whose packets are fanned out
        ("talker_new", "i8"),  # until the first packet after a TALK command
        ("hearer", "i8"),  # the voice that decodes the talker, NOBODY none
        ("rendered", "i8"),  # packets that were coded anew
        # Pictures alone: who is seen by the talker, and who takes both places at its next key frame.
        ("second", "i8"),
        ("next_talker", "i8"),
        ("next_second", "i8"),
        # Conferences alone.
        ("next_room", "i8"),
        ("previous_room", "i8"),
        ("wheel_slot", "i8"),
        ("turn", "i8"),
        ("rate_hz", "i8"),
        ("samples", "i8"),  # in a turn of 10 ms
        ("limiter", "f8"),
        ("links", "i8"),  # its side of the first link with another, NOBODY none
        ("held", "i8"),  # links with its wings, for which it takes its turns also without members
        ("comfort", "f8"),  # the largest sample of the noise heard while nobody speaks
        ("seed", "i8"),
        ("whispers", "i8"),  # in this turn
        ("tells_loudest", "i8"),
        ("loudest", "i8"),
        ("candidate", "i8"),
        ("candidate_looks", "i8"),
        ("playing", "i8"),
        ("play_position", "i8"),
        ("play_id", "i8"),
        ("play_offset", "i8"),
        ("play_length", "i8"),
        ("play_loop", "i8"),
        ("total", "f4", MAXIMUM_TURN),
        ("personal", "f4", MAXIMUM_TURN),  # what is composed for one member
    ],
    align=True,
)
