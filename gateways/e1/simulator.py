"""The far side of an E1 line: an exchange with subscribers who answer, are busy, do not answer, or are unknown.

It is the network's side of the same protocol code, driven by what its numbers are told to do; an independent peer
(libpri) speaks to both in the tests. Sound in its B channels comes from a media engine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from gateways.e1.line import Line, LineEvent
from gateways.e1.q921 import LinkParameters, Side
from gateways.e1.q931 import AccessParameters, Cause, CauseValue, IsdnCall, PartyNumber, Setup
from gateways.e1.q931.events import (
    ChannelAssigned,
    Cleared,
    Connected,
    DigitsReceived,
    Disconnecting,
    Offered,
)
from gateways.e1.span.interface import Span
from softswitch.media import MediaEngine, Port
from softswitch.media.playing.sounds import announcement

_TONE_HZ, _TONE_DBM0 = 1004.0, -16.0
#: Its subscribers call one after the other; when the line carries nothing yet, it is tried again soon.
_CALL_AGAIN_S, _CALL_EVERY_S, _TALK_S = 1.0, 30.0, 6.0


class Behaviour(Enum):
    """What a subscriber of the simulated exchange does when called."""

    ECHO = "answers and sends back what it hears"
    TONE = "answers with a tone of 1004 Hz"
    ANNOUNCEMENT = "answers with a spoken announcement"
    BUSY = "is busy"
    NO_ANSWER = "rings for ever"
    REJECT = "rejects the call"
    HANG_UP = "answers and hangs up at once"


#: The numbers of the simulated exchange, as dialled behind the trunk's prefix.
NUMBERS: Mapping[str, Behaviour] = {
    "600": Behaviour.ECHO,
    "601": Behaviour.TONE,
    "602": Behaviour.ANNOUNCEMENT,
    "603": Behaviour.BUSY,
    "604": Behaviour.NO_ANSWER,
    "605": Behaviour.REJECT,
    "606": Behaviour.HANG_UP,
}

_REFUSALS = {Behaviour.BUSY: CauseValue.USER_BUSY, Behaviour.REJECT: CauseValue.CALL_REJECTED}


@dataclass(slots=True)
class Subscriber:
    """One call at the simulated exchange, with its port."""

    call: IsdnCall
    port: Port | None = None
    connected: bool = False


class SimulatedExchange:
    """The far end of `span`. `later(at, action)` runs an action at a time of `now`."""

    def __init__(
        self,
        span: Span,
        engine: MediaEngine,
        *,
        now: Callable[[], float],
        later: Callable[[float, Callable[[float], None]], object],
        side: Side = Side.NETWORK,
        numbers: Mapping[str, Behaviour] = NUMBERS,
        overlap: bool = False,
        calls: Sequence[str] = (),
    ) -> None:
        self._engine = engine
        self._now = now
        self._later = later
        self._numbers = numbers
        self._wake_at: float | None = None
        self._digits: dict[IsdnCall, str] = {}
        self._calls = deque(calls)
        self._open = False
        self.subscribers: dict[IsdnCall, Subscriber] = {}
        #: cleared calls with their causes, newest last.
        self.ended: list[tuple[str, int]] = []
        self.line = Line(
            "exchange",
            span,
            side,
            deliver=lambda line, event: self._on_event(event),
            rearm=lambda line: self._rearm(),
            link=LinkParameters(),
            parameters=AccessParameters(overlap_receiving=overlap),
        )

    async def open(self) -> None:
        """Begin."""
        await self.line.span.open(self.line)
        self._open = True
        self._later(self._now() + _CALL_AGAIN_S, self._call_someone)

    def problems(self) -> list[str]:
        """What is wrong now: the trunk at the other end of the line tells it."""
        return []

    async def close(self) -> None:
        """End every call without a word, and the line."""
        self._open = False
        for subscriber in self.subscribers.values():
            if subscriber.port is not None:
                subscriber.port.close()
        self.subscribers.clear()
        await self.line.span.close()

    def call(self, number: str, caller: str = "8110") -> IsdnCall | None:
        """A subscriber of the exchange calls `number` at the other end."""
        setup = Setup(PartyNumber(number), PartyNumber(caller, plan=1, presentation=0, screening=3))
        call = self.line.access.call(setup, self._now())
        if call is not None:
            self.subscribers[call] = Subscriber(call)
        self.line.settle(self._now())
        return call

    def hang_up(self, call: IsdnCall, cause: int = CauseValue.NORMAL_CLEARING) -> None:
        """A subscriber of the exchange puts the receiver down."""
        call.disconnect(Cause(cause), self._now())
        self.line.settle(self._now())

    def _call_someone(self, now: float) -> None:
        """One of our subscribers calls the next number and speaks for a while, if it is answered."""
        if not self._calls or not self._open:
            return
        call = self.call(self._calls[0])
        if call is None:
            self._later(now + _CALL_AGAIN_S, self._call_someone)
            return
        self._calls.rotate(-1)
        self._later(now + _TALK_S, lambda now: self.hang_up(call))
        self._later(now + _CALL_EVERY_S, self._call_someone)

    def _rearm(self) -> None:
        at = self.line.next_timer()
        if at is not None and (self._wake_at is None or at < self._wake_at):
            self._wake_at = at
            self._later(at, self._wake)

    def _wake(self, now: float) -> None:
        self._wake_at = None
        self.line.handle_timer(now)

    def _on_event(self, event: LineEvent) -> None:
        if isinstance(event, Offered):
            self._offered(event)
        elif isinstance(event, DigitsReceived) and event.call in self._digits:
            self._collect(event.call, event.digits, complete=event.complete)
        elif isinstance(event, ChannelAssigned | Connected):
            self._speak(event.call, Behaviour.ANNOUNCEMENT)
        elif isinstance(event, Disconnecting):
            event.call.disconnect(Cause(CauseValue.NORMAL_CLEARING), self._now())
        elif isinstance(event, Cleared):
            self._cleared(event)

    def _offered(self, event: Offered) -> None:
        number = event.call.setup.called.digits
        if event.complete:
            self._ring(event.call, number)
            return
        self._digits[event.call] = ""
        if number not in self._numbers:
            event.call.acknowledge_setup(self._now())
        self._collect(event.call, number, complete=False)

    def _collect(self, call: IsdnCall, digits: str, *, complete: bool) -> None:
        self._digits[call] += digits
        if complete or self._digits[call] in self._numbers:
            self._ring(call, self._digits.pop(call))

    def _ring(self, call: IsdnCall, number: str) -> None:
        now = self._now()
        behaviour = self._numbers.get(number)
        if behaviour is None:
            call.disconnect(Cause(CauseValue.UNALLOCATED_NUMBER, 2), now)
            return
        call.proceed(now)
        if behaviour in _REFUSALS:
            call.disconnect(Cause(_REFUSALS[behaviour], 2), now)
            return
        self.subscribers[call] = Subscriber(call)
        call.alert(now)
        if behaviour is Behaviour.NO_ANSWER:
            return
        self._speak(call, behaviour)
        call.connect(now)
        if behaviour is Behaviour.HANG_UP:
            call.disconnect(Cause(CauseValue.NORMAL_CLEARING, 2), now)

    def _speak(self, call: IsdnCall, behaviour: Behaviour) -> None:
        """Let something be heard in the channel of a call."""
        subscriber = self.subscribers.get(call)
        if subscriber is None or call.slot is None or subscriber.port is not None:
            return
        port = subscriber.port = self.line.span.open_channel(call.slot, f"exchange {call.slot}")
        if behaviour is Behaviour.TONE:
            self._engine.tone(port, _TONE_HZ, _TONE_DBM0)
        elif behaviour is Behaviour.ANNOUNCEMENT:
            self._engine.play(port, announcement(), True)
        else:
            self._engine.echo(port)

    def _cleared(self, event: Cleared) -> None:
        self.ended.append((event.call.setup.called.digits, event.cause.value))
        del self.ended[:-1000]
        self._digits.pop(event.call, None)
        subscriber = self.subscribers.pop(event.call, None)
        if subscriber is not None and subscriber.port is not None:
            subscriber.port.close()
