"""What a packet thread writes into its event ring."""

from __future__ import annotations

import numpy as np

from softswitch.media.layouts.shared import ADDRESS

#: Kinds of events.
EVENT_LATCHED, EVENT_TIMEOUT, EVENT_RESUMED, EVENT_PLAYED, EVENT_BYE, EVENT_KEY = 1, 2, 3, 4, 5, 6
#: `value` of the first two is the key, and from bit 8 on how long it lasted in ms; EVENT_KEYS_SENT brings `keys_id`.
EVENT_KEY_HEARD, EVENT_KEY_ENDED, EVENT_KEYS_SENT = 7, 8, 9
EVENT_SPEECH, EVENT_FAX = 10, 11
#: A key frame of the port's peer is asked for; the port's peer is shown the first picture, `value` ns after it came.
EVENT_PICTURE_WANTED, EVENT_PICTURE_SHOWN = 12, 13
#: A source, whose SSRC is `value`, is heard for the first time at one of several ports on an address.
EVENT_SOURCE = 16
#: Of a pseudowire: frames of the D channel wait; `value` are the alarms that there are now.
EVENT_FRAMES, EVENT_ALARMS = 14, 15
#: About a room: `port` and `generation` are its own.
EVENT_ROOM_PLAYED, EVENT_LOUDEST = 20, 21

EVENT = np.dtype(
    [
        ("kind", "i8"),
        ("port", "i8"),
        ("generation", "i8"),
        ("value", "i8"),
        ("time_ns", "i8"),
        ("address", *ADDRESS),
    ],
    align=True,
)
