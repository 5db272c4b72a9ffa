"""What every part of a data link needs: its state and variables, the ways between states, and sending (Q.921 §5)."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from enum import Enum

from gateways.e1.q921.events import LinkError, LinkEvent, LinkReleased
from gateways.e1.q921.frame import Frame, Kind, Side
from gateways.e1.q921.window import SendWindow


class LinkState(Enum):
    """The states of Q.921 annex B that a primary rate access knows; values are the standard's numbers."""

    RELEASED = 4
    AWAITING_ESTABLISHMENT = 5
    AWAITING_RELEASE = 6
    ESTABLISHED = 7
    TIMER_RECOVERY = 8


_UP = frozenset({LinkState.ESTABLISHED, LinkState.TIMER_RECOVERY})
#: What is told to operators.
_SUPERVISION = {
    LinkState.RELEASED: "down",
    LinkState.AWAITING_ESTABLISHMENT: "establishing",
    LinkState.AWAITING_RELEASE: "down",
    LinkState.ESTABLISHED: "up",
    LinkState.TIMER_RECOVERY: "recovering",
}


@dataclass(frozen=True, slots=True)
class LinkParameters:
    """System parameters (Q.921 §5.9), times in seconds; `retry` is the pause before a failed link is tried again."""

    t200: float = 1.0
    t203: float = 10.0
    n200: int = 3
    window: int = 7
    retry: float = 5.0


class LinkCore:
    """One end of a data link; `side` is ours. Times are seconds of the clock that callers bring."""

    def __init__(self, side: Side, parameters: LinkParameters | None = None) -> None:
        self.side = side
        self.parameters = parameters or LinkParameters()
        self.state = LinkState.RELEASED
        #: frames by direction and kind, malformed, retransmissions, T200 expiries, messages dropped.
        self.counters: Counter[str] = Counter()
        self.wanted = False
        self.window = SendWindow(self.parameters.window)
        self.received = 0  # V(R)
        self.tries = 0  # RC
        self.peer_busy = False
        self.rejecting = False
        self.acknowledge = False
        self.t200: float | None = None
        self.t203: float | None = None
        self.retry: float | None = None
        self.output: list[bytes] = []
        self.events: deque[LinkEvent] = deque()

    @property
    def is_up(self) -> bool:
        """Whether messages are carried."""
        return self.state in _UP

    @property
    def supervision(self) -> str:
        """down, establishing, up or recovering."""
        return _SUPERVISION[self.state]

    # -- states -----------------------------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """Ask the peer to begin (SABME), counting the tries."""
        self.forget()
        self.state = LinkState.AWAITING_ESTABLISHMENT
        self.tries = 0
        self.ask_to_begin(now)

    def ask_to_begin(self, now: float) -> None:
        """Send SABME, and wait T200 for its answer."""
        self.put(Kind.SABME, command=True, poll=True)
        self.t200, self.t203 = now + self.parameters.t200, None

    def enter(self, now: float) -> None:
        """Multiple frame operation begins, with all variables zero."""
        self.forget()
        self.retry = None
        self.state = LinkState.ESTABLISHED
        self.stop_t200(now)

    def restart(self, code: str, text: str, now: float) -> None:
        """Establish anew; layer 3 learns that the link is down until the peer has answered."""
        self.events.append(LinkError(code, text))
        self.events.append(LinkReleased(text))
        self.begin(now)

    def fall(self, reason: str) -> None:
        """The link is released; layer 3 is told unless it knows."""
        told = self.is_up or self.state is LinkState.AWAITING_RELEASE
        self.forget()
        self.state = LinkState.RELEASED
        self.t200 = self.t203 = None
        if told:
            self.events.append(LinkReleased(reason))

    def forget(self) -> None:
        """Numbers begin at zero, and nothing waits to be sent."""
        self.received = 0
        self.peer_busy = self.rejecting = self.acknowledge = False
        self.window.clear()

    def enquire(self, now: float) -> None:
        """Ask the peer where it stands (Q.921 §5.6.7, §5.10.2)."""
        self.put(Kind.RR, command=True, poll=True)
        self.state = LinkState.TIMER_RECOVERY
        self.t200, self.t203 = now + self.parameters.t200, None

    def stop_t200(self, now: float) -> None:
        """All is acknowledged: watch the idle link by T203."""
        self.t200, self.t203 = None, now + self.parameters.t203

    # -- sending ----------------------------------------------------------------------------------------------------

    def transmit(self, now: float) -> None:
        """Send what waits, as far as the window allows."""
        while self.state is LinkState.ESTABLISHED and not self.peer_busy:
            message = self.window.take()
            if message is None:
                return
            self.emit(
                Frame(Kind.I, True, sequence=message.sequence, acknowledged=self.received, information=message.data)
            )
            if self.t200 is None:
                self.t200, self.t203 = now + self.parameters.t200, None

    def put(self, kind: Kind, *, command: bool, poll: bool = False) -> None:
        """Send a frame without information, with N(R) where it has one."""
        self.emit(Frame(kind, command, poll, acknowledged=self.received))

    def emit(self, frame: Frame) -> None:
        """Send a frame; one with N(R) acknowledges what has come."""
        if frame.kind in (Kind.I, Kind.RR, Kind.REJ):
            self.acknowledge = False
        self.counters[f"sent {frame.kind.name}"] += 1
        self.output.append(frame.serialize(self.side))
