"""Notifications of what became of a message: delivered, displayed, stored, failed (IMDN, RFC 5438)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Final, Literal

from softswitch.messaging.cpim import CONTENT_TYPE as CPIM
from softswitch.messaging.cpim import IMDN_NAMESPACE, CpimMessage, parse_cpim
from softswitch.messaging.model import State
from softswitch.sip.errors import ProtocolError
from softswitch.sip.headers.media_type import MediaType
from softswitch.sip.packages.xml import add_text, parse_document, serialize_document, text_of

CONTENT_TYPE: Final = "message/imdn+xml"
NAMESPACE: Final = "urn:ietf:params:xml:ns:imdn"
Kind = Literal["delivery", "display", "processing"]
_STATUSES: dict[str, frozenset[str]] = {
    "delivery": frozenset({"delivered", "failed", "forbidden", "error"}),
    "display": frozenset({"displayed", "forbidden", "error"}),
    "processing": frozenset({"processed", "stored", "forbidden", "error"}),
}
_LONGEST_ID = 256


@dataclass(frozen=True, slots=True)
class Notification:
    """One IMDN document; `time` is the ISO 8601 time at which the message was sent, as written there."""

    message_id: str
    time: str
    kind: Kind
    status: str
    recipient: str = ""
    original_recipient: str = ""

    @property
    def state(self) -> State | None:
        """The state of a delivery that this tells of; None when it tells of none."""
        if self.status == "delivered":
            return State.DELIVERED
        if self.status == "displayed":
            return State.DISPLAYED
        return State.FAILED if self.kind == "delivery" else None

    def serialize(self) -> bytes:
        """The XML document in UTF-8."""
        root = ET.Element("imdn", {"xmlns": NAMESPACE})
        add_text(root, "message-id", self.message_id)
        add_text(root, "datetime", self.time)
        add_text(root, "recipient-uri", self.recipient or None)
        add_text(root, "original-recipient-uri", self.original_recipient or None)
        status = ET.SubElement(ET.SubElement(root, f"{self.kind}-notification"), "status")
        ET.SubElement(status, self.status)
        return serialize_document(root)


def parse_imdn(data: bytes) -> Notification:
    """A notification; raises ProtocolError."""
    root = parse_document(data, f"{{{NAMESPACE}}}imdn")
    message_id, time = text_of(_child(root, "message-id")), text_of(_child(root, "datetime"))
    if not message_id or not time or len(message_id) > _LONGEST_ID:
        raise ProtocolError("a notification without message-id or datetime", section="RFC 5438 §11.1")
    for kind, statuses in _STATUSES.items():
        found = root.find(f"{{{NAMESPACE}}}{kind}-notification/{{{NAMESPACE}}}status")
        if found is not None:
            names = [child.tag.rpartition("}")[2] for child in found]
            status = next((name for name in names if name in statuses), None)
            if status is None:
                raise ProtocolError("a notification of an unknown status", section="RFC 5438 §11.1")
            uri, original = _child(root, "recipient-uri"), _child(root, "original-recipient-uri")
            return Notification(message_id, time, kind, status, text_of(uri) or "", text_of(original) or "")  # type: ignore[arg-type]
    raise ProtocolError("a notification that tells nothing", section="RFC 5438 §11.1")


def _child(root: ET.Element, name: str) -> ET.Element | None:
    return root.find(f"{{{NAMESPACE}}}{name}")


def notification_in(content_type: MediaType | None, body: bytes) -> Notification | None:
    """The notification in a body, alone or in CPIM; None when the body is something else. Raises ProtocolError."""
    if content_type is None:
        return None
    if content_type.essence == CONTENT_TYPE:
        return parse_imdn(body)
    if content_type.essence == CPIM:
        message = parse_cpim(body)
        if message.content_type.essence == CONTENT_TYPE:
            return parse_imdn(message.body)
    return None


def wanted(message: CpimMessage) -> frozenset[str]:
    """The notifications that a message asks for, such as positive-delivery (RFC 5438 §6.2)."""
    value = message.imdn("Disposition-Notification") or ""
    return frozenset(word.partition(";")[0].strip().lower() for word in value.split(",") if word.strip())


def envelope(sender: str, recipient: str, time: str, message_id: str, content_type: str, body: bytes) -> CpimMessage:
    """A message in CPIM that asks for delivery notifications (RFC 5438 §7.1.1); addresses are URIs."""
    headers = (
        ("From", f"<{sender}>"),
        ("To", f"<{recipient}>"),
        ("NS", f"imdn <{IMDN_NAMESPACE}>"),
        ("imdn.Message-ID", message_id),
        ("DateTime", time),
        ("imdn.Disposition-Notification", "positive-delivery, negative-delivery"),
    )
    return CpimMessage(headers, (("Content-Type", content_type),), body, {"": "", "imdn": IMDN_NAMESPACE})


def notification_envelope(sender: str, recipient: str, message_id: str, notification: Notification) -> CpimMessage:
    """A notification in CPIM as it goes back to who asked for it (RFC 5438 §7.2.1)."""
    headers = (
        ("From", f"<{sender}>"),
        ("To", f"<{recipient}>"),
        ("NS", f"imdn <{IMDN_NAMESPACE}>"),
        ("imdn.Message-ID", message_id),
    )
    content = (("Content-Type", CONTENT_TYPE), ("Content-Disposition", "notification"))
    return CpimMessage(headers, content, notification.serialize(), {"": "", "imdn": IMDN_NAMESPACE})


__all__ = [
    "CONTENT_TYPE",
    "Notification",
    "envelope",
    "notification_envelope",
    "notification_in",
    "parse_imdn",
    "wanted",
]
