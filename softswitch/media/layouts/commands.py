"""What the control side writes into a packet thread's command ring."""

from __future__ import annotations

import numpy as np

from softswitch.media.layouts.settings import FORMATS, KEYPAD, MEMBERSHIP, PLAYBACK, ROUTES, SIGNALLED
from softswitch.media.layouts.srtp import KEYING

#: Operations of the command ring.
COMMAND_OPEN, COMMAND_CONFIGURE, COMMAND_ROUTE, COMMAND_PLAY = 1, 2, 3, 4
COMMAND_STOP_PLAYING, COMMAND_CLOSE, COMMAND_DETACH, COMMAND_STOP = 5, 6, 7, 8
COMMAND_JOIN, COMMAND_LEAVE, COMMAND_ADJUST = 9, 10, 11
COMMAND_PRESS, COMMAND_LISTEN = 12, 13
COMMAND_TAP = 14
#: Send a datagram that is no media; follow the peer to an address that ICE has proved.
COMMAND_DATAGRAM, COMMAND_AIM = 15, 16
COMMAND_WANT_PICTURE = 17
#: Let timeslot `place` of a pseudowire be heard and said by the port `peer` of generation `octets`; NOBODY frees it.
COMMAND_CHANNEL = 18
#: The port shares its address with others (`transport/bundle.py`); to `octets` of them, the one at `place` being
#: reached at `signalled`, it passes copies of RTCP.
COMMAND_BUNDLE = 19
#: From here on they are about a room, whose generation they bring.
COMMAND_ROOM_PLAY, COMMAND_ROOM_STOP, COMMAND_ROOM_LINK, COMMAND_ROOM_UNLINK = 20, 21, 22, 23
#: Let the talker of a fan-out be decoded by `voice`; give back what the coders of `voice` hold.
COMMAND_ROOM_HEAR, COMMAND_ROOM_RELEASE = 24, 25
#: Let the talker of a fan-out be `peer`.
COMMAND_ROOM_TALK = 26

#: Only the fields that the operation names are meaningful.
COMMAND = np.dtype(
    [
        ("operation", "i8"),
        ("port", "i8"),
        ("generation", "i8"),
        ("send", "i8"),
        ("receive", "i8"),
        *SIGNALLED,
        *KEYING,
        *FORMATS,
        ("peer", "i8"),
        ("route_extensions", "i8"),  # of ROUTE: whether header extensions mean the same to both sides
        ("second", "i8"),
        ("rendition", "i8"),  # of JOIN in a fan-out: the voice that codes for the member, NO_VOICE none
        ("at_key_frame", "i8"),
        ("tap", "i8"),
        *ROUTES,
        *MEMBERSHIP,
        ("gain", "f8"),
        ("muted", "i8"),
        ("deaf", "i8"),
        ("audience", "i8"),
        ("levelled", "i8"),
        ("line", "i8"),
        ("link", "i8"),  # side of a link, `peer` being the other
        ("role", "i8"),  # of that side
        ("place", "i8"),  # of the datagram in the worker's `datagrams`
        ("octets", "i8"),
        *PLAYBACK,
        *KEYPAD,
    ],
    align=True,
)
