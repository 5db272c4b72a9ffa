"""Reading and writing the XML of event bodies with the standard library, made safe against hostile documents.

A document type declaration is refused before any entity can be declared or expanded, whatever the encoding; size and
depth are bounded. Left out: validation against a schema (each body's own parser checks the shape it needs).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Final, NoReturn

from softswitch.sip.errors import ProtocolError

MAX_DOCUMENT_OCTETS: Final = 65536
MAX_DEPTH: Final = 16
MAX_ELEMENTS: Final = 4096


class _BoundedBuilder(ET.TreeBuilder):
    """Builds the tree and gives up at a document type, past the depth limit or past the element limit."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._elements = 0

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise ProtocolError("document type declaration in an event body", section="RFC 3470 §4.9")

    # typeshed gives the parameters of the compiled class positional-only names that differ between versions.
    def start(self, tag: str, attrs: dict[str, str], /) -> ET.Element:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise ProtocolError("event body nested too deeply or too long")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> ET.Element:
        self._depth -= 1
        return super().end(tag)


def parse_document(data: bytes, root: str) -> ET.Element:
    """Root element of an XML body whose qualified root tag must be `root`; raises ProtocolError (400) otherwise."""
    if len(data) > MAX_DOCUMENT_OCTETS:
        raise ProtocolError("event body too large", status=413)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ProtocolError("document type declaration in an event body", section="RFC 3470 §4.9")
    parser = ET.XMLParser(target=_BoundedBuilder())
    try:
        parser.feed(data)
        element = parser.close()
    except ProtocolError:
        raise
    except (ET.ParseError, LookupError, ValueError) as error:  # the last two: unknown or multi-octet encodings
        raise ProtocolError(f"event body is not well-formed XML: {error}") from error
    if not isinstance(element, ET.Element) or element.tag != root:
        raise ProtocolError(f"event body is not a {root.rpartition('}')[2]} document")
    return element


def serialize_document(root: ET.Element) -> bytes:
    """The document in UTF-8 with its XML declaration."""
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def text_of(element: ET.Element | None) -> str | None:
    """Text of an element without surrounding white space, or None where the element is missing or empty."""
    if element is None or element.text is None:
        return None
    return element.text.strip() or None


def attribute(element: ET.Element, name: str) -> str:
    """A mandatory attribute; raises ProtocolError where it is missing."""
    value = element.get(name)
    if value is None:
        raise ProtocolError(f"event body: {element.tag.rpartition('}')[2]} lacks {name}")
    return value


def unsigned(text: str | None, what: str) -> int | None:
    """A non-negative integer below 2^32, or None where there is no text; raises ProtocolError on anything else."""
    if text is None:
        return None
    text = text.strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > 0xFFFFFFFF:
        raise ProtocolError(f"event body: {what} is not an unsigned number")
    return int(text)


def add_text(parent: ET.Element, tag: str, text: str | None, attributes: dict[str, str] | None = None) -> None:
    """Appends a child with text, where there is text; characters that XML cannot carry are left out."""
    if text is not None:
        child = ET.SubElement(parent, tag, attributes or {})
        child.text = clean(text)


def clean(text: str) -> str:
    """`text` without what XML 1.0 §2.2 does not allow: control characters, lone surrogates, U+FFFE and U+FFFF."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c for c in text if c in "\t\n\r" or " " <= c < "\ud800" or "\ue000" <= c < "\ufffe" or c > "\uffff")
