"""What layer 3 tells the exchange side; `call` names the call by its own object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateways.e1.q931.causes import Cause
from gateways.e1.q931.elements import Progress, UserUser
from gateways.e1.q931.numbers import PartyNumber
from gateways.e1.q931.rose import Invoke

if TYPE_CHECKING:
    from gateways.e1.q931.call import IsdnCall


@dataclass(frozen=True, slots=True)
class Offered:
    """The far end calls; what it said is in `call.setup`. `complete`: no more digits will come."""

    call: IsdnCall
    complete: bool


@dataclass(frozen=True, slots=True)
class DigitsReceived:
    """More of the called number, or in an active call keys that were pressed."""

    call: IsdnCall
    digits: str
    complete: bool


@dataclass(frozen=True, slots=True)
class DigitsWanted:
    """The far end wants more of the number (SETUP ACKNOWLEDGE)."""

    call: IsdnCall


@dataclass(frozen=True, slots=True)
class ChannelAssigned:
    """The B channel of a call is settled; it may have changed from what was asked for."""

    call: IsdnCall
    slot: int


@dataclass(frozen=True, slots=True)
class Progressed:
    """CALL PROCEEDING, PROGRESS or ALERTING."""

    call: IsdnCall
    alerting: bool
    progress: tuple[Progress, ...]
    cause: Cause | None = None

    @property
    def inband(self) -> bool:
        """Whether there is something to hear in the B channel (indicators 1 and 8)."""
        return any(indicator.description in (1, 8) for indicator in self.progress)


@dataclass(frozen=True, slots=True)
class Connected:
    """The far end answered."""

    call: IsdnCall
    connected: PartyNumber | None
    display: str
    user_user: UserUser | None = None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The far end knows that we answered."""

    call: IsdnCall


@dataclass(frozen=True, slots=True)
class Disconnecting:
    """The far end is about to clear and something can be heard still: `call.disconnect` ends it."""

    call: IsdnCall
    cause: Cause


@dataclass(frozen=True, slots=True)
class Cleared:
    """The call is over and its channel free. Told exactly once, and last."""

    call: IsdnCall
    cause: Cause


@dataclass(frozen=True, slots=True)
class Notified:
    """NOTIFY: 0 suspended, 1 resumed …; HOLD and RETRIEVE are told as 0x79 and 0x7A (remote hold, remote retrieval)."""

    call: IsdnCall
    notification: int


@dataclass(frozen=True, slots=True)
class UserInformation:
    """The far user says something (USER INFORMATION, or user-user in ALERTING)."""

    call: IsdnCall
    information: UserUser


@dataclass(frozen=True, slots=True)
class Invoked:
    """The far end wants an operation of a supplementary service (FACILITY); it is to be answered in the call."""

    call: IsdnCall
    invoke: Invoke


@dataclass(frozen=True, slots=True)
class ChannelsRestarted:
    """These channels are idle at both ends again; `by_us` tells who asked."""

    slots: frozenset[int]
    by_us: bool


@dataclass(frozen=True, slots=True)
class ChannelsFaulty:
    """The far end does not answer for these channels: they want maintenance."""

    slots: frozenset[int]
    reason: str


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The D channel is up or down."""

    up: bool
    reason: str = ""


IsdnEvent = (
    Offered
    | DigitsReceived
    | DigitsWanted
    | ChannelAssigned
    | Progressed
    | Connected
    | Confirmed
    | Disconnecting
    | Cleared
    | Notified
    | UserInformation
    | Invoked
    | ChannelsRestarted
    | ChannelsFaulty
    | LinkChanged
)
