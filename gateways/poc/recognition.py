"""Whether a SIP request belongs to push-to-talk, and to which of the two systems (TS 24.379 §4.2, OMA PoC CP §6.1)."""

from __future__ import annotations

from enum import Enum

from softswitch.sip.headers import NameAddr
from softswitch.sip.message import Message, Request

MCPTT_SERVICE = "urn:urn-7:3gpp-service.ims.icsi.mcptt"
#: How the service identifier stands in a feature parameter (RFC 3840 with RFC 3986 escapes).
MCPTT_REFERENCE = "urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt"
_INFO = "application/vnd.3gpp.mcptt-"
_SETTINGS = "poc-settings"


class System(Enum):
    """The two push-to-talk systems that are served."""

    MCPTT = "MCPTT"
    POC = "PoC"


#: What a server adds to its Contact, and a client to its own.
FEATURES = {
    System.MCPTT: f';+g.3gpp.mcptt;+g.3gpp.icsi-ref="{MCPTT_REFERENCE}"',
    System.POC: ";+g.poc.talkburst",
}


def system_of_features(text: str) -> System | None:
    """The system that feature tags of a Contact or an Accept-Contact name."""
    lowered = text.lower()
    if "g.3gpp.mcptt" in lowered or MCPTT_REFERENCE.lower() in lowered:
        return System.MCPTT
    return System.POC if "g.poc.talkburst" in lowered else None


def system_of(request: Request) -> System | None:
    """The system a request outside a dialog belongs to, None for ordinary telephony.

    Looked at in this order: Accept-Contact, the preferred or asserted service, the kind of the body, the floor control
    line of the offer. The order does not matter for a request that follows its standard; any one of them is enough,
    because clients leave some out.
    """
    index = request.index()
    for value in request.get_all("Accept-Contact"):
        found = system_of_features(value)
        if found is not None:
            return found
    for name in ("P-Preferred-Service", "P-Asserted-Service"):
        if MCPTT_SERVICE in index.get(name, ""):
            return System.MCPTT
    if index.get("Event", "").partition(";")[0].strip() == _SETTINGS:
        return System.MCPTT
    body = request.body
    if not body:
        return None
    if _INFO in index.get("Content-Type", "") or _INFO.encode() in body:
        return System.MCPTT
    return _of_floor_line(body)


def _of_floor_line(body: bytes) -> System | None:
    at = body.find(b"m=application ")
    if at < 0:
        return None
    line = body[at : at + 100].partition(b"\n")[0].split()
    if len(line) < 4 or line[2].lower() != b"udp":
        return None
    return {b"mcptt": System.MCPTT, b"tbcp": System.POC}.get(line[3].lower())


def with_features(contact: str, system: System, *, focus: bool = False) -> str:
    """A Contact value with the feature tags of the system; `focus` for a server that mixes a group (RFC 4579 §4.1)."""
    return f"{contact}{FEATURES[system]}{';isfocus' if focus else ''}"


def contact_system(message: Message) -> System | None:
    """The system that the sender of a message names in its Contact."""
    contact: NameAddr | None = message.contact
    return None if contact is None else system_of_features(str(contact))
