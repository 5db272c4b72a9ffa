"""The participant's side of floor control (TS 24.380 §6.2.4): a terminal, a gateway's leg, a simulator.

The same interface as every protocol core: inputs with `now`, then `messages_to_send` and `next_event` are drained. The
messages are of no encoding; `mcptt` and `translation` with `tbcp` turn them into octets.
"""

from __future__ import annotations

from collections import deque

from softswitch.deadlines import TimerSet
from softswitch.floor.causes import TIER_BITS, Indicator, Tier
from softswitch.floor.messages import FloorMessage, Kind, Source
from softswitch.floor.participant_events import (
    Ended,
    Free,
    GrantOffered,
    Listening,
    ParticipantEvent,
    ParticipantSettings,
    Permitted,
    Refused,
    Stopped,
    Unanswered,
    Waiting,
)
from softswitch.floor.states import FloorError, ParticipantInput, ParticipantState, next_participant_state

#: Messages kept that arrive before the call is confirmed.
_EARLY_LIMIT = 8
#: A Taken or Idle this far behind the last one is an old copy, unless this many seconds have passed.
_STALE_NUMBERS, _STALE_S = 64, 10.0


_J, _P = ParticipantInput, ParticipantState


class Participant:
    """One terminal in one call; `ssrc` is that of its audio."""

    __slots__ = (
        "_again",
        "_counters",
        "_early",
        "_events",
        "_messages",
        "_tier",
        "_timers",
        "_told",
        "pressed",
        "settings",
        "ssrc",
        "state",
        "talkers",
    )

    def __init__(self, ssrc: int, settings: ParticipantSettings | None = None) -> None:
        self.ssrc = ssrc
        self.settings = settings or ParticipantSettings()
        self.state = ParticipantState.START_STOP
        #: PTT is down.
        self.pressed = False
        #: who talks, as far as was told.
        self.talkers: tuple[str, ...] = ()
        self._tier = Tier.NORMAL
        self._again = False
        self._counters: dict[str, int] = {}
        self._timers = TimerSet()
        self._messages: list[FloorMessage] = []
        self._events: deque[ParticipantEvent] = deque()
        self._early: list[FloorMessage] = []
        self._told: tuple[int, float] | None = None

    @property
    def transmitting(self) -> bool:
        """Whether the microphone is open."""
        return self.state is ParticipantState.HAS_PERMISSION

    # --- the user -----------------------------------------------------------------------------------------------

    def join(self, now: float, *, implicit_request: bool = False) -> None:
        """The call is confirmed; with an implicit request the INVITE has asked for the floor. Raises `FloorError`."""
        if self.state is not _P.START_STOP:
            raise FloorError("the participant has joined already")
        self.pressed = implicit_request
        self._move(_J.JOIN_ASKING if implicit_request else _J.JOIN)
        if implicit_request:
            self._counters["C101"] = 1
            self._timers.start("T101", now + self.settings.t101)
        early, self._early = self._early, []
        for message in early:
            self.receive(message, now)

    def leave(self) -> None:
        """The call is released."""
        if self.state not in (_P.START_STOP, _P.RELEASING):
            self._move(_J.CLOSE)
        self._timers.clear()

    def press(self, now: float, tier: Tier = Tier.NORMAL) -> None:
        """PTT down: ask for the floor, or take one that is offered."""
        self.pressed = True
        self._tier = tier
        if self.state is _P.QUEUED and self._timers.runs("T132"):
            self._permitted(_J.GRANT_TAKEN, 0, 0)
        elif self.state is _P.PENDING_RELEASE:
            self._again = True
        elif self._move(_J.PRESS):
            self._counters["C101"] = 1
            self._request(now)

    def let_go(self, now: float) -> None:
        """PTT up: give back what one has or waits for."""
        self.pressed = self._again = False
        if self.state is _P.QUEUED and not self.settings.hold:
            return
        self.cancel(now)

    def cancel(self, now: float) -> None:
        """Give back what one has or waits for, held or not."""
        self.pressed = self._again = False
        if self._move(_J.LET_GO):
            self._release(now)

    def ask_position(self, now: float) -> None:
        """Ask for the place in the queue."""
        if self.state is _P.QUEUED:
            self._counters["C104"] = 1
            self._ask(now)

    def media_received(self, now: float) -> None:
        """Somebody else's RTP has arrived."""
        if self.state is _P.PENDING_RELEASE:
            self._move(_J.MEDIA)
            self._released(now)
        elif self._move(_J.MEDIA):
            self._timers.start("T103", now + self.settings.t103)

    # --- the switch ---------------------------------------------------------------------------------------------

    def receive(self, message: FloorMessage, now: float) -> None:
        """A message of the switch; whatever does not fit the state is discarded."""
        if message.ack_required:
            kind = int(message.kind)
            self._messages.append(FloorMessage(Kind.ACK, self.ssrc, source=Source.PARTICIPANT, acknowledged=kind))
        if self.state is _P.START_STOP:
            if len(self._early) < _EARLY_LIMIT:
                self._early.append(message)
            return
        handler = _HANDLERS.get(message.kind)
        if handler is not None and self.state is not _P.RELEASING:
            handler(self, message, now)

    def _granted(self, message: FloorMessage, now: float) -> None:
        duration_s, indicator = message.duration_s or 0, message.indicator or 0
        if self.pressed or self.state is _P.PENDING_REQUEST:
            self._permitted(_J.GRANTED, duration_s, indicator)
        elif self.state is _P.NO_PERMISSION:
            self._move(_J.GRANTED_UNWANTED)
            self._release(now)
        elif self._move(_J.GRANTED_UNWANTED) and not self._timers.runs("T132"):
            self._timers.start("T132", now + self.settings.t132)
            self._events.append(GrantOffered(self.settings.t132))

    def _permitted(self, given: ParticipantInput, duration_s: int, indicator: int) -> None:
        fresh = self.state is not _P.HAS_PERMISSION
        if self._move(given):
            self._stop("T101", "T104", "poll", "T132", "T103")
            if fresh:
                self._events.append(Permitted(duration_s, indicator))

    def _denied(self, message: FloorMessage, now: float) -> None:
        if self._move(_J.DENY):
            self._stop("T101", "T104", "poll", "T132")
            self._events.append(Refused(message.cause or 0, message.phrase))

    def _queue_info(self, message: FloorMessage, now: float) -> None:
        if self.state is _P.NO_PERMISSION and not self.pressed:
            return
        if self._move(_J.QUEUE_INFO):
            self._stop("T101", "T104")
            if self.settings.queue_poll:
                self._timers.start("poll", now + self.settings.queue_poll)
            position = message.position
            self._events.append(Waiting(position if position is not None and 0 < position < 254 else None))

    def _taken(self, message: FloorMessage, now: float) -> None:
        order = self._order(message, now)
        if order < 0 or (order == 0 and self.state is _P.PENDING_REQUEST):
            return  # an old copy does not tell that the request was in vain
        releasing = self.state is _P.PENDING_RELEASE
        if not self._move(_J.TAKEN):
            return
        self._stop("T101")
        if self.state is not _P.HAS_PERMISSION:
            self._timers.start("T103", now + self.settings.t103)
        party = message.granted_party
        talkers = message.talkers if message.talkers is not None else () if party is None else (party,)
        self.talkers = talkers
        self._events.append(Listening(talkers, message.indicator or 0))
        if releasing:
            self._released(now)

    def _idle(self, message: FloorMessage, now: float) -> None:
        if self._order(message, now) < 0:
            return
        if self.state is _P.PENDING_RELEASE:
            if (message.indicator or 0) & Indicator.BROADCAST:
                self._move(_J.BROADCAST_IDLE)
                self._timers.clear()
                self._events.append(Ended())
                return
            self._move(_J.IDLE)
            self._free()
            self._released(now)
        elif self._move(_J.IDLE):
            self._stop("T104", "poll", "T132")
            self._free()

    def _free(self) -> None:
        self.talkers = ()
        self._stop("T103")
        self._events.append(Free())

    def _revoked(self, message: FloorMessage, now: float) -> None:
        if self._move(_J.REVOKE):
            self._stop("T101")
            self._events.append(Stopped(message.cause or 0))
            self._release(now)

    def _talker_stopped(self, message: FloorMessage, now: float) -> None:
        if self._order(message, now) >= 0 and message.user in self.talkers:
            self.talkers = tuple(talker for talker in self.talkers if talker != message.user)
            self._events.append(Listening(self.talkers, message.indicator or 0) if self.talkers else Free())

    def _order(self, message: FloorMessage, now: float) -> int:
        """1 for a newer number than the last, 0 for the same, -1 for an old copy; without number it is newer."""
        number = message.sequence
        if number is None:
            return 1
        last = self._told
        if last is not None and now - last[1] < _STALE_S:
            behind = (last[0] - number) & 0xFFFF
            if behind <= _STALE_NUMBERS:
                return -1 if behind else 0
        self._told = (number, now)
        return 1

    # --- sending ------------------------------------------------------------------------------------------------

    def _request(self, now: float) -> None:
        indicator = TIER_BITS[self._tier]
        message = FloorMessage(Kind.REQUEST, self.ssrc, priority=self.settings.priority, indicator=indicator)
        self._messages.append(message)
        self._timers.start("T101", now + self.settings.t101)

    def _release(self, now: float) -> None:
        """After a move to pending Release: nothing else runs, Release is sent and T100 started."""
        self._timers.clear()
        self._counters["C100"] = 1
        self._send_release(now)

    def _send_release(self, now: float) -> None:
        self._messages.append(FloorMessage(Kind.RELEASE, self.ssrc))
        self._timers.start("T100", now + self.settings.t100)

    def _released(self, now: float) -> None:
        """The release is known to have arrived; PTT pressed meanwhile asks anew."""
        self._stop("T100")
        if self._again:
            self._again = False
            self.press(now, self._tier)

    def _ask(self, now: float) -> None:
        self._messages.append(FloorMessage(Kind.QUEUE_POSITION_REQUEST, self.ssrc))
        self._timers.start("T104", now + self.settings.t104)

    def _move(self, given: ParticipantInput) -> bool:
        """Go on through the table; False when it discards the input."""
        after = next_participant_state(self.state, given)
        if after is None:
            return False
        self.state = after
        return True

    def _stop(self, *names: str) -> None:
        self._timers.stop_all(names, "")

    # --- time and output ----------------------------------------------------------------------------------------

    def next_timer(self) -> float | None:
        """When to call `handle_timer`, None while nothing is due ever."""
        return self._timers.next_at()

    def handle_timer(self, now: float) -> None:
        """Do what is due at `now`."""
        while (due := self._timers.pop_due(now)) is not None:
            self._expired(due[0], now)

    def _expired(self, name: str, now: float) -> None:
        if name == "T100":
            if self._count("C100", self.settings.c100):
                self._move(_J.T100)
                self._send_release(now)
            else:
                self._move(_J.T100_LAST)
                self._released(now)
        elif name == "T101":
            if self._count("C101", self.settings.c101):
                self._move(_J.T101)
                self._request(now)
            else:
                self._move(_J.T101_LAST)
                self._events.append(Unanswered())
        elif name == "T103":
            if self._move(_J.T103):
                self._free()
        elif name == "T104":
            if self._count("C104", self.settings.c104):
                self._move(_J.T104)
                self._ask(now)
            else:
                self._move(_J.T104_LAST)
                self._timers.start("poll", now + (self.settings.queue_poll or self.settings.t104))
        elif name == "T132":
            self._move(_J.T132)
            self._release(now)
        elif name == "poll":
            self.ask_position(now)

    def _count(self, counter: str, limit: int) -> bool:
        """Whether one more sending is allowed, which is then counted."""
        if self._counters[counter] >= limit:
            return False
        self._counters[counter] += 1
        return True

    def messages_to_send(self) -> list[FloorMessage]:
        """What is to be sent to the switch now, in order."""
        messages, self._messages = self._messages, []
        return messages

    def next_event(self) -> ParticipantEvent | None:
        """The oldest event not yet taken, None when there is none."""
        return self._events.popleft() if self._events else None


_HANDLERS = {
    Kind.GRANTED: Participant._granted,
    Kind.TAKEN: Participant._taken,
    Kind.DENY: Participant._denied,
    Kind.IDLE: Participant._idle,
    Kind.REVOKE: Participant._revoked,
    Kind.QUEUE_POSITION_INFO: Participant._queue_info,
    Kind.RELEASE_MULTI_TALKER: Participant._talker_stopped,
}
