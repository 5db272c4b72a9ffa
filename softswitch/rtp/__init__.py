"""RTP and RTCP octets: packets, header extensions, telephone events. Nothing here runs per packet of a call."""

from __future__ import annotations

from softswitch.rtp.errors import RtpError
from softswitch.rtp.extensions import AudioLevel, Extension
from softswitch.rtp.packet import RtpPacket, is_rtcp
from softswitch.rtp.telephone_event import TelephoneEvent, event_of_key

__all__ = ["AudioLevel", "Extension", "RtpError", "RtpPacket", "TelephoneEvent", "event_of_key", "is_rtcp"]
