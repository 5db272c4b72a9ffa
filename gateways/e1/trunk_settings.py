"""How calls through one trunk group are made and taken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gateways.e1.mapping import USUAL, CauseTable, Numbering
from gateways.e1.q931.elements import SPEECH, Bearer


class Hold(Enum):
    """How the exchange is told that our party holds the call."""

    NOTIFY = "notify"
    HOLD = "hold"
    NONE = "none"


class FloorCarriage(Enum):
    """How the floor of a talkgroup that is patched across the line is carried."""

    NONE = "none"
    USER_INFORMATION = "user_information"
    KEYS = "keys"


@dataclass(frozen=True, slots=True)
class TrunkSettings:
    """`bearer` goes into our SETUPs; `prefix` before numbers that come in; `class_of_service` gives incoming calls
    their rights; `numbering` says what is told of numbers; `exclusive` insists on the channel asked for.

    `user_to_user`: user-user information goes to and from SIP (RFC 7433). `display_encoding` is of texts that we send;
    none: no text is sent. `tones`: callers from the line hear how their calls fare by tones made here.
    """

    cause_table: CauseTable = CauseTable.RFC3398
    bearer: Bearer = SPEECH
    prefix: str = ""
    class_of_service: str = ""
    numbering: Numbering = USUAL
    send_restricted: bool = False
    exclusive: bool = False
    user_to_user: bool = True
    hold: Hold = Hold.NOTIFY
    display_encoding: str = "utf-8"
    floor: FloorCarriage = FloorCarriage.NONE
    tones: bool = False
