"""Two data links joined by a line of virtual time that may lose frames."""

from __future__ import annotations

from collections.abc import Callable

from gateways.e1.q921 import DataReceived, Link, LinkEvent, LinkParameters, Side

Loses = Callable[[int], bool]


class Line:
    """A user's and a network's link; frame n (counted over both directions) is lost when `loses(n)`."""

    def __init__(self, loses: Loses = lambda n: False, parameters: LinkParameters | None = None) -> None:
        self.now = 0.0
        self.ends = {side: Link(side, parameters) for side in (Side.USER, Side.NETWORK)}
        self.events: dict[Side, list[LinkEvent]] = {side: [] for side in self.ends}
        self.loses = loses
        self.frames = 0

    def settle(self) -> None:
        """Carry frames until nobody has anything to say now."""
        busy = True
        while busy:
            busy = False
            for side, link in self.ends.items():
                for frame in link.data_to_send():
                    busy = True
                    self.frames += 1
                    if not self.loses(self.frames):
                        self.ends[side.other].receive_data(frame, self.now)
                while (event := link.next_event()) is not None:
                    self.events[side].append(event)

    def run(self, seconds: float) -> None:
        """Let virtual time pass, from timer to timer."""
        until = self.now + seconds
        self.settle()
        while True:
            due = [at for link in self.ends.values() if (at := link.next_timer()) is not None]
            if not due or min(due) > until:
                break
            self.now = max(self.now, min(due))
            for link in self.ends.values():
                link.handle_timer(self.now)
            self.settle()
        self.now = until

    def received(self, side: Side) -> list[bytes]:
        """The messages that layer 3 of `side` got, in order."""
        return [event.data for event in self.events[side] if isinstance(event, DataReceived)]


def connected(loses: Loses = lambda n: False, parameters: LinkParameters | None = None) -> Line:
    """A line whose link is up, with no loss until then."""
    line = Line(parameters=parameters)
    for link in line.ends.values():
        link.establish(0.0)
    line.run(0.1)
    assert all(link.is_up for link in line.ends.values()), "both ends establish at once and both come up"
    line.frames = 0
    line.loses = loses
    for events in line.events.values():
        events.clear()
    return line
