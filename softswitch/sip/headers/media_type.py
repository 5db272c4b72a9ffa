"""Media types: Content-Type (RFC 3261 §20.15) and the ranges of Accept (§20.1)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from softswitch.sip.errors import ProtocolError
from softswitch.sip.grammar import Params, find_param, format_params, is_token, parse_params


class MediaType(NamedTuple):
    """`type/subtype` in lower case, with parameters as written."""

    type: str
    subtype: str
    params: Params = ()

    @classmethod
    def parse(cls, text: str) -> MediaType:
        """A media type or range; ProtocolError when it is malformed."""
        return _parse_cached(text) if len(text) <= 256 else _parse(text)

    def __str__(self) -> str:
        return f"{self.type}/{self.subtype}{format_params(self.params)}"

    @property
    def essence(self) -> str:
        """`type/subtype` without parameters."""
        return f"{self.type}/{self.subtype}"

    def param(self, name: str) -> str | None:
        """Value of a parameter, unquoted: "" when it stands without one, None when it is absent."""
        return find_param(self.params, name.lower())

    def accepts(self, essence: str) -> bool:
        """Whether this range of an Accept header covers the type; q=0 refuses it."""
        kind = essence.partition("/")[0]
        covered = self.type == "*" or (self.type == kind and self.subtype in ("*", essence[len(kind) + 1 :]))
        quality = self.param("q")
        return covered and (quality is None or quality.strip("0.") != "")


def _parse(text: str) -> MediaType:
    essence, semicolon, params_text = text.partition(";")
    kind, slash, subtype = essence.partition("/")
    kind, subtype = kind.strip(" \t").lower(), subtype.strip(" \t").lower()
    if not slash or not is_token(kind) or not is_token(subtype):
        raise ProtocolError("not a media type", section="RFC 3261 §20.15")
    return MediaType(kind, subtype, parse_params(";" + params_text) if semicolon else ())


_parse_cached = lru_cache(maxsize=512)(_parse)
