"""The words of a message, whatever wraps and encodes them."""

from __future__ import annotations

import codecs

from softswitch.messaging.cpim import CONTENT_TYPE as CPIM
from softswitch.messaging.cpim import parse_cpim
from softswitch.sip.errors import ProtocolError
from softswitch.sip.headers.media_type import MediaType
from softswitch.sip.multipart import parse_multipart

#: The charsets that text is read in; what else a codec library knows is no text of people.
_CHARSETS = frozenset(
    {"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252", "gb2312", "gbk", "gb18030", "big5", "utf-16", "shift_jis"}
)
_DEEPEST = 3


def text_of(content_type: MediaType | None, body: bytes, *, depth: int = 0) -> str | None:
    """The text in a body, out of CPIM and multipart too; None when there is none.

    Raises ProtocolError: 415 for a charset that is not known, 400 for octets that are not of their charset.
    """
    if content_type is None or depth > _DEEPEST:
        return None
    if content_type.type == "text":
        return _decode(body, content_type.param("charset") or "utf-8")
    if content_type.essence == CPIM:
        message = parse_cpim(body)
        return text_of(message.content_type, message.body, depth=depth + 1)
    if content_type.type == "multipart":
        for part in parse_multipart(content_type, body):
            found = text_of(part.content_type, part.body, depth=depth + 1)
            if found is not None:
                return found
    return None


def _decode(body: bytes, charset: str) -> str:
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError) as error:
        raise ProtocolError("a charset that is not known", status=415) from error
    if name not in _CHARSETS:
        raise ProtocolError("a charset that is not known", status=415)
    try:
        return body.decode(name)
    except UnicodeDecodeError as error:
        raise ProtocolError(f"the text is not {charset}", section="RFC 3428 §8") from error
