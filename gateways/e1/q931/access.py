"""Layer 3 of one primary rate access: its calls, their references and channels, RESTART, and what is nobody's.

Sans-IO and above any link layer: `receive_data` takes messages of layer 3, `data_to_send` gives them. `link_up` and
`link_down` tell how the data link stands.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

from gateways.e1.q921 import Side
from gateways.e1.q931.call import IsdnCall
from gateways.e1.q931.causes import Cause, CauseValue
from gateways.e1.q931.channel import ChannelId
from gateways.e1.q931.channels import B_CHANNELS, Channels, Choice
from gateways.e1.q931.elements import ElementId
from gateways.e1.q931.errors import Q931Error
from gateways.e1.q931.events import ChannelsFaulty, ChannelsRestarted, IsdnEvent, LinkChanged, Offered
from gateways.e1.q931.message import Kind, Message
from gateways.e1.q931.parameters import AccessParameters
from gateways.e1.q931.received import HANDLED
from gateways.e1.q931.restart import Restarts
from gateways.e1.q931.segments import SEGMENT, Segments
from gateways.e1.q931.setup import Setup
from gateways.e1.q931.states import told_state
from softswitch.deadlines import TimerSet

_HIGHEST_REFERENCE = 0x7FFF
_OUTPUT_LIMIT = 1024
#: Owner of timers that belong to no call.
_NOBODY = "-"


class Access:
    """One D channel's calls; `side` is ours, `slots` the timeslots it may use, `choose` picks among idle ones.

    Faulty channels are restarted when the link comes back, and serve again once the far end agrees.
    """

    def __init__(
        self,
        side: Side,
        parameters: AccessParameters | None = None,
        *,
        slots: Iterable[int] = B_CHANNELS,
        choose: Choice | None = None,
    ) -> None:
        self.side = side
        self.parameters = parameters or AccessParameters()
        self.timers = TimerSet()
        #: messages by direction and kind, malformed, for no call, timers.
        self.counters: Counter[str] = Counter()
        self.is_up = False
        self._calls: dict[tuple[int, bool], IsdnCall] = {}
        self._next_reference = 1
        self._restarts = Restarts(self, frozenset(slots))
        self.channels = Channels(side, slots, choose, lambda: self.restarting)
        self._segments = Segments()
        self._was_up = False
        self._output: deque[bytes] = deque()
        self._events: deque[IsdnEvent] = deque()

    # -- commands ---------------------------------------------------------------------------------------------------

    @property
    def calls(self) -> list[IsdnCall]:
        """All calls, oldest first."""
        return list(self._calls.values())

    def call(self, setup: Setup, now: float, *, slot: int | None = None, exclusive: bool = False) -> IsdnCall | None:
        """Call the far end (SETUP), in `slot` or one that is chosen; None when the link is down or nothing is idle."""
        idle = self.channels.idle
        if not self.is_up or not idle or (slot is not None and slot not in idle):
            return None
        channel = ChannelId((self.channels.choose(idle) if slot is None else slot,), exclusive)
        call = IsdnCall(self, self._new_reference(), ours=True, setup=setup, channel=channel)
        self._keep(call)
        call.send_setup()
        call.started(now)
        return call

    @property
    def restarting(self) -> frozenset[int]:
        """Timeslots that wait for the far end's RESTART ACKNOWLEDGE."""
        return self._restarts.pending

    def restart(self, now: float, slots: Iterable[int] | None = None) -> None:
        """Put channels in order at both ends (§5.5), all of them by default; calls in them are cleared."""
        self._restarts.ask(frozenset(self.channels.slots if slots is None else slots), now)

    # -- the data link ----------------------------------------------------------------------------------------------

    def link_up(self, now: float, *, reset: bool = False) -> None:
        """The data link carries messages; `reset`: it did before, and some may be lost."""
        first, self._was_up = not self._was_up, True
        if not self.is_up:
            self.is_up = True
            self.tell(LinkChanged(True))
        for call in self.calls:
            call.link_back(now)
        if first and self.parameters.restart_at_start and not self._calls:
            self.restart(now)
        elif self.channels.faulty:
            self.restart(now, self.channels.faulty)

    def link_down(self, now: float, reason: str = "") -> None:
        """The data link is gone; what is talked goes on for T309."""
        if not self.is_up:
            return
        self.is_up = False
        self._output.clear()
        self._segments.drop()
        self.tell(LinkChanged(False, reason))
        for call in self.calls:
            call.link_lost(now)

    # -- the sans-IO interface --------------------------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float) -> None:
        """One message of layer 3 arrived, or a segment of one."""
        if len(data) > 2 and data[2 + data[1] : 3 + data[1]] == bytes((SEGMENT,)):
            try:
                whole = self._segments.add(data)
            except ValueError:
                self.counters["malformed"] += 1
                whole = None
            self.timers.stop("T314", _NOBODY)
            if self._segments.waiting:
                self.timers.start("T314", now + self.parameters.t314, _NOBODY)
            if whole is None:
                return
            data = whole
        try:
            message = Message.parse(data)
        except Q931Error:
            self.counters["malformed"] += 1
            return
        known = message.kind in Kind._value2member_map_
        self.counters[f"received {Kind(message.kind).name if known else 'unknown'}"] += 1
        if message.reference == 0:
            self._receive_global(message, now)
            return
        # The flag tells the sender's view: set, when it answers to a reference that we allocated.
        call = self._calls.get((message.reference, message.to_originator))
        if call is None:
            self._receive_new(message, now)
        elif not known or message.kind not in HANDLED:
            if message.kind != Kind.SETUP:  # a repeated SETUP is passed over (§5.8.3.2)
                self._refuse_kind(call, message)
        elif self._acceptable(call, message, now):
            call.receive(message, now)

    def handle_timer(self, now: float) -> None:
        """Do what is due at `now`."""
        while (due := self.timers.pop_due(now)) is not None:
            name, owner = due
            self.counters[f"{name} expired"] += 1
            if name == "T314":
                self._segments.drop()
                continue
            if not owner:
                self._restarts.expired(now)
                continue
            call = self._calls.get((int(owner[:-1]), owner[-1] == "o"))
            if call is not None:
                call.expired(name, now)

    def next_timer(self) -> float | None:
        """When `handle_timer` is wanted."""
        return self.timers.next_at()

    def data_to_send(self) -> list[bytes]:
        """The messages to send now, oldest first."""
        output = list(self._output)
        self._output.clear()
        return output

    def next_event(self) -> IsdnEvent | None:
        """The oldest event not yet taken."""
        return self._events.popleft() if self._events else None

    # -- for calls and restarts -------------------------------------------------------------------------------------

    def send(self, message: Message) -> None:
        """Queue a message; without a link it is lost, and the timers see to what follows."""
        if self.is_up and len(self._output) < _OUTPUT_LIMIT:
            self.counters[f"sent {Kind(message.kind).name}"] += 1
            self._output.append(message.serialize())

    def tell(self, event: IsdnEvent) -> None:
        """Queue an event."""
        self._events.append(event)

    def forget(self, call: IsdnCall) -> None:
        """A call is over."""
        self._calls.pop((call.reference, call.ours), None)
        self.channels.free(call)

    def move(self, call: IsdnCall, slot: int) -> bool:
        """Put a call into another timeslot, as the far end wishes; False when that one is taken."""
        return self.channels.move(call, slot)

    def clear_slots(self, slots: frozenset[int]) -> None:
        """Calls in restarted timeslots end without a message."""
        for slot in slots:
            call = self.channels.call_in(slot)
            if call is not None:
                call.restarted(Cause(CauseValue.TEMPORARY_FAILURE))

    def restarted(self, slots: frozenset[int], *, by_us: bool) -> None:
        """Both ends agree that these are idle."""
        self.channels.faulty -= slots
        self.tell(ChannelsRestarted(slots, by_us))

    def tell_faulty(self, slots: frozenset[int], reason: str) -> None:
        """The far end does not answer for these channels."""
        self.channels.faulty |= slots
        self.tell(ChannelsFaulty(slots, reason))

    # -- inside -----------------------------------------------------------------------------------------------------

    def _keep(self, call: IsdnCall) -> None:
        self._calls[call.reference, call.ours] = call
        self.channels.keep(call)

    def _new_reference(self) -> int:
        while (self._next_reference, True) in self._calls:
            self._next_reference = self._next_reference % _HIGHEST_REFERENCE + 1
        reference = self._next_reference
        self._next_reference = reference % _HIGHEST_REFERENCE + 1
        return reference

    def _acceptable(self, call: IsdnCall, message: Message, now: float) -> bool:
        """Answer what cannot be understood in a message of a known call (§5.8.6, §5.8.7); False: pass it over."""
        if message.unknown and message.kind not in (Kind.RELEASE_COMPLETE, Kind.RELEASE, Kind.DISCONNECT):
            self._status(call, CauseValue.MANDATORY_ELEMENT_MISSING, bytes(message.unknown[:1]))
            return False
        return True

    def _refuse_kind(self, call: IsdnCall, message: Message) -> None:
        self._status(call, CauseValue.MESSAGE_TYPE_UNKNOWN, bytes((message.kind,)))

    def _status(self, call: IsdnCall, cause: CauseValue, diagnostic: bytes) -> None:
        elements: dict[int, Any] = {
            ElementId.CAUSE: Cause(cause, diagnostic=diagnostic),
            ElementId.CALL_STATE: told_state(call.state, self.side),
        }
        self.send(Message(Kind.STATUS, call.reference, not call.ours, elements))

    def _receive_new(self, message: Message, now: float) -> None:
        """A message about a call that does not exist (§5.8.3.2)."""
        if message.kind == Kind.SETUP and not message.to_originator:
            self._offered(message, now)
            return
        self.counters["for no call"] += 1
        if message.kind in (Kind.RELEASE_COMPLETE, Kind.SETUP):
            return
        if message.kind == Kind.STATUS_ENQUIRY:
            elements: dict[int, Any] = {ElementId.CAUSE: Cause(CauseValue.STATUS_RESPONSE), ElementId.CALL_STATE: 0}
            self.send(Message(Kind.STATUS, message.reference, not message.to_originator, elements))
        elif message.kind != Kind.STATUS:
            self._refuse(message, CauseValue.INVALID_CALL_REFERENCE)
        elif message.call_state:  # it has a call where we have none (§5.8.11)
            self._refuse(message, CauseValue.NOT_COMPATIBLE_WITH_STATE)

    def _refuse(self, message: Message, cause: CauseValue, diagnostic: bytes = b"") -> None:
        elements: dict[int, Any] = {ElementId.CAUSE: Cause(cause, diagnostic=diagnostic)}
        self.send(Message(Kind.RELEASE_COMPLETE, message.reference, not message.to_originator, elements))

    def _offered(self, message: Message, now: float) -> None:
        for identifier, fault in message.faults.items():
            if identifier in (ElementId.BEARER_CAPABILITY, ElementId.CHANNEL_ID, ElementId.CALLED_NUMBER):
                self._refuse(message, CauseValue(fault or CauseValue.INVALID_ELEMENT), bytes((identifier,)))
                return
        missing = [i for i in (ElementId.BEARER_CAPABILITY,) if i not in message.elements] or message.unknown
        if missing:
            self._refuse(message, CauseValue.MANDATORY_ELEMENT_MISSING, bytes(missing[:1]))
            return
        slot = self.channels.slot_for(message.channel or ChannelId(any_channel=True))
        if isinstance(slot, CauseValue):
            self._refuse(message, slot)
            return
        call = IsdnCall(self, message.reference, ours=False, setup=Setup.of(message), channel=ChannelId((slot,), True))
        self._keep(call)
        self.tell(Offered(call, message.sending_complete or not self.parameters.overlap_receiving))

    def _receive_global(self, message: Message, now: float) -> None:
        if message.kind == Kind.RESTART:
            self._restarts.asked(message)
        elif message.kind == Kind.RESTART_ACKNOWLEDGE:
            self._restarts.acknowledged(now)
        elif message.kind == Kind.STATUS:
            self.counters["global STATUS"] += 1
        else:
            self.counters["for no call"] += 1
            elements: dict[int, Any] = {
                ElementId.CAUSE: Cause(CauseValue.INVALID_CALL_REFERENCE),
                ElementId.CALL_STATE: self._restarts.state,
            }
            self.send(Message(Kind.STATUS, 0, not message.to_originator, elements))
