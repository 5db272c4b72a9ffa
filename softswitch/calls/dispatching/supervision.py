"""A third party in a call of two: it speaks to both (强插), to one of them alone (耳语), or only listens (监听)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.calls.dispatching.invitation import Invitation, Inviter
from softswitch.calls.dispatching.operator import NotPossible
from softswitch.calls.leg import Cause, Leg
from softswitch.calls.media.path import NO_SERVICE_CODEC
from softswitch.events import CallRecorded, Event
from softswitch.media import Conference, MediaEngine, MediaError, NotTranscodable, Port

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.calls.exchange import Exchange

logger = logging.getLogger(__name__)
_RATE_HZ = 8000
_GONE = Cause(480, 16, "the call is over")


@dataclass(slots=True)
class _Room:
    """The mixer of a supervised call, and the calls of those who supervise it."""

    call: Call
    mixer: Conference
    guests: dict[str, Port]
    ports: tuple[Port, ...] = ()


class Supervision:
    """Calls that are supervised. The two parties are mixed while somebody does, and joined directly again after."""

    def __init__(self, exchange: Exchange, engine: MediaEngine, inviter: Inviter) -> None:
        self._exchange = exchange
        self._engine = engine
        self._inviter = inviter
        self._rooms: dict[str, _Room] = {}
        self._room_of: dict[str, _Room] = {}  # by the guest's call id
        exchange.bus.subscribe(self._on_record, CallRecorded.type)

    def join(self, call: Call, party: str, *, silent: bool, by: str = "", to: str = "") -> Call:
        """Call `party` and let it into `call`; `silent`: it hears and is not heard, `to`: that party alone hears it.

        Raises NotPossible, LookupError.
        """
        operation = "whisper" if to else "listen" if silent else "insert"
        self._ports(operation, call)
        if to:
            self._port_of(call, to)
        shown = call.record.callee or call.record.caller
        name = f"{call.record.caller} – {call.record.callee}"[:120]
        invitation = Invitation(party, shown, name, by, joins=(call.id, operation))
        return self._inviter.call(invitation, lambda taken, leg: self._welcome(call, taken, leg, silent=silent, to=to))

    def _ports(self, operation: str, call: Call) -> tuple[Port, Port]:
        first = call.port_of(call.caller)
        second = call.port_of(call.callee) if call.callee is not None else None
        media = self._exchange.media
        through = not media.side(call.caller).passthrough
        if call.is_over or not call.record.answered_at or first is None or second is None or not through:
            raise NotPossible(operation, call, "two parties must talk, with their media passing through the switch")
        return first, second

    @staticmethod
    def _port_of(call: Call, party: str) -> Port:
        """The port of one of the two; raises LookupError."""
        for leg in (call.caller, call.callee):
            port = call.port_of(leg) if leg is not None and party in (leg.id, leg.party.number) else None
            if port is not None:
                return port
        raise LookupError(f"there is no party {party!r} in this call")

    def _welcome(self, call: Call, taken: Call, leg: Leg, *, silent: bool, to: str) -> Cause | None:
        refused = taken.answer_with_service(leg, lambda port: self._let_in(call, taken, port, silent=silent, to=to))
        if refused is None:
            taken.stay(lambda: self._leave(taken.id))
        return refused

    def _let_in(self, call: Call, taken: Call, port: Port, *, silent: bool, to: str) -> Cause | None:
        try:
            ports = self._ports("insert", call)
        except NotPossible:
            return _GONE
        try:
            room = self._rooms.get(call.id)
            if room is None:
                mixer = self._engine.open_conference(f"call {call.id}", _RATE_HZ)
                room = self._rooms[call.id] = _Room(call, mixer, {})
                for each in ports:
                    mixer.join(each)
                self._exchange.media.mixed.update(each.id for each in ports)
                room.ports = ports
            room.mixer.join(port, muted=silent)
            if to:
                room.mixer.whisper(port, self._port_of(call, to))
        except LookupError:
            self._give_up(call.id)
            return _GONE
        except NotTranscodable:
            self._give_up(call.id)
            return NO_SERVICE_CODEC
        except MediaError as error:
            logger.error("call %s cannot be supervised: %s", call.id, error)
            self._give_up(call.id)
            return Cause(503, 41, "no room left")
        room.guests[taken.id] = port
        self._room_of[taken.id] = room
        return None

    def _leave(self, guest: str) -> None:
        room = self._room_of.pop(guest, None)
        if room is None:
            return
        port = room.guests.pop(guest)
        if not room.mixer.closed:
            room.mixer.leave(port)
        if not room.guests:
            self._give_up(room.call.id)

    def _give_up(self, call_id: str) -> None:
        """Nobody supervises any more: the two parties hear each other directly."""
        room = self._rooms.get(call_id)
        if room is None or room.guests:
            return
        del self._rooms[call_id]
        room.mixer.close()
        self._exchange.media.mixed.difference_update(each.id for each in room.ports)
        call = room.call
        if not call.is_over and call.callee is not None:
            self._exchange.media.connect(call.caller, call.callee)

    def _on_record(self, event: Event) -> None:
        """The supervised call is over: so is the supervision."""
        assert isinstance(event, CallRecorded)
        room = self._rooms.get(event.call_id)
        for guest in list(room.guests) if room is not None else ():
            taken = self._exchange.calls.get(guest)
            if taken is not None:
                taken.disconnect(_GONE)


__all__ = ["Supervision"]
