"""The door of a conference with a PIN: the caller is asked for it, and let in or released."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from softswitch.calls.leg import Cause, Leg
from softswitch.media import MediaEngine, MediaError, NotTranscodable, Port
from softswitch.media.playing.spoken import prompt

if TYPE_CHECKING:
    from softswitch.calls.call import Call
    from softswitch.sip.timerwheel import Timer, TimerWheel

TRIES = 3
#: How long a caller may think, in seconds, and the longest PIN.
PATIENCE_S = 20.0
LONGEST = 32
WRONG_PIN = Cause(200, 21, "the PIN was not right")
NO_PIN = Cause(200, 102, "no PIN was entered")


class DoorHost(Protocol):
    """What a door needs of the exchange."""

    timers: TimerWheel

    def now(self) -> float:
        """Monotonic seconds."""


class Door:
    """One caller before a closed conference; `opens(pin)` judges, `admit(port)` lets in."""

    def __init__(
        self,
        host: DoorHost,
        engine: MediaEngine,
        call: Call,
        leg: Leg,
        opens: Callable[[str], bool],
        admit: Callable[[Port], None],
    ) -> None:
        self._host = host
        self._engine = engine
        self._call = call
        self._opens = opens
        self._admit = admit
        self.leg = leg
        self._digits = ""
        self._tries = 0
        self._port: Port | None = None
        self._timer: Timer | None = None

    def ask(self, port: Port) -> Cause | None:
        """Begin (a Start): the caller hears what is wanted."""
        self._port = port
        refused = self._say("pin")
        if refused is None:
            self._wait()
        return refused

    def key(self, digit: str) -> None:
        """The caller pressed a key; `#` ends the PIN, `*` begins it anew."""
        if self._port is None:
            return
        self._engine.stop(self._port)
        self._wait()
        if digit == "*":
            self._digits = ""
        elif digit == "#":
            self._judge()
        elif len(self._digits) < LONGEST:
            self._digits += digit

    def close(self) -> None:
        """The caller is inside, or gone."""
        if self._timer is not None:
            self._timer.cancel()
        self._port = None

    def _judge(self) -> None:
        pin, self._digits = self._digits, ""
        port = self._port
        if self._opens(pin) and port is not None:
            self._admit(port)
            return
        self._tries += 1
        if self._tries >= TRIES:
            self._call.disconnect(WRONG_PIN)
        else:
            self._say("wrong", "pin")

    def _say(self, *names: str) -> Cause | None:
        assert self._port is not None
        try:
            self._engine.play(self._port, prompt(*names))
        except NotTranscodable as error:
            return Cause(488, 88, str(error))
        except MediaError as error:
            return Cause(503, 41, str(error))
        return None

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._host.timers.schedule(self._host.now() + PATIENCE_S, self._gave_up)

    def _gave_up(self, now: float) -> None:
        self._timer = None
        self._call.disconnect(NO_PIN)


__all__ = ["NO_PIN", "PATIENCE_S", "TRIES", "WRONG_PIN", "Door"]
