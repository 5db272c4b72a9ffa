"""Event and Subscription-State (RFC 6665 §8.2)."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.sip.errors import ProtocolError
from softswitch.sip.grammar import Params, find_param, format_params, is_token, parse_number, parse_params


class Event(NamedTuple):
    """An event package with its templates ("presence", "presence.winfo"), the id parameter, all other parameters."""

    package: str
    id: str | None = None
    params: Params = ()

    @classmethod
    def parse(cls, text: str) -> Event:
        """An Event value; ProtocolError when it is malformed."""
        package, semicolon, rest = text.partition(";")
        package = package.strip(" \t")
        if not is_token(package):
            raise ProtocolError("an Event has no package", section="RFC 6665 §8.2.1")
        params = parse_params(";" + rest) if semicolon else ()
        return cls(package, find_param(params, "id"), tuple(item for item in params if item[0] != "id"))

    def __str__(self) -> str:
        params = self.params if self.id is None else (("id", self.id), *self.params)
        return self.package + format_params(params)


class SubscriptionState(NamedTuple):
    """State ("active", "pending", "terminated"), seconds left, and why it ended or when to come back."""

    state: str
    expires: int | None = None
    reason: str | None = None
    retry_after: int | None = None

    @classmethod
    def parse(cls, text: str) -> SubscriptionState:
        """A Subscription-State value; ProtocolError when it is malformed."""
        state, semicolon, rest = text.partition(";")
        state = state.strip(" \t").lower()
        if not is_token(state):
            raise ProtocolError("a Subscription-State has no state", section="RFC 6665 §8.2.3")
        params = parse_params(";" + rest) if semicolon else ()
        return cls(state, _seconds(params, "expires"), find_param(params, "reason"), _seconds(params, "retry-after"))

    def __str__(self) -> str:
        text = self.state
        if self.reason is not None:
            text += f";reason={self.reason}"
        if self.expires is not None:
            text += f";expires={self.expires}"
        return text if self.retry_after is None else f"{text};retry-after={self.retry_after}"


def _seconds(params: Params, name: str) -> int | None:
    value = find_param(params, name)
    return None if value is None else parse_number(value, 2**32 - 1, name, "RFC 6665 §8.2.3")
