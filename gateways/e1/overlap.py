"""Numbers that come digit by digit: collected until the dialplan knows them (Q.931 §5.1.3, §5.2.4)."""

from __future__ import annotations

from collections.abc import Callable

from gateways.e1.q931 import IsdnCall
from gateways.e1.q931.events import DigitsReceived, Offered

_ONE_MORE = "1"


class Overlap:
    """The calls whose number is not complete. `known(number, call)`: the dialplan leads somewhere.

    A number that could go on and still be known waits for more digits, `#`, or the end of T302.
    """

    def __init__(self, known: Callable[[str, IsdnCall], bool]) -> None:
        self._known = known
        self._digits: dict[IsdnCall, str] = {}

    def offered(self, event: Offered, now: float, dial_tone: Callable[[], bool]) -> str | None:
        """The number of a new call, None while more of it is awaited.

        `dial_tone` lets a caller who has dialled nothing yet hear that; false when there is no such tone.
        """
        digits = event.call.setup.called.digits
        if event.complete or self._is_whole(digits, event.call):
            return digits
        event.call.acknowledge_setup(now, dial_tone=not digits and dial_tone())
        self._digits[event.call] = digits
        return None

    def more(self, event: DigitsReceived) -> str | None:
        """The number when it is complete now, None while it is not, or for digits that are no part of one."""
        if event.call not in self._digits:
            return None
        digits = self._digits[event.call] + event.digits
        if self._is_whole(digits, event.call) or (event.complete and self._known(digits, event.call)):
            del self._digits[event.call]
            return digits
        self._digits[event.call] = digits
        return None

    def _is_whole(self, digits: str, call: IsdnCall) -> bool:
        return self._known(digits, call) and not self._known(digits + _ONE_MORE, call)

    def waits(self, call: IsdnCall) -> bool:
        """Whether digits of this call belong to its number."""
        return call in self._digits

    def forget(self, call: IsdnCall) -> None:
        """The call is over."""
        self._digits.pop(call, None)
