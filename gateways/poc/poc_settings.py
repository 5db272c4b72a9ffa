"""Settings that a client publishes of itself: answer mode and barring (OMA PoC, TS 24.379 §7.3)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

from softswitch.sip.errors import ProtocolError
from softswitch.sip.packages.xml import parse_document

_NAMESPACES = ("urn:oma:params:xml:ns:poc:poc-settings", "urn:oma:xml:poc:poc-settings")


@dataclass(frozen=True, slots=True)
class PocSettings:
    """`automatic` answers without ringing; `barred` takes no sessions, `alert_barred` no alerts."""

    automatic: bool = True
    barred: bool = False
    alert_barred: bool = False

    @classmethod
    def parse(cls, data: bytes) -> PocSettings:
        """Read a document; raises ProtocolError. Settings that are absent have their defaults."""
        root = _root(data)
        words = {_local(element): (element.text or "").strip().lower() for element in root.iter()}
        active = {_local(element): element.get("active", "").lower() for element in root.iter()}
        return cls(
            automatic=words.get("answer-mode", "automatic") != "manual",
            barred=active.get("incoming-session-barring", "false") == "true",
            alert_barred=active.get("incoming-personal-alert-barring", "false") == "true",
        )


def _root(data: bytes) -> ET.Element:
    for namespace in _NAMESPACES:
        if namespace.encode() in data:
            return parse_document(data, f"{{{namespace}}}poc-settings")
    raise ProtocolError("not a document of PoC settings", section="OMA PoC")


def _local(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]
