"""Identifiers that no second node and no later start of this one can repeat."""

from __future__ import annotations

import itertools
import secrets


class Identifiers:
    """Makes ids of calls and legs, and the random tokens of SIP (branches, tags, Call-IDs)."""

    def __init__(self, node: str) -> None:
        self._prefix = f"{node}-{secrets.token_hex(4)}-"
        self._counter = itertools.count(1)
        self._pool = ""
        self._at = 0

    def next(self) -> str:
        """An id that names this node, unique over all its starts."""
        return f"{self._prefix}{next(self._counter):x}"

    def token(self) -> str:
        """Sixteen hexadecimal digits that nobody can guess (RFC 3261 §19.3 asks for 32 bits at least).

        Random octets are fetched many at a time, because one system call per tag would cost more than the message.
        """
        if self._at >= len(self._pool):
            self._pool = secrets.token_hex(4096)
            self._at = 0
        at = self._at
        self._at = at + 16
        return self._pool[at : at + 16]
