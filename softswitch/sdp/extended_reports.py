"""Which extended RTCP reports a party wants (``a=rtcp-xr``, RFC 3611 §5)."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.sdp.description import SessionDescription

ATTRIBUTE = "rtcp-xr"
#: What the switch itself asks for.
WANTED = "voip-metrics stat-summary=loss,dup"


class ExtendedReports(NamedTuple):
    """The blocks that a party asks to be sent."""

    voice: bool = False
    statistics: bool = False


def read_extended_reports(description: SessionDescription, index: int) -> ExtendedReports:
    """What is asked for of one media line, there or for the whole session; unknown formats are passed over (§5.1)."""
    media = description.media[index] if index < len(description.media) else None
    value = media.attribute(ATTRIBUTE) if media is not None else None
    if value is None:
        value = description.attribute(ATTRIBUTE) or ""
    formats = {part.partition("=")[0].lower() for part in value.split()}
    return ExtendedReports("voip-metrics" in formats, "stat-summary" in formats)


def with_request(description: SessionDescription, asked: SessionDescription | None) -> SessionDescription:
    """A copy that asks for reports on its audio lines; `asked` is the offer that it answers, None for an offer.

    An answer asks where the offer did: who does not know the attribute is not bothered with it.
    """
    copy = description.copy()
    for index, media in enumerate(copy.media):
        if media.kind != "audio" or not media.port or not media.protocol.startswith("RTP/"):
            continue
        if asked is None or any(read_extended_reports(asked, index)):
            media.set_attribute(ATTRIBUTE, WANTED)
    return copy
