"""Session descriptions: RFC 8866 text, RFC 3264 offer and answer, RFC 4568 keys, GB/T 28181 additions."""

from __future__ import annotations

from softswitch.sdp.capabilities import G711, TELEPHONE_EVENT, Capabilities, LocalMedia, LocalSession, MediaCapability
from softswitch.sdp.description import MediaDescription, SdpLimits, SessionDescription
from softswitch.sdp.errors import GlareError, OfferAnswerError, SdpError
from softswitch.sdp.fields import Connection, Origin, RtpMap
from softswitch.sdp.formats import Codec
from softswitch.sdp.negotiated import AgreedFormat, AgreedStream, agree
from softswitch.sdp.offer_answer import (
    OfferAnswerState,
    answer,
    check_answer,
    check_new_offer,
    hold,
    make_offer,
    next_version,
    refuse,
    resume,
    with_direction,
)
from softswitch.sdp.relay import MediaAddress, rewrite
from softswitch.sdp.security import Crypto, InlineKey, choose_crypto

__all__ = [
    "G711",
    "TELEPHONE_EVENT",
    "AgreedFormat",
    "AgreedStream",
    "Capabilities",
    "Codec",
    "Connection",
    "Crypto",
    "GlareError",
    "InlineKey",
    "LocalMedia",
    "LocalSession",
    "MediaAddress",
    "MediaCapability",
    "MediaDescription",
    "OfferAnswerError",
    "OfferAnswerState",
    "Origin",
    "RtpMap",
    "SdpError",
    "SdpLimits",
    "SessionDescription",
    "agree",
    "answer",
    "check_answer",
    "check_new_offer",
    "choose_crypto",
    "hold",
    "make_offer",
    "next_version",
    "refuse",
    "resume",
    "rewrite",
    "with_direction",
]
