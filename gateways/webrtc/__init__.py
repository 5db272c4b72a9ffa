"""Browsers without SIP: sessions by plain requests with an SDP offer and answer; see docs/webrtc.md.

A browser that speaks SIP over WebSocket (RFC 7118) is a SIP device and needs no gateway.
"""

from gateways.webrtc.gateway import BadDescription, BrowserSession, WebRtcGateway
from gateways.webrtc.leg import BrowserLeg

__all__ = ["BadDescription", "BrowserLeg", "BrowserSession", "WebRtcGateway"]
