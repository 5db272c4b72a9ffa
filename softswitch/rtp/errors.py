"""The error of octets that are no RTP or RTCP."""

from __future__ import annotations


class RtpError(ValueError):
    """A packet or block cannot be read; `position` is the octet at which that was noticed."""

    def __init__(self, text: str, position: int = 0) -> None:
        super().__init__(f"{text} (octet {position})")
        self.text = text
        self.position = position
