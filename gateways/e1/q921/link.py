"""One data link of a D channel: multiple frame operation, acknowledged (Q.921 §5.5, §5.6).

Sans-IO: `receive_data`, `send`, `handle_timer` change it; then `data_to_send` and `next_event` are drained.
"""

from __future__ import annotations

from gateways.e1.q921.events import LinkError, LinkEvent
from gateways.e1.q921.frame import MAXIMUM_INFORMATION, Frame, FrameError, Kind
from gateways.e1.q921.link_core import LinkCore, LinkState
from gateways.e1.q921.received import receive


class Link(LinkCore):
    """One end of a data link. It keeps itself up once `establish` was called, until `release`."""

    # -- layer 3 and management -------------------------------------------------------------------------------------

    def establish(self, now: float) -> None:
        """Bring the link up and keep it up (DL-ESTABLISH request)."""
        self.wanted = True
        if self.state is LinkState.RELEASED:
            self.begin(now)

    def release(self, now: float) -> None:
        """Take the link down and leave it down until `establish` (DL-RELEASE request)."""
        self.wanted = False
        self.retry = None
        if self.state is LinkState.RELEASED:
            return
        self.forget()
        self.state = LinkState.AWAITING_RELEASE
        self.tries = 0
        self.put(Kind.DISC, command=True, poll=True)
        self.t200, self.t203 = now + self.parameters.t200, None

    def line_failed(self) -> None:
        """Layer 1 is gone (PH-DEACTIVATE): the link is down until `establish` is called again."""
        self.wanted = False
        self.retry = None
        if self.state is not LinkState.RELEASED:
            self.fall("the line failed")

    def send(self, data: bytes, now: float) -> bool:
        """Have a message carried (DL-DATA request); False when the link is down or too many wait.

        Raises ValueError for more than N201 octets.
        """
        if len(data) > MAXIMUM_INFORMATION:
            raise ValueError(f"{len(data)} octets, a frame carries {MAXIMUM_INFORMATION}")
        if not self.is_up or not self.window.put(data):
            self.counters["dropped"] += 1
            return False
        self.transmit(now)
        return True

    # -- the sans-IO interface --------------------------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float) -> None:
        """One frame arrived, without flags and FCS."""
        try:
            frame = Frame.parse(data, self.side.other)
        except FrameError as error:
            self.counters["malformed"] += 1
            self.events.append(LinkError("N", str(error)))
            return
        self.counters[f"received {frame.kind.name}"] += 1
        receive(self, frame, now)
        self.transmit(now)

    def handle_timer(self, now: float) -> None:
        """Do what is due at `now`."""
        if self.t200 is not None and now >= self.t200:
            self.t200 = None
            self.counters["T200 expired"] += 1
            self._t200_expired(now)
        if self.t203 is not None and now >= self.t203:
            self.t203 = None
            self.tries = 0
            self.enquire(now)
        if self.retry is not None and now >= self.retry:
            self.retry = None
            if self.state is LinkState.RELEASED and self.wanted:
                self.begin(now)
        self.transmit(now)

    def next_timer(self) -> float | None:
        """When `handle_timer` is wanted."""
        return min((at for at in (self.t200, self.t203, self.retry) if at is not None), default=None)

    def data_to_send(self) -> list[bytes]:
        """The frames to send now, oldest first."""
        if self.acknowledge and self.is_up:
            self.put(Kind.RR, command=False)
        output, self.output = self.output, []
        return output

    def next_event(self) -> LinkEvent | None:
        """The oldest event not yet taken."""
        return self.events.popleft() if self.events else None

    # -- timers -----------------------------------------------------------------------------------------------------

    def _t200_expired(self, now: float) -> None:
        if self.state is LinkState.ESTABLISHED:
            self.tries = 0
            self.enquire(now)
            return
        self.tries += 1
        exhausted = self.tries > self.parameters.n200
        if self.state is LinkState.AWAITING_ESTABLISHMENT:
            if exhausted:
                self.events.append(LinkError("G", "no answer to SABME"))
                self.fall("the peer does not answer")
                self.retry = now + self.parameters.retry
            else:
                self.ask_to_begin(now)
        elif self.state is LinkState.AWAITING_RELEASE:
            if exhausted:
                self.fall("released without an answer")
            else:
                self.put(Kind.DISC, command=True, poll=True)
                self.t200 = now + self.parameters.t200
        elif self.state is LinkState.TIMER_RECOVERY:
            if exhausted:
                self.restart("I", "the peer does not answer", now)
            else:
                self.enquire(now)
