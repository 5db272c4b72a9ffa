"""Replaces (RFC 3891) and the same triple in Join and Target-Dialog."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.sip.errors import ProtocolError
from softswitch.sip.grammar import find_param, has_param, parse_params


class Replaces(NamedTuple):
    """The dialog to be replaced, tags named from the receiver's side; `early_only` forbids a confirmed one."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @classmethod
    def parse(cls, text: str) -> Replaces:
        """A Replaces value (already unescaped when it came in a URI); ProtocolError when malformed (RFC 3891 §6.1)."""
        call_id, semicolon, rest = text.partition(";")
        call_id = call_id.strip(" \t")
        params = parse_params(";" + rest) if semicolon else ()
        names = [name for name, _ in params]
        to_tag, from_tag = find_param(params, "to-tag"), find_param(params, "from-tag")
        if not call_id or not to_tag or not from_tag or names.count("to-tag") > 1 or names.count("from-tag") > 1:
            raise ProtocolError("a Replaces needs a call and both tags", section="RFC 3891 §6.1")
        return cls(call_id, to_tag, from_tag, has_param(params, "early-only"))

    def __str__(self) -> str:
        text = f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}"
        return f"{text};early-only" if self.early_only else text
