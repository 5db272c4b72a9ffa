"""The ``dialog`` event package: dialogs of a user as dialog-info XML (RFC 4235 §4).

Left out: partial state, the session description inside a participant and the Call-ID of `referred-by` parties.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Final, Self

from softswitch.sip.errors import ProtocolError
from softswitch.sip.packages.xml import (
    add_text,
    attribute,
    clean,
    parse_document,
    serialize_document,
    text_of,
    unsigned,
)

NAMESPACE: Final = "urn:ietf:params:xml:ns:dialog-info"
STATES: Final = frozenset({"trying", "proceeding", "early", "confirmed", "terminated"})
TERMINATION_EVENTS: Final = frozenset(
    {"cancelled", "rejected", "replaced", "local-bye", "remote-bye", "error", "timeout"}
)


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a dialog: identity and target are URIs, `target_params` the pairs of RFC 4235 §4.1.6.2."""

    identity: str | None = None
    display_name: str | None = None
    target: str | None = None
    target_params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DialogState:
    """One dialog: `direction` is initiator or recipient, `event` and `code` say why it ended; `duration` in seconds."""

    id: str
    state: str
    direction: str | None = None
    call_id: str | None = None
    local_tag: str | None = None
    remote_tag: str | None = None
    event: str | None = None
    code: int | None = None
    duration: int | None = None
    local: Party | None = None
    remote: Party | None = None


@dataclass(frozen=True, slots=True)
class DialogInfo:
    """A whole dialog-info document about the user `entity` (a URI)."""

    entity: str
    version: int
    dialogs: tuple[DialogState, ...] = ()
    state: str = "full"

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Reads a dialog-info document; raises ProtocolError."""
        root = parse_document(data, f"{{{NAMESPACE}}}dialog-info")
        version = unsigned(attribute(root, "version"), "version") or 0
        dialogs = tuple(_dialog(child) for child in root.findall(f"{{{NAMESPACE}}}dialog"))
        return cls(attribute(root, "entity"), version, dialogs, attribute(root, "state"))

    def serialize(self) -> bytes:
        """The document in UTF-8."""
        names = {"xmlns": NAMESPACE, "version": str(self.version), "state": self.state, "entity": clean(self.entity)}
        root = ET.Element("dialog-info", names)
        for dialog in self.dialogs:
            _add_dialog(root, dialog)
        return serialize_document(root)


def _add_dialog(root: ET.Element, dialog: DialogState) -> None:
    optional = {
        "call-id": dialog.call_id,
        "local-tag": dialog.local_tag,
        "remote-tag": dialog.remote_tag,
        "direction": dialog.direction,
    }
    names = {"id": clean(dialog.id)} | {key: clean(value) for key, value in optional.items() if value is not None}
    element = ET.SubElement(root, "dialog", names)
    why = {"event": dialog.event, "code": None if dialog.code is None else str(dialog.code)}
    add_text(element, "state", dialog.state, {key: value for key, value in why.items() if value is not None})
    add_text(element, "duration", None if dialog.duration is None else str(dialog.duration))
    for tag, party in (("local", dialog.local), ("remote", dialog.remote)):
        if party is not None:
            _add_party(element, tag, party)


def _add_party(dialog: ET.Element, tag: str, party: Party) -> None:
    element = ET.SubElement(dialog, tag)
    display = {} if party.display_name is None else {"display": clean(party.display_name)}
    add_text(element, "identity", party.identity, display)
    if party.target is None:
        return
    target = ET.SubElement(element, "target", {"uri": clean(party.target)})
    for name, value in party.target_params:
        ET.SubElement(target, "param", {"pname": clean(name), "pval": clean(value)})


def _dialog(element: ET.Element) -> DialogState:
    state = element.find(f"{{{NAMESPACE}}}state")
    name = text_of(state)
    if state is None or name not in STATES:
        raise ProtocolError("dialog-info: dialog without a known state", section="RFC 4235 §4.1.2")
    return DialogState(
        id=attribute(element, "id"),
        state=name,
        direction=element.get("direction"),
        call_id=element.get("call-id"),
        local_tag=element.get("local-tag"),
        remote_tag=element.get("remote-tag"),
        event=state.get("event"),
        code=unsigned(state.get("code"), "code"),
        duration=unsigned(text_of(element.find(f"{{{NAMESPACE}}}duration")), "duration"),
        local=_party(element.find(f"{{{NAMESPACE}}}local")),
        remote=_party(element.find(f"{{{NAMESPACE}}}remote")),
    )


def _party(element: ET.Element | None) -> Party | None:
    if element is None:
        return None
    identity = element.find(f"{{{NAMESPACE}}}identity")
    target = element.find(f"{{{NAMESPACE}}}target")
    params: tuple[tuple[str, str], ...] = ()
    if target is not None:
        children = target.findall(f"{{{NAMESPACE}}}param")
        params = tuple((attribute(child, "pname"), attribute(child, "pval")) for child in children)
    return Party(
        identity=text_of(identity),
        display_name=None if identity is None else identity.get("display"),
        target=None if target is None else attribute(target, "uri"),
        target_params=params,
    )
