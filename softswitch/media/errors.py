"""What the media engine may refuse to do."""

from __future__ import annotations


class MediaError(RuntimeError):
    """The media engine cannot do what was asked; the text says why."""


class PortsExhausted(MediaError):
    """No RTP port is free: all are in use, or closed so lately that late packets may still come."""


class NotTranscodable(MediaError):
    """Nothing that one port receives can be sent, as it is or converted, through the other."""


class PortClosed(MediaError):
    """The port has been closed."""
