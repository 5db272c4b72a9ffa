"""One party in a talkgroup, as the group keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from softswitch.calls.leg import Leg
from softswitch.calls.machine import Method
from softswitch.floor import Member
from softswitch.floor.adapters import Keypad
from softswitch.floor.channel import Dialect, Peer
from softswitch.media import Port

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.calls.talkgroups.talkgroup import Talkgroup
    from softswitch.sip.timerwheel import Timer


def plain_telephone(*, dispatcher: bool = False) -> Member:
    """The rights of a party without a floor protocol."""
    return Member(dispatcher=dispatcher, monitored=False, continuous=True)


class Seat:
    """One party in `group`, entered by the number `home`; `port` once its media is agreed.

    `member` is what it may do, `dispatcher`: it was put in with a dispatcher's right; `muted`: an operator does not let
    it talk; `silent`: it listens unknown to the others; `tuned`: its port hears this group now (a terminal that scans
    hears one of its groups).
    """

    __slots__ = (
        "call",
        "dispatcher",
        "group",
        "hang_over",
        "heard_at",
        "home",
        "keypad",
        "leg",
        "member",
        "muted",
        "port",
        "silent",
        "since",
        "tuned",
    )

    def __init__(
        self, call: Call, leg: Leg, since: float, group: Talkgroup, home: str, *, silent: bool = False
    ) -> None:
        self.call = call
        self.leg = leg
        self.since = since
        self.group = group
        self.home = home
        self.keypad = Keypad(group.definition.keypad)
        self.port: Port | None = None
        self.member = Member()
        self.muted = False
        self.dispatcher = False
        self.hang_over: Timer | None = None
        self.silent = silent
        self.tuned = True
        #: when its last packet came, by the engine's clock.
        self.heard_at: float | None = None

    @property
    def number(self) -> str:
        """Who it is."""
        return self.leg.party.number

    @property
    def peer(self) -> Peer:
        """How the floor control channel knows it."""
        link = self.leg.floor
        return link.peer if link is not None else Peer(f"tel:{self.number}", dialect=Dialect.NONE)

    @property
    def speaks_floor(self) -> bool:
        """Whether its terminal shows by itself what the floor control channel tells."""
        return self.peer.dialect is not Dialect.NONE

    def drive(self, method: Method) -> None:
        """Move the party's call; one that is over does not move any more."""
        if self.call.machine.allows(method):
            self.call.machine.apply(method)

    def media_came(self) -> bool:
        """Whether a packet has come since this was asked last."""
        if self.port is None:
            return False
        before, self.heard_at = self.heard_at, self.port.counters().last_received_s
        return self.heard_at is not None and self.heard_at != before

    def describe(self, floor: str) -> dict[str, Any]:
        """What an operator wants to know of it; `since` in seconds since the epoch."""
        return {
            "party": self.number,
            "display_name": self.leg.party.display_name,
            "leg_id": self.leg.id,
            "call_id": self.call.id,
            "since": self.since,
            "floor": floor,
            "muted": self.muted,
            "priority": self.member.priority,
        }


__all__ = ["Seat", "plain_telephone"]
