"""Small readings of a message that many parts share: tags, SDP, option tags; and header lines to send."""

from __future__ import annotations

from collections.abc import Sequence

from softswitch.sip.errors import LocalProtocolError, ProtocolError
from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Message
from softswitch.sip.multipart import parse_multipart

SDP = "application/sdp"


def tag_of(text: str) -> str | None:
    """The tag of a From or To value, without taking the usual shape apart; ProtocolError when another is malformed."""
    at = text.rfind(";tag=")
    if at >= 0:
        tag = text[at + 5 :]
        if tag.isalnum():
            return tag
    return NameAddr.parse(text).tag


def sdp_of(message: Message) -> bytes | None:
    """The session description in the body, alone or as a part (RFC 5621 §3).

    Raises ProtocolError for a request with a broken multipart; in a response that is as good as none.
    """
    body = message.body
    if not body:
        return None
    text = message.get("Content-Type")
    if text == SDP or text is None:
        return None if text is None else body
    try:
        return _find_sdp(message)
    except ProtocolError:
        if message.is_request:
            raise
        return None


def _find_sdp(message: Message) -> bytes | None:
    kind = message.content_type
    if kind is None or kind.essence == SDP:
        return message.body
    if kind.type == "multipart":
        for part in parse_multipart(kind, message.body):
            if part.content_type.essence == SDP:
                return part.body
    return None


def lists_option(message: Message, name: str, option: str) -> bool:
    """Whether a field such as Supported, Require or Allow lists this tag or method."""
    text = message.get(name)
    if text is None:
        return False
    if text == option:
        return True
    option = option.lower()
    for value in message.get_all(name):
        value = value.lower()
        if option in value and option in [item.strip(" \t") for item in value.split(",")]:
            return True
    return False


def allows_update(message: Message) -> bool:
    """Whether the peer names UPDATE in its Allow; read quickly, since no other method holds that word."""
    return "UPDATE" in message.index().get("Allow", "")


def header_lines(fields: Sequence[tuple[str, str]]) -> str:
    """The fields as header lines; LocalProtocolError when a value would smuggle in a line break."""
    if not fields:
        return ""
    text = "".join([f"{name}: {value}\r\n" for name, value in fields])
    if text.count("\n") != len(fields) or text.count("\r") != len(fields):
        raise LocalProtocolError("a header value holds a line break")
    return text
