"""Offers and answers (RFC 3264): making them, checking them, holding and resuming.

The functions are pure but for `next_version`, which says so. The checks and the state machine live in their own
modules and are found here too.
"""

from __future__ import annotations

from collections.abc import Iterable

from softswitch.sdp.capabilities import Capabilities, LocalMedia, LocalSession, MediaCapability
from softswitch.sdp.checking import answer_direction, check_answer, check_new_offer, same_content
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import GlareError, OfferAnswerError
from softswitch.sdp.fields import DIRECTIONS, Connection
from softswitch.sdp.formats import (
    AUXILIARY,
    Codec,
    Format,
    answer_fmtp,
    common_events,
    compatible,
    free_payload_type,
    read_formats,
)
from softswitch.sdp.media import Attribute, MediaDescription
from softswitch.sdp.state import OfferAnswerState

__all__ = [
    "GlareError",
    "OfferAnswerError",
    "OfferAnswerState",
    "answer",
    "answer_direction",
    "check_answer",
    "check_new_offer",
    "hold",
    "make_offer",
    "next_version",
    "refuse",
    "resume",
    "with_direction",
]

_HOLD = {"sendrecv": "sendonly", "recvonly": "inactive"}
_RESUME = {"sendonly": "sendrecv", "inactive": "recvonly"}


# --- making an answer ----------------------------------------------------------------------------------------------


def answer(offer: SessionDescription, capabilities: Capabilities, local: LocalSession) -> SessionDescription:
    """The answer to `offer` (RFC 3264 §6).

    Every media line of the offer is answered in its place; a line of an unknown kind or transport, without a common
    codec, with port 0 or without a `LocalMedia` is refused with port 0. Payload type numbers are the offer's.
    """
    sections: list[MediaDescription] = []
    for index, media in enumerate(offer.media):
        ours = local.media[index] if index < len(local.media) else None
        capability = capabilities.find(media.kind, media.protocol)
        if ours is None or capability is None or not media.port:
            sections.append(refuse(media))
        else:
            sections.append(_answer_media(media, capability, capabilities, ours))
    host = next((ours.host for ours in local.media if ours is not None), local.origin.address)
    _place_connections(sections, local.media, host)
    return SessionDescription(
        local.origin, local.name, sections, [Connection.to(host)], timing=offer.timing[:] or ["t=0 0"]
    )


def refuse(media: MediaDescription) -> MediaDescription:
    """The refusal of one offered media line: same kind, transport and formats, port 0 (RFC 3264 §6)."""
    mid = media.mid
    attributes: list[Attribute] = [("mid", mid)] if mid else []
    return MediaDescription(media.kind, 0, media.protocol, media.formats[:], attributes=attributes)


def _answer_media(
    media: MediaDescription, capability: MediaCapability, capabilities: Capabilities, ours: LocalMedia
) -> MediaDescription:
    if not media.protocol.upper().startswith(("RTP/", "UDP/TLS/RTP/", "TCP/RTP/", "TCP/TLS/RTP/")):
        names = [text for text in media.formats if text in capability.formats]
        if not names:
            return refuse(media)
        section = MediaDescription(media.kind, ours.port, media.protocol, names)
        section.attributes.extend(ours.attributes)
        return section
    chosen = _choose(read_formats(media), capability.codecs, capabilities)
    if not chosen:
        return refuse(media)
    section = MediaDescription(media.kind, ours.port, media.protocol, [offered.text for offered, _ in chosen])
    for offered, own in chosen:
        _describe(section, offered.mapping.payload_type, own, answer_fmtp(own.encoding, offered.fmtp, own.fmtp))
    _answer_feedback(media, section, capability)
    _finish(section, capability, ours, mux=ours.rtcp_mux and media.rtcp_mux)
    if media.mid:
        section.attributes.append(("mid", media.mid))
    section.attributes.append((answer_direction(media.direction, ours.direction), None))
    return section


def _choose(offered: list[Format], own: tuple[Codec, ...], capabilities: Capabilities) -> list[tuple[Format, Codec]]:
    """The common formats in the order of preference, companions of the chosen codecs behind them."""
    common: list[tuple[Format, Codec]] = []
    by_key: dict[tuple[str, int, int], list[Codec]] = {}
    for codec in own:
        by_key.setdefault(codec.key, []).append(codec)
    for entry in offered:
        for codec in by_key.get(entry.mapping.key, ()):
            if compatible(codec.encoding, entry.fmtp, codec.fmtp):
                common.append((entry, codec))
                break
    main = [pair for pair in common if pair[1].key[0] not in AUXILIARY]
    if capabilities.prefer == "own":
        rank = {codec: index for index, codec in reversed(list(enumerate(own)))}
        main.sort(key=lambda pair: rank[pair[1]])
    if capabilities.single:
        del main[1:]
    taken = {entry.text for entry, _ in main}
    rates = {codec.clock_rate for _, codec in main}
    companions = [pair for pair in common if pair[1].key[0] in AUXILIARY and _accompanies(*pair, taken, rates)]
    return main + companions if main else []


def _accompanies(offered: Format, own: Codec, taken: set[str], rates: set[int]) -> bool:
    name = own.encoding.lower()
    if own.clock_rate not in rates:
        return False
    if name == "telephone-event":
        return common_events(offered.fmtp, own.fmtp) != ""
    if name == "rtx":
        return offered.fmtp.partition("apt=")[2].partition(";")[0].strip() in taken
    return True


def _describe(section: MediaDescription, payload_type: int, codec: Codec, fmtp: str) -> None:
    """Write ``a=rtpmap`` (also for static types: older devices want it) and ``a=fmtp``."""
    suffix = f"/{codec.channels}" if codec.channels > 1 else ""
    section.attributes.append(("rtpmap", f"{payload_type} {codec.encoding}/{codec.clock_rate}{suffix}"))
    if fmtp:
        section.attributes.append(("fmtp", f"{payload_type} {fmtp}"))


def _answer_feedback(media: MediaDescription, section: MediaDescription, capability: MediaCapability) -> None:
    if not capability.feedback:
        return
    known = set(section.formats)
    for feedback in media.rtcp_feedback:
        target = "*" if feedback.payload_type is None else str(feedback.payload_type)
        kind = f"{feedback.kind} {feedback.parameter}".strip()
        if kind in capability.feedback and (target == "*" or target in known):
            section.attributes.append(("rtcp-fb", str(feedback)))


def _finish(section: MediaDescription, capability: MediaCapability, ours: LocalMedia, *, mux: bool) -> None:
    attributes = section.attributes
    if capability.ptime_ms:
        attributes.append(("ptime", str(capability.ptime_ms)))
    attributes.extend(("crypto", str(crypto)) for crypto in ours.crypto)
    if mux:
        attributes.append(("rtcp-mux", None))
    elif ours.rtcp_port is not None and ours.rtcp_port != ours.port + 1:
        attributes.append(("rtcp", str(ours.rtcp_port)))
    attributes.extend(ours.attributes)


def _place_connections(sections: list[MediaDescription], locals_: Iterable[LocalMedia | None], host: str) -> None:
    for section, ours in zip(sections, locals_, strict=False):
        if section.port and ours is not None and ours.host != host:
            section.connections = [Connection.to(ours.host)]


# --- making an offer -----------------------------------------------------------------------------------------------


def make_offer(capabilities: Capabilities, local: LocalSession) -> SessionDescription:
    """An offer of everything we can do (RFC 3264 §5): one line per capability, in step with `local.media`.

    A capability without a `LocalMedia` is left out. Raises `OfferAnswerError` when more dynamic payload types are
    needed than there are.
    """
    sections: list[MediaDescription] = []
    places: list[LocalMedia] = []
    for capability, ours in zip(capabilities.media, local.media, strict=False):
        if ours is None:
            continue
        section = MediaDescription(capability.kind, ours.port, capability.protocols[0], list(capability.formats))
        taken = {codec.payload_type for codec in capability.codecs if codec.payload_type is not None}
        for codec in capability.codecs:
            number = codec.payload_type if codec.payload_type is not None else codec.static_payload_type
            if number is None:
                number = free_payload_type(taken)
                taken.add(number)
            section.formats.append(str(number))
            _describe(section, number, codec, codec.fmtp)
        section.attributes.extend(("rtcp-fb", f"* {feedback}") for feedback in capability.feedback)
        _finish(section, capability, ours, mux=ours.rtcp_mux)
        section.direction = ours.direction
        sections.append(section)
        places.append(ours)
    host = places[0].host if places else local.origin.address
    _place_connections(sections, places, host)
    return SessionDescription(local.origin, local.name, sections, [Connection.to(host)])


# --- holding, resuming, versions -----------------------------------------------------------------------------------


def next_version(previous: SessionDescription, new: SessionDescription) -> SessionDescription:
    """Give `new` the origin of `previous`, its version one higher only if something changed (RFC 3264 §8).

    `new` is changed in place and returned.
    """
    origin = previous.origin
    changed = not same_content(previous, new)
    new.origin = origin.with_version(origin.version_number + 1) if changed else origin
    return new


def with_direction(description: SessionDescription, direction: str) -> SessionDescription:
    """A copy in which every live line has `direction`, the version moved on if that changed anything."""
    if direction not in DIRECTIONS:
        raise OfferAnswerError(f"no such direction: {direction!r}")
    return _redirect(description, dict.fromkeys(DIRECTIONS, direction))


def hold(previous: SessionDescription) -> SessionDescription:
    """The next offer that puts the peer on hold: no line receives any more (RFC 3264 §8.4)."""
    return _redirect(previous, _HOLD)


def resume(previous: SessionDescription) -> SessionDescription:
    """The next offer that undoes `hold`: every line receives again."""
    return _redirect(previous, _RESUME)


def _redirect(previous: SessionDescription, change: dict[str, str]) -> SessionDescription:
    new = previous.copy()
    for media in new.media:
        present = media.declared_direction
        wanted = change.get(present, present)
        if media.port and wanted != present:
            media.direction = wanted
    return next_version(previous, new)
