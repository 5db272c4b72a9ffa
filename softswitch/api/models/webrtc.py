"""Shapes of `/webrtc`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from softswitch.api.models.base import Answer, Number, Request, Time

Description = Annotated[str, Field(min_length=1, max_length=65536, description="A session description (RFC 8866).")]
DeviceId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]


class NewBrowserSession(Request):
    """A call that a browser places: its offer, with ICE and DTLS as RTCPeerConnection makes it."""

    sdp: Description
    type: Literal["offer"] = "offer"
    caller: Number = Field(description="The subscriber whose browser this is.")
    callee: Number = Field(description="A number: subscriber, trunk number, service, conference, talkgroup.")
    timeout_s: float = Field(default=60.0, ge=0, le=600, description="How long to wait for the answer; 0: not at all.")


class BrowserDescription(Request):
    """What a browser says within its session: the answer to a call it was offered, or a new offer."""

    sdp: Description
    type: Literal["offer", "answer"] = "answer"
    timeout_s: float = Field(default=10.0, ge=0, le=600, description="How long to wait for the answer to an offer.")


class BrowserSession(Answer):
    """One session of a browser with the switch."""

    session_id: str
    call_id: str
    number: str = Field(description="The subscriber.")
    peer: str = Field(default="", description="Who is called, or who calls.")
    direction: Literal["in", "out"]
    state: str
    sdp: str = Field(default="", description="The description to apply next, empty before there is one.")
    type: Literal["offer", "answer", ""] = ""
    sip_code: int = Field(default=0, description="Why it ended (a SIP status).")
    reason: str = ""


class BrowserRegistration(Request):
    """A browser that takes calls: it hears of them by the event `webrtc.offered`."""

    number: Number
    device: DeviceId
    expires_s: float = Field(default=60.0, ge=10, le=3600, description="Repeat the request before this time is over.")


class BrowserRegistered(Answer):
    """Until when calls are offered."""

    number: str
    device: str
    expires_at: Time = None
