"""RESTART: bringing channels back to idle at both ends (Q.931 §5.5), under the global call reference."""

from __future__ import annotations

from typing import Any

from gateways.e1.q931.causes import Cause, CauseValue
from gateways.e1.q931.channel import ChannelId
from gateways.e1.q931.elements import ElementId
from gateways.e1.q931.host import RestartHost
from gateways.e1.q931.message import Kind, Message
from gateways.e1.q931.states import GLOBAL_NULL, GLOBAL_RESTART_REQUEST

_INDICATED, _SINGLE_INTERFACE, _ALL_INTERFACES = 0, 6, 7


class Restarts:
    """The restarts of one access: one request at a time, the others wait."""

    def __init__(self, access: RestartHost, slots: frozenset[int]) -> None:
        """`slots` are all timeslots of the access."""
        self._access = access
        self._slots = slots
        self._waiting: list[frozenset[int]] = []
        self._asked: frozenset[int] = frozenset()
        self._tries = 0

    @property
    def state(self) -> int:
        """The global call state (§2.4)."""
        return GLOBAL_RESTART_REQUEST if self._asked else GLOBAL_NULL

    @property
    def pending(self) -> frozenset[int]:
        """Timeslots that wait for the far end's acknowledgement."""
        return self._asked.union(*self._waiting)

    def ask(self, slots: frozenset[int], now: float) -> None:
        """Have `slots` restarted; calls in them are cleared."""
        if not slots:
            return
        self._access.clear_slots(slots)
        # One by one unless it is the whole interface: not every exchange reads a list of channels.
        whole = slots == self._slots
        self._waiting += [slots] if whole else [frozenset({slot}) for slot in sorted(slots - self.pending)]
        if not self._asked:
            self._next(now)

    def acknowledged(self, now: float) -> None:
        """The far end restarted what we asked for."""
        if not self._asked:
            return
        done, self._asked = self._asked, frozenset()
        self._access.timers.stop("T316")
        self._access.restarted(done, by_us=True)
        self._next(now)

    def asked(self, message: Message) -> None:
        """The far end wants channels restarted: they are, and it is told the same channels."""
        access = self._access
        indicator = message.elements.get(ElementId.RESTART_INDICATOR)
        channel = message.channel
        if indicator == _INDICATED and channel is not None and channel.slots:
            slots = frozenset(channel.slots)
        elif indicator in (_SINGLE_INTERFACE, _ALL_INTERFACES):
            slots = self._slots
        else:
            missing = ElementId.RESTART_INDICATOR if indicator is None else ElementId.CHANNEL_ID
            self._complain(message, CauseValue.MANDATORY_ELEMENT_MISSING, bytes((missing,)))
            return
        if not slots <= self._slots:
            self._complain(message, CauseValue.CHANNEL_DOES_NOT_EXIST)
            return
        access.clear_slots(slots)
        wanted = (ElementId.RESTART_INDICATOR, ElementId.CHANNEL_ID)
        elements: dict[int, Any] = {i: message.elements[i] for i in wanted if i in message.elements}
        access.send(Message(Kind.RESTART_ACKNOWLEDGE, 0, not message.to_originator, elements))
        access.restarted(slots, by_us=False)

    def expired(self, now: float) -> None:
        """T316: ask again, N316 times, then give the channels up."""
        if self._tries < self._access.parameters.n316:
            self._send(now)
            return
        faulty, self._asked = self._asked, frozenset()
        self._access.tell_faulty(faulty, "no answer to RESTART")
        self._next(now)

    def _next(self, now: float) -> None:
        if self._waiting:
            self._asked = self._waiting.pop(0)
            self._tries = 0
            self._send(now)

    def _send(self, now: float) -> None:
        self._tries += 1
        elements: dict[int, Any] = {ElementId.RESTART_INDICATOR: _SINGLE_INTERFACE}
        if self._asked != self._slots:
            elements[ElementId.RESTART_INDICATOR] = _INDICATED
            elements[ElementId.CHANNEL_ID] = ChannelId(tuple(sorted(self._asked)), exclusive=True)
        self._access.send(Message(Kind.RESTART, 0, False, elements))
        self._access.timers.start("T316", now + self._access.parameters.t316)

    def _complain(self, message: Message, cause: CauseValue, diagnostic: bytes = b"") -> None:
        elements: dict[int, Any] = {
            ElementId.CAUSE: Cause(cause, diagnostic=diagnostic),
            ElementId.CALL_STATE: self.state,
        }
        self._access.send(Message(Kind.STATUS, 0, not message.to_originator, elements))
