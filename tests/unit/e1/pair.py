"""Two accesses joined without a link between them, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from gateways.e1.q921 import Side
from gateways.e1.q931 import Access, AccessParameters, IsdnCall, Message, PartyNumber, Setup
from gateways.e1.q931.events import IsdnEvent, Offered

E = TypeVar("E", bound=IsdnEvent)


class Pair:
    """A user's and a network's access; messages for which `loses` is true never arrive."""

    def __init__(self, loses: Callable[[Message], bool] = lambda message: False, **parameters: Any) -> None:
        settings = AccessParameters(**({"restart_at_start": False} | parameters))
        self.now = 0.0
        self.user, self.network = Access(Side.USER, settings), Access(Side.NETWORK, settings)
        self.events: dict[Side, list[IsdnEvent]] = {Side.USER: [], Side.NETWORK: []}
        self.trace: list[str] = []
        self.loses = loses
        for access in (self.user, self.network):
            access.link_up(0.0)
        self.settle()
        self.events = {Side.USER: [], Side.NETWORK: []}

    def other(self, access: Access) -> Access:
        return self.network if access is self.user else self.user

    def settle(self) -> None:
        """Carry messages until both are silent."""
        busy = True
        while busy:
            busy = False
            for access in (self.user, self.network):
                for data in access.data_to_send():
                    busy = True
                    message = Message.parse(data)
                    self.trace.append(f"{'>' if access is self.user else '<'} {message.kind:02x}")
                    if not self.loses(message):
                        self.other(access).receive_data(data, self.now)
                while (event := access.next_event()) is not None:
                    self.events[access.side].append(event)

    def run(self, seconds: float) -> None:
        """Let virtual time pass, from timer to timer."""
        until = self.now + seconds
        self.settle()
        while True:
            due = [at for access in (self.user, self.network) if (at := access.next_timer()) is not None]
            if not due or min(due) > until:
                break
            self.now = max(self.now, min(due))
            for access in (self.user, self.network):
                access.handle_timer(self.now)
            self.settle()
        self.now = until

    def take(self, side: Side, kind: type[E]) -> list[E]:
        """The events of one kind that `side` was told since the last look."""
        found = [event for event in self.events[side] if isinstance(event, kind)]
        self.events[side] = [event for event in self.events[side] if not isinstance(event, kind)]
        return found

    def dial(self, access: Access, number: str = "8000", **how: Any) -> tuple[IsdnCall, IsdnCall]:
        """A call from `access`; both ends of it, before any answer."""
        slot, exclusive = how.pop("slot", None), how.pop("exclusive", False)
        call = access.call(Setup(PartyNumber(number), **how), self.now, slot=slot, exclusive=exclusive)
        assert call is not None, "the link is up and channels are idle"
        self.settle()
        (offered,) = self.take(self.other(access).side, Offered)
        return call, offered.call

    def talk(self, access: Access) -> tuple[IsdnCall, IsdnCall]:
        """A call from `access` that was answered."""
        here, there = self.dial(access)
        there.connect(self.now)
        self.settle()
        return here, there
