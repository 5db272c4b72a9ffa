"""Descriptions of browsers (RFC 8829) and of other peers with DTLS-SRTP (RFC 5763), with and without their dress.

Inside the switch every stream is plain ``RTP/AVP``. `undress` makes such a description of one that a browser wrote,
`dress` turns ours into one that a browser takes. What goes between is `StreamTransport`: ICE credentials (RFC 8839),
fingerprint (RFC 8122) and role (RFC 4145). Lines of a bundle (RFC 9143) share one of them. Of header extensions
only the one that brings a line's name is agreed on. Left out: simulcast, data channels (refused).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from softswitch.sdp.attributes import ExtensionMap, Fingerprint, Group, Ssrc
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import SdpError
from softswitch.sdp.fields import DIRECTIONS
from softswitch.sdp.formats import WRAPPERS
from softswitch.sdp.media import DISCARD_PORT, MediaDescription
from softswitch.sdp.offer_answer import refuse
from softswitch.sdp.relay import carried_formats

#: What a stream is called with keys by DTLS, and what we offer browsers and phones (RFC 5764 §8, RFC 8829 §5.1.2).
SECURED: Final = frozenset({"UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"})
OFFERED: Final = "UDP/TLS/RTP/SAVPF"
OFFERED_TO_PHONES: Final = "UDP/TLS/RTP/SAVP"
_PLAIN: Final = "RTP/AVP"

#: What says nothing to a peer without this dress.
_DRESS: Final = frozenset(
    {
        "candidate", "end-of-candidates", "ice-ufrag", "ice-pwd", "ice-options", "fingerprint", "setup", "tls-id",
        "mid", "msid", "bundle-only", "extmap", "extmap-allow-mixed", "rtcp-rsize", "ssrc", "ssrc-group", "rid",
        "simulcast", "rtcp",
    }
)  # fmt: skip

#: The header extension by which packets say whose they are (RFC 9143 §15.3). One with a longer header is not read.
_MID_EXTENSION: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
_IDENTIFIERS: Final = range(1, 15)

#: What a peer behind this dress must not agree to, since nobody else does.
_EXTENSIONS: Final = ("extmap", "extmap-allow-mixed")


class StreamTransport(NamedTuple):
    """How one stream is reached and secured; `setup` is actpass, active or passive. `ufrag` "" is without ICE.

    `sources` are what is said of the SSRCs of whoever this is (RFC 5576); with `mux` RTCP comes to the port of RTP.
    `mid_extension` identifies the header extension by which a peer names its line, 0 for none.
    """

    ufrag: str
    password: str
    fingerprints: tuple[Fingerprint, ...]
    setup: str
    candidates: tuple[str, ...] = ()
    sources: tuple[Ssrc, ...] = ()
    mux: bool = True
    mid_extension: int = 0


def bundle_of(description: SessionDescription) -> tuple[str, ...]:
    """The names of the lines that share a transport, the one that has it first; empty without a bundle."""
    return next((group.mids for group in description.groups if group.semantics == "BUNDLE"), ())


def with_bundled_lines(description: SessionDescription) -> SessionDescription:
    """The same with lines that live in the bundle alone made as live as the others (``a=bundle-only``, §6)."""
    bundle = bundle_of(description)[1:]
    if not any(not media.port and media.has_attribute("bundle-only") for media in description.media):
        return description
    opened = description.copy()
    for media in opened.media:
        if not media.port and media.has_attribute("bundle-only") and media.mid in bundle:
            media.port = DISCARD_PORT
    return opened


def is_secured(description: SessionDescription) -> bool:
    """Whether any line asks for keys by DTLS."""
    return any(media.protocol in SECURED for media in description.media)


def transports(description: SessionDescription) -> list[StreamTransport | None]:
    """The transport of each line, None for a line that is refused or not secured so.

    What a line does not say the first of its bundle says, or the session for all. Raises SdpError for a secured line
    without a fingerprint.
    """
    return [
        _transport(description, media) if media.protocol in SECURED and media.port else None
        for media in description.media
    ]


def _transport(description: SessionDescription, media: MediaDescription) -> StreamTransport:
    bundle = bundle_of(description)
    first = [other for other in description.media if other.mid in bundle[:1]] if media.mid in bundle else []
    speakers: list[MediaDescription | SessionDescription] = [media, *first, description]

    def said(name: str) -> str:
        return next((value for each in speakers if (value := each.attribute(name))), "")

    texts: list[str] = next((values for each in speakers if (values := each.attribute_values("fingerprint"))), [])
    fingerprints = tuple(Fingerprint.parse(text) for text in texts)
    if not fingerprints:
        raise SdpError("a stream secured by DTLS needs a fingerprint (RFC 8122)")
    ufrag, password = said("ice-ufrag"), said("ice-pwd")
    if bool(ufrag) != bool(password):
        raise SdpError("ICE needs both ice-ufrag and ice-pwd (RFC 8839 §5.4)")
    setup = said("setup") or "actpass"
    if setup not in ("actpass", "active", "passive"):
        raise SdpError(f"setup:{setup} opens no connection (RFC 4145 §4)")
    mux = any(isinstance(each, MediaDescription) and each.rtcp_mux for each in speakers)
    return StreamTransport(
        ufrag, password, fingerprints, setup, tuple(media.candidates), tuple(media.ssrcs), mux, _mid_extension(media)
    )


def _mid_extension(media: MediaDescription) -> int:
    identifiers = [each.identifier for each in media.extension_maps if each.uri == _MID_EXTENSION]
    return next((number for number in identifiers if number in _IDENTIFIERS), 0)


def undress(description: SessionDescription) -> SessionDescription:
    """The same streams as plain RTP; a line of another kind (a data channel) is left to be refused."""
    plain = description.copy()
    plain.attributes = [
        entry for entry in plain.attributes
        if entry[0] not in _DRESS and entry[0] not in ("group", "msid-semantic", "ice-lite")
    ]  # fmt: skip
    for media in plain.media:
        if media.protocol in SECURED:
            media.protocol = _PLAIN
            _strip(media)
    plain.inherit()
    return plain


def _strip(media: MediaDescription) -> None:
    attributes = [entry for entry in media.attributes if entry[0] not in _DRESS]
    if media.kind == "video":
        media.formats, media.attributes = carried_formats(media, attributes)
        return
    wrappers = {str(number) for number, found in media.rtpmaps.items() if found.encoding.lower() in WRAPPERS}
    media.formats = [text for text in media.formats if text not in wrappers]
    media.attributes = [
        (name, value)
        for name, value in attributes
        if name != "rtcp-fb" and (name not in ("rtpmap", "fmtp") or (value or "").partition(" ")[0] not in wrappers)
    ]


def dress(
    plain: SessionDescription,
    ours: Sequence[StreamTransport | None],
    protocols: Sequence[str],
    mids: Sequence[str],
    *,
    bundle: Sequence[str] = (),
    bundle_only: Collection[str] = (),
) -> SessionDescription:
    """Our plain description as a peer with DTLS-SRTP takes it: one transport for each live line, in step.

    `protocols` and `mids` are what the peer called its lines (lines beyond them are `OFFERED` and have no name),
    `bundle` those of them that share a transport (RFC 9143), `bundle_only` those offered on no other terms (§6).
    """
    dressed = plain.copy()
    by_ice = False
    dressed.attributes = [entry for entry in dressed.attributes if entry[0] not in _EXTENSIONS]
    for index, media in enumerate(dressed.media):
        media.remove_attribute(*_EXTENSIONS)
        transport = ours[index] if index < len(ours) else None
        protocol = protocols[index] if index < len(protocols) else OFFERED
        if media.protocol == _PLAIN or media.protocol in SECURED:
            media.protocol = protocol
        if not media.port or transport is None:
            media = dressed.media[index] = refuse(media)
        else:
            by_ice |= bool(transport.ufrag)
            _put_on(media, transport)
        if index < len(mids) and mids[index]:
            media.set_attribute("mid", mids[index])
            if mids[index] in bundle_only and media.port:
                media.port = 0
                media.attributes.append(("bundle-only", None))
    if bundle:
        dressed.attributes.append(("group", str(Group("BUNDLE", tuple(bundle)))))
    if by_ice:
        dressed.attributes.append(("ice-lite", None))
    dressed.inherit()
    return dressed


def _put_on(media: MediaDescription, transport: StreamTransport) -> None:
    media.remove_attribute("rtcp", "mid")
    attributes = media.attributes
    if transport.mux and not media.rtcp_mux:
        attributes.append(("rtcp-mux", None))
    if not any(media.has_attribute(direction) for direction in DIRECTIONS):
        attributes.append((media.direction, None))
    named = {value.partition(" ")[0] for value in media.attribute_values("rtpmap")}
    attributes.extend(("rtpmap", str(each)) for number, each in media.rtpmaps.items() if str(number) not in named)
    attributes.extend(("fingerprint", str(each)) for each in transport.fingerprints)
    attributes.append(("setup", transport.setup))
    if transport.ufrag:
        attributes.append(("ice-ufrag", transport.ufrag))
        attributes.append(("ice-pwd", transport.password))
        attributes.extend(("candidate", text) for text in transport.candidates)
        if transport.candidates:
            attributes.append(("end-of-candidates", None))
    attributes.extend(("ssrc", str(each)) for each in transport.sources)
    if transport.mid_extension:
        attributes.append(("extmap", str(ExtensionMap(transport.mid_extension, _MID_EXTENSION, "recvonly"))))


__all__ = [
    "OFFERED",
    "OFFERED_TO_PHONES",
    "SECURED",
    "StreamTransport",
    "bundle_of",
    "dress",
    "is_secured",
    "transports",
    "undress",
    "with_bundled_lines",
]
