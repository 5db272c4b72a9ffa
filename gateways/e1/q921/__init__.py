"""LAPD, the link layer of the D channel (ITU-T Q.921 as a primary rate access uses it): frames and one data link.

SAPI 0, TEI 0, extended (modulo 128) numbering; no TEI management. Frames come and go without flags and FCS.
"""

from __future__ import annotations

from gateways.e1.q921.events import DataReceived, LinkError, LinkEstablished, LinkEvent, LinkReleased
from gateways.e1.q921.frame import Frame, FrameError, Kind, Side
from gateways.e1.q921.link import Link
from gateways.e1.q921.link_core import LinkParameters, LinkState

__all__ = [
    "DataReceived",
    "Frame",
    "FrameError",
    "Kind",
    "Link",
    "LinkError",
    "LinkEstablished",
    "LinkEvent",
    "LinkParameters",
    "LinkReleased",
    "LinkState",
    "Side",
]
