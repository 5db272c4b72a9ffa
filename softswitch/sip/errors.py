"""Errors of the SIP rooms: what a peer did wrong, and what our own caller did wrong."""

from __future__ import annotations


class ProtocolError(ValueError):
    """A peer broke the protocol: bad input is data, answered with `status` and never raised past the transport.

    `section` names the rule (for instance ``RFC 3261 §20.16``), `position` the octet offset where it was noticed,
    `status` the SIP answer the peer deserves (0: drop silently).
    """

    def __init__(self, text: str, *, section: str = "", status: int = 400, position: int | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.section = section
        self.status = status
        self.position = position


class LocalProtocolError(RuntimeError):
    """Our own caller asked for something the protocol does not allow in the present state."""
