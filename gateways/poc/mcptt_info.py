"""The mcptt-info body: what a push-to-talk session is about (TS 24.379 Annex F.1).

Elements that are not read are kept by name, so that nothing is lost when a body is passed on. Left out: encrypted
values (a key management server would be needed), which are refused by whoever needs the value.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field, fields
from typing import Final

from softswitch.sip.errors import ProtocolError
from softswitch.sip.packages.xml import clean, parse_document, serialize_document, text_of

NAMESPACE: Final = "urn:3gpp:ns:mcpttInfo:1.0"
CONTENT_TYPE: Final = "application/vnd.3gpp.mcptt-info+xml"
_CHILDREN: Final = {"uri": "mcpttURI", "text": "mcpttString", "flag": "mcpttBoolean"}
_EXTENSIONS: Final = "anyExt"
#: Who began an ambient listening call: who listens, or who is listened to (TS 24.379 §11.1.6).
REMOTE: Final = "remote-init"
LOCAL: Final = "local-init"
_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}


class Encrypted(ProtocolError):
    """A value is encrypted and cannot be read here."""


@dataclass(slots=True)
class McpttInfo:
    """The parameters of one mcptt-info; None where an element is absent."""

    session_type: str | None = field(default=None, metadata={"name": "session-type", "kind": "plain"})
    request_uri: str | None = field(default=None, metadata={"name": "mcptt-request-uri", "kind": "uri"})
    calling_user: str | None = field(default=None, metadata={"name": "mcptt-calling-user-id", "kind": "uri"})
    called_party: str | None = field(default=None, metadata={"name": "mcptt-called-party-id", "kind": "uri"})
    calling_group: str | None = field(default=None, metadata={"name": "mcptt-calling-group-id", "kind": "uri"})
    required: bool | None = field(default=None, metadata={"name": "required", "kind": "flag"})
    emergency: bool | None = field(default=None, metadata={"name": "emergency-ind", "kind": "flag"})
    alert: bool | None = field(default=None, metadata={"name": "alert-ind", "kind": "flag"})
    imminent_peril: bool | None = field(default=None, metadata={"name": "imminentperil-ind", "kind": "flag"})
    broadcast: bool | None = field(default=None, metadata={"name": "broadcast-ind", "kind": "plain flag"})
    organisation: str | None = field(default=None, metadata={"name": "mc-org", "kind": "text"})
    floor_state: str | None = field(default=None, metadata={"name": "floor-state", "kind": "plain"})
    associated_group: str | None = field(default=None, metadata={"name": "associated-group-id", "kind": "uri"})
    originated_by: str | None = field(default=None, metadata={"name": "originated-by", "kind": "uri"})
    #: an ambient listening call was begun by the listener (``remote-init``) or by who is listened to (``local-init``).
    ambient: str | None = field(default=None, metadata={"name": "ambient-listening-type", "kind": "extension"})
    client_id: str | None = field(default=None, metadata={"name": "mcptt-client-id", "kind": "text"})
    access_token: str | None = field(default=None, metadata={"name": "mcptt-access-token", "kind": "text"})
    #: elements that are not read here, as they came.
    others: list[ET.Element] = field(default_factory=list, compare=False, repr=False)

    @classmethod
    def parse(cls, data: bytes) -> McpttInfo:
        """Read a body; raises ProtocolError, `Encrypted` for a value that cannot be read here."""
        root = parse_document(data, f"{{{NAMESPACE}}}mcpttinfo")
        parameters = root.find(f"{{{NAMESPACE}}}mcptt-Params")
        info = cls()
        for element in () if parameters is None else parameters:
            info._take(element)
        return info

    def _take(self, element: ET.Element) -> None:
        name, kind = _BY_NAME.get(_local(element), ("", ""))
        if kind and kind != "extension":
            setattr(self, name, _read(element, kind))
            return
        if _local(element) == _EXTENSIONS:
            for each in list(element):
                name, kind = _BY_NAME.get(_local(each), ("", ""))
                if kind == "extension":
                    setattr(self, name, text_of(each))
                    element.remove(each)
            if not len(element):
                return
        self.others.append(element)

    def serialize(self) -> bytes:
        """The body in UTF-8."""
        root = ET.Element("mcpttinfo", {"xmlns": NAMESPACE})
        parameters = ET.SubElement(root, "mcptt-Params")
        for name, (attribute, kind) in _BY_NAME.items():
            value = getattr(self, attribute)
            if value is not None and kind != "extension":
                _write(parameters, name, kind, value)
        parameters.extend(self.others)
        self._write_extensions(parameters)
        return serialize_document(root)

    def _write_extensions(self, parameters: ET.Element) -> None:
        """What is later than Rel-13 stands in an element of its own, beside what others have put there."""
        names = {name: attribute for name, (attribute, kind) in _BY_NAME.items() if kind == "extension"}
        given = {name: value for name, attribute in names.items() if (value := getattr(self, attribute)) is not None}
        if not given:
            return
        place = ET.Element(_EXTENSIONS)
        for others in [each for each in parameters if _local(each) == _EXTENSIONS]:
            place.extend(others)
            parameters.remove(others)
        for name, value in given.items():
            ET.SubElement(place, name).text = clean(value)
        parameters.append(place)

    @property
    def urgent(self) -> bool:
        """Whether an emergency or an imminent peril is declared."""
        return bool(self.emergency or self.imminent_peril)


_BY_NAME: Final[dict[str, tuple[str, str]]] = {
    entry.metadata["name"]: (entry.name, entry.metadata["kind"]) for entry in fields(McpttInfo) if entry.metadata
}


def _local(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _read(element: ET.Element, kind: str) -> str | bool | None:
    if element.get("type", "Normal") == "Encrypted":
        raise Encrypted(f"{_local(element)} is encrypted", section="TS 24.379 F.1", status=488)
    value = element if kind.startswith("plain") else element.find(f"{{{NAMESPACE}}}{_CHILDREN[kind]}")
    text = text_of(value)
    if not kind.endswith("flag") or text is None:
        return text
    if text.lower() not in _TRUTH:
        raise ProtocolError(f"{_local(element)} is neither true nor false", section="TS 24.379 F.1")
    return _TRUTH[text.lower()]


def _write(parent: ET.Element, name: str, kind: str, value: str | bool) -> None:
    text = clean(value) if isinstance(value, str) else str(value).lower()
    if kind.startswith("plain"):
        ET.SubElement(parent, name).text = text
    else:
        ET.SubElement(ET.SubElement(parent, name, {"type": "Normal"}), _CHILDREN[kind]).text = text
