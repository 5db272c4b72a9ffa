"""What every part of a call's machine needs: who it is, its channel and timers, and the ways out of it."""

from __future__ import annotations

from typing import Any

from gateways.e1.q931.causes import Cause, CauseValue
from gateways.e1.q931.channel import ChannelId
from gateways.e1.q931.elements import ElementId
from gateways.e1.q931.host import CallHost
from gateways.e1.q931.message import Kind, Message
from gateways.e1.q931.setup import Setup
from gateways.e1.q931.states import CallState, told_state

_TIMERS = ("T301", "T302", "T303", "T304", "T305", "T306", "T308", "T309", "T310", "T313", "T322")
UNSPECIFIED = Cause(CauseValue.NORMAL_UNSPECIFIED)


class CallCore:
    """One call; `slot` is its timeslot once that is known. `owner` is for whoever drives it."""

    def __init__(self, access: CallHost, reference: int, *, ours: bool, setup: Setup, channel: ChannelId) -> None:
        self.access = access
        self.reference = reference
        #: we allocated the reference: we sent SETUP.
        self.ours = ours
        self.setup = setup
        self.slot = channel.slot
        self.exclusive = channel.exclusive
        self.state = CallState.INITIATED if ours else CallState.PRESENT
        self.owner: Any = None
        #: the channel was told or confirmed.
        self.settled = False
        #: why it is being cleared, if it is.
        self.cause: Cause | None = None
        #: timers that have expired once.
        self.repeated: set[str] = set()

    # -- messages out -----------------------------------------------------------------------------------------------

    def send(self, kind: Kind, elements: dict[int, Any]) -> None:
        """Send a message of this call."""
        self.access.send(Message(kind, self.reference, not self.ours, elements))

    def send_setup(self) -> None:
        """Send SETUP, at first or again: the second one says all that the first one said."""
        channel = ChannelId((self.slot,), self.exclusive) if self.slot is not None else ChannelId(any_channel=True)
        self.send(Kind.SETUP, self.setup.elements() | {int(ElementId.CHANNEL_ID): channel})

    def send_status(self, cause: CauseValue, diagnostic: bytes = b"") -> None:
        """Tell our state, and why (§5.8)."""
        elements: dict[int, Any] = {ElementId.CAUSE: Cause(cause, diagnostic=diagnostic)}
        self.send(Kind.STATUS, elements | {ElementId.CALL_STATE: told_state(self.state, self.access.side)})

    def release(self, cause: Cause, now: float) -> None:
        """Send RELEASE and wait for its answer (§5.3.3)."""
        self.stop_all()
        self.cause = self.cause or cause
        self.state = CallState.RELEASE_REQUEST
        self.send(Kind.RELEASE, {ElementId.CAUSE: cause})
        self.start("T308", now)

    def tell(self, event: Any) -> None:
        """Queue an event."""
        self.access.tell(event)

    # -- timers -----------------------------------------------------------------------------------------------------

    @property
    def key(self) -> str:
        """Whose timers these are."""
        return f"{self.reference}{'o' if self.ours else 't'}"

    def start(self, name: str, now: float) -> None:
        """Start a timer with the time that the access has for it."""
        self.access.timers.start(name, now + getattr(self.access.parameters, name.lower()), self.key)

    def stop(self, name: str) -> None:
        """Stop a timer."""
        self.access.timers.stop(name, self.key)

    def stop_all(self) -> None:
        """Stop every timer of this call."""
        self.access.timers.stop_all(_TIMERS, self.key)
