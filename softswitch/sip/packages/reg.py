"""The ``reg`` event package: registration state as reginfo XML (RFC 3680 §5).

Left out: GRUU (RFC 5628) and partial notifications: every document is full state.
"""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from softswitch.sip.binding import Binding, BindingChange
from softswitch.sip.packages.xml import (
    add_text,
    attribute,
    clean,
    parse_document,
    serialize_document,
    text_of,
    unsigned,
)

NAMESPACE: Final = "urn:ietf:params:xml:ns:reginfo"


@dataclass(frozen=True, slots=True)
class RegisteredContact:
    """One contact of a registration; `expires`, `retry_after` and `duration` in seconds."""

    id: str
    uri: str
    state: str
    event: str
    expires: int | None = None
    retry_after: int | None = None
    duration: int | None = None
    q: str | None = None
    call_id: str | None = None
    cseq: int | None = None
    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """One address-of-record: `state` is init, active or terminated."""

    aor: str
    id: str
    state: str
    contacts: tuple[RegisteredContact, ...] = ()


@dataclass(frozen=True, slots=True)
class RegistrationInfo:
    """A whole reginfo document."""

    version: int
    registrations: tuple[Registration, ...]
    state: str = "full"

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Reads a reginfo document; raises ProtocolError."""
        root = parse_document(data, f"{{{NAMESPACE}}}reginfo")
        version = unsigned(attribute(root, "version"), "version") or 0
        registrations = tuple(_registration(child) for child in root.findall(f"{{{NAMESPACE}}}registration"))
        return cls(version, registrations, attribute(root, "state"))

    def serialize(self) -> bytes:
        """The document in UTF-8."""
        root = ET.Element("reginfo", {"xmlns": NAMESPACE, "version": str(self.version), "state": self.state})
        for registration in self.registrations:
            names = {"aor": clean(registration.aor), "id": registration.id, "state": registration.state}
            parent = ET.SubElement(root, "registration", names)
            for contact in registration.contacts:
                child = ET.SubElement(parent, "contact", _contact_attributes(contact))
                add_text(child, "uri", contact.uri)
                add_text(child, "display-name", contact.display_name)
        return serialize_document(root)


def _contact_attributes(contact: RegisteredContact) -> dict[str, str]:
    optional = {
        "expires": contact.expires,
        "retry-after": contact.retry_after,
        "duration-registered": contact.duration,
        "q": contact.q,
        "callid": contact.call_id,
        "cseq": contact.cseq,
    }
    fixed = {"id": contact.id, "state": contact.state, "event": contact.event}
    return fixed | {name: clean(str(value)) for name, value in optional.items() if value is not None}


def _registration(element: ET.Element) -> Registration:
    contacts = tuple(_contact(child) for child in element.findall(f"{{{NAMESPACE}}}contact"))
    return Registration(attribute(element, "aor"), attribute(element, "id"), attribute(element, "state"), contacts)


def _contact(element: ET.Element) -> RegisteredContact:
    return RegisteredContact(
        id=attribute(element, "id"),
        uri=text_of(element.find(f"{{{NAMESPACE}}}uri")) or "",
        state=attribute(element, "state"),
        event=attribute(element, "event"),
        expires=unsigned(element.get("expires"), "expires"),
        retry_after=unsigned(element.get("retry-after"), "retry-after"),
        duration=unsigned(element.get("duration-registered"), "duration-registered"),
        q=element.get("q"),
        call_id=element.get("callid"),
        cseq=unsigned(element.get("cseq"), "cseq"),
        display_name=text_of(element.find(f"{{{NAMESPACE}}}display-name")),
    )


def registration_info(
    aor_uri: str,
    bindings: Sequence[Binding],
    version: int,
    wall: float,
    *,
    changes: Iterable[BindingChange] = (),
) -> RegistrationInfo:
    """State of one address-of-record: its bindings, and of `changes` the contacts that have just gone.

    `wall` is the time of day in seconds, as the bindings count their expiry. A contact's event is that of its change
    where `changes` names it, else ``registered``.
    """
    events = {id(change.binding): change.event for change in changes}
    contacts = [_bound(binding, events.get(id(binding), "registered"), wall) for binding in bindings]
    present = {id(binding) for binding in bindings}
    contacts += [
        RegisteredContact(contact_id(change.binding), change.binding.contact, "terminated", change.event)
        for change in changes
        if change.removed and id(change.binding) not in present
    ]
    state = "active" if bindings else "terminated" if contacts else "init"
    return RegistrationInfo(version, (Registration(aor_uri, _short_digest(aor_uri), state, tuple(contacts)),))


def _bound(binding: Binding, event: str, wall: float) -> RegisteredContact:
    return RegisteredContact(
        id=contact_id(binding),
        uri=binding.contact,
        state="active",
        event=event,
        expires=max(0, round(binding.expires_at - wall)),
        q=binding.q_text,
        call_id=binding.call_id,
        cseq=binding.cseq,
    )


def contact_id(binding: Binding) -> str:
    """Identifier of a binding that stays the same over its refreshes (RFC 3680 §5.2)."""
    if binding.instance and binding.reg_id:
        return _short_digest(f"{binding.aor} {binding.instance} {binding.reg_id}")
    return _short_digest(f"{binding.aor} {binding.contact}")


def _short_digest(text: str) -> str:
    # An XML attribute of type ID in some receivers' schemas: it must not begin with a digit.
    return "r" + hashlib.blake2s(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
