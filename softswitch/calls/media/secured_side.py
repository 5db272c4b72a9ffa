"""The streams of a party that is reached by ICE and secured by DTLS: a browser, or a phone that can do the same.

The rest of the media path sees plain descriptions only: what such a party says is undressed on its way in, what it is
told is dressed on its way out, and its ports are told who it is. Lines that it bundles share the port address and the
transport of the first (RFC 9143), as long as packets tell by payload type, SSRC or MID which line they
belong to.
"""

from __future__ import annotations

from collections.abc import Sequence

from softswitch.media import Name, Port, RemoteTransport, can_bundle
from softswitch.rtp.ice import host_candidates
from softswitch.sdp.attributes import Fingerprint, Ssrc
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.media import MediaDescription
from softswitch.sdp.offer_answer import next_version
from softswitch.sdp.webrtc import (
    OFFERED,
    OFFERED_TO_PHONES,
    StreamTransport,
    bundle_of,
    dress,
    transports,
    undress,
    with_bundled_lines,
)

#: Who opens DTLS: an answer takes the role that is left, and lets the one who could take either begin (the lite side
#: of ICE does not know when the way is open before the other tells).
_ANSWERING = {"actpass": "passive", "active": "passive", "passive": "active"}


class SecuredSide:
    """What was agreed with one such party, line by line; before it has spoken, whether it is one with ICE."""

    __slots__ = ("_bundle", "_fingerprint", "_formats", "_mids", "_offered", "_protocols", "_remote", "_said", "by_ice")

    def __init__(self, fingerprint: tuple[str, bytes], *, by_ice: bool = True) -> None:
        self._fingerprint = Fingerprint(*fingerprint)
        self._remote: list[StreamTransport | None] = []
        self._protocols: list[str] = []
        self._mids: list[str] = []
        self._bundle: tuple[str, ...] | None = None  # before the party has said anything
        self._formats: list[set[str]] = []
        self._said: SessionDescription | None = None
        self.by_ice = by_ice
        self._offered = OFFERED if by_ice else OFFERED_TO_PHONES

    def take(self, description: SessionDescription) -> SessionDescription:
        """What the party said, as plain RTP; raises SdpError."""
        if can_bundle():
            description = with_bundled_lines(description)
        self._remote = transports(description)
        self._protocols = [media.protocol for media in description.media]
        self._mids = [media.mid or "" for media in description.media]
        self._bundle = bundle_of(description)
        # Without multiplexing ICE wants a second component for RTCP, which our ports have not: the addresses given do.
        self.by_ice = any(each is not None and each.ufrag and each.mux for each in self._remote)
        plain = undress(description)
        self._formats = [set(media.formats) for media in plain.media]
        return plain

    def carrier(self, index: int, lines: Sequence[MediaDescription], ports: Sequence[Port | None]) -> Port | None:
        """The port whose address and transport a line is to share; None when it has to have its own.

        `lines` are those about to be offered to the party, which counts for lines that it has not spoken of yet.
        """
        if not self._may_share(index):
            return None
        known = [*self._formats, *(set(media.formats) for media in lines[len(self._formats) :])]
        others = [i for i, port in enumerate(ports) if port is not None and i != index and self._may_share(i)]
        mistakable = any(known[i] & known[index] for i in others)
        if not others or (mistakable and not self.sources(index) and self.name(index) is None):
            return None
        return ports[others[0]]

    def sources(self, index: int) -> tuple[int, ...]:
        """The SSRCs that the party has named for a line."""
        remote = self._remote[index] if index < len(self._remote) else None
        return tuple(dict.fromkeys(each.ssrc for each in remote.sources)) if remote is not None else ()

    def name(self, index: int) -> Name | None:
        """How packets say that they belong to a line, if the party has offered that they do."""
        remote = self._remote[index] if index < len(self._remote) else None
        return Name(remote.mid_extension, self._mids[index]) if remote is not None and remote.mid_extension else None

    def give(self, plain: SessionDescription, ports: Sequence[Port | None], *, offer: bool) -> SessionDescription:
        """What the party is told: `plain` with the transports of `ports`, as an offer or as the answer to its own."""
        count = len(plain.media)
        lines = [*ports[:count], *(None for _ in range(count - len(ports)))]
        mids = [*self._mids, *(str(index) for index in range(len(self._mids), count))]
        shared = [index for index, port in enumerate(lines) if port is not None and port.bundle is not None]
        if not shared and self._bundle:  # a bundle of one line
            shared = [i for i, port in enumerate(lines) if port is not None and mids[i] in self._bundle][:1]
        ours = [self._ours(i, port, offer=offer, second=i in shared[1:]) for i, port in enumerate(lines)]
        new = [mids[i] for i in shared[1:] if offer and mids[i] not in (self._bundle or ())]
        protocols = [*self._protocols, *(self._offered for _ in range(len(self._protocols), count))]
        dressed = dress(plain, ours, protocols, mids, bundle=[mids[i] for i in shared], bundle_only=new)
        if self._said is not None:
            next_version(self._said, dressed)
        self._said = dressed
        return dressed

    def introduce(self, index: int, port: Port, theirs: tuple[str, int]) -> None:
        """Tell the port of a line who its peer is; `theirs` is where the peer says it is."""
        remote = self._remote[index] if index < len(self._remote) else None
        if remote is not None:
            fingerprints = tuple((each.algorithm, each.digest) for each in remote.fingerprints)
            client = remote.setup == "passive"
            if self.by_ice and remote.ufrag:
                remote_transport = RemoteTransport(remote.ufrag, remote.password, fingerprints, client, None)
            else:
                remote_transport = RemoteTransport("", "", fingerprints, client, theirs)
            port.meet(remote_transport)

    def _may_share(self, index: int) -> bool:
        """Whether the party lets a line share; one that has not spoken yet is a browser, and they all do."""
        if not self.by_ice or not can_bundle():
            return False
        if self._bundle is None:
            return True
        return bool(self._bundle) if index >= len(self._mids) else self._mids[index] in self._bundle

    def _ours(self, index: int, port: Port | None, *, offer: bool, second: bool) -> StreamTransport | None:
        """Our transport of a line; one that is `second` in a bundle is found where the first is."""
        if port is None:
            return None
        remote = self._remote[index] if index < len(self._remote) else None
        setup = "actpass" if offer or remote is None else _ANSWERING[remote.setup]
        if not self.by_ice:
            return StreamTransport("", "", (self._fingerprint,), setup, mux=offer or remote is None or remote.mux)
        ice = port.open_transport().ice
        candidates = tuple(str(each) for each in host_candidates([port.local[0]], port.local[1]))
        told = () if second else candidates
        transport = StreamTransport(ice.ufrag, ice.password, (self._fingerprint,), setup, told)
        if port.bundle is None:
            return transport
        named = self.name(index)
        source = Ssrc(port.ssrc, "cname", port.cname)
        return transport._replace(sources=(source,), mid_extension=named.identifier if named is not None else 0)
