"""Who uses the API: roles, and bearers without one, who stand for a subscriber."""

from __future__ import annotations

from typing import Literal

Role = Literal["viewer", "dispatcher", "admin"]

#: What `number` of a token means.
STANDS_FOR = (
    "The subscriber as whom alone it may act: its own sessions of browsers, and events about it. Needs role viewer, "
    "for it gives no other right."
)


def check_bearer(role: Role, number: str | None) -> None:
    """Raise ValueError when somebody who stands for a subscriber is given more than the role of a viewer."""
    if number is not None and role != "viewer":
        raise ValueError("a token that stands for a subscriber has role viewer")


__all__ = ["STANDS_FOR", "Role", "check_bearer"]
