"""The resource-lists body: the parties that an INVITE or a REFER names (RFC 4826 §3, RFC 5366)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from typing import Final

from softswitch.sip.errors import ProtocolError
from softswitch.sip.packages.xml import attribute, clean, parse_document, serialize_document

NAMESPACE: Final = "urn:ietf:params:xml:ns:resource-lists"
CONTENT_TYPE: Final = "application/resource-lists+xml"
MAX_ENTRIES: Final = 512


def parse_resource_lists(data: bytes) -> list[str]:
    """The URIs of all entries, lists within lists included, each once; raises ProtocolError."""
    root = parse_document(data, f"{{{NAMESPACE}}}resource-lists")
    found = list(dict.fromkeys(attribute(entry, "uri").strip() for entry in root.iter(f"{{{NAMESPACE}}}entry")))
    if len(found) > MAX_ENTRIES:
        raise ProtocolError("a list of too many parties", section="RFC 5366", status=413)
    return found


def serialize_resource_lists(uris: Iterable[str]) -> bytes:
    """A body with one list of these entries."""
    root = ET.Element("resource-lists", {"xmlns": NAMESPACE})
    entries = ET.SubElement(root, "list")
    for uri in uris:
        ET.SubElement(entries, "entry", {"uri": clean(uri)})
    return serialize_document(root)
