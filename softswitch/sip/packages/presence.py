"""The ``presence`` event package: PIDF documents (RFC 3863, carried by RFC 3856).

Elements of other namespaces (RFC 4479 persons and devices, RFC 4480 activities) are kept as they came and written back.
Left out: interpreting them, partial PIDF (RFC 5262) and ``mustUnderstand``.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from softswitch.sip.errors import ProtocolError
from softswitch.sip.packages.xml import add_text, attribute, clean, parse_document, serialize_document, text_of

NAMESPACE: Final = "urn:ietf:params:xml:ns:pidf"
_XML_LANGUAGE: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_KNOWN_IN_TUPLE: Final = frozenset(f"{{{NAMESPACE}}}{tag}" for tag in ("status", "contact", "note", "timestamp"))
_KNOWN_IN_PRESENCE: Final = frozenset(f"{{{NAMESPACE}}}{tag}" for tag in ("tuple", "note"))


@dataclass(frozen=True, slots=True)
class Note:
    """A human-readable remark with its optional language tag."""

    text: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class PresenceTuple:
    """One communication means: `basic` is open, closed or unknown (None), `priority` as a Contact's q text."""

    id: str
    basic: str | None = None
    contact: str | None = None
    priority: str | None = None
    notes: tuple[Note, ...] = ()
    timestamp: str | None = None
    status_extensions: tuple[ET.Element, ...] = ()
    extensions: tuple[ET.Element, ...] = ()


@dataclass(frozen=True, slots=True)
class Presence:
    """A whole PIDF document about `entity` (a pres: or sip: URI)."""

    entity: str
    tuples: tuple[PresenceTuple, ...] = ()
    notes: tuple[Note, ...] = ()
    extensions: tuple[ET.Element, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Reads a PIDF document; raises ProtocolError."""
        root = parse_document(data, f"{{{NAMESPACE}}}presence")
        tuples = tuple(_tuple(child) for child in root.findall(f"{{{NAMESPACE}}}tuple"))
        if len({item.id for item in tuples}) != len(tuples):
            raise ProtocolError("PIDF: two tuples of one id", section="RFC 3863 §4.1.2")
        extensions = tuple(child for child in root if child.tag not in _KNOWN_IN_PRESENCE)
        return cls(attribute(root, "entity"), tuples, _notes(root), extensions)

    def serialize(self) -> bytes:
        """The document in UTF-8."""
        root = ET.Element("presence", {"xmlns": NAMESPACE, "entity": clean(self.entity)})
        for item in self.tuples:
            _add_tuple(root, item)
        _add_notes(root, self.notes)
        root.extend(self.extensions)
        return serialize_document(root)


def compose(entity: str, documents: Iterable[Presence]) -> Presence:
    """One document out of several, newest first: of tuples with one id, and of notes and extensions, the newest wins.

    The compositor of RFC 3903 §2 with the simplest policy: nobody's means of communication vanish because another
    device speaks later, but of one means the latest word counts.
    """
    tuples: dict[str, PresenceTuple] = {}
    notes: tuple[Note, ...] = ()
    extensions: tuple[ET.Element, ...] = ()
    for document in documents:
        for item in document.tuples:
            tuples.setdefault(item.id, item)
        notes = notes or document.notes
        extensions = extensions or document.extensions
    return Presence(entity, tuple(tuples.values()), notes, extensions)


def _tuple(element: ET.Element) -> PresenceTuple:
    status = element.find(f"{{{NAMESPACE}}}status")
    if status is None:
        raise ProtocolError("PIDF: tuple without status", section="RFC 3863 §4.1.2")
    basic = text_of(status.find(f"{{{NAMESPACE}}}basic"))
    if basic not in (None, "open", "closed"):
        raise ProtocolError("PIDF: basic status is neither open nor closed", section="RFC 3863 §4.1.4")
    contact = element.find(f"{{{NAMESPACE}}}contact")
    return PresenceTuple(
        id=attribute(element, "id"),
        basic=basic,
        contact=text_of(contact),
        priority=None if contact is None else contact.get("priority"),
        notes=_notes(element),
        timestamp=text_of(element.find(f"{{{NAMESPACE}}}timestamp")),
        status_extensions=tuple(child for child in status if child.tag != f"{{{NAMESPACE}}}basic"),
        extensions=tuple(child for child in element if child.tag not in _KNOWN_IN_TUPLE),
    )


def _notes(element: ET.Element) -> tuple[Note, ...]:
    found = element.findall(f"{{{NAMESPACE}}}note")
    return tuple(Note((note.text or "").strip(), note.get(_XML_LANGUAGE)) for note in found)


def _add_tuple(root: ET.Element, item: PresenceTuple) -> None:
    element = ET.SubElement(root, "tuple", {"id": clean(item.id)})
    status = ET.SubElement(element, "status")
    add_text(status, "basic", item.basic)
    status.extend(item.status_extensions)
    element.extend(item.extensions)
    add_text(element, "contact", item.contact, {} if item.priority is None else {"priority": item.priority})
    _add_notes(element, item.notes)
    add_text(element, "timestamp", item.timestamp)


def _add_notes(parent: ET.Element, notes: Iterable[Note]) -> None:
    for note in notes:
        add_text(parent, "note", note.text, {} if note.language is None else {"xml:lang": note.language})
