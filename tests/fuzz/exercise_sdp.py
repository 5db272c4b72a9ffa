"""What must hold for any session description whatever."""

from __future__ import annotations

from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import SdpError


def exercise_sdp(data: bytes) -> SessionDescription | None:
    """Parse and use one body; the description when there is one. Anything but SdpError escapes."""
    try:
        description = SessionDescription.parse(data)
    except SdpError as error:
        assert error.line >= 0
        return None
    written = description.serialize()
    assert SessionDescription.parse(written).serialize() == written, "what is written reads back the same"
    for _ in range(2):
        description.held, description.groups, description.connection, description.y, description.f  # noqa: B018
    for media in description.media:
        for name in ("direction", "rtpmaps", "ptime", "rtcp_address", "rtcp_mux", "crypto"):
            try:
                getattr(media, name)
            except SdpError:
                continue
    return description
