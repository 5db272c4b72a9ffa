"""What happens at media ports, brought to the calls, rooms and services that it concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.calls.call import NORMAL, Call
from softswitch.calls.leg import Leg
from softswitch.calls.media.digits import USUAL_MS, Key, digit_of_event
from softswitch.calls.media.pictures import KeyFrames
from softswitch.events import CallIsFax, DigitReceived, MediaTransportFailed, SpeechChanged
from softswitch.media import (
    FaxDetected,
    KeyFrameRequested,
    KeyPressed,
    LoudestSpeaker,
    MediaEvent,
    PlaybackEnded,
    PortLost,
    RtpTimeout,
    SpeechStarted,
    SpeechStopped,
    TransportFailed,
)

if TYPE_CHECKING:
    from softswitch.calls.exchange import Exchange

_OfLeg = (
    RtpTimeout | PortLost | PlaybackEnded | KeyPressed | SpeechStarted | SpeechStopped | FaxDetected | TransportFailed
)


class MediaReports:
    """Takes every event of the media engine; those of ports that serve no leg are passed over."""

    def __init__(self, exchange: Exchange, key_frames: KeyFrames) -> None:
        self._exchange = exchange
        self._key_frames = key_frames

    def take(self, event: MediaEvent) -> None:
        """Something happened."""
        exchange = self._exchange
        if isinstance(event, LoudestSpeaker):
            if exchange.conferences is not None:
                exchange.conferences.loudest(event)
        elif isinstance(event, KeyFrameRequested):
            self._key_frames.requested(event)
        elif isinstance(event, PlaybackEnded) and exchange.queues is not None and exchange.queues.media_event(event):
            return
        elif isinstance(event, _OfLeg):
            leg = exchange.media.leg_of(event.port)
            call = exchange.call_of(leg) if leg is not None else None
            if leg is not None and call is not None:
                self._tell(event, call, leg)

    def _tell(self, event: _OfLeg, call: Call, leg: Leg) -> None:
        match event:
            case KeyPressed():
                self._pressed(event, call, leg)
            case SpeechStarted() | SpeechStopped():
                self._speaks(call, leg, speaking=isinstance(event, SpeechStarted))
            case FaxDetected():
                self._exchange.bus.tell(CallIsFax, call.id, leg.id)
            case RtpTimeout() | PortLost():
                call.media_lost()
            case TransportFailed():
                self._exchange.bus.tell(MediaTransportFailed, leg.id, call.id, event.reason)
                call.media_lost()
            case PlaybackEnded():
                _played_out(call)

    def _pressed(self, event: KeyPressed, call: Call, leg: Leg) -> None:
        digit = digit_of_event(event.event)
        if digit:
            self._exchange.bus.tell(DigitReceived, call.id, leg.id, digit, USUAL_MS)
            self._exchange.keys.heard(call.other(leg), Key(digit, USUAL_MS), inband=event.inband)

    def _speaks(self, call: Call, leg: Leg, *, speaking: bool) -> None:
        self._exchange.bus.tell(SpeechChanged, call.id, leg.id, speaking)
        if self._exchange.talkgroups is not None:
            self._exchange.talkgroups.wishes.voice_heard(leg.id, speaking=speaking)


def _played_out(call: Call) -> None:
    """Whoever called only to hear something has heard it."""
    if call.callee is None and call.replacement is None and not call.stays:
        call.disconnect(NORMAL)
