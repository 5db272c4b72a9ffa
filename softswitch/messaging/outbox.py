"""Store and forward: messages wait for their recipients, in order, until they are taken, expire or are cancelled.

Whatever is accepted is on disk before its sender hears so; what a crash interrupts is tried again at the next start,
so that a message may come twice and is never lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Protocol

from softswitch.events import EventBus
from softswitch.messaging.attempt import Outcome, Told, Transmitter
from softswitch.messaging.events import MessageStateChanged
from softswitch.messaging.model import RANK, Delivery, Message, MessagingSettings, State
from softswitch.sip.timerwheel import Timer, TimerWheel

#: Answers that more patience does not change (RFC 3261 §21.4): the message itself is refused, or its recipient.
FINAL = frozenset({400, 403, 404, 405, 406, 410, 413, 414, 415, 416, 420, 482, 483, 484, 485, 488, 493, 501, 505, 513})
_RECENT = 10_000


class Full(Exception):
    """No room for more messages; `whose` names the limit."""

    def __init__(self, whose: str) -> None:
        super().__init__(f"too many messages wait {whose}")


class Keeper(Protocol):
    """Durable memory. `done(stored)` is called after the commit."""

    def put(self, message: Message, done: Callable[[bool], None] | None = None) -> None:
        """Keep a message with all its deliveries."""

    def update(self, delivery: Delivery) -> None:
        """A delivery has another state."""

    def confirm(self, imdn_id: str, recipient: str, state: State, when: float) -> None:
        """A notification told of a message that is not at hand any more."""


class Outbox:
    """Every message that still has to go out."""

    def __init__(
        self,
        *,
        transmitter: Transmitter,
        keeper: Keeper,
        bus: EventBus,
        timers: TimerWheel,
        now: Callable[[], float],
        wall: Callable[[], float],
        settings: MessagingSettings,
    ) -> None:
        self._transmitter = transmitter
        self._keeper = keeper
        self._bus = bus
        self._timers = timers
        self._now = now
        self._wall = wall
        self.settings = settings
        self._lines: dict[str, deque[Delivery]] = {}
        self._tries: dict[str, int] = {}
        self._timer_of: dict[str, Timer] = {}
        self._flying: dict[str, Delivery] = {}  # the delivery that is on its way to a recipient now
        self._launching = False
        self._ready: deque[str] = deque()
        self._expiring: list[tuple[float, int, Delivery]] = []
        self._expiry: Timer | None = None
        self._by_id: dict[str, Message] = {}
        self._by_sender: dict[str, int] = {}
        self._recent: dict[str, Message] = {}
        self._serial = 0
        self.waiting = 0
        #: told of each new state, for whoever wants to tell the sender.
        self.changed: Callable[[Delivery], None] = lambda delivery: None

    # -- taking messages in -----------------------------------------------------------------------------------------

    def check_room(self, message: Message) -> None:
        """Raises Full when a message cannot be kept."""
        settings, sender = self.settings, message.party.number
        if self.waiting + len(message.deliveries) > settings.max_waiting:
            raise Full("in all")
        if self._by_sender.get(sender, 0) + len(message.deliveries) > settings.max_per_sender:
            raise Full(f"of {sender or 'the switch'}")
        for number in message.deliveries:
            if len(self._lines.get(number, ())) >= settings.max_per_recipient:
                raise Full(f"for {number}")

    def try_now(self, delivery: Delivery, told: Told, now: float) -> bool:
        """Try to hand a message over that is not kept; False when others are before it, and nothing was done.

        Until `told` hears the outcome, nothing else goes to that recipient.
        """
        number = delivery.recipient
        if number in self._lines or number in self._flying:
            return False
        self._flying[number] = delivery
        self._transmitter.begin(delivery.message, number, told, now)
        return True

    def try_beside(self, delivery: Delivery, told: Told, now: float) -> None:
        """Try to hand over what is of no use later, whatever waits for that recipient."""
        self._transmitter.begin(delivery.message, delivery.recipient, told, now)

    def tried(self, delivery: Delivery, now: float, *, again: bool = False) -> None:
        """What `try_now` began is over: others may go; `again`: the message is kept now, and tried after a while."""
        number = delivery.recipient
        if again and self._flying.get(number) is delivery:
            del self._flying[number]
            self._back_off(number)
        self._land(delivery, now)

    def accept(self, message: Message, done: Callable[[bool], None]) -> None:
        """Keep a message and send it in its turn; `done(stored)` is called once it is on disk. Raises Full.

        An attempt that `try_now` began goes on; its outcome is told to `resume`.
        """
        self.check_room(message)
        self._enter(message)
        hopeless = [each for each in message.deliveries.values() if each.state is State.FAILED]

        def stored(success: bool) -> None:
            if success:
                for delivery in hopeless:
                    self._tell(delivery)
                for delivery in message.deliveries.values():
                    if delivery.state.waits:
                        self._tell(delivery)
                        if delivery.recipient not in self._timer_of:
                            self._wake(delivery.recipient)
            else:
                self._forget(message)
            done(success)

        self._keeper.put(message, stored)

    def record(self, message: Message) -> None:
        """Keep a message that was handed over at once, for those who look back."""
        self._note_recent(message)
        self._keeper.put(message)
        for delivery in message.deliveries.values():
            self._tell(delivery)

    def restore(self, messages: Iterable[Message]) -> None:
        """Take in what the last run left; the first attempts begin soon, when phones had time to come back."""
        for message in messages:
            self._enter(message)
            for delivery in message.deliveries.values():
                if delivery.state.waits:
                    self._wake(delivery.recipient, after=self.settings.backoff_s[0])

    def _enter(self, message: Message) -> None:
        self._by_id[message.id] = message
        self._note_recent(message)
        for delivery in message.deliveries.values():
            if not delivery.state.waits:
                continue
            self._lines.setdefault(delivery.recipient, deque()).append(delivery)
            self.waiting += 1
            self._count(message, 1)
            self._serial += 1
            heappush(self._expiring, (message.expires_at, self._serial, delivery))
        self._arm_expiry()

    def _note_recent(self, message: Message) -> None:
        """Notifications that come later find the message by its id."""
        if message.imdn_id:
            self._recent[message.imdn_id] = message
            if len(self._recent) > _RECENT:
                del self._recent[next(iter(self._recent))]

    def _count(self, message: Message, change: int) -> None:
        sender = message.party.number
        left = self._by_sender.get(sender, 0) + change
        if left > 0:
            self._by_sender[sender] = left
        else:
            self._by_sender.pop(sender, None)

    # -- when to try ------------------------------------------------------------------------------------------------

    def registered(self, number: str) -> None:
        """A device of that number is there, or is there anew: what waits is sent shortly."""
        if number in self._lines and number not in self._flying:
            self._tries.pop(number, None)
            self._wake(number, after=self.settings.settle_s)

    def _wake(self, number: str, after: float = 0.0) -> None:
        timer = self._timer_of.pop(number, None)
        if timer is not None:
            timer.cancel()
        if number not in self._lines or number in self._flying:
            return
        if after:
            self._timer_of[number] = self._timers.schedule(self._now() + after, lambda now: self._due(number, now))
        else:
            self._due(number, self._now())

    def _due(self, number: str, now: float) -> None:
        self._timer_of.pop(number, None)
        self._ready.append(number)
        self._launch(now)

    def _launch(self, now: float) -> None:
        """Begin attempts as far as the limit of those on their way allows."""
        if self._launching:  # an attempt that ends at once comes back here
            return
        self._launching = True
        try:
            self._launch_ready(now)
        finally:
            self._launching = False

    def _launch_ready(self, now: float) -> None:
        while self._ready and len(self._flying) < self.settings.max_flying:
            number = self._ready.popleft()
            line = self._lines.get(number)
            if line is None or number in self._flying:
                continue
            delivery = line[0]
            if delivery.message.expires_at <= self._wall():
                self._settle(delivery, State.EXPIRED, 408, "nobody took it in time")
                self._ready.append(number)
                continue
            self._flying[number] = delivery
            self._transmitter.begin(delivery.message, number, self._ear(delivery), now)

    def _ear(self, delivery: Delivery) -> Told:
        def told(outcome: Outcome, now: float) -> None:
            self.resume(delivery, outcome, now)

        return told

    def resume(self, delivery: Delivery, outcome: Outcome, now: float) -> None:
        """An attempt has ended, or a carrier has later news."""
        number = delivery.recipient
        if not delivery.state.waits:
            if outcome.confirmed:
                self.confirm(delivery, State.DELIVERED)
            self._land(delivery, now)
            return
        delivery.attempts += 1
        if outcome.taken:
            confirmed = outcome.confirmed and not delivery.message.report
            self._tries.pop(number, None)
            self._settle(delivery, State.DELIVERED if confirmed else State.SENT, outcome.status, outcome.reason)
        elif outcome.status in FINAL or outcome.status >= 600:
            self._settle(delivery, State.FAILED, outcome.status, outcome.reason)
        else:
            delivery.status, delivery.reason, delivery.updated_at = outcome.status, outcome.reason, self._wall()
            self._flying.pop(number, None)
            self._keeper.update(delivery)
            self._back_off(number)
        self._land(delivery, now)

    def _back_off(self, number: str) -> None:
        """Try again after a while, each time a longer one."""
        tries = self._tries[number] = self._tries.get(number, -1) + 1
        steps = self.settings.backoff_s
        self._wake(number, after=steps[min(tries, len(steps) - 1)])

    def _land(self, delivery: Delivery, now: float) -> None:
        """The attempt with a message is over: the next of its line goes, or another number's."""
        number = delivery.recipient
        if self._flying.get(number) is delivery:
            del self._flying[number]
            if number in self._lines:
                self._ready.append(number)
        self._launch(now)

    # -- states -----------------------------------------------------------------------------------------------------

    def _settle(self, delivery: Delivery, state: State, status: int, reason: str) -> None:
        """A delivery waits no more."""
        line = self._lines[delivery.recipient]
        line.remove(delivery)
        if not line:
            del self._lines[delivery.recipient]
            self._tries.pop(delivery.recipient, None)
        self.waiting -= 1
        self._count(delivery.message, -1)
        delivery.state, delivery.status, delivery.reason = state, status, reason
        delivery.updated_at = self._wall()
        if not any(each.state.waits for each in delivery.message.deliveries.values()):
            self._by_id.pop(delivery.message.id, None)
        self._keeper.update(delivery)
        self._tell(delivery)

    def _forget(self, message: Message) -> None:
        for delivery in message.deliveries.values():
            if delivery.state.waits:
                line = self._lines[delivery.recipient]
                line.remove(delivery)
                if not line:
                    del self._lines[delivery.recipient]
                self.waiting -= 1
                self._count(message, -1)
                delivery.state = State.FAILED
        self._by_id.pop(message.id, None)

    def confirm(self, delivery: Delivery, state: State) -> None:
        """Later news of a message that was handed over: its terminal has it, its reader has seen it."""
        if RANK[state] <= RANK[delivery.state] or delivery.state.waits:
            return
        delivery.state, delivery.updated_at = state, self._wall()
        self._keeper.update(delivery)
        self._tell(delivery)

    def notified(self, imdn_id: str, recipient: str, state: State) -> Message | None:
        """A notification of `recipient` came; the message it speaks of, if it is at hand."""
        message = self._recent.get(imdn_id)
        if message is None:
            self._keeper.confirm(imdn_id, recipient, state, self._wall())
            return None
        delivery = message.deliveries.get(recipient)
        if delivery is None and len(message.deliveries) == 1:  # it was diverted, and another one speaks
            delivery = next(iter(message.deliveries.values()))
        if delivery is not None and state is not State.FAILED:
            self.confirm(delivery, state)
        return message

    def cancel(self, message_id: str) -> int:
        """Take back what has not gone out; returns for how many recipients."""
        message = self._by_id.get(message_id)
        if message is None:
            return 0
        waiting = [each for each in message.deliveries.values() if each.state.waits and not self._flies(each)]
        for delivery in waiting:
            self._settle(delivery, State.CANCELLED, 0, "cancelled")
        return len(waiting)

    def _flies(self, delivery: Delivery) -> bool:
        """Whether this very message is on its way to its recipient now."""
        return self._flying.get(delivery.recipient) is delivery

    def _tell(self, delivery: Delivery) -> None:
        message = delivery.message
        self._bus.tell(
            MessageStateChanged,
            message.id,
            message.party.number,
            delivery.recipient,
            message.recipient if message.group else "",
            delivery.state.value,
            delivery.status,
            delivery.reason,
        )
        self.changed(delivery)

    # -- expiry -----------------------------------------------------------------------------------------------------

    def _arm_expiry(self) -> None:
        if self._expiry is None and self._expiring:
            wait = min(max(self._expiring[0][0] - self._wall(), 0.0), 60.0)
            self._expiry = self._timers.schedule(self._now() + wait, self._expire)

    def _expire(self, now: float) -> None:
        self._expiry = None
        wall = self._wall()
        while self._expiring and self._expiring[0][0] <= wall:
            delivery = heappop(self._expiring)[2]
            if delivery.state.waits and not self._flies(delivery):
                self._settle(delivery, State.EXPIRED, delivery.status or 408, "nobody took it in time")
            elif delivery.state.waits:  # an attempt is on its way, and ends soon
                self._serial += 1
                heappush(self._expiring, (wall + 5.0, self._serial, delivery))
        self._arm_expiry()
