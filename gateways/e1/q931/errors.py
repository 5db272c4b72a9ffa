"""What can be wrong with a message of layer 3."""

from __future__ import annotations


class Q931Error(ValueError):
    """Octets that are no message or element; `cause` is what Q.931 §5.8 answers, 0: ignore the message."""

    def __init__(self, text: str, cause: int = 0) -> None:
        super().__init__(text)
        self.cause = cause


class IllegalInState(RuntimeError):
    """Our own layer above asked for something that the state of the call does not allow."""
