"""The one interface between a call and a party, whatever protocol the party speaks.

A gateway turns its protocol into Legs and learns nothing of calls; a call drives Legs and learns nothing of protocols.
Media crosses this interface in one of two ways: a leg that speaks SDP hands descriptions over as octets (RFC 8866),
parsed only by whoever needs to look inside; a leg that has no SDP (an E1 channel, a radio) brings a ready media Port.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

if TYPE_CHECKING:
    from softswitch.calls.talkgroups.floor_link import FloorLink
    from softswitch.media import Port


class LegState(StrEnum):
    """Where one party's session stands."""

    SETUP = "setup"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"


class Cause(NamedTuple):
    """Why something ended: the SIP status, the Q.850 cause that goes with it, and words for the record.

    `by` tells who ended it: caller, callee, switch, operator or network. `retry_after` in seconds, 0: say nothing.
    `warning` is the code of a Warning field (RFC 3261 §20.43), 0: none.
    """

    status: int
    q850: int
    text: str
    by: str = "switch"
    retry_after: int = 0
    warning: int = 0


@dataclass(slots=True)
class Party:
    """Who is at the far end of a leg: a number with a name, as shown to others and as trusted."""

    number: str
    display_name: str = ""
    #: identity asserted by someone we trust, or proved by digest (RFC 3325), else empty.
    asserted: str = ""
    #: the privacy the party asked for, in lower case (RFC 3323 §4.2).
    privacy: frozenset[str] = frozenset()
    #: what the party says to the other one with its call or its answer: a User-to-User value (RFC 7433), else empty.
    user_to_user: str = ""


class LegObserver(Protocol):
    """What a call is told by its legs. `sdp` is octets, or None where the message carried none."""

    def leg_progressed(self, leg: Leg, status: int, sdp: bytes | None) -> None:
        """The party is being alerted (180, 181, 182, 183), perhaps with early media."""

    def leg_answered(self, leg: Leg, sdp: bytes | None) -> None:
        """The party took the call."""

    def leg_confirmed(self, leg: Leg, sdp: bytes | None) -> None:
        """An incoming party confirmed our answer; carries its answer when the offer was ours."""

    def leg_rejected(self, leg: Leg, cause: Cause, redirects: tuple[str, ...]) -> None:
        """The party refused, or could not be reached; `redirects` are the URIs of a 3xx."""

    def leg_offered(self, leg: Leg, sdp: bytes | None) -> None:
        """An established or early party wants to change media; None: it asks us for an offer."""

    def leg_answered_offer(self, leg: Leg, sdp: bytes) -> None:
        """The party answered the offer that we made."""

    def leg_refused_offer(self, leg: Leg, status: int) -> None:
        """The party refused the offer that we made; what was agreed before stays."""

    def leg_transfer_requested(self, leg: Leg, transfer: Transfer) -> None:
        """The party wants the other one to be connected elsewhere."""

    def leg_information(self, leg: Leg, information: Information) -> None:
        """Keys or application data arrived inside the call."""

    def leg_ended(self, leg: Leg, cause: Cause) -> None:
        """The session is over; said exactly once, and last."""


class Transfer(Protocol):
    """One request to transfer, as the leg's protocol carries it (SIP: RFC 3515, RFC 5589)."""

    target: str
    replaces: tuple[str, str, str] | None
    #: its leg in the other call, where the protocol knows that itself.
    consulted: Leg | None
    referred_by: str

    def accept(self) -> None:
        """The transfer is being tried."""

    def refuse(self, status: int) -> None:
        """It will not be tried."""

    def report(self, status: int, reason: str = "") -> None:
        """How the new call fares; a final status ends the report."""


class Information(Protocol):
    """Application data inside a call (SIP: RFC 6086)."""

    content_type: str
    body: bytes

    def accept(self) -> None:
        """It was understood or passed on."""

    def refuse(self, status: int) -> None:
        """It could not be passed on."""


class Leg(ABC):
    """One party's session with the switch.

    `direction` is "in" when the party called us and "out" when we called it. `port` is the media port of a leg that
    brings its own, else None: then its media is negotiated by SDP. `trusted` says whether the far end may be told
    asserted identities. `trunk` is the trunk it came from or goes to, "" for a subscriber's device. `reference` is what
    the leg's own protocol calls the session (SIP: the Call-ID). `floor` reaches a terminal that speaks a floor
    protocol; None: a plain telephone.
    """

    __slots__ = ("direction", "floor", "id", "observer", "party", "port", "state", "trunk", "trusted")

    protocol: ClassVar[str]

    def __init__(self, leg_id: str, direction: str, party: Party, *, trusted: bool = False) -> None:
        self.id = leg_id
        self.direction = direction
        self.party = party
        self.trusted = trusted
        self.trunk = ""
        self.state = LegState.SETUP
        self.port: Port | None = None
        self.floor: FloorLink | None = None
        self.observer: LegObserver

    @property
    @abstractmethod
    def reference(self) -> str:
        """What the leg's own protocol calls this session."""

    #: Whether the party can be offered anything within a session at all, now or later.
    takes_offers = True

    @property
    @abstractmethod
    def can_offer(self) -> bool:
        """Whether `offer` may be called now: answered and confirmed, and no other change of media is under way."""

    @abstractmethod
    def progress(self, status: int, sdp: bytes | None) -> None:
        """Tell an incoming party how the call fares, with early media if `sdp` is given."""

    @abstractmethod
    def accept(self, sdp: bytes | None) -> None:
        """Answer an incoming party: with an answer, or with an offer if it made none."""

    @abstractmethod
    def reject(self, cause: Cause) -> None:
        """Refuse an incoming party that has not been answered."""

    @abstractmethod
    def offer(self, sdp: bytes | None) -> bool:
        """Change the media of an established or early session; None asks the party to offer.

        Returns False when this session cannot be changed now.
        """

    @abstractmethod
    def answer(self, sdp: bytes) -> None:
        """Answer the offer that the party made last."""

    @abstractmethod
    def refuse_offer(self, status: int) -> None:
        """Refuse the offer that the party made last; what was agreed before stays."""

    @abstractmethod
    def inform(self, information: Information) -> None:
        """Pass application data on to the party; its answer is given back through `information`."""

    @abstractmethod
    def disconnect(self, cause: Cause) -> None:
        """End the session, whatever its state; `leg_ended` follows."""

    def answered_by(self, party: Party) -> None:  # noqa: B027 - a protocol without a word for it says nothing
        """Who takes the call of this incoming leg, told before `accept`."""

    def describe(self) -> dict[str, Any]:
        """What an operator wants to know of this leg."""
        return {
            "leg_id": self.id,
            "protocol": self.protocol,
            "direction": self.direction,
            "party": self.party.number,
            "display_name": self.party.display_name,
            "state": self.state,
            "reference": self.reference,
        }
