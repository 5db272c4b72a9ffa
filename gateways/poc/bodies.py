"""The parts of a push-to-talk request: session description, mcptt-info, lists and documents (RFC 5621 §3)."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateways.poc import mcptt_info, resource_lists
from gateways.poc.mcptt_info import McpttInfo
from softswitch.sip.bodies import SDP
from softswitch.sip.errors import ProtocolError
from softswitch.sip.headers.media_type import MediaType
from softswitch.sip.message import Message
from softswitch.sip.multipart import Part, parse_multipart, serialize_multipart
from softswitch.sip.packages import PRESENCE

#: Larger bodies are refused: 64 KiB (TS 24.379 sets no limit).
MAX_OCTETS = 65536
POC_SETTINGS = "application/poc-settings+xml"
LOCATION = "application/vnd.3gpp.mcptt-location-info+xml"
AFFILIATION_COMMAND = "application/vnd.3gpp.mcptt-affiliation-command+xml"


@dataclass(slots=True)
class Bodies:
    """What a message carries; `parts` are all parts by media type, the first of each."""

    parts: dict[str, bytes] = field(default_factory=dict)
    by_id: dict[str, bytes] = field(default_factory=dict)
    info: McpttInfo | None = None
    parties: list[str] | None = None

    @classmethod
    def of(cls, message: Message) -> Bodies:
        """The parts of a message; raises ProtocolError for what is malformed, too long or encrypted."""
        if not message.body:
            return cls()
        if len(message.body) > MAX_OCTETS:
            raise ProtocolError("the body is too long", status=413)
        kind = message.content_type
        if kind is None:
            raise ProtocolError("a body without its type", section="RFC 3261 §20.15")
        bodies = cls()
        if kind.type == "multipart":
            for part in parse_multipart(kind, message.body, part_limit=8):
                bodies._add(part.content_type, part.body, part.get("Content-ID"))
        else:
            bodies._add(kind, message.body, message.get("Content-ID"))
        return bodies

    def _add(self, kind: MediaType, body: bytes, identifier: str | None) -> None:
        self.parts.setdefault(kind.essence, body)
        if identifier:
            self.by_id.setdefault(identifier.strip().strip("<>"), body)
        if kind.essence == mcptt_info.CONTENT_TYPE and self.info is None:
            self.info = McpttInfo.parse(body)
        elif kind.essence == resource_lists.CONTENT_TYPE and self.parties is None:
            self.parties = resource_lists.parse_resource_lists(body)

    @property
    def sdp(self) -> bytes | None:
        """The session description."""
        return self.parts.get(SDP)

    @property
    def presence(self) -> bytes | None:
        """The PIDF document of an affiliation."""
        return self.parts.get(PRESENCE.content_type)


def multipart(*parts: tuple[str, bytes], boundary: str = "poc-boundary") -> tuple[bytes, str]:
    """(body, content type) of these (content type, body) parts; a single part goes by itself.

    A resource list is marked as the list of recipients (RFC 5366 §4).
    """
    if len(parts) == 1:
        return parts[0][1], parts[0][0]
    made = []
    for kind, body in parts:
        fields = [("Content-Type", kind)]
        if kind == resource_lists.CONTENT_TYPE:
            fields.append(("Content-Disposition", "recipient-list"))
        made.append(Part(fields, body))
    return serialize_multipart(made, boundary), f"multipart/mixed;boundary={boundary}"
