"""The B channels of an access: which are idle, which have a call, and which a new call gets (Q.931 §5.2.3, §5.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateways.e1.q921 import Side
from gateways.e1.q931.call import IsdnCall
from gateways.e1.q931.causes import CauseValue
from gateways.e1.q931.channel import ChannelId
from gateways.e1.q931.states import CallState

#: The B channels of an E1 primary rate access, by timeslot.
B_CHANNELS = frozenset(range(1, 32)) - {16}

#: Chooses one of several idle timeslots.
Choice = Callable[[frozenset[int]], int]


class Channels:
    """The timeslots of one access; `side` is ours, `choose` picks among idle ones.

    `blocked` timeslots are in maintenance: calls in them go on, no new ones are put there. `faulty` are those for which
    the far end did not answer. `restarting` tells which wait for the far end's acknowledgement.
    """

    def __init__(
        self, side: Side, slots: Iterable[int], choose: Choice | None, restarting: Callable[[], frozenset[int]]
    ) -> None:
        self.slots = frozenset(slots)
        self.blocked: set[int] = set()
        self.faulty: set[int] = set()
        self._side = side
        # The ends look for a channel from opposite sides, so that they seldom take the same (§5.7).
        self.choose = choose or (max if side is Side.USER else min)
        self._restarting = restarting
        self._calls: dict[int, IsdnCall] = {}

    @property
    def idle(self) -> frozenset[int]:
        """The timeslots that a call could be put into."""
        return self.slots - self._calls.keys() - self.blocked - self.faulty - self._restarting()

    def call_in(self, slot: int) -> IsdnCall | None:
        """The call that uses a timeslot."""
        return self._calls.get(slot)

    def keep(self, call: IsdnCall) -> None:
        """A new call has its timeslot, if it has one yet."""
        if call.slot is not None:
            self._calls[call.slot] = call

    def free(self, call: IsdnCall) -> None:
        """A call uses its timeslot no more."""
        if call.slot is not None and self._calls.get(call.slot) is call:
            del self._calls[call.slot]

    def move(self, call: IsdnCall, slot: int) -> bool:
        """Put a call into another timeslot, as the far end wishes; False when that one is taken."""
        if slot not in self.slots or self._calls.get(slot, call) is not call:
            return False
        self.free(call)
        call.slot = slot
        self._calls[slot] = call
        return True

    def slot_for(self, wanted: ChannelId) -> int | CauseValue:
        """The timeslot of an incoming call: what it asks for, or another one if it leaves us the choice (§5.2.3)."""
        slot = wanted.slot
        if slot is not None and slot not in self.slots:
            return CauseValue.CHANNEL_DOES_NOT_EXIST
        if slot is None and not wanted.any_channel:
            return CauseValue.NO_CHANNEL
        idle = self.idle
        if slot is not None and slot not in idle and self._yields(slot):
            idle = self.idle
        if slot in idle and slot is not None:
            return slot
        if slot is not None and wanted.exclusive:
            return CauseValue.CHANNEL_NOT_AVAILABLE
        return self.choose(idle) if idle else CauseValue.NO_CHANNEL

    def _yields(self, slot: int) -> bool:
        """Glare: a call of ours that the network has not answered makes room for one of the network's (§5.7)."""
        ours = self._calls.get(slot)
        if self._side is Side.NETWORK or ours is None or not ours.ours or ours.state is not CallState.INITIATED:
            return False
        del self._calls[slot]
        ours.yield_channel()
        return True
