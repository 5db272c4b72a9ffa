"""One data link of a D channel: multiple frame operation, acknowledged (Q.921 §5.5, §5.6).

Sans-IO: `receive_data`, `send`, `handle_timer` change it; then `data_to_send` and `next_event` are drained.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from gateways.e1.q921.events import DataReceived, LinkError, LinkEstablished, LinkEvent, LinkReleased
from gateways.e1.q921.frame import MAXIMUM_INFORMATION, Frame, FrameError, Kind, Side
from gateways.e1.q921.window import MODULUS, SendWindow


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


class Link:
    """One end of a data link; `side` is ours. It keeps itself up once `establish` was called, until `release`."""

    def __init__(self, side: Side, parameters: LinkParameters | None = None) -> None:
        self.side = side
        self.parameters = parameters or LinkParameters()
        self.state = LinkState.RELEASED
        #: frames by direction and kind, malformed, retransmissions, T200 expiries, messages dropped.
        self.counters: Counter[str] = Counter()
        self._wanted = False
        self._window = SendWindow(self.parameters.window)
        self._received = 0  # V(R)
        self._tries = 0  # RC
        self._peer_busy = False
        self._rejecting = False
        self._acknowledge = False
        self._t200: float | None = None
        self._t203: float | None = None
        self._retry: float | None = None
        self._output: list[bytes] = []
        self._events: deque[LinkEvent] = deque()

    # -- layer 3 and management -------------------------------------------------------------------------------------

    @property
    def is_up(self) -> bool:
        """Whether messages are carried."""
        return self.state in _UP

    @property
    def supervision(self) -> str:
        """down, establishing, up or recovering."""
        return _SUPERVISION[self.state]

    def establish(self, now: float) -> None:
        """Bring the link up and keep it up (DL-ESTABLISH request)."""
        self._wanted = True
        if self.state is LinkState.RELEASED:
            self._begin(now)

    def release(self, now: float) -> None:
        """Take the link down and leave it down until `establish` (DL-RELEASE request)."""
        self._wanted = False
        self._retry = None
        if self.state is LinkState.RELEASED:
            return
        self._forget()
        self.state = LinkState.AWAITING_RELEASE
        self._tries = 0
        self._put(Kind.DISC, command=True, poll=True)
        self._t200, self._t203 = now + self.parameters.t200, None

    def line_failed(self) -> None:
        """Layer 1 is gone (PH-DEACTIVATE): the link is down until `establish` is called again."""
        self._wanted = False
        self._retry = None
        if self.state is not LinkState.RELEASED:
            self._fall("the line failed")

    def send(self, data: bytes, now: float) -> bool:
        """Have a message carried (DL-DATA request); False when the link is down or too many wait.

        Raises ValueError for more than N201 octets.
        """
        if len(data) > MAXIMUM_INFORMATION:
            raise ValueError(f"{len(data)} octets, a frame carries {MAXIMUM_INFORMATION}")
        if not self.is_up or not self._window.put(data):
            self.counters["dropped"] += 1
            return False
        self._transmit(now)
        return True

    # -- the sans-IO interface --------------------------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float) -> None:
        """One frame arrived, without flags and FCS."""
        try:
            frame = Frame.parse(data, self.side.other)
        except FrameError as error:
            self.counters["malformed"] += 1
            self._events.append(LinkError("N", str(error)))
            return
        self.counters[f"received {frame.kind.name}"] += 1
        handler = _HANDLERS.get(frame.kind)
        if handler is not None:
            handler(self, frame, now)
        self._transmit(now)

    def handle_timer(self, now: float) -> None:
        """Do what is due at `now`."""
        if self._t200 is not None and now >= self._t200:
            self._t200 = None
            self.counters["T200 expired"] += 1
            self._t200_expired(now)
        if self._t203 is not None and now >= self._t203:
            self._t203 = None
            self._tries = 0
            self._enquire(now)
        if self._retry is not None and now >= self._retry:
            self._retry = None
            if self.state is LinkState.RELEASED and self._wanted:
                self._begin(now)
        self._transmit(now)

    def next_timer(self) -> float | None:
        """When `handle_timer` is wanted."""
        return min((at for at in (self._t200, self._t203, self._retry) if at is not None), default=None)

    def data_to_send(self) -> list[bytes]:
        """The frames to send now, oldest first."""
        if self._acknowledge and self.is_up:
            self._put(Kind.RR, command=False)
        output, self._output = self._output, []
        return output

    def next_event(self) -> LinkEvent | None:
        """The oldest event not yet taken."""
        return self._events.popleft() if self._events else None

    # -- what frames do ---------------------------------------------------------------------------------------------

    def _on_sabme(self, frame: Frame, now: float) -> None:
        if self.state is LinkState.AWAITING_RELEASE:
            self._put(Kind.DM, command=False, poll=frame.poll)
            return
        self._put(Kind.UA, command=False, poll=frame.poll)
        if self.state is LinkState.AWAITING_ESTABLISHMENT:
            return  # both began at once, and our own SABME will be answered too
        was_up, lost = self.is_up, self._window.outstanding > 0
        self._enter(now)
        if not was_up:
            self._events.append(LinkEstablished())
        else:
            self._events.append(LinkError("F", "the peer re-established the link"))
            if lost:
                self._events.append(LinkEstablished(reset=True))

    def _on_disc(self, frame: Frame, now: float) -> None:
        answer = Kind.UA if self.state not in (LinkState.RELEASED, LinkState.AWAITING_ESTABLISHMENT) else Kind.DM
        self._put(answer, command=False, poll=frame.poll)
        if self.is_up:
            self._fall("the peer released the link")
            self._retry = now + self.parameters.retry if self._wanted else None

    def _on_ua(self, frame: Frame, now: float) -> None:
        if self.state is LinkState.AWAITING_ESTABLISHMENT and frame.poll:
            self._enter(now)
            self._events.append(LinkEstablished())
        elif self.state is LinkState.AWAITING_RELEASE and frame.poll:
            self._fall("released")
        else:
            self._events.append(LinkError("C" if frame.poll else "D", "unsolicited UA"))

    def _on_dm(self, frame: Frame, now: float) -> None:
        if self.state is LinkState.AWAITING_ESTABLISHMENT and frame.poll:
            self._fall("the peer is not ready")
            self._retry = now + self.parameters.retry
        elif self.state is LinkState.AWAITING_RELEASE and frame.poll:
            self._fall("released")
        elif self.is_up and not frame.poll:
            self._restart("E", "DM: the peer is disconnected", now)
        elif self.is_up:
            self._events.append(LinkError("B", "unsolicited DM"))

    def _on_frmr(self, frame: Frame, now: float) -> None:
        if self.is_up:
            self._restart("K", f"FRMR {frame.information.hex()}", now)

    def _on_information(self, frame: Frame, now: float) -> None:
        if not self.is_up:
            self._disown(frame)
            return
        if frame.sequence == self._received:
            self._received = (self._received + 1) % MODULUS
            self._rejecting = False
            self._events.append(DataReceived(frame.information))
            if frame.poll:
                self._put(Kind.RR, command=False, poll=True)
            else:
                self._acknowledge = True
        elif self._rejecting:
            if frame.poll:
                self._put(Kind.RR, command=False, poll=True)
        else:
            self._rejecting = True
            self._put(Kind.REJ, command=False, poll=frame.poll)
        self._take_acknowledgement(frame, now)

    def _on_supervisory(self, frame: Frame, now: float) -> None:
        if not self.is_up:
            self._disown(frame)
            return
        if frame.command and frame.poll:
            self._put(Kind.RR, command=False, poll=True)
        self._peer_busy = frame.kind is Kind.RNR
        final = not frame.command and frame.poll
        if final and self.state is LinkState.ESTABLISHED:
            self._events.append(LinkError("A", f"unsolicited {frame.kind.name} with F=1"))
        if not self._take_acknowledgement(frame, now):
            return
        if self.state is LinkState.TIMER_RECOVERY and final:
            self.state = LinkState.ESTABLISHED
            self._stop_t200(now)
            self.counters["retransmitted"] += self._window.rewind()
        elif frame.kind is Kind.REJ and self.state is LinkState.ESTABLISHED:
            self._stop_t200(now)
            self.counters["retransmitted"] += self._window.rewind()
        if self._peer_busy and self._t200 is None:
            self._t200, self._t203 = now + self.parameters.t200, None

    def _disown(self, frame: Frame) -> None:
        """Answer a command that belongs to a link which does not exist (Q.921 §5.6.1)."""
        if self.state is LinkState.RELEASED and frame.command and frame.poll:
            self._put(Kind.DM, command=False, poll=True)

    def _take_acknowledgement(self, frame: Frame, now: float) -> bool:
        """V(A) := N(R), if that is possible at all; otherwise the link is established anew (Q.921 §5.8.5)."""
        confirmed = self._window.acknowledge(frame.acknowledged)
        if confirmed is None:
            self._restart("J", f"N(R) {frame.acknowledged} of a frame that was never sent", now)
            return False
        if self.state is LinkState.ESTABLISHED:
            if not self._window.outstanding:
                self._stop_t200(now)
            elif confirmed:
                self._t200 = now + self.parameters.t200
        return True

    # -- timers -----------------------------------------------------------------------------------------------------

    def _t200_expired(self, now: float) -> None:
        if self.state is LinkState.ESTABLISHED:
            self._tries = 0
            self._enquire(now)
            return
        self._tries += 1
        exhausted = self._tries > self.parameters.n200
        if self.state is LinkState.AWAITING_ESTABLISHMENT:
            if exhausted:
                self._events.append(LinkError("G", "no answer to SABME"))
                self._fall("the peer does not answer")
                self._retry = now + self.parameters.retry
            else:
                self._ask_to_begin(now)
        elif self.state is LinkState.AWAITING_RELEASE:
            if exhausted:
                self._fall("released without an answer")
            else:
                self._put(Kind.DISC, command=True, poll=True)
                self._t200 = now + self.parameters.t200
        elif self.state is LinkState.TIMER_RECOVERY:
            if exhausted:
                self._restart("I", "the peer does not answer", now)
            else:
                self._enquire(now)

    def _enquire(self, now: float) -> None:
        """Ask the peer where it stands (Q.921 §5.6.7, §5.10.2)."""
        self._put(Kind.RR, command=True, poll=True)
        self.state = LinkState.TIMER_RECOVERY
        self._t200, self._t203 = now + self.parameters.t200, None

    def _stop_t200(self, now: float) -> None:
        self._t200, self._t203 = None, now + self.parameters.t203

    # -- states -----------------------------------------------------------------------------------------------------

    def _begin(self, now: float) -> None:
        self._forget()
        self.state = LinkState.AWAITING_ESTABLISHMENT
        self._tries = 0
        self._ask_to_begin(now)

    def _ask_to_begin(self, now: float) -> None:
        self._put(Kind.SABME, command=True, poll=True)
        self._t200, self._t203 = now + self.parameters.t200, None

    def _enter(self, now: float) -> None:
        self._forget()
        self._retry = None
        self.state = LinkState.ESTABLISHED
        self._stop_t200(now)

    def _restart(self, code: str, text: str, now: float) -> None:
        """Establish anew; layer 3 learns that the link is down until the peer has answered."""
        self._events.append(LinkError(code, text))
        self._events.append(LinkReleased(text))
        self._begin(now)

    def _fall(self, reason: str) -> None:
        told = self.is_up or self.state is LinkState.AWAITING_RELEASE
        self._forget()
        self.state = LinkState.RELEASED
        self._t200 = self._t203 = None
        if told:
            self._events.append(LinkReleased(reason))

    def _forget(self) -> None:
        self._received = 0
        self._peer_busy = self._rejecting = self._acknowledge = False
        self._window.clear()

    # -- sending ----------------------------------------------------------------------------------------------------

    def _transmit(self, now: float) -> None:
        """Send what waits, as far as the window allows."""
        while self.state is LinkState.ESTABLISHED and not self._peer_busy:
            message = self._window.take()
            if message is None:
                return
            self._emit(
                Frame(Kind.I, True, sequence=message.sequence, acknowledged=self._received, information=message.data)
            )
            if self._t200 is None:
                self._t200, self._t203 = now + self.parameters.t200, None

    def _put(self, kind: Kind, *, command: bool, poll: bool = False) -> None:
        self._emit(Frame(kind, command, poll, acknowledged=self._received))

    def _emit(self, frame: Frame) -> None:
        if frame.kind in (Kind.I, Kind.RR, Kind.REJ):
            self._acknowledge = False
        self.counters[f"sent {frame.kind.name}"] += 1
        self._output.append(frame.serialize(self.side))


_HANDLERS: dict[Kind, Callable[[Link, Frame, float], None]] = {
    Kind.SABME: Link._on_sabme,
    Kind.DISC: Link._on_disc,
    Kind.UA: Link._on_ua,
    Kind.DM: Link._on_dm,
    Kind.FRMR: Link._on_frmr,
    Kind.I: Link._on_information,
    Kind.RR: Link._on_supervisory,
    Kind.RNR: Link._on_supervisory,
    Kind.REJ: Link._on_supervisory,
}
