"""What a far user says in the middle of a call, as calls carry it to the other party."""

from __future__ import annotations

from dataclasses import dataclass

from gateways.e1.q931.elements import UserUser
from softswitch.floor.adapters import FLOOR_MEDIA_TYPE

IA5, OWN = 4, 0
#: Protocol discriminators of user-user information by the content type that carries it.
CONTENT_TYPES = {FLOOR_MEDIA_TYPE: IA5, "text/plain": IA5, "application/octet-stream": OWN}


@dataclass(slots=True)
class UserSays:
    """USER INFORMATION as application data of a call; nobody waits for an answer to it."""

    content_type: str
    body: bytes

    @classmethod
    def of(cls, information: UserUser) -> UserSays:
        """A floor request as that, other text as text, all else as octets."""
        kind = "text/plain" if information.protocol == IA5 else "application/octet-stream"
        if information.protocol == IA5 and information.data.startswith(b'{"action"'):
            kind = FLOOR_MEDIA_TYPE
        return cls(kind, information.data)

    def accept(self) -> None:
        """See Information: the far user is not told."""

    def refuse(self, status: int) -> None:
        """See Information: the far user is not told."""
