"""The sides of all legs: their ports in the media engine, and what was agreed for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from softswitch.calls.leg import Leg
from softswitch.calls.media.keyed_side import KeyedSide
from softswitch.calls.media.quality import describe_quality
from softswitch.calls.media.refusals import refusals
from softswitch.calls.media.secured_side import SecuredSide
from softswitch.calls.media.side import Side, formats_of, is_rtp, port_settings
from softswitch.calls.media.terms import MediaTerms
from softswitch.media import MediaEngine, MediaError, Port, SrtpKeys, StreamFormat
from softswitch.media.layouts.quality import EXTENDED_STATISTICS, EXTENDED_VOICE
from softswitch.sdp.capabilities import LocalMedia
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.extended_reports import read_extended_reports
from softswitch.sdp.fields import Origin
from softswitch.sdp.media import MediaDescription

if TYPE_CHECKING:
    from softswitch.calls.media.keys import Keys

#: What tells an offer of DTLS-SRTP (RFC 5764 §8) at a glance.
DTLS = b"UDP/TLS/RTP/SAVP"


class Sides:
    """The sides of all legs. `engine` None serves a switch that only signals: everything is passed through."""

    def __init__(
        self,
        engine: MediaEngine | None,
        *,
        terms: MediaTerms = MediaTerms(),  # noqa: B008 - a value that cannot change
        address6: str | None = None,
        session_id: Callable[[], int],
        random: Callable[[int], bytes],
    ) -> None:
        self.engine = engine
        self.terms = terms
        #: what the exchange has to say of keys.
        self.keys: Keys | None = None
        self._address6 = address6
        self._session_id = session_id
        self._random = random
        self._sides: dict[Leg, Side] = {}
        #: ports of supervised calls, by id: two of them hear each other in a mixer, whatever their parties agree on.
        self.mixed: set[str] = set()
        self._legs: dict[str, Leg] = {}

    def __len__(self) -> int:
        return len(self._sides)

    def side(self, leg: Leg) -> Side:
        """The side of `leg`, made when first asked for."""
        side = self._sides.get(leg)
        if side is None:
            keyed = KeyedSide(self._random, self.terms.srtp, self.terms.suites)
            side = self._sides[leg] = Side(leg.id, keyed, passthrough=self.engine is None, reports=self.terms.reports)
        return side

    def port(self, leg: Leg) -> Port | None:
        """The port of a leg's first stream."""
        if leg.port is not None:
            return leg.port
        side = self._sides.get(leg)
        return side.first_port if side is not None and side.ports else None

    def ports(self, leg: Leg) -> list[Port]:
        """The ports of all streams of a leg that have one."""
        side = self._sides.get(leg)
        return [port for port in side.ports if port is not None] if side is not None else []

    def leg_of(self, port: Port) -> Leg | None:
        """Whose media goes through `port`."""
        return self._legs.get(port.id)

    def formats(self, leg: Leg) -> tuple[StreamFormat, ...]:
        """The formats agreed with `leg` for its first stream; none where the engine has no part in it."""
        side = self._sides.get(leg)
        agreed = side.agreed if side is not None and side.first_port is not None else None
        return formats_of(next((m for m in agreed.media if m.port), None)) if agreed else ()

    def srtp(self, leg: Leg) -> str:
        """How the media of `leg` is secured: its SRTP profile, empty for plain RTP and before keys are agreed on."""
        port = self.port(leg)
        if port is None:
            return ""
        keys = port.transport.keys if port.transport is not None else port.settings.srtp
        return keys.profile if isinstance(keys, SrtpKeys) else ""

    def quality(self, leg: Leg) -> tuple[str, dict[str, Any] | None]:
        """Codec name, and what was counted and measured on a leg's first stream, for its record."""
        port = self.port(leg)
        if port is None:
            return "", None
        codec = next((f.encoding for f in self.formats(leg) if not f.auxiliary), "")
        return codec, describe_quality(port) | {"srtp": self.srtp(leg)}

    def part(self, leg: Leg) -> None:
        """Stop carrying media between `leg` and whoever it talked to; its ports stay."""
        side = self._sides.get(leg)
        if side is not None and self.engine is not None:
            for port in side.ports:
                if port is not None:
                    self.engine.disconnect(port)

    def release(self, leg: Leg) -> None:
        """Close everything that `leg` had."""
        side = self._sides.pop(leg, None)
        if side is not None and side.ports:
            self._close_ports(side)

    def secure(self, leg: Leg, *, by_ice: bool = True) -> None:
        """Offer `leg` keys by DTLS from now on, and ICE if it is a browser. Raises NoMedia without DTLS here."""
        side = self.side(leg)
        if side.secured is None and self.engine is not None:
            with refusals(leg):
                side.secured = SecuredSide(self.engine.fingerprint, by_ice=by_ice)

    def connect(self, first: Leg, second: Leg) -> bool:
        """Join the ports of two legs that have both agreed on something; False when nothing flows between them."""
        one, other = self.side(first), self.side(second)
        if one.first_port is None or other.first_port is None:
            return False
        try:
            self._connect(one, other)
        except MediaError:
            return False
        return True

    def hold(self, leg: Leg) -> None:
        """Keep `leg` and whoever it talks to apart, whatever they agree on, until `resume`."""
        self.side(leg).held = True
        self.part(leg)

    def resume(self, leg: Leg, other: Leg | None) -> bool:
        """End `hold`; False when the two must agree on media first."""
        self.side(leg).held = False
        return other is None or self.connect(leg, other)

    # -- inside -----------------------------------------------------------------------------------------------------

    def _read(self, side: Side, sdp: bytes, *, offer: bool) -> SessionDescription:
        """What the party of `side` said, as plain RTP."""
        if side.secured is None and DTLS in sdp and self.engine is not None:
            side.secured = SecuredSide(self.engine.fingerprint)
        return side.read(sdp, offer=offer)

    def _open(self, side: Side, leg: Leg, kind: str, carrier: Port | None = None) -> Port:
        """A new port for media of a kind, on the address of `carrier` if there is one."""
        if leg.port is not None:
            self._legs[leg.port.id] = leg
            return leg.port
        assert self.engine is not None, "sides without an engine are passed through"
        address = self._address6 if side.family == 6 else None
        dscp = self.terms.dscp if kind == "audio" else self.terms.dscp_video
        if carrier is not None:
            port = self.engine.open_bundled_port(carrier, side.owner, near=side.near, dscp=dscp)
        else:
            mux = side.secured is not None
            port = self.engine.open_port(side.owner, address=address, rtcp_mux=mux, near=side.near, dscp=dscp)
            if side.secured is not None:
                port.open_transport()
        self._legs[port.id] = leg
        return port

    def _close_port(self, port: Port) -> None:
        leg = self._legs.pop(port.id, None)
        if leg is None or leg.port is not port:
            port.close()
        elif self.engine is not None and not port.closed:  # its gateway's own
            self.engine.disconnect(port)

    def _close_ports(self, side: Side) -> None:
        for port in side.ports:
            if port is not None:
                self._close_port(port)
        side.ports.clear()

    def _open_ports(self, side: Side, sections: Sequence[MediaDescription], leg: Leg, only: int | None = None) -> None:
        """Give each line of `sections` that is RTP a port, or `only` one of them."""
        while len(side.ports) < len(sections):
            side.ports.append(None)
        for index, media in enumerate(sections):
            if only not in (None, index):
                continue
            if leg.port is not None and (media.kind != "audio" or leg.port in side.ports):
                continue  # a gateway brings one port, for sound
            if media.port and side.ports[index] is None and is_rtp(media):
                carrier = side.secured.carrier(index, sections, side.ports) if side.secured is not None else None
                side.ports[index] = self._open(side, leg, media.kind, carrier)

    def _origin(self, side: Side) -> Origin:
        if not side.session_id:
            side.session_id = self._session_id()
        return side.origin()

    def _configure(
        self, side: Side, remote: SessionDescription, local: SessionDescription, answered: SessionDescription
    ) -> None:
        """Tell the ports of `side` where its party is and which formats were agreed; `answered` is one of the two."""
        side.agreed = answered
        for index, port in enumerate(side.ports):
            if port is None:
                continue
            lines = [d.media[index] if index < len(d.media) else None for d in (remote, local, answered)]
            theirs, ours, agreed = lines
            if theirs is None or ours is None or agreed is None or not (theirs.port and ours.port and agreed.port):
                self._close_port(port)
                side.ports[index] = None
                continue
            settings = port_settings(theirs, ours, agreed, self.terms.timeout_s)
            settings = replace(
                settings,
                srtp=side.keyed.keys(index),
                extended=_reports(remote, index),
                comfort_noise=self.terms.comfort_noise,
            )
            owner = self._legs.get(port.id)
            if owner is not None and owner.port is port:  # its gateway alone knows the way to the far end
                settings = replace(settings, remote=port.settings.remote, timeout_s=port.settings.timeout_s)
            if self.keys is not None:
                settings = self.keys.fit(self._legs.get(port.id), settings)
            if port.peer not in (None, port) and settings.formats != port.settings.formats and self.engine is not None:
                self.engine.disconnect(port)  # the two sides change one after the other
            if side.secured is not None:
                side.secured.introduce(index, port, theirs.address())
                mux = settings.rtcp_mux or port.bundle is not None
                settings = replace(
                    settings, sources=side.secured.sources(index), name=side.secured.name(index), rtcp_mux=mux
                )
            port.configure(settings)
            if theirs.kind == "audio":
                port.listen(speech=self.terms.hears_speech or None, fax=self.terms.hears_fax or None)

    def _connect(self, first: Side, second: Side) -> None:
        if self.engine is None or first.held or second.held:
            return
        for one, other in zip(first.ports, second.ports, strict=False):
            if one is not None and other is not None and not {one.id, other.id} <= self.mixed:
                self.engine.connect(one, other)
        if self.keys is not None and first.first_port is not None and second.first_port is not None:
            self.keys.connected(self.leg_of(first.first_port), self.leg_of(second.first_port))


def _reports(remote: SessionDescription, index: int) -> int:
    """The blocks of extended reports that the party asks for, as a port takes them."""
    wanted = read_extended_reports(remote, index)
    return wanted.voice * EXTENDED_VOICE | wanted.statistics * EXTENDED_STATISTICS


def place(side: Side, index: int, direction: str = "sendrecv") -> LocalMedia:
    port = side.ports[index]
    assert port is not None
    return LocalMedia(*port.local, direction=direction)


__all__ = ["DTLS", "Sides", "place"]
