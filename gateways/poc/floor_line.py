"""The floor control line of a session description: ``m=application … udp MCPTT`` or ``udp TBCP``.

TS 24.380 §12.1.2.2 and §14.2 for MCPTT (parameters are flags and ``mc_priority=N``, separated by semicolons), OMA PoC
user plane §9 for TBCP (``name=value``). Unknown parameters are passed over and not echoed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from softswitch.floor.channel import Dialect
from softswitch.floor.translation import FLOOR_PRIORITIES, burst_priority
from softswitch.sdp.attributes import parse_parameters
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import SdpError
from softswitch.sdp.media import MediaDescription

_DIALECTS: Final = {"MCPTT": Dialect.MCPTT, "TBCP": Dialect.TBCP}
DEFAULT_PRIORITY: Final = 4


@dataclass(frozen=True, slots=True)
class FloorLine:
    """One side's floor control channel and what it agrees to; `priority` None where it does not say."""

    dialect: Dialect
    host: str
    port: int
    queueing: bool = False
    priority: int | None = None
    granted: bool = False
    implicit_request: bool = False
    without_control: bool = False

    @classmethod
    def of(cls, media: MediaDescription) -> FloorLine | None:
        """The line of one media section; None when it is refused or no floor control line."""
        if media.kind != "application" or media.protocol.lower() != "udp" or not media.port:
            return None
        name = next((entry for entry in media.formats if entry.upper() in _DIALECTS), None)
        if name is None:
            return None
        dialect = _DIALECTS[name.upper()]
        given = parse_parameters(next((text for key, text in media.fmtps.items() if key.upper() == name.upper()), ""))
        if dialect is Dialect.MCPTT:
            return cls(
                dialect,
                media.host,
                media.port,
                "mc_queueing" in given,
                _number(given.get("mc_priority"), 1, 255),
                "mc_granted" in given,
                "mc_implicit_request" in given,
                "mc_no_floor_ctrl" in given,
            )
        level = _number(given.get("tb_priority"), 0, 3)
        return cls(
            dialect,
            media.host,
            media.port,
            given.get("queuing") == "1",
            None if level is None else FLOOR_PRIORITIES[level],
            given.get("tb_granted") == "1",
        )

    @classmethod
    def find(cls, sdp: bytes | None) -> FloorLine | None:
        """The floor control line of a description, None when there is none."""
        if not sdp:
            return None
        try:
            description = SessionDescription.parse(sdp)
        except SdpError:
            return None
        return next((line for media in description.media if (line := cls.of(media)) is not None), None)

    @property
    def format(self) -> str:
        """The word in the m= line."""
        return self.dialect.value

    def parameters(self) -> str:
        """The value of ``a=fmtp`` without its format, "" when there is nothing to say."""
        if self.dialect is Dialect.TBCP:
            level = burst_priority(self.priority if self.priority is not None else DEFAULT_PRIORITY)
            return f"queuing={self.queueing:d}; tb_priority={level}; timestamp=0; tb_granted={self.granted:d}"
        words = [
            "mc_queueing" if self.queueing else "",
            f"mc_priority={self.priority}" if self.priority else "",
            "mc_granted" if self.granted else "",
            "mc_implicit_request" if self.implicit_request else "",
            "mc_no_floor_ctrl" if self.without_control else "",
        ]
        return ";".join(word for word in words if word)

    def section(self) -> MediaDescription:
        """The media section that says this; without its own ``c=`` line."""
        parameters = self.parameters()
        media = MediaDescription("application", self.port, "udp", [self.format])
        if parameters:
            media.attributes.append(("fmtp", f"{self.format} {parameters}"))
        return media

    def put_into(self, sdp: bytes) -> bytes:
        """A description with this line in place of its application section, or after the others."""
        description = SessionDescription.parse(sdp)
        section = self.section()
        for index, media in enumerate(description.media):
            if media.kind == "application":
                description.media[index] = section
                break
        else:
            description.media.append(section)
        for media in description.media:
            if media.kind == "audio" and media.information is None and self.dialect is Dialect.MCPTT:
                media.information = "speech"
        return description.serialize()


def without_floor_line(sdp: bytes, sections: int) -> bytes:
    """The first `sections` media sections of an answer, as whoever made an offer of that many expects it."""
    description = SessionDescription.parse(sdp)
    description.media = description.media[:sections]
    return description.serialize()


def count_sections(sdp: bytes) -> int:
    """How many media sections a description has; 0 for one that cannot be read."""
    try:
        return len(SessionDescription.parse(sdp).media)
    except SdpError:
        return 0


def _number(text: str | None, least: int, most: int) -> int | None:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 3:
        return None
    return min(max(int(text), least), most)
