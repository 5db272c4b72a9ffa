"""Session-Expires and Min-SE (RFC 4028 §4, §5)."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.sip.errors import ProtocolError
from softswitch.sip.grammar import find_param, parse_number, parse_params

LARGEST_DELTA = 2**32 - 1


class SessionExpires(NamedTuple):
    """The session interval in seconds, and who refreshes: "uac", "uas" or None while undecided."""

    delta: int
    refresher: str | None = None

    @classmethod
    def parse(cls, text: str) -> SessionExpires:
        """A Session-Expires or Min-SE value; ProtocolError when it is malformed."""
        number, semicolon, params_text = text.partition(";")
        delta = parse_number(number.strip(" \t"), LARGEST_DELTA, "a session interval", "RFC 4028 §4")
        refresher = find_param(parse_params(";" + params_text), "refresher") if semicolon else None
        if refresher is not None:
            refresher = refresher.lower()
            if refresher not in ("uac", "uas"):
                raise ProtocolError("a refresher is uac or uas", section="RFC 4028 §4")
        return cls(delta, refresher)

    def __str__(self) -> str:
        return str(self.delta) if self.refresher is None else f"{self.delta};refresher={self.refresher}"
