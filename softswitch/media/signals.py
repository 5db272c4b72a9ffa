"""Signals in the sound of a port: keys that it presses, and what it is listened to for.

Keys are pressed as telephone-events where the peer has agreed to them (RFC 4733), else as tones in the sound. A port
is listened to for keys, speech and fax machines on demand; see `softswitch.media.kernels.sound.ear`.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from softswitch.media.errors import MediaError
from softswitch.media.formats import StreamFormat
from softswitch.media.layouts.commands import COMMAND_LISTEN, COMMAND_PRESS
from softswitch.media.layouts.events import (
    EVENT_FAX,
    EVENT_KEY,
    EVENT_KEY_ENDED,
    EVENT_KEY_HEARD,
    EVENT_KEYS_SENT,
    EVENT_PICTURE_SHOWN,
    EVENT_PICTURE_WANTED,
    EVENT_SPEECH,
)
from softswitch.media.layouts.shared import LISTEN_FAX, LISTEN_HUSH, LISTEN_KEYS, LISTEN_SPEECH, MAXIMUM_KEYS, NO_VOICE
from softswitch.media.notices import (
    DigitsSent,
    FaxDetected,
    FirstPicture,
    KeyFrameRequested,
    KeyPressed,
    KeyReleased,
    MediaEvent,
    PlaybackEnded,
    SpeechStarted,
    SpeechStopped,
)
from softswitch.media.playing import tones
from softswitch.media.playing.playback import Playback

if TYPE_CHECKING:
    from softswitch.media.engine import MediaEngine
    from softswitch.media.port import Port
    from softswitch.media.records import Fields

KEYS = "0123456789*#ABCD"
_SHORTEST_MS, _LONGEST_MS = 40, 8000
#: The level of a key, −dBm0 of either tone.
_VOLUME = 10
_MOST_WAITING = 16
_MODEM_CODECS = frozenset({"PCMA", "PCMU"})


@dataclass(slots=True)
class _Order:
    """Keys to be pressed; `before` is what they interrupt when they are tones."""

    number: int
    digits: str
    duration_ms: int
    gap_ms: int
    before: Playback | None = None


class Signals:
    """What one engine's ports press and are listened to for; everything is called under the engine's lock."""

    def __init__(self, engine: MediaEngine) -> None:
        self._engine = engine
        self._orders: dict[Port, deque[_Order]] = {}  # the first of each is being sent

    # -- keys pressed -----------------------------------------------------------------------------------------------

    def send_digits(self, port: Port, digits: str, duration_ms: int, gap_ms: int) -> int:
        """`Port.send_digits`."""
        digits = digits.upper()
        if not 0 < len(digits) <= MAXIMUM_KEYS or set(digits) - set(KEYS):
            raise ValueError(f"{digits!r} is not 1 to {MAXIMUM_KEYS} of {KEYS}")
        for value in (duration_ms, gap_ms):
            if not _SHORTEST_MS <= value <= _LONGEST_MS:
                raise ValueError(f"{value} ms is not in {_SHORTEST_MS}–{_LONGEST_MS}")
        waiting = self._orders.setdefault(port, deque())
        if len(waiting) >= _MOST_WAITING:
            raise MediaError(f"{port} has {_MOST_WAITING} orders for keys waiting")
        order = _Order(self._engine.next_playback(), digits, duration_ms, gap_ms)
        if not waiting:
            self._begin(port, order)
        waiting.append(order)
        return order.number

    def sends_events(self, port: Port) -> bool:
        """Whether keys are pressed as telephone-events towards a port's peer."""
        return event_format(port.settings.sendable) is not None

    def _begin(self, port: Port, order: _Order) -> None:
        entry = event_format(port.settings.sendable)
        if entry is not None:
            self._engine.command(port, COMMAND_PRESS, _press_fields(order, entry))
            return
        if port.playback is not None:
            order.before = replace(port.playback, position=port.play_position())
        sound = tones.keys(order.digits, order.duration_ms, order.gap_ms, level_dbm0=-_VOLUME)
        self._engine.start_playback(port, order.number, sound, rate_hz=tones.KEYS_RATE_HZ)

    def done(self, port: Port, number: int, time_s: float) -> DigitsSent | None:
        """The keys of an order have been sent; the next one begins, or what they interrupted goes on."""
        waiting = self._orders.get(port)
        if not waiting or waiting[0].number != number:
            return None
        order = waiting.popleft()
        if order.before is not None:
            before = order.before
            self._engine.start_playback(
                port, before.number, before.pcm, before.loop, rate_hz=before.rate_hz, position=before.position
            )
        if waiting:
            self._begin(port, waiting[0])
        else:
            del self._orders[port]
        return DigitsSent(port, number, time_s)

    def played(self, port: Port, number: int, time_s: float) -> DigitsSent | PlaybackEnded:
        """What the end of a clip means: it may have been keys."""
        return self.done(port, number, time_s) or PlaybackEnded(port, number, time_s)

    def translate(self, port: Port, kind: int, value: int, time_s: float) -> MediaEvent | None:
        """What an event record says of signals."""
        if kind == EVENT_KEYS_SENT:
            return self.done(port, value, time_s)
        if kind in (EVENT_KEY, EVENT_KEY_HEARD):
            return KeyPressed(port, value, time_s, inband=kind == EVENT_KEY_HEARD)
        if kind == EVENT_KEY_ENDED:
            return KeyReleased(port, value & 0xFF, value >> 8, time_s)
        if kind == EVENT_SPEECH:
            return SpeechStarted(port, time_s) if value else SpeechStopped(port, time_s)
        if kind == EVENT_FAX:
            port.fax = True
            return FaxDetected(port, time_s)
        if kind == EVENT_PICTURE_WANTED:
            by_rtcp = bool(port.settings.feedback & {"nack pli", "ccm fir"})
            return KeyFrameRequested(port, value, by_rtcp, time_s)
        if kind == EVENT_PICTURE_SHOWN:
            return FirstPicture(port, value / 1e6, time_s)
        return None

    # -- listening --------------------------------------------------------------------------------------------------

    def listen(
        self, port: Port, *, keys: bool | None, speech: bool | None, fax: bool | None, hush: bool | None
    ) -> None:
        """`Port.listen`."""
        wishes = ((LISTEN_KEYS, keys), (LISTEN_SPEECH, speech), (LISTEN_FAX, fax), (LISTEN_HUSH, hush))
        for bit, wanted in wishes:
            if wanted is not None:
                port.listens = port.listens | bit if wanted else port.listens & ~bit
        if not port.listens & LISTEN_KEYS:
            port.listens &= ~LISTEN_HUSH
        self.refresh(port)

    def refresh(self, port: Port, *, anew: bool = False) -> None:
        """Give a port the ear it needs now; `anew` when its formats have changed."""
        listens = 0 if port.fax or port.closed else port.listens | self._watched(port)
        if listens == port.ear_listens and not (anew and listens):
            return
        before, port.ear_listens = port.ear, listens
        port.ear = self._engine.rooms.take_ear(port.settings, listens) if listens else NO_VOICE
        self._engine.command(port, COMMAND_LISTEN, {"voice": port.ear})
        if before != NO_VOICE:
            self._engine.rooms.give_voice_back(port, before)

    @staticmethod
    def _watched(port: Port) -> int:
        """A modem's sound is not to be tampered with, so it is looked for wherever that might happen."""
        tampered = port.room is not None and port.room.tampers
        modem = any(entry.encoding.upper() in _MODEM_CODECS for entry in port.settings.receivable)
        return LISTEN_FAX if tampered and modem else 0

    def closing(self, port: Port) -> None:
        """A port is about to be closed."""
        self._orders.pop(port, None)
        if port.ear != NO_VOICE:
            ear, port.ear, port.ear_listens = port.ear, NO_VOICE, 0
            self._engine.command(port, COMMAND_LISTEN, {"voice": NO_VOICE})
            self._engine.rooms.give_voice_back(port, ear)

    def configured(self, port: Port, events_before: bool) -> None:
        """A port has new settings; keys that were being sent in a way that is not agreed any more are given up."""
        self.refresh(port, anew=True)
        if port in self._orders and events_before and not self.sends_events(port):
            self._give_up(port)

    def reseated(self, port: Port) -> None:
        """A port is another packet thread's, after its own has ended: it gets a new ear, its keys are given up."""
        self.refresh(port, anew=True)
        self._give_up(port)

    def _give_up(self, port: Port) -> None:
        for order in self._orders.pop(port, ()):
            self._engine.tell(DigitsSent(port, order.number, time.monotonic()))


def event_format(sendable: tuple[StreamFormat, ...]) -> StreamFormat | None:
    """The peer's telephone-event: of the clock of its sound (RFC 4733 §2.1), or whichever it has."""
    events = [entry for entry in sendable if entry.encoding.upper() == "TELEPHONE-EVENT"]
    if not events:
        return None
    return next((entry for entry in events if entry.clock_rate == sendable[0].clock_rate), events[0])


def _press_fields(order: _Order, entry: StreamFormat) -> Fields:
    keys = np.zeros(MAXIMUM_KEYS, np.uint8)
    keys[: len(order.digits)] = [KEYS.index(digit) for digit in order.digits]
    return {
        "keys_id": order.number,
        "keys_count": len(order.digits),
        "keys": keys,
        "keys_payload_type": entry.payload_type,
        "keys_clock": entry.clock_rate,
        "keys_duration_ms": order.duration_ms,
        "keys_gap_ms": order.gap_ms,
        "keys_volume": _VOLUME,
    }
