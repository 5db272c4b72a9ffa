"""Events of who is there: registrations, and those who were refused."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from softswitch.events.base import Event


@dataclasses.dataclass(slots=True)
class RegistrationChanged(Event):
    """A binding came, went or was refreshed: `action` is registered, refreshed, expired or removed."""

    type: ClassVar[str] = "registration.changed"
    number: str
    contact: str
    action: str
    expires_s: float


@dataclasses.dataclass(slots=True)
class AccessRefused(Event):
    """Someone was refused: failed authentication, scanner, forbidden destination."""

    type: ClassVar[str] = "security.refused"
    source: str
    user: str
    method: str
    reason: str
