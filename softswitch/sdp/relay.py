"""Rewriting a description for a media relay: our addresses in, every way around us out.

What the two ends say of codecs passes through; the payload type numbers of each side are kept, the relay maps them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from softswitch.sdp.attributes import parse_parameters
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import OfferAnswerError
from softswitch.sdp.fields import Connection, Origin, RtpMap
from softswitch.sdp.formats import AUXILIARY, CARRIED_FEEDBACK, WRAPPERS, Codec, compatible, free_payload_type
from softswitch.sdp.media import Attribute, MediaDescription
from softswitch.sdp.offer_answer import refuse

#: Attributes that name addresses, ports or sources other than the relay's, or bind several streams into one.
BYPASS = frozenset(
    {
        "candidate",
        "remote-candidates",
        "end-of-candidates",
        "ice-ufrag",
        "ice-pwd",
        "ice-options",
        "ice-lite",
        "ice-mismatch",
        "ice-pacing",
        "rtcp",
        "rtcp-mux",
        "rtcp-mux-only",
        "rtcp-xr",
        "ssrc",
        "ssrc-group",
        "msid",
        "msid-semantic",
        "group",
        "bundle-only",
        "altc",
    }
)

#: Attributes whose value begins with the format they speak of.
_OF_A_FORMAT = frozenset({"rtpmap", "fmtp", "rtcp-fb", "imageattr"})

_VIDEO_CLOCK_HZ = 90000


class MediaAddress(NamedTuple):
    """Where the relay takes one stream; `rtcp_port` None = the next port; `rtcp_mux` writes ``a=rtcp-mux``."""

    host: str
    port: int
    rtcp_port: int | None = None
    rtcp_mux: bool = False


def rewrite(
    description: SessionDescription,
    addresses: Sequence[MediaAddress | None],
    *,
    origin: Origin | None = None,
    allow: Collection[str] | None = None,
    add: Sequence[Codec] = (),
    kinds: Collection[str] = ("audio",),
) -> SessionDescription:
    """A new description that sends all media to the relay; `description` is left as it is.

    `addresses` goes in step with the media lines; a line without one is refused in place. `origin` None keeps the
    session's id and version and hides user name and address. In lines of `kinds`, `allow` keeps only these encodings
    (any case) with the telephone-event and comfort noise of their clock rates, and `add` appends codecs that are
    missing, as far as payload types are left (those with a 90 kHz clock to video lines, the others to audio lines).
    A line left without a codec is refused.
    """
    wanted = None if allow is None else frozenset(name.lower() for name in allow)
    host = next((address.host for address in addresses if address is not None), description.origin.address)
    sections: list[MediaDescription] = []
    count = len(addresses)
    for index, media in enumerate(description.media):
        address = addresses[index] if index < count else None
        if address is None or not media.port:
            sections.append(refuse(media))
        else:
            change = media.kind in kinds and (wanted is not None or bool(add))
            sections.append(
                _rewrite_media(media, address, host, wanted, add) if change else _move(media, address, host)
            )
    return SessionDescription(
        origin or description.origin._replace(username="-").with_address(host),
        description.name or "-",
        sections,
        [Connection.to(host)],
        description.timing[:] or ["t=0 0"],
        [entry for entry in description.attributes if entry[0] not in BYPASS],
        description.bandwidth[:],
        description.information,
        description.uri,
        description.emails[:],
        description.phones[:],
        description.key,
        description.unknown[:],
        description.newline,
    )


def _rewrite_media(
    media: MediaDescription, address: MediaAddress, host: str, wanted: frozenset[str] | None, add: Sequence[Codec]
) -> MediaDescription:
    """`_move` with another choice of codecs."""
    video = media.kind == "video"
    fitting = [codec for codec in add if (codec.clock_rate == _VIDEO_CLOCK_HZ) == video]
    formats, attributes = _change_codecs(media, wanted, fitting)
    if not formats:
        return refuse(media)
    section = _move(media, address, host, attributes)
    dropped = _wrappers(media) if media.kind == "video" else set()
    section.formats = [text for text in formats if text not in dropped]
    return section


def _move(
    media: MediaDescription, address: MediaAddress, host: str, source: list[Attribute] | None = None
) -> MediaDescription:
    """The line with our address; `source` are the attributes to filter instead of its own."""
    attributes = [entry for entry in (media.attributes if source is None else source) if entry[0] not in BYPASS]
    formats = media.formats[:]
    if media.kind == "video":
        formats, attributes = carried_formats(media, attributes)
    if address.rtcp_mux:
        attributes.append(("rtcp-mux", None))
    elif address.rtcp_port is not None and address.rtcp_port != address.port + 1:
        attributes.append(("rtcp", str(address.rtcp_port)))
    section = MediaDescription(
        media.kind,
        address.port,
        media.protocol,
        formats,
        1,
        media.information,
        [] if address.host == host else [Connection.to(address.host)],
        media.bandwidth[:],
        media.key,
        attributes,
        media.unknown[:],
    )
    connection = media.connection
    if connection is not None and connection.unspecified:
        # The hold that 0.0.0.0 said must now be said by the direction, because our address is a real one.
        section.direction = media.direction
    return section


def carried_formats(media: MediaDescription, attributes: Sequence[Attribute]) -> tuple[list[str], list[Attribute]]:
    """A video line's formats, and of `attributes` those that stay, without what the relay does not carry."""
    wrappers = _wrappers(media)
    kept = []
    for name, value in attributes:
        target, _, rest = (value or "").partition(" ")
        if name in _OF_A_FORMAT and target in wrappers:
            continue
        if name != "rtcp-fb" or " ".join(rest.split()).lower() in CARRIED_FEEDBACK:
            kept.append((name, value))
    return [text for text in media.formats if text not in wrappers], kept


def _wrappers(media: MediaDescription) -> set[str]:
    return {str(number) for number, mapping in media.rtpmaps.items() if mapping.encoding.lower() in WRAPPERS}


def _change_codecs(
    media: MediaDescription, wanted: frozenset[str] | None, add: Sequence[Codec]
) -> tuple[list[str], list[Attribute]]:
    """The formats that stay or are added (none: nothing is left to talk with) and the attributes that fit them."""
    maps = media.rtpmaps
    kept = maps if wanted is None else _restrict(media, maps, wanted, add)
    added = _additions(media, maps, kept, add)
    names = [mapping.encoding for mapping in kept.values()] + [codec.encoding for _, codec in added]
    if all(name.lower() in AUXILIARY for name in names):
        return [], []
    companions = {number for number, mapping in kept.items() if mapping.encoding.lower() in AUXILIARY}
    formats = [str(number) for number in kept if number not in companions]
    formats += [str(number) for number, codec in added if codec.encoding.lower() not in AUXILIARY]
    formats += [str(number) for number in kept if number in companions]
    formats += [str(number) for number, codec in added if codec.encoding.lower() in AUXILIARY]
    known = {*formats, "*"}
    result = [
        (name, value)
        for name, value in media.attributes
        if name not in _OF_A_FORMAT or value is None or value.partition(" ")[0] in known
    ]
    for number, codec in added:
        result.append(("rtpmap", str(RtpMap(number, codec.encoding, codec.clock_rate, codec.channels))))
        if codec.fmtp:
            result.append(("fmtp", f"{number} {codec.fmtp}"))
    return formats, result


def _restrict(
    media: MediaDescription, maps: dict[int, RtpMap], wanted: frozenset[str], add: Sequence[Codec]
) -> dict[int, RtpMap]:
    main = {number for number, mapping in maps.items() if mapping.encoding.lower() in wanted - AUXILIARY}
    rates = {maps[number].clock_rate for number in main} | {codec.clock_rate for codec in add}
    repairs = {number for number, mapping in maps.items() if mapping.encoding.lower() == "rtx"}
    parameters = media.fmtps if repairs else {}
    kept: dict[int, RtpMap] = {}
    for number, mapping in maps.items():
        name = mapping.encoding.lower()
        if number in main or (name in ("telephone-event", "cn") and mapping.clock_rate in rates):
            kept[number] = mapping
        elif number in repairs:
            repaired = parse_parameters(parameters.get(str(number), "")).get("apt", "")
            if repaired.isdigit() and len(repaired) <= 3 and int(repaired) in main:
                kept[number] = mapping
        elif name in AUXILIARY and name in wanted and mapping.clock_rate in rates:
            kept[number] = mapping
    return kept


def _additions(
    media: MediaDescription, maps: dict[int, RtpMap], kept: dict[int, RtpMap], add: Sequence[Codec]
) -> list[tuple[int, Codec]]:
    parameters = media.fmtps if add else {}
    present = [(mapping.key, parameters.get(str(number), "")) for number, mapping in kept.items()]
    taken: set[int | None] = {int(text) for text in media.formats if len(text) <= 3 and text.isdigit()}
    taken.update(maps)
    result: list[tuple[int, Codec]] = []
    for codec in add:
        if any(key == codec.key and compatible(codec.encoding, fmtp, codec.fmtp) for key, fmtp in present):
            continue
        number = codec.static_payload_type
        if number is None or (number in maps and maps[number].key != codec.key):
            number = codec.payload_type
            if number is None or number in taken:
                try:
                    number = free_payload_type(taken)
                except OfferAnswerError:
                    break
        taken.add(number)
        present.append((codec.key, codec.fmtp))
        result.append((number, codec))
    return result
