"""A call that the switch itself places: it rings the caller and, once they answered, connects them to the callee.

The order is that of third-party call control with media at the controller (RFC 3725 §4.4, flow IV in spirit): the
caller is offered the engine's ports and hears ringing tone from there; what the caller answered is then offered to the
callee, and when the callee answers, the engine joins the two. Neither party needs anything but plain RFC 3261.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Self

from softswitch.calls.call import Call
from softswitch.calls.conversation import Start
from softswitch.calls.hunting import Hunt, Stage, Target
from softswitch.calls.leg import Cause, Leg, LegState, Party
from softswitch.calls.machine import Method, State
from softswitch.calls.media.path import NO_SERVICE_CODEC, NoMedia
from softswitch.calls.media.side import CONVERTIBLE
from softswitch.calls.nobody import NOBODY
from softswitch.calls.record import CallRecord
from softswitch.calls.ringing import Ringing
from softswitch.calls.unasked_leg import UnaskedLeg
from softswitch.media import NotTranscodable
from softswitch.media.playing.tones import RINGBACK, cadence
from softswitch.sdp.capabilities import TELEPHONE_EVENT, Capabilities, LocalMedia, LocalSession, MediaCapability
from softswitch.sdp.fields import Origin
from softswitch.sdp.formats import Codec
from softswitch.sdp.offer_answer import make_offer

if TYPE_CHECKING:
    from softswitch.calls.exchange import Exchange

NO_CODEC = NO_SERVICE_CODEC
_PROGRESS = {180: Method.RING, 182: Method.QUEUE}


class SwitchLeg(UnaskedLeg):
    """Stands for the switch while the caller is being rung: a party that is shown and that nothing is ever told."""

    protocol = "switch"

    def __init__(self, leg_id: str, party: Party) -> None:
        super().__init__(leg_id, "in", party)
        self.state = LegState.ANSWERED
        self.observer = NOBODY

    def progress(self, status: int, sdp: bytes | None) -> None:
        """See Leg."""

    def accept(self, sdp: bytes | None) -> None:
        """See Leg."""

    def reject(self, cause: Cause) -> None:
        """See Leg."""

    def answer(self, sdp: bytes) -> None:
        """See Leg."""

    def refuse_offer(self, status: int) -> None:
        """See Leg."""

    def disconnect(self, cause: Cause) -> None:
        """See Leg."""


class OriginatedCall(Call):
    """A call placed by an operator or a program. `connect` goes on once the caller has answered."""

    __slots__ = ("_caller_answered", "_connect", "_exchange", "_switch", "caller_name")

    def __init__(
        self,
        exchange: Exchange,
        call_id: str,
        record: CallRecord,
        switch: SwitchLeg,
        connect: Callable[[OriginatedCall], None],
    ) -> None:
        super().__init__(exchange, call_id, switch, None, record)
        switch.observer = NOBODY
        exchange.left(switch, self)
        record.legs.pop(switch.id)
        self._exchange = exchange
        self._switch = switch
        self._connect = connect
        self._caller_answered = False
        self.caller_name = ""

    @classmethod
    def begun(
        cls,
        exchange: Exchange,
        shown: Party,
        called: str,
        route: str,
        connect: Callable[[OriginatedCall], None],
        joins: tuple[str, str] = ("", ""),
    ) -> Self:
        """A call on record for which nobody is rung yet: the devices of `called` will see that `shown` calls.

        `joins` names the call that it is placed to join, and as what.
        """
        record = CallRecord(exchange.new_id(), shown.number, called, route, exchange.wall())
        record.joins, record.joins_as = joins
        call = cls(exchange, record.call_id, record, SwitchLeg(exchange.new_id(), shown), connect)
        exchange.add(call)
        call.begin()
        return call

    @property
    def caller_answered(self) -> bool:
        """Whether the caller has taken the call."""
        return self._caller_answered

    # -- the caller -------------------------------------------------------------------------------------------------

    def ring_caller(self, stages: list[Stage], sounds: tuple[Codec, ...] = ()) -> None:
        """Ring the devices of the caller, with the engine's media offered to them: `sounds`, and G.711."""
        for stage in stages:
            for target in stage.targets:
                target.media = "relay"
        self.machine.apply(Method.PROCEED)
        self.ringing = Ringing(self._host, _CallerRinging(self), Hunt.through(stages), _offer_of_switch(sounds))
        self.ringing.start()

    def took_call(self, leg: Leg, sdp: bytes | None) -> None:
        """The caller answered: they are the caller of this call from now on, and hear what comes next."""
        media = self._host.media
        self.ringing = None
        self._host.left(self._switch, self)
        media.release(self._switch)
        self.caller = leg
        leg.observer = self
        leg.party = Party(leg.party.number, self.caller_name or leg.party.display_name, asserted=leg.party.number)
        self._caller_answered = True
        self.record.answer_leg(leg, self._host.wall())
        try:
            if sdp is not None:
                media.answered_locally(leg, sdp)
        except NoMedia as refused:
            self._finish(refused.cause, None)
            return
        self._connect(self)

    # -- the callee -------------------------------------------------------------------------------------------------

    def ring_callee(self, stages: list[Stage]) -> None:
        """Ring the callee with the media of the caller, who hears ringing tone meanwhile."""
        offer = self._host.media.reoffer(self.caller)
        if offer is None:
            self._finish(NO_CODEC, None)
            return
        self._play_ringing()
        self.ringing = Ringing(self._host, self, Hunt.through(stages), offer)
        self.ringing.start()

    def _play_ringing(self) -> None:
        engine, port = self._host.media.engine, self.port_of(self.caller)
        if engine is None or port is None:
            return
        try:
            engine.play(port, cadence(RINGBACK), loop=True)
        except NotTranscodable:
            return  # a caller without G.711 waits in silence

    def ringing_progressed(self, leg: Leg, status: int, sdp: bytes | None) -> None:
        """See RingingObserver; the caller has answered long ago and hears the switch's own tone."""
        if self.machine.state is State.CALLEE_SETUP:
            self.machine.apply(_PROGRESS.get(status, Method.PROCEED))

    def ringing_answered(self, leg: Leg, sdp: bytes | None) -> None:
        """See RingingObserver."""
        self.ringing = None
        self.callee = leg
        leg.observer = self
        joined = sdp is not None and self._host.media.adopt_answer(leg, self.caller, sdp)
        self.record.answer_leg(leg, self._host.wall())
        self.talk()
        if not joined:
            self.renegotiate()

    def answer_with_service(self, leg: Leg, start: Start) -> Cause | None:
        """The switch itself is the callee; the caller's media is already here."""
        if self.machine.state is State.ACTIVE:
            return super().answer_with_service(leg, start)
        port = self.port_of(leg)
        if not self._caller_answered or port is None:
            return NO_CODEC
        refused = start(port)
        if refused is None:
            self.talk()
        return refused

    def leg_offered(self, leg: Leg, sdp: bytes | None) -> None:
        """See LegObserver; before the callee answers, the caller talks to the switch alone."""
        if self.machine.state is State.ACTIVE:
            super().leg_offered(leg, sdp)
        else:
            self.conversation.answer_for_service(leg, sdp)


class _CallerRinging:
    """The first half of an originated call, as Ringing reports it (RingingObserver)."""

    __slots__ = ("_call",)

    def __init__(self, call: OriginatedCall) -> None:
        self._call = call

    @property
    def caller(self) -> Leg:
        """Shown to the caller's devices: whom they are about to talk to."""
        return self._call.caller

    def ringing_started(self, leg: Leg) -> None:
        """See RingingObserver."""
        self._call.join(leg)

    def ringing_progressed(self, leg: Leg, status: int, sdp: bytes | None) -> None:
        """See RingingObserver; early media of the caller's own phone is of no use to anybody."""
        call = self._call
        if call.machine.state is State.CALLER_SETUP:
            call.machine.apply(_PROGRESS.get(status, Method.PROCEED))

    def ringing_answered(self, leg: Leg, sdp: bytes | None) -> None:
        """See RingingObserver."""
        self._call.took_call(leg, sdp)

    def ringing_failed(self, cause: Cause) -> None:
        """See RingingObserver."""
        self._call.ringing_failed(cause)

    def ringing_ended(self, leg: Leg, cause: Cause) -> None:
        """See RingingObserver."""
        self._call.leave(leg, cause)

    def ringing_service(self, target: Target) -> Cause | None:
        """The caller's number leads to a service, which cannot take a call for somebody."""
        return Cause(480, 20, "the caller's number leads to a service")

    def ringing_offered(self, leg: Leg, sdp: bytes | None) -> None:
        """See RingingObserver."""
        leg.refuse_offer(488)

    def ringing_answered_offer(self, leg: Leg, sdp: bytes) -> None:
        """No second offer is made before the caller answers."""

    def ringing_refused_offer(self, leg: Leg, status: int) -> None:
        """No second offer is made before the caller answers."""


@cache
def _offer_of_switch(sounds: tuple[Codec, ...]) -> bytes:
    """`sounds`, G.711 and keys; the address is replaced by the engine's port of each device that is rung."""
    capability = MediaCapability("audio", (*sounds, *CONVERTIBLE, TELEPHONE_EVENT), ("RTP/AVP",))
    session = LocalSession(Origin.create("127.0.0.1", 1), [LocalMedia("127.0.0.1", 9)])
    return make_offer(Capabilities((capability,)), session).serialize()


__all__ = ["NO_CODEC", "OriginatedCall", "SwitchLeg"]
