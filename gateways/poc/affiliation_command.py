"""The affiliation command: a user is told which groups to affiliate to and which to leave (TS 24.379 Annex F.4)."""

from __future__ import annotations

from dataclasses import dataclass

from gateways.poc.identities import number_of_uri
from softswitch.sip.packages.xml import parse_document, text_of

NAMESPACE = "urn:3gpp:ns:affiliationCommand:1.0"


@dataclass(frozen=True, slots=True)
class AffiliationCommand:
    """Group numbers."""

    affiliate: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> AffiliationCommand:
        """Read a body; raises ProtocolError."""
        root = parse_document(data, f"{{{NAMESPACE}}}command-list")
        found: dict[str, tuple[str, ...]] = {}
        for name in ("affiliate", "de-affiliate"):
            numbers = [
                number_of_uri(text_of(element) or "")
                for element in root.findall(f"{{{NAMESPACE}}}{name}/{{{NAMESPACE}}}group")
            ]
            found[name] = tuple(number for number in numbers if number)
        return cls(found["affiliate"], found["de-affiliate"])
