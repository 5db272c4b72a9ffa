"""Reason (RFC 3326): why a request was sent or a call ended."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.sip.errors import ProtocolError
from softswitch.sip.grammar import find_param, is_token, parse_number, parse_params, quote, split_list


class Reason(NamedTuple):
    """Protocol ("SIP", "Q.850"), cause (None when not given) and text ("" when not given)."""

    protocol: str
    cause: int | None = None
    text: str = ""

    @classmethod
    def parse(cls, text: str) -> Reason:
        """One Reason value; ProtocolError when it is malformed."""
        protocol, semicolon, rest = text.partition(";")
        protocol = protocol.strip(" \t")
        if not is_token(protocol):
            raise ProtocolError("a Reason has no protocol", section="RFC 3326 §2")
        params = parse_params(";" + rest) if semicolon else ()
        cause = find_param(params, "cause")
        number = None if cause is None else parse_number(cause, 99999, "a cause", "RFC 3326 §2")
        return cls(protocol, number, find_param(params, "text") or "")

    @classmethod
    def parse_list(cls, text: str) -> list[Reason]:
        """All reasons of a comma-separated value."""
        return [cls.parse(item) for item in split_list(text)]

    def __str__(self) -> str:
        text = self.protocol
        if self.cause is not None:
            text += f";cause={self.cause}"
        return f"{text};text={quote(self.text)}" if self.text else text
