"""Errors of the session description room."""

from __future__ import annotations


class SdpError(ValueError):
    """A session description (or one attribute of it) cannot be read; `line` counts from 1, 0 = the whole body."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(f"SDP line {line}: {text}" if line else f"SDP: {text}")
        self.text = text
        self.line = line


class OfferAnswerError(ValueError):
    """An offer or answer breaks RFC 3264; `section` names the rule."""

    def __init__(self, text: str, section: str = "RFC 3264") -> None:
        super().__init__(f"{text} ({section})")
        self.text = text
        self.section = section


class GlareError(OfferAnswerError):
    """An offer met another offer that is not answered yet (RFC 3264 §4): the SIP answer is 491."""
