"""Ambience listening (环境侦听): the surroundings of a terminal are heard, and nobody need touch the terminal.

The listener is called first, so that no microphone is open for nobody; then the terminal, in the words by which it
answers unseen: an MCPTT client by a remotely initiated ambient listening call (TS 24.379 §11.1.6), a telephone by
``Answer-Mode: Auto;require`` (RFC 5373), which whoever cannot do so must refuse without ringing (RFC 3261 §8.2.2.3).
Telephones older than that standard refuse it too; they are asked once more by the hints that they know, and let go at
once when they ring instead. The two meet in a talkgroup of their own in which the terminal alone has the floor, for as
long as it lasts, and no sound tells it so. A browser, a PoC client and whatever is behind a gateway or a trunk cannot
be listened to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from softswitch.calls.dispatching.invitation import Invitation, Inviter
from softswitch.calls.dispatching.operator import Refused
from softswitch.calls.dispatching.origination import OriginatedCall
from softswitch.calls.hunting import Stage, Target
from softswitch.calls.leg import Cause, Leg, Party
from softswitch.calls.routing import Caller
from softswitch.calls.sip.dialler import BROWSERS
from softswitch.calls.talkgroups.definition import GroupMember, TalkgroupDefinition
from softswitch.calls.talkgroups.talkgroups import Talkgroups
from softswitch.events import CallRecorded, Event
from softswitch.events.groups import AmbienceChanged
from softswitch.floor.adapters import Action, Command
from softswitch.sip.address import Address

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.calls.exchange import Exchange
    from softswitch.sip.timerwheel import Timer

#: A terminal that answers by itself has done so by then; one that rings must not go on ringing.
ANSWER_S = 2.0
#: What only a terminal obeys that answers by itself (RFC 5373 §4.3); all others refuse it with 420.
UNSEEN = (("Answer-Mode", "Auto;require"), ("Require", "answermode"))
_BAD_EXTENSION = 420

BUSY = Cause(486, 17, "the terminal is in use")
ENDED = Cause(200, 16, "the listening is over", "operator")
TIME_OVER = Cause(200, 16, "the listening has lasted long enough")


class NotListenable(RuntimeError):
    """None of the devices of a number can be listened to."""


@dataclass(slots=True)
class Listening:
    """One terminal listened to by one party; `heard_at` (Unix time) 0 until it is heard."""

    id: str
    party: str
    listener: str
    by: str
    max_s: float
    asked_at: float
    heard_at: float = 0.0
    by_hints: bool = False
    ended: bool = False
    ears: Call | None = None
    terminal: Call | None = None
    timer: Timer | None = None

    @property
    def group(self) -> str:
        """The number of the talkgroup in which the two meet."""
        return f"ambience.{self.id}"

    def describe(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "ambience_id": self.id,
            "party": self.party,
            "listener": self.listener,
            "by": self.by,
            "state": "heard" if self.heard_at else "asked",
            "asked_at": self.asked_at,
            "heard_at": self.heard_at,
            "max_s": self.max_s,
            "call_id": self.ears.id if self.ears is not None else "",
        }


def ambience_group(number: str, party: str, listener: str) -> TalkgroupDefinition:
    """The group in which one terminal is heard by one listener.

    The listener says nothing, and the terminal takes no keys: it need not know that it has a floor to give back.
    """
    members = (GroupMember(party, floor_by="api"), GroupMember(listener, listen_only=True))
    return TalkgroupDefinition(number, "", members, talk_s=0.0, kind="ambience")


class Ambience:
    """All terminals that are listened to."""

    def __init__(self, exchange: Exchange, groups: Talkgroups, inviter: Inviter, new_id: Callable[[], str]) -> None:
        self._exchange = exchange
        self._groups = groups
        self._inviter = inviter
        self._new_id = new_id
        self._by_id: dict[str, Listening] = {}
        self._by_call: dict[str, Listening] = {}
        exchange.bus.subscribe(self._on_record, CallRecorded.type)

    @property
    def running(self) -> Iterable[Listening]:
        """Every terminal that is listened to, or is being asked."""
        return tuple(self._by_id.values())

    def start(self, party: str, listener: str, *, by: str = "", max_s: float = 60.0) -> Listening:
        """Call `listener`, then let them hear the terminal `party` for `max_s` at most.

        Raises Refused when one of the two cannot be called, NotListenable when no device of `party` is of that kind.
        """
        self._devices(party)
        listening = Listening(self._new_id(), party, listener, by, max_s, self._exchange.wall())
        self._groups.book.put(ambience_group(listening.group, party, listener))
        self._by_id[listening.id] = listening
        shown = Invitation(listener, party, f"listening to {party}"[:120], by)
        call = listening.ears = self._inviter.call(shown, lambda taken, leg: self._welcome(listening, taken, leg))
        if call.record.cause is not None:
            self._forget(listening)
            raise Refused("listener", call.record.cause)
        self._by_call[call.id] = listening
        self._tell(listening, "asked")
        return listening

    def end(self, identifier: str, cause: Cause = ENDED) -> None:
        """Listen no more; raises LookupError."""
        listening = self._by_id.get(identifier)
        if listening is None:
            raise LookupError(f"nobody is listened to under {identifier!r}")
        self._end(listening, cause)

    # -- the terminal -----------------------------------------------------------------------------------------------

    def _devices(self, party: str) -> list[Target]:
        """The devices of a number that may be listened to; raises Refused, NotListenable."""
        exchange = self._exchange
        if exchange.active_calls(party):
            raise Refused("party", BUSY)
        found = exchange.router.stages(party, Caller(""))[1]
        if isinstance(found, Cause):
            raise Refused("party", found)
        devices = []
        for target in [each for stage in found for each in stage.targets if each.number == party]:
            words = self._words_for(target)
            if words is not None:
                devices.append(replace(target, ambience=True, fields=words))
        if not devices:
            raise NotListenable(f"no terminal of {party} can be listened to")
        return devices

    def _words_for(self, target: Target) -> tuple[tuple[str, str], ...] | None:
        """The fields by which a device answers unseen; an application's own devices have other words for it."""
        if target.gateway or target.trunk or target.service:
            return None
        known = (each.ambience(target) for each in self._exchange.applications)
        said = next((answer for answer in known if answer is not None), None)
        if said is not None:
            return () if said else None
        hop = target.next_hop
        return None if isinstance(hop, Address) and hop.transport in BROWSERS else UNSEEN

    def _welcome(self, listening: Listening, taken: Call, leg: Leg) -> Cause | None:
        """The listener is there."""
        refused = self._groups.enter(taken, leg, listening.group, invited=True)
        if refused is not None or listening.ended:
            return refused or ENDED
        try:
            self._ask(listening, self._devices(listening.party))
        except Refused as error:
            return error.cause
        except NotListenable as error:
            return Cause(480, 20, str(error))
        return None

    def _ask(self, listening: Listening, targets: list[Target]) -> None:
        shown = Party(listening.listener)
        call = OriginatedCall.begun(
            self._exchange,
            shown,
            listening.party,
            f"ambience:{listening.by}",
            lambda taken: self._answered(listening, taken),
        )
        listening.terminal = call
        self._by_call[call.id] = listening
        call.ring_caller([Stage(targets, ANSWER_S)])

    def _answered(self, listening: Listening, taken: OriginatedCall) -> None:
        """The terminal is there, and has the floor from now on."""
        refused = self._groups.enter(taken, taken.caller, listening.group, invited=True)
        if refused is not None:
            taken.disconnect(refused)
            return
        self._groups.wishes.command(taken.caller.id, Command(Action.REQUEST), forced=True)
        exchange = self._exchange
        listening.heard_at = exchange.wall()
        listening.timer = exchange.timers.schedule(
            exchange.now() + listening.max_s, lambda now: self._end(listening, TIME_OVER)
        )
        self._tell(listening, "heard")

    # -- the end ----------------------------------------------------------------------------------------------------

    def _on_record(self, event: Event) -> None:
        """One of the two calls is over, or was never answered: so is the other."""
        assert isinstance(event, CallRecorded)
        listening = self._by_call.pop(event.call_id, None)
        if listening is None or listening.ended:
            return
        terminal = listening.terminal
        call = terminal if terminal is not None and terminal.id == event.call_id else listening.ears
        cause = (call.record.cause if call is not None else None) or ENDED
        if call is terminal and cause.status == _BAD_EXTENSION and not listening.by_hints:
            listening.by_hints = True
            self._exchange.soon(lambda: self._hint(listening))
        else:
            self._exchange.soon(lambda: self._end(listening, cause))

    def _hint(self, listening: Listening) -> None:
        """The telephone knows nothing of RFC 5373: ask by what was in use before."""
        if listening.ended:
            return
        try:
            devices = self._devices(listening.party)
        except (Refused, NotListenable):
            self._end(listening, Cause(480, 20, "the terminal is gone"))
        else:
            self._ask(listening, [replace(each, fields=self._inviter.hints) for each in devices if each.fields])

    def _end(self, listening: Listening, cause: Cause) -> None:
        if listening.ended:
            return
        heard = bool(listening.heard_at)
        self._forget(listening)
        for call in (listening.terminal, listening.ears):
            if call is not None and not call.is_over:
                call.disconnect(cause)
        self._tell(listening, "ended" if heard else "refused", cause)

    def _forget(self, listening: Listening) -> None:
        listening.ended = True
        if listening.timer is not None:
            listening.timer.cancel()
        del self._by_id[listening.id]
        self._groups.book.remove(listening.group)

    def _tell(self, listening: Listening, state: str, cause: Cause | None = None) -> None:
        status, text = (cause.status, cause.text) if cause is not None else (0, "")
        who = (listening.id, listening.party, listening.listener, listening.by)
        self._exchange.bus.tell(AmbienceChanged, *who, state, status, text)


__all__ = ["ANSWER_S", "UNSEEN", "Ambience", "Listening", "NotListenable", "ambience_group"]
