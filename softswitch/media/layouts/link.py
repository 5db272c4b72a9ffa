"""One side of a link between conferences, or wings of one: a ring of what is said, with one writer and one reader.

The two rooms may be on different packet threads, also of different processes. Each writes frames into the ring of its
own side and reads those of the other's; a place is written again only when the reader has said that it is done with it.
"""

from __future__ import annotations

from softswitch.media.layouts.room import MAXIMUM_ROOMS, MAXIMUM_TURN
from softswitch.media.layouts.shared import CACHE_LINE_OCTETS, whole_lines

#: Sides of links there can be at a time: rooms in trees have fewer than two sides each.
MAXIMUM_SIDES = 2 * MAXIMUM_ROOMS
#: Frames of 10 ms in a ring.
LINK_PLACES = 4
#: A room without a frame for more turns than this is empty, not late.
LATE_TURNS = 20
#: What a link joins: two conferences; or two parts of one, of which this side is the home's, or another wing's.
LINKS_ROOMS, LINKS_HOME, LINKS_WING = 0, 1, 2
#: Words of a position that has a cache line of its own.
_LINE = CACHE_LINE_OCTETS // 8

LINK = whole_lines(
    [
        ("written", "i8", _LINE),  # frames, by this room; the first word counts
        ("taken", "i8", _LINE),  # of them, by the other room
        ("peer", "i8"),  # the other side
        ("next_link", "i8"),  # of this room, NOBODY none
        ("role", "i8"),  # LINKS_ROOMS, …
        # Who is loudest: in all wings as the home knows it, or in one wing, which also tells how loud that one is, and
        # how loud the one is whom the home takes for the loudest. The three may be of two looks, 100 ms apart.
        ("loudest", "i8"),
        ("level", "f8"),
        ("present_level", "f8"),
        # What this room hears of the other.
        ("heard", "i8"),  # whether there is sound in this turn, in the place `taken` of the other's ring
        ("absent", "i8"),  # turns in a row without a frame
        ("crowded", "i8"),  # turns in a row in which another frame was waiting
        # The ring.
        ("said_ns", "i8", LINK_PLACES),  # when a frame was written
        ("sounds", "i8", LINK_PLACES),  # whether there is any sound in it; if not, `samples` are of earlier
        ("samples", "f4", LINK_PLACES * MAXIMUM_TURN),
    ]
)
