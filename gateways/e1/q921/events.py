"""What a data link tells its layer 3 and its management."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinkEstablished:
    """The link carries messages from now on (DL-ESTABLISH indication or confirm).

    `reset`: it was up before, and messages on their way may be lost.
    """

    reset: bool = False


@dataclass(frozen=True, slots=True)
class LinkReleased:
    """The link carries nothing any more (DL-RELEASE indication or confirm)."""

    reason: str


@dataclass(frozen=True, slots=True)
class DataReceived:
    """A message of layer 3 (DL-DATA indication)."""

    data: bytes


@dataclass(frozen=True, slots=True)
class LinkError:
    """Something that the peer did and should not have, or did not and should (MDL-ERROR, Q.921 table II.1)."""

    code: str
    text: str


LinkEvent = LinkEstablished | LinkReleased | DataReceived | LinkError
