"""A gateway as the switch sees it."""

from __future__ import annotations

from typing import Protocol


class Gateway(Protocol):
    """What turns a foreign protocol into legs."""

    async def open(self) -> None:
        """Take part from now on. Raises OSError."""

    async def close(self) -> None:
        """Let go of every port."""

    def problems(self) -> list[str]:
        """What is wrong now, one sentence each."""
