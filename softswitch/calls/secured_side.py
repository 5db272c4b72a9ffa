"""The streams of a party that is reached by ICE and secured by DTLS: a browser, or a phone that can do the same.

The rest of the media path sees plain descriptions only: what such a party says is undressed on its way in, what it is
told is dressed on its way out, and its ports are told who it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from softswitch.media import Port, RemoteTransport
from softswitch.rtp.ice import host_candidates
from softswitch.sdp.attributes import Fingerprint
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.offer_answer import next_version
from softswitch.sdp.webrtc import StreamTransport, dress, transports, undress

#: Who opens DTLS: an answer takes the role that is left, and lets the one who could take either begin (the lite side
#: of ICE does not know when the way is open before the other tells).
_ANSWERING = {"actpass": "passive", "active": "passive", "passive": "active"}


class SecuredSide:
    """What was agreed with one such party, line by line."""

    __slots__ = ("_bundle", "_fingerprint", "_mids", "_protocols", "_remote", "_said", "by_ice")

    def __init__(self, fingerprint: tuple[str, bytes]) -> None:
        self._fingerprint = Fingerprint(*fingerprint)
        self._remote: list[StreamTransport | None] = []
        self._protocols: list[str] = []
        self._mids: list[str] = []
        self._bundle: tuple[str, ...] = ()
        self._said: SessionDescription | None = None
        self.by_ice = True

    def take(self, description: SessionDescription) -> SessionDescription:
        """What the party said, as plain RTP; raises SdpError."""
        self._remote = transports(description)
        self._protocols = [media.protocol for media in description.media]
        self._mids = [media.mid or "" for media in description.media]
        self._bundle = next((group.mids for group in description.groups if group.semantics == "BUNDLE"), ())
        self.by_ice = any(each is not None and each.ufrag for each in self._remote)
        return undress(description)

    def give(self, plain: SessionDescription, ports: Sequence[Port | None], *, offer: bool) -> SessionDescription:
        """What the party is told: `plain` with the transports of `ports`, as an offer or as the answer to its own."""
        ours = [
            self._ours(index, ports[index] if index < len(ports) else None, offer=offer)
            for index in range(len(plain.media))
        ]
        mids = [*self._mids, *(str(index) for index in range(len(self._mids), len(plain.media)))]
        alone = [
            mid for mid, transport in zip(mids, ours, strict=False) if transport is not None and mid in self._bundle
        ]
        dressed = dress(plain, ours, self._protocols, mids, bundle=alone[:1])
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
            address = None if remote.ufrag else theirs
            port.meet(RemoteTransport(remote.ufrag, remote.password, fingerprints, client, address))

    def _ours(self, index: int, port: Port | None, *, offer: bool) -> StreamTransport | None:
        if port is None:
            return None
        remote = self._remote[index] if index < len(self._remote) else None
        setup = "actpass" if offer or remote is None else _ANSWERING[remote.setup]
        if not self.by_ice:
            return StreamTransport("", "", (self._fingerprint,), setup)
        ice = port.open_transport().ice
        candidates = tuple(str(each) for each in host_candidates([port.local[0]], port.local[1]))
        return StreamTransport(ice.ufrag, ice.password, (self._fingerprint,), setup, candidates)
