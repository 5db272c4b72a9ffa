"""Key frames asked for in signalling: SIP INFO with a picture_fast_update (RFC 5168), for phones without RTCP feedback.

The media engine asks the sender of a picture by RTCP (PLI, FIR). A sender that has agreed to neither is asked by INFO
besides; an INFO of a viewer becomes a request to whoever it sees, in that one's own way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch.calls.leg import Leg, LegState
from softswitch.media import KeyFrameRequested

if TYPE_CHECKING:
    from softswitch.calls.leg import Information
    from softswitch.calls.media.path import MediaPath

MEDIA_CONTROL = "application/media_control+xml"
_UPDATE = b"picture_fast_update"
_BODY = (
    b'<?xml version="1.0" encoding="utf-8"?>\r\n'
    b"<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>\r\n"
)
#: A phone that is asked again before it has answered answers twice.
_BETWEEN_S = 1.0


class KeyFrames:
    """Requests for key frames between parties and the media engine."""

    def __init__(self, media: MediaPath, now: Callable[[], float]) -> None:
        self._media = media
        self._now = now

    def requested(self, event: KeyFrameRequested) -> None:
        """The engine needs a key frame of a port's party."""
        leg = self._media.leg_of(event.port)
        if event.by_rtcp or leg is None or leg.state is not LegState.ANSWERED:
            return
        side, now = self._media.side(leg), self._now()
        if now - side.asked_picture_at >= _BETWEEN_S:
            side.asked_picture_at = now
            leg.inform(_FastUpdate())

    def informed(self, leg: Leg, information: Information) -> bool:
        """A party sent INFO: True when it was a request for a key frame that the engine passes on."""
        kind = information.content_type.partition(";")[0].strip().lower()
        if kind != MEDIA_CONTROL or _UPDATE not in information.body:
            return False
        port = self._media.side(leg).picture_port
        if port is None:
            return False
        port.request_shown_key_frame()
        return True


class _FastUpdate:
    """A request for a key frame as application data of a call (Information); nobody waits for the outcome."""

    content_type = MEDIA_CONTROL
    body = _BODY

    def accept(self) -> None:
        """It was passed on."""

    def refuse(self, status: int) -> None:
        """The party cannot take it now."""


__all__ = ["MEDIA_CONTROL", "KeyFrames"]
