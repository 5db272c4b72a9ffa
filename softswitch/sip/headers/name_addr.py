"""Addresses with display name and parameters: From, To, Contact, Route, Refer-To and their kind (RFC 3261 §20.10)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from softswitch.sip.errors import ProtocolError
from softswitch.sip.grammar import (
    Params,
    drop_params,
    end_of_quoted,
    find_param,
    format_params,
    parse_params,
    quote,
    set_param,
    split_list,
    unquote,
)
from softswitch.sip.uri import Uri, parse_uri

_SECTION = "RFC 3261 §20.10"
_CACHED_LENGTH = 384
_new = tuple.__new__  # a NamedTuple's own constructor costs three times as much


class NameAddr(NamedTuple):
    """`"display" <uri>;params`; the display name unquoted, None when there is none; the URI as written."""

    uri_text: str
    display: str | None = None
    params: Params = ()

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """One address; without <> every parameter belongs to the header (RFC 3261 §20). ProtocolError if malformed."""
        return _parse_cached(text) if len(text) <= _CACHED_LENGTH else _parse(text)

    @classmethod
    def parse_list(cls, text: str) -> list[NameAddr]:
        """The addresses of a comma-separated value."""
        return [cls.parse(item) for item in split_list(text)]

    def __str__(self) -> str:
        if self.uri_text == "*":
            return "*"
        text = f"<{self.uri_text}>" if self.display is None else f"{quote(self.display)} <{self.uri_text}>"
        return text + format_params(self.params) if self.params else text

    @property
    def uri(self) -> Uri:
        """The parsed URI; ProtocolError when it is malformed."""
        return parse_uri(self.uri_text)

    @property
    def wildcard(self) -> bool:
        """Whether this is the `*` that removes all bindings (RFC 3261 §10.2.2)."""
        return self.uri_text == "*"

    @property
    def tag(self) -> str | None:
        """The tag parameter, None when it is absent (RFC 2543 peers send none)."""
        for name, value in self.params:
            if name == "tag":
                return value
        return None

    def param(self, name: str) -> str | None:
        """Value of a header parameter, unquoted: "" when it stands without one, None when it is absent."""
        return find_param(self.params, name.lower())

    def has_param(self, name: str) -> bool:
        """Whether the header parameter is there, with or without a value."""
        return find_param(self.params, name.lower()) is not None

    def with_param(self, name: str, value: str | None = None) -> NameAddr:
        """This address with one header parameter set; a value that may not stand bare is quoted when written."""
        return self._replace(params=set_param(self.params, name, value))

    def without_params(self, *names: str) -> NameAddr:
        """This address without the header parameters named, or without any when none is named."""
        return self._replace(params=drop_params(self.params, names) if names else ())

    def with_tag(self, tag: str) -> NameAddr:
        """This address with the tag of a dialog side."""
        return NameAddr(self.uri_text, self.display, set_param(self.params, "tag", tag))


def _parse(text: str) -> NameAddr:
    text = text.strip(" \t")
    if text[:1] == '"':
        after = end_of_quoted(text, 0)
        left = text.find("<", after)
        if left < 0 or text[after:left].strip(" \t"):
            raise ProtocolError("a display name is not followed by <", section=_SECTION)
        display: str | None = unquote(text[:after])
    else:
        left = text.find("<")
        if left < 0:
            return _parse_bare(text)
        display = _plain_display(text[:left]) if left else None
    right = text.find(">", left)
    if right < 0:
        raise ProtocolError("an angle bracket does not close", section=_SECTION)
    uri_text = text[left + 1 : right]
    if " " in uri_text or "\t" in uri_text:
        uri_text = uri_text.strip(" \t")  # RFC 4475 §3.1.2.14: white space inside <> is mended, not passed on
        if " " in uri_text or "\t" in uri_text:
            raise ProtocolError("white space in a URI", section=_SECTION)
    if ":" not in uri_text:
        raise ProtocolError("an address without a URI", section=_SECTION)
    rest = text[right + 1 :]
    return _new(NameAddr, (uri_text, display, _parse_rest(rest) if rest else ()))


def _parse_rest(rest: str) -> Params:
    if rest[:5] == ";tag=":  # all that From and To carry as a rule
        tag = rest[5:]
        if tag and ";" not in tag and '"' not in tag and " " not in tag and "\t" not in tag:
            return (("tag", tag),)
    return parse_params(rest.lstrip(" \t"))


_parse_cached = lru_cache(maxsize=8192)(_parse)


def _plain_display(text: str) -> str | None:
    text = text.strip(" \t")
    if not text:
        return None
    if not text.isalnum() and ("," in text or '"' in text or ";" in text or ">" in text or "\\" in text):
        raise ProtocolError("a display name that needs quotes has none", section=_SECTION)
    return text


def _parse_bare(text: str) -> NameAddr:
    uri_text, semicolon, params_text = text.partition(";")
    uri_text = uri_text.rstrip(" \t")
    if uri_text == "*" and not semicolon:
        return NameAddr("*")
    if "?" in uri_text or "," in uri_text:
        raise ProtocolError("a URI with ? or , must stand in <>", section=_SECTION)
    if ":" not in uri_text or " " in uri_text or "\t" in uri_text or ">" in uri_text or '"' in uri_text:
        raise ProtocolError("not an address", section=_SECTION)
    return NameAddr(uri_text, None, parse_params(";" + params_text) if semicolon else ())
