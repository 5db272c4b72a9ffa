"""How keys reach a party: as telephone-events in RTP (RFC 4733), as tones in the sound, or by SIP INFO.

What a trunk or a subscriber is configured for decides; `auto` takes telephone-events where they were agreed, else tones
where the sound passes through the switch, else INFO. When the two parties of a call differ in this, each key of the one
is pressed anew towards the other, and nothing of it is passed on besides: events that the other shall not get are left
out of its formats, and a tone is kept quiet (`hush`). Telephone-events are offered to who is configured for them, and
agreed with who offers them, whatever the other party has (`MediaPath`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from softswitch.calls.leg import Leg, LegState
from softswitch.calls.ported_leg import PortedLeg
from softswitch.media import MediaError, PortSettings

if TYPE_CHECKING:
    from softswitch.calls.media.digits import Key
    from softswitch.calls.media.path import MediaPath
    from softswitch.calls.sip.trunk import Trunks
    from softswitch.directory import Directory
    from softswitch.sip.timerwheel import TimerWheel

Way = Literal["rfc4733", "inband", "info"]
WAYS = ("rfc4733", "inband", "info")

_BETWEEN_KEYS_MS = 100
#: Keys that have tones and event numbers below 16; a hook flash is passed on by INFO alone.
_SOUNDING = frozenset("0123456789*#ABCD")


class Keys:
    """Brings keys to the parties of one exchange."""

    def __init__(
        self, media: MediaPath, trunks: Trunks, directory: Directory, timers: TimerWheel, now: Callable[[], float]
    ) -> None:
        self._media = media
        self._trunks = trunks
        self._directory = directory
        self._timers = timers
        self._now = now

    def configured(self, leg: Leg) -> str:
        """What its gateway or the configuration says of a leg: one of WAYS, "" for auto."""
        if isinstance(leg, PortedLeg) and leg.keys:
            return leg.keys
        trunk = self._trunks.by_name.get(getattr(leg, "trunk", ""))
        if trunk is not None:
            return trunk.dtmf
        subscriber = self._directory.get(leg.party.number)
        return subscriber.dtmf if subscriber is not None else ""

    def way(self, leg: Leg) -> Way:
        """How keys are brought to a leg now."""
        port, wanted = self._media.port(leg), self.configured(leg)
        if wanted == "info" or port is None or self._media.side(leg).passthrough:
            return "info"
        return "rfc4733" if wanted != "inband" and takes_events(port.settings) else "inband"

    def send(self, leg: Leg, digits: str, duration_ms: int) -> None:
        """Press keys towards a leg, one after the other; MediaError when its port cannot take them."""
        port = self._media.port(leg)
        if self.way(leg) != "info" and port is not None and not set(digits) - _SOUNDING:
            port.send_digits(digits, duration_ms=duration_ms, gap_ms=_BETWEEN_KEYS_MS)
            return
        at = self._now()
        for digit in digits:
            self._timers.schedule(at, lambda now, digit=digit: _inform(leg, digit, duration_ms))  # type: ignore[misc]
            at += (duration_ms + _BETWEEN_KEYS_MS) / 1000

    def heard(self, other: Leg | None, key: Key, *, inband: bool) -> None:
        """A party pressed a key in its media: `other` gets it too, unless it has come to it with the media."""
        if other is None:
            return
        way = self.way(other)
        if way == ("inband" if inband else "rfc4733"):
            return
        self._try(other, key)

    def informed(self, other: Leg, key: Key) -> bool:
        """A party pressed a key by INFO: True when `other` gets it in another way than by that INFO."""
        if self.configured(other) not in ("rfc4733", "inband") or self.way(other) == "info":
            return False
        return self._try(other, key)

    def _try(self, leg: Leg, key: Key) -> bool:
        try:
            self.send(leg, key.digit, max(key.duration_ms, 40))
        except (MediaError, ValueError):
            return False
        return True

    def fit(self, leg: Leg | None, settings: PortSettings) -> PortSettings:
        """A leg's settings without the telephone-events that it shall not get."""
        if leg is None or self.configured(leg) not in ("inband", "info") or not takes_events(settings):
            return settings
        formats = settings.formats if settings.send_formats is None else settings.send_formats
        plain = tuple(entry for entry in formats if entry.encoding.upper() != "TELEPHONE-EVENT")
        return replace(settings, send_formats=plain, telephone_event=None)

    def connected(self, one: Leg | None, other: Leg | None) -> None:
        """The media of two legs was joined: tones are listened for where they have to be turned into something else."""
        for leg, peer in ((one, other), (other, one)):
            port = self._media.port(leg) if leg is not None else None
            if leg is None or peer is None or port is None:
                continue
            tones = not gives_events(port.settings) or self.configured(leg) == "inband"
            wanted = tones and self.way(peer) != "inband"
            port.listen(keys=wanted, hush=wanted)


def takes_events(settings: PortSettings) -> bool:
    """Whether the party takes telephone-events."""
    return any(entry.encoding.upper() == "TELEPHONE-EVENT" for entry in settings.sendable)


def gives_events(settings: PortSettings) -> bool:
    """Whether the party sends telephone-events."""
    return any(entry.encoding.upper() == "TELEPHONE-EVENT" for entry in settings.receivable)


class _Digit:
    """One key as application data of a call (Information); nobody waits for the outcome."""

    content_type = "application/dtmf-relay"

    def __init__(self, body: bytes) -> None:
        self.body = body

    def accept(self) -> None:
        """It was passed on."""

    def refuse(self, status: int) -> None:
        """The party cannot take it now."""


def _inform(leg: Leg, digit: str, duration_ms: int) -> None:
    if leg.state is LegState.ANSWERED:
        leg.inform(_Digit(f"Signal={digit}\r\nDuration={duration_ms}\r\n".encode()))


__all__ = ["WAYS", "Keys", "Way"]
