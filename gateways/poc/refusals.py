"""Refusals as TS 24.379 §4.4 names them: a SIP status with a numbered warning text."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.calls.leg import Cause
from softswitch.sip.causes import cause_of_status
from softswitch.sip.grammar import quote


class Refusal(NamedTuple):
    """A final status; `number` 0 where the standard names no warning for it."""

    status: int
    number: int
    text: str

    def warning(self, host: str) -> list[tuple[str, str]]:
        """The Warning field (RFC 3261 §20.43 with code 399), none for a refusal without a number."""
        if not self.number:
            return []
        return [("Warning", f"399 {host} {quote(f'{self.number:03d} {self.text}')}")]

    @property
    def cause(self) -> Cause:
        """The same for a call."""
        return Cause(self.status, cause_of_status(self.status), self.text)


class Refused(Exception):
    """A request is refused with `refusal`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


NOT_A_MEMBER = Refusal(403, 116, "user is not part of the MCPTT group")
NOT_AFFILIATED = Refusal(403, 120, "user is not affiliated to this group")
NO_EMERGENCY = Refusal(403, 0, "user not authorised to declare an emergency")
WRONG_COUNT = Refusal(403, 145, "unable to determine called party")
NO_SETTINGS = Refusal(404, 146, "T-PF unable to determine the service settings for the called user")
UNKNOWN_GROUP = Refusal(404, 113, "group document does not exist")
NO_FLOOR_LINE = Refusal(488, 0, "the floor control line cannot be accepted")
ENCRYPTED = Refusal(488, 140, "unable to decrypt XML content")
NO_SESSION_TYPE = Refusal(400, 0, "the session type is not understood")
NOT_ALLOWED_CANCEL = Refusal(403, 0, "the alert belongs to somebody else")
NOT_LISTENABLE = Refusal(480, 0, "no terminal of the user can be listened to")
BARRED = Refusal(480, 0, "incoming sessions are barred")

#: Everything that can be refused here, for the documentation's table and its test.
ALL = tuple(value for value in list(globals().values()) if isinstance(value, Refusal))
