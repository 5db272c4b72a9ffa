"""What a caller says when it calls: the content of a SETUP beside its channel (Q.931 §3.1.14)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateways.e1.q931.elements import SPEECH, Bearer, ElementId, Progress, Text, UserUser
from gateways.e1.q931.message import Message
from gateways.e1.q931.numbers import PartyNumber


@dataclass(frozen=True, slots=True)
class Setup:
    """What a caller says: the numbers, the bearer, and what else goes with it."""

    called: PartyNumber
    calling: PartyNumber | None = None
    bearer: Bearer = SPEECH
    complete: bool = True
    display: str = ""
    redirecting: PartyNumber | None = None
    user_user: UserUser | None = None
    display_encoding: str = field(default="utf-8", compare=False)
    progress: tuple[Progress, ...] = ()

    def elements(self) -> dict[int, Any]:
        """As elements of a SETUP."""
        optional = {
            ElementId.PROGRESS: self.progress,
            ElementId.DISPLAY: Text(self.display, self.display_encoding) if self.display else None,
            ElementId.CALLING_NUMBER: self.calling,
            ElementId.REDIRECTING_NUMBER: self.redirecting,
            ElementId.USER_USER: self.user_user,
            ElementId.SENDING_COMPLETE: True if self.complete else None,
        }
        elements: dict[int, Any] = {ElementId.BEARER_CAPABILITY: self.bearer, ElementId.CALLED_NUMBER: self.called}
        return elements | {int(identifier): value for identifier, value in optional.items() if value}

    @classmethod
    def of(cls, message: Message) -> Setup:
        """What a SETUP says; its bearer must be readable."""
        return cls(
            called=message.called or PartyNumber(message.keypad),
            calling=message.calling,
            bearer=message.elements[ElementId.BEARER_CAPABILITY],
            complete=message.sending_complete,
            display=message.display,
            redirecting=message.elements.get(ElementId.REDIRECTING_NUMBER),
            user_user=message.user_user,
            progress=message.progress,
        )
