"""Codecs as a session description speaks of them: what matches what, and which parameters an answer carries.

Sources: RFC 3264 §6.1, RFC 4733 §2.4.1 (telephone-event), RFC 6184 §8.2.2 (H.264), RFC 4867 §8.3.1 (AMR),
RFC 3952 §5 (iLBC), RFC 4856 §2.1.9 (G.729 annex B), RFC 5577 §5 (G.722.1), RFC 4588 §8.1 (retransmission).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from softswitch.sdp.attributes import parse_parameters
from softswitch.sdp.errors import OfferAnswerError
from softswitch.sdp.fields import STATIC_RTPMAPS, RtpMap
from softswitch.sdp.media import MediaDescription

#: Formats that accompany a codec and never carry a stream by themselves.
AUXILIARY = frozenset({"telephone-event", "cn", "red", "rtx", "ulpfec", "flexfec", "flexfec-03", "parityfec"})

#: Formats of video that only repair or wrap others. A relay that numbers each stream anew carries one for each line
#: and repeats lost packets itself (RFC 4588, RFC 2198, RFC 5109, RFC 8627).
WRAPPERS = frozenset({"rtx", "red", "ulpfec", "flexfec", "flexfec-03"})

#: Feedback that is answered or brought to the source (RFC 4585 §4.2, RFC 5104 §7.1); estimates of bandwidth are not.
CARRIED_FEEDBACK = ("nack", "nack pli", "ccm fir")

#: Events meant when a telephone-event format has no parameters (RFC 4733 §2.4.1).
DEFAULT_EVENTS = "0-15"

_HIGHEST_EVENT = 255
_CACHED_LENGTH = 40
_FIRST_DYNAMIC = 96
_LAST_DYNAMIC = 127

#: Encoding → parameters that must agree, with the value meant when one is absent.
_CONFIGURATION: dict[str, tuple[tuple[str, str], ...]] = {
    "amr": (("octet-align", "0"), ("crc", "0"), ("interleaving", "")),
    "amr-wb": (("octet-align", "0"), ("crc", "0"), ("interleaving", "")),
    "g7221": (("bitrate", ""),),
    "h264": (("packetization-mode", "0"),),
    "mpeg4-generic": (("mode", ""), ("config", "")),
}

#: Encoding → parameters whose offered value an answer repeats.
_MIRRORED: dict[str, tuple[str, ...]] = {
    "amr": ("octet-align", "crc", "interleaving", "mode-set", "mode-change-capability"),
    "amr-wb": ("octet-align", "crc", "interleaving", "mode-set", "mode-change-capability"),
    "g7221": ("bitrate",),
    "h264": ("profile-level-id", "packetization-mode"),
    "mpeg4-generic": (
        "streamtype",
        "mode",
        "config",
        "profile-level-id",
        "sizelength",
        "indexlength",
        "indexdeltalength",
    ),
    "rtx": ("apt",),
}

_H264_DEFAULT_PROFILE = "420010"


class Codec(NamedTuple):
    """A format we can speak: encoding name, RTP clock in Hz, channels, our parameters, the payload type we like."""

    encoding: str
    clock_rate: int = 8000
    channels: int = 1
    fmtp: str = ""
    payload_type: int | None = None

    @property
    def key(self) -> tuple[str, int, int]:
        """What formats are compared by; see `RtpMap.key`."""
        return self.encoding.lower(), self.clock_rate, self.channels

    @property
    def static_payload_type(self) -> int | None:
        """The fixed payload type of RFC 3551, if the codec has one."""
        return _STATIC_BY_KEY.get(self.key)


_STATIC_BY_KEY = {mapping.key: number for number, mapping in STATIC_RTPMAPS.items()}


class Format(NamedTuple):
    """One format of a media section: its text in the ``m=`` line, its mapping and its parameters."""

    text: str
    mapping: RtpMap
    fmtp: str


def read_formats(media: MediaDescription) -> list[Format]:
    """The understood formats of an RTP section, in order."""
    parameters = media.fmtps
    return [Format(str(number), mapping, parameters.get(str(number), "")) for number, mapping in media.rtpmaps.items()]


def compatible(encoding: str, first: str, second: str) -> bool:
    """Whether two parameter texts of the same encoding describe streams that one decoder setting can take."""
    name = encoding.lower()
    rules = _CONFIGURATION.get(name)
    if rules is None or first == second:
        return True
    left, right = parse_parameters(first), parse_parameters(second)
    if any(left.get(key, default).lower() != right.get(key, default).lower() for key, default in rules):
        return False
    return name != "h264" or _h264_profile(left) == _h264_profile(right)


def _h264_profile(parameters: dict[str, str]) -> tuple[str, bool]:
    """The profile without the level; constrained baseline is told by set1 of the constraint flags (RFC 6184 §8.1)."""
    text = parameters.get("profile-level-id", "").lower() or _H264_DEFAULT_PROFILE
    try:
        flags = int(text[2:4] or "0", 16)
    except ValueError:
        return text, False
    return text[:2], text[:2] in ("42", "4d", "58") and bool(flags & 0x40)


def answer_fmtp(encoding: str, offered: str, own: str) -> str:
    """The parameters an answer gives for a format that was offered with `offered` and that we speak with `own`."""
    name = encoding.lower()
    if name == "telephone-event":
        return common_events(offered, own)
    if name == "ilbc":
        modes = (parse_parameters(offered).get("mode", "30"), parse_parameters(own).get("mode", "30"))
        return "mode=20" if modes == ("20", "20") else "mode=30"
    if name == "g729":
        quiet = any(parse_parameters(text).get("annexb", "yes").lower() == "no" for text in (offered, own))
        return "annexb=no" if quiet else ""
    mirrored = _MIRRORED.get(name)
    if mirrored is None:
        return own
    theirs, result = parse_parameters(offered), parse_parameters(own)
    for key in mirrored:
        if key in theirs:
            result[key] = theirs[key]
        else:
            result.pop(key, None)
    return ";".join(f"{key}={value}" if value else key for key, value in result.items())


def parse_events(text: str) -> set[int]:
    """The event numbers of a telephone-event parameter such as ``0-15,66``; unreadable parts are left out."""
    events: set[int] = set()
    for part in (text.strip() or DEFAULT_EVENTS).split(",")[: _HIGHEST_EVENT + 1]:
        first, dash, last = part.strip().partition("-")
        if (
            first.isdigit()
            and first.isascii()
            and len(first) <= 3
            and (not dash or (last.isdigit() and len(last) <= 3))
        ):
            top = int(last) if dash and last.isascii() else int(first)
            events.update(range(int(first), min(top, _HIGHEST_EVENT) + 1))
    return events


def common_events(first: str, second: str) -> str:
    """The events both lists hold, in the compact form of RFC 4733 §2.4.1; "" when they share none."""
    if len(first) <= _CACHED_LENGTH and len(second) <= _CACHED_LENGTH:
        return _cached_common_events(first, second)
    return _common_events(first, second)


def _common_events(first: str, second: str) -> str:
    shared = sorted(parse_events(first) & parse_events(second))
    ranges: list[list[int]] = []
    for event in shared:
        if ranges and ranges[-1][1] == event - 1:
            ranges[-1][1] = event
        else:
            ranges.append([event, event])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)


_cached_common_events = lru_cache(maxsize=256)(_common_events)


def free_payload_type(taken: Iterable[int | None]) -> int:
    """The lowest dynamic payload type that is not taken (RFC 3551 §3); raises `OfferAnswerError` when all are."""
    used = set(taken)
    for number in range(_FIRST_DYNAMIC, _LAST_DYNAMIC + 1):
        if number not in used:
            return number
    raise OfferAnswerError("no dynamic payload type is left", "RFC 3551 §3")
