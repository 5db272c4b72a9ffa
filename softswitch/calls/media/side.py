"""One leg's part of a call's media: its engine ports, what it said of itself, and what it was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

from softswitch.calls.media.keyed_side import MODES, KeyedSide
from softswitch.calls.media.secured_side import SecuredSide
from softswitch.media import Port, PortSettings, StreamFormat, can_transcode
from softswitch.sdp.attributes import parse_parameters
from softswitch.sdp.capabilities import COMFORT_NOISE, TELEPHONE_EVENT, Capabilities, MediaCapability
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.extended_reports import with_request
from softswitch.sdp.fields import Origin
from softswitch.sdp.formats import CARRIED_FEEDBACK, Codec
from softswitch.sdp.media import Attribute, MediaDescription
from softswitch.sdp.relay import MediaAddress

#: What the engine can convert between, best first: offered to a callee beside the caller's own codecs.
CONVERTIBLE = (Codec("PCMA"), Codec("PCMU"))

#: What it transcodes besides, by decoding and coding anew, where this machine has the codec: offered only where a
#: route asks for it. Both packings of AMR are offered, the one most phones like first.
_TRANSCODED = (
    Codec("G722"),
    Codec("opus", 48000, 2, "useinbandfec=1"),
    Codec("AMR-WB", 16000, 1, "octet-align=1"),
    Codec("AMR-WB", 16000),
    Codec("AMR", 8000, 1, "octet-align=1"),
    Codec("AMR"),
    Codec("GSM"),
    Codec("G729"),
    *(Codec(f"{packing}G726-{rate}") for packing in ("", "AAL2-") for rate in (40, 32, 24, 16)),
    Codec("L16", 16000),
    Codec("L16", 8000),
    Codec("L16", 48000),
    Codec("CODEC2"),
)
#: What carries more than a telephone's band into a room of that rate, best first.
_WIDE = {8000: (), 16000: ("G722", "AMR-WB"), 48000: ("opus", "G722", "AMR-WB")}
#: Pictures that services of the switch show, best first: their key frames are known to the engine.
PICTURE_CODECS = tuple(Codec(name, 90000) for name in ("H264", "VP8", "H265"))
_REMEMBERED_ATTRIBUTES = 32
_UNSPECIFIED = ("", "0.0.0.0", "::")


@dataclass(slots=True)
class Side:
    """One leg's media.

    `owner` keeps the ports of one call together in the engine, `near` puts them beside the room they will be in.
    `offered` and `pending` are descriptions on their way,
    `remote` and `local` those agreed, `agreed` the one of the two that was the answer, `raw` what the party said last.
    A side that is `passthrough` is left out of the engine as long as it talks to another party; one that is `held` is
    joined with nobody, because an operator said so. `keyed` secures its streams by keys in the descriptions,
    `secured` by ICE and DTLS. `reports`: the party is asked for extended reports (RFC 3611).
    """

    owner: str
    keyed: KeyedSide
    family: int = 4
    near: str = ""
    passthrough: bool = False
    codecs: tuple[str, ...] = ()
    held: bool = False
    ports: list[Port | None] = field(default_factory=list)
    offered: SessionDescription | None = None
    pending: SessionDescription | None = None
    remote: SessionDescription | None = None
    local: SessionDescription | None = None
    agreed: SessionDescription | None = None
    raw: bytes | None = None
    session_id: int = 0
    secured: SecuredSide | None = None
    pictures: Sequence[Codec] = ()  # that the service it talks to shows
    sounds: Sequence[Codec] = ()  # that it hears better than G.711
    asked_picture_at: float = float("-inf")
    reports: bool = False

    def agree_on(self, srtp: str) -> None:
        """Secure this party's streams as `srtp` says: forbidden, best_effort or required; empty: as for everybody."""
        self.keyed.mode = next((mode for mode in MODES if mode == srtp), self.keyed.mode)

    def read(self, sdp: bytes, *, offer: bool) -> SessionDescription:
        """What this party said, as plain RTP; raises SdpError, SecurityRefused."""
        if self.secured is not None:
            return self.secured.take(SessionDescription.parse(sdp))
        said = _parsed(sdp)  # only copied
        return self.keyed.take_offer(said) if offer else self.keyed.take_answer(said)

    def give(self, description: SessionDescription, *, offer: bool) -> bytes:
        """A plain description of ours as this party takes it."""
        if self.secured is not None:
            return self.secured.give(description, self.ports, offer=offer).serialize()
        if self.reports:
            description = with_request(description, None if offer else self.offered)
        return self.keyed.give(description, offer=offer).serialize()

    @property
    def paused(self) -> bool:
        """Whether some stream of this party does not flow both ways."""
        return self.remote is not None and any(m.port and m.direction != "sendrecv" for m in self.remote.media)

    @property
    def picture_port(self) -> Port | None:
        """The port of the first video stream."""
        lines = self.local.media if self.local is not None else []
        found = (port for media, port in zip(lines, self.ports, strict=False) if media.kind == "video")
        return next((port for port in found if port is not None), None)

    @property
    def first_port(self) -> Port | None:
        """The port of the first stream that has one."""
        return next((port for port in self.ports if port is not None), None)

    def origin(self) -> Origin:
        """Our own origin towards this party."""
        port = self.first_port
        return Origin.create(port.local[0] if port is not None else "127.0.0.1", self.session_id)

    def addresses(
        self, sections: Sequence[MediaDescription], answered: Sequence[MediaDescription] | None = None
    ) -> list[MediaAddress | None]:
        """Our place for each media line, None where it is refused: whatever is no RTP."""
        places: list[MediaAddress | None] = []
        for index, media in enumerate(sections):
            port = self.ports[index] if index < len(self.ports) else None
            refused = answered is not None and not answered[index].port
            if port is None or not media.port or refused or not is_rtp(media):  # T.38 in place of sound, for one
                places.append(None)
            else:
                places.append(MediaAddress(*port.local, rtcp_mux=media.rtcp_mux))
        return places

    def additions(self, offered: SessionDescription) -> list[Codec]:
        """Codecs to offer this party though the other did not name them, because the engine converts them."""
        wanted = [name.upper() for name in self.codecs]
        added = [codec for codec in transcodable() if codec.encoding.upper() in wanted]
        names = {codec.encoding.upper() for codec in transcodable()} if added else set()
        audio = (m for media in offered.media if media.kind == "audio" for m in media.rtpmaps.values())
        if not any(mapping.encoding.upper() in names for mapping in audio):
            return []
        return sorted(added, key=lambda codec: wanted.index(codec.encoding.upper()))


@lru_cache(maxsize=256)
def _parsed(sdp: bytes) -> SessionDescription:
    """One offer may go to thousands, and what one make of phone answers varies little: not to be changed."""
    return SessionDescription.parse(sdp)


@cache
def transcodable() -> tuple[Codec, ...]:
    """What the engine can decode and encode on this machine, G.711 first."""
    return (*CONVERTIBLE, *(codec for codec in _TRANSCODED if can_transcode(codec.encoding, codec.clock_rate)))


def sounds_of(rate_hz: int) -> tuple[Codec, ...]:
    """The codecs of this machine that a room of 8000, 16000 or 48000 Hz hears more by than by G.711, best first."""
    here = transcodable()
    return tuple(codec for name in _WIDE[rate_hz] for codec in here if codec.encoding == name)


def is_rtp(media: MediaDescription) -> bool:
    """Plain RTP, which secured streams are as well once their keys are taken out."""
    return media.protocol in ("RTP/AVP", "RTP/AVPF")


def is_live(description: SessionDescription) -> bool:
    """Whether any stream is in use."""
    return any(media.port for media in description.media)


def formats_of(media: MediaDescription | None) -> tuple[StreamFormat, ...]:
    """The formats of a media line, as the engine takes them."""
    if media is None:
        return ()
    if len(media.attributes) > _REMEMBERED_ATTRIBUTES:
        return _read_formats(tuple(media.formats), tuple(media.attributes))
    return _remembered_formats(tuple(media.formats), tuple(media.attributes))


def _read_formats(formats: tuple[str, ...], attributes: tuple[Attribute, ...]) -> tuple[StreamFormat, ...]:
    media = MediaDescription("audio", 1, "RTP/AVP", list(formats), attributes=list(attributes))
    parameters = media.fmtps
    ptime = int(media.ptime or 20)
    return tuple(
        StreamFormat(number, found.encoding, found.clock_rate, found.channels, parameters.get(str(number), ""), ptime)
        for number, found in media.rtpmaps.items()
    )


#: Phones of one make say the same in every call.
_remembered_formats = lru_cache(maxsize=1024)(_read_formats)


def codecs_of(formats: Sequence[StreamFormat]) -> tuple[Codec, ...]:
    """The same formats as codecs that a description may name."""
    return tuple(Codec(f.encoding, f.clock_rate, f.channels, f.fmtp) for f in formats)


def own_capabilities(preferred: Sequence[Codec] = (), *, comfort_noise: bool = False) -> Capabilities:
    """What the switch itself can talk: G.711, after what is `preferred`; with `comfort_noise` silence too."""
    own = tuple(codec for codec in CONVERTIBLE if codec.key not in {p.key for p in preferred})
    companions = (TELEPHONE_EVENT, COMFORT_NOISE) if comfort_noise else (TELEPHONE_EVENT,)
    capability = MediaCapability("audio", (*preferred, *own, *companions), ("RTP/AVP", "RTP/AVPF"))
    return Capabilities((capability,), prefer="own" if preferred else "offer")


def last_resort(media: MediaDescription) -> Capabilities | None:
    """What the switch talks to a party that has neither G.711 nor what is preferred: the first of its own codecs that
    is coded here, with keys of the same clock; None when it has none such."""
    names = {(f.encoding.upper(), f.clock_rate) for f in formats_of(media)}
    found = tuple(codec for codec in transcodable() if (codec.encoding.upper(), codec.clock_rate) in names)
    if not found:
        return None
    clocks = dict.fromkeys(codec.clock_rate for codec in found)
    keys = tuple(Codec("telephone-event", clock, 1, TELEPHONE_EVENT.fmtp) for clock in clocks)
    return Capabilities((MediaCapability("audio", (*found, *keys), ("RTP/AVP", "RTP/AVPF")),), single=True)


def picture_capability(media: MediaDescription, wanted: Sequence[Codec]) -> MediaCapability | None:
    """The one format of a video line that is `wanted` most (by encoding and packing); None when there is none."""
    for codec in wanted:
        packing = _packing(codec.fmtp) if codec.fmtp else None
        offered = [f for f in formats_of(media) if f.encoding.upper() == codec.encoding.upper()]
        found = sorted(
            (f for f in offered if packing in (None, _packing(f.fmtp))), key=lambda f: _packing(f.fmtp), reverse=True
        )
        if found:
            return MediaCapability("video", codecs_of(found[:1]), ("RTP/AVP", "RTP/AVPF"), feedback=CARRIED_FEEDBACK)
    return None


def _packing(fmtp: str) -> str:
    """H.264's packetization-mode, 0 when nothing is said (RFC 6184 §8.1); other codecs have but one."""
    return parse_parameters(fmtp).get("packetization-mode", "0")


def port_settings(
    theirs: MediaDescription, ours: MediaDescription, answered: MediaDescription, timeout_s: float
) -> PortSettings:
    """What a port is told when `theirs` and `ours` are the two halves of a stream; `answered` is one of them.

    A party sends with the payload types of our half and takes those of its own (RFC 3264 §5.1, §6.1). Silence counts
    only while media should flow both ways: who holds a call may well send nothing.
    """
    wanted, known = formats_of(theirs), formats_of(ours)
    receivable = tuple(f for f in known if any(f.same_payload(other) for other in wanted))
    sendable = tuple(f for f in wanted if any(f.same_payload(other) for other in known))
    chosen = next((f for f in formats_of(answered) if not f.auxiliary), None)
    direction = theirs.direction
    host, rtp_port = theirs.address()
    return PortSettings(
        remote=(host, rtp_port) if host not in _UNSPECIFIED else None,
        remote_rtcp=None if theirs.rtcp_mux else theirs.rtcp_address,
        rtcp_mux=theirs.rtcp_mux,
        send=direction in ("sendrecv", "recvonly"),
        receive=direction in ("sendrecv", "sendonly"),
        formats=receivable,
        send_formats=None if sendable == receivable else sendable,
        send_format=next((f for f in sendable if chosen is not None and f.same_payload(chosen)), None),
        telephone_event=next((f.payload_type for f in receivable if f.encoding.lower() == "telephone-event"), None),
        timeout_s=timeout_s if direction == "sendrecv" else 0.0,
        feedback=_feedback(theirs),
        extensions=_extensions(theirs) & _extensions(ours),
    )


def _extensions(media: MediaDescription) -> frozenset[tuple[int, str]]:
    """The header extensions that a half of a stream names."""
    return frozenset((each.identifier, each.uri) for each in media.extension_maps)


def _feedback(theirs: MediaDescription) -> frozenset[str]:
    """What a party acts on, of what the engine gives (``a=rtcp-fb``); for any of its formats is for all of them."""
    said = (f"{entry.kind} {entry.parameter}".strip().lower() for entry in theirs.rtcp_feedback)
    return frozenset(text for text in said if text in CARRIED_FEEDBACK)
