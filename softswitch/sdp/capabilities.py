"""What we bring to an offer or an answer: codecs we speak, and where our media lives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from softswitch.sdp.fields import Origin
from softswitch.sdp.formats import Codec
from softswitch.sdp.media import Attribute
from softswitch.sdp.security import Crypto

#: Telephone events as we send and take them: the sixteen keys and flash (RFC 4733 §3.2).
TELEPHONE_EVENT = Codec("telephone-event", 8000, 1, "0-16", 101)

#: Descriptions of silence (RFC 3389).
COMFORT_NOISE = Codec("CN", 8000, 1, "", 13)

#: The audio every phone understands.
G711 = (Codec("PCMA"), Codec("PCMU"), TELEPHONE_EVENT)


@dataclass(frozen=True, slots=True)
class MediaCapability:
    """One kind of media we can take: codecs in our order of preference, the transports we accept.

    `formats` serves sections that are not RTP (``udptl`` with "t38"); `feedback` are the RTCP feedback messages we
    understand, written as after the format in ``a=rtcp-fb``; `ptime_ms` 0 leaves packet duration to the peer.
    """

    kind: str = "audio"
    codecs: tuple[Codec, ...] = G711
    protocols: tuple[str, ...] = ("RTP/AVP",)
    formats: tuple[str, ...] = ()
    feedback: tuple[str, ...] = ()
    ptime_ms: int = 0


@dataclass(frozen=True, slots=True)
class Capabilities:
    """All kinds of media we can take.

    `prefer` tells whose order of codecs an answer follows, "offer" or "own"; `single` answers with one codec only
    (and what accompanies it), for peers that must not change codec in the middle.
    """

    media: tuple[MediaCapability, ...] = (MediaCapability(),)
    prefer: str = "offer"
    single: bool = False

    def find(self, kind: str, protocol: str) -> MediaCapability | None:
        """The capability for a kind of media over a transport, or None."""
        for capability in self.media:
            if capability.kind == kind and protocol in capability.protocols:
                return capability
        return None


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """Where we take one stream and what we want to do with it.

    `rtcp_port` None means the port after RTP's. `rtcp_mux` offers it, or agrees to it when the offer has it.
    `crypto` are the keys of an SRTP stream; `attributes` are added as they are.
    """

    host: str
    port: int
    rtcp_port: int | None = None
    direction: str = "sendrecv"
    rtcp_mux: bool = False
    crypto: tuple[Crypto, ...] = ()
    attributes: tuple[Attribute, ...] = ()


@dataclass(frozen=True, slots=True)
class LocalSession:
    """Our side of a session: origin, and one `LocalMedia` per media line (None: refuse that line)."""

    origin: Origin
    media: Sequence[LocalMedia | None] = field(default_factory=tuple)
    name: str = "-"
