"""The media of calls: how the two parties' descriptions meet in the media engine.

Each leg has a side: its engine ports, what it said last, what we told it last. An offer that came from one side goes
to the other with our ports in it, and the answer comes back the same way, so that the engine stands in the middle of
every stream (topology hiding, recording, conversion). A leg whose route says ``passthrough`` is left out of this: its
descriptions travel untouched and the parties' media flows directly.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from softswitch.calls.leg import Leg
from softswitch.media import MediaEngine, NotTranscodable, Port, PortSettings, PortsExhausted, StreamFormat
from softswitch.sdp.capabilities import TELEPHONE_EVENT, Capabilities, LocalMedia, LocalSession, MediaCapability
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import SdpError
from softswitch.sdp.fields import Origin
from softswitch.sdp.formats import Codec
from softswitch.sdp.media import MediaDescription
from softswitch.sdp.offer_answer import (
    OfferAnswerError,
    answer,
    check_answer,
    check_new_offer,
    make_offer,
    next_version,
    with_direction,
)
from softswitch.sdp.relay import MediaAddress, rewrite

logger = logging.getLogger(__name__)

#: What the engine can convert between, best first: offered to a callee beside the caller's own codecs.
CONVERTIBLE = (Codec("PCMA"), Codec("PCMU"))


@dataclass(slots=True)
class Side:
    """One leg's media.

    `owner` keeps the ports of one call together in the engine. `offered` and `pending` are descriptions on their way,
    `remote` and `local` those agreed, `raw` what the party said last.
    """

    owner: str
    family: int = 4
    passthrough: bool = False
    codecs: tuple[str, ...] = ()
    ports: list[Port | None] = field(default_factory=list)
    offered: SessionDescription | None = None
    pending: SessionDescription | None = None
    remote: SessionDescription | None = None
    local: SessionDescription | None = None
    raw: bytes | None = None
    session_id: int = 0


class MediaPath:
    """The sides of all legs. `engine` None serves a switch that only signals: everything is passed through."""

    def __init__(
        self,
        engine: MediaEngine | None,
        *,
        timeout_s: float = 0.0,
        address6: str | None = None,
        session_id: Callable[[], int],
    ) -> None:
        self.engine = engine
        self._timeout_s = timeout_s
        self._address6 = address6
        self._session_id = session_id
        self._sides: dict[Leg, Side] = {}
        self._legs: dict[str, Leg] = {}

    def __len__(self) -> int:
        return len(self._sides)

    def side(self, leg: Leg) -> Side:
        """The side of `leg`, made when first asked for."""
        side = self._sides.get(leg)
        if side is None:
            side = self._sides[leg] = Side(leg.id, passthrough=self.engine is None)
        return side

    # -- between two parties ----------------------------------------------------------------------------------------

    def carry_offer(self, source: Leg, target: Leg, sdp: bytes) -> bytes | None:
        """The offer for `target` that corresponds to what `source` offered; None when it is not acceptable.

        Raises PortsExhausted when the engine has no port left.
        """
        src, dst = self.side(source), self.side(target)
        src.raw = sdp
        if src.passthrough or dst.passthrough:
            return sdp
        try:
            offered = SessionDescription.parse(sdp)
            if src.remote is not None:
                check_new_offer(src.remote, offered)
            src.offered = offered
            self._open_ports(dst, offered.media, target)
            pending = rewrite(
                offered,
                _addresses(dst, offered.media),
                origin=self._origin(dst),
                allow=dst.codecs or None,
                add=[codec for codec in CONVERTIBLE if codec.encoding in dst.codecs],
            )
        except (SdpError, OfferAnswerError) as error:
            logger.info("an offer was refused: %s", error, extra={"leg": source.id})
            return None
        dst.pending = next_version(dst.local, pending) if dst.local is not None else pending
        return dst.pending.serialize()

    def carry_answer(self, source: Leg, target: Leg, sdp: bytes) -> bytes | None:
        """The answer for `target` that corresponds to what `source` answered; None when the two cannot talk.

        The engine's ports are set up and joined. Raises PortsExhausted when the engine has no port left.
        """
        src, dst = self.side(source), self.side(target)
        src.raw = sdp
        if src.passthrough or dst.passthrough:
            return sdp
        offered = dst.offered
        if offered is None or src.pending is None:
            return None
        try:
            answered = SessionDescription.parse(sdp)
            check_answer(src.pending, answered)
            self._open_ports(dst, answered.media, target)
            local = self._answer_for(dst, offered, answered, self._origin(dst))
            src.local, src.remote = src.pending, answered
            dst.remote = offered
            dst.local = next_version(dst.local, local) if dst.local is not None else local
            self._configure(src, answered, answered.media)
            self._configure(dst, offered, dst.local.media)
            self._connect(src, dst)
        except (SdpError, OfferAnswerError, NotTranscodable, ValueError) as error:
            logger.info("an answer was refused: %s", error, extra={"leg": source.id})
            return None
        return dst.local.serialize()

    def reoffer(self, leg: Leg) -> bytes | None:
        """What `leg` last said of its media, as a fresh offer with every stream flowing again."""
        raw = self.side(leg).raw
        if raw is None:
            return None
        try:
            return with_direction(SessionDescription.parse(raw), "sendrecv").serialize()
        except SdpError:
            return None

    def adopt_answer(self, joining: Leg, staying: Leg, sdp: bytes) -> bool:
        """`joining` answered an offer made for `staying`; True when both can talk without asking `staying` again."""
        held = self.side(staying).remote is not None and self._held(self.side(staying))
        stayed = self.side(staying)
        remote, local = stayed.remote, stayed.local
        carried = self.carry_answer(joining, staying, sdp)
        stayed.remote, stayed.local = remote, local
        if carried is None or stayed.passthrough or self.side(joining).passthrough or remote is None or local is None:
            return False
        self._configure(stayed, remote, local.media)
        return not held and self._try_connect(self.side(joining), stayed)

    @staticmethod
    def _held(side: Side) -> bool:
        return side.remote is not None and any(m.port and m.direction != "sendrecv" for m in side.remote.media)

    # -- with the switch itself -------------------------------------------------------------------------------------

    def answer_locally(self, leg: Leg, sdp: bytes, prefer: Sequence[StreamFormat] = ()) -> bytes | None:
        """An answer by which the switch itself talks to `leg` (G.711); None when that is not possible.

        `prefer` are formats to choose before the usual ones. Raises PortsExhausted.
        """
        side = self.side(leg)
        side.raw = sdp
        if self.engine is None:
            return None
        try:
            offered = SessionDescription.parse(sdp)
            index = next(i for i, media in enumerate(offered.media) if media.kind == "audio" and media.port)
            self._open_ports(side, offered.media[index : index + 1], leg, first=index)
            places = [self._place(side, i) if i == index else None for i in range(len(offered.media))]
            local = answer(offered, _own_capabilities(prefer), LocalSession(self._origin(side), places))
            if not local.media[index].port:
                return None
            side.remote, side.offered = offered, offered
            side.local = next_version(side.local, local) if side.local is not None else local
            self._configure(side, offered, side.local.media)
        except StopIteration:
            return None
        except (SdpError, OfferAnswerError) as error:
            logger.info("an offer was refused: %s", error, extra={"leg": leg.id})
            return None
        return side.local.serialize()

    def offer_locally(self, leg: Leg) -> bytes | None:
        """An offer by which the switch itself invites `leg` to talk to it (G.711). Raises PortsExhausted."""
        side = self.side(leg)
        if self.engine is None:
            return None
        if not side.ports:
            side.ports.append(self._open(side, leg))
        local = make_offer(_own_capabilities(()), LocalSession(self._origin(side), [self._place(side, 0)]))
        side.pending = next_version(side.local, local) if side.local is not None else local
        return side.pending.serialize()

    def answered_locally(self, leg: Leg, sdp: bytes) -> bool:
        """`leg` answered our `offer_locally`; False when it did so in a way that cannot work."""
        side = self.side(leg)
        side.raw = sdp
        if side.pending is None:
            return False
        try:
            answered = SessionDescription.parse(sdp)
            check_answer(side.pending, answered)
        except (SdpError, OfferAnswerError) as error:
            logger.info("an answer was refused: %s", error, extra={"leg": leg.id})
            return False
        side.local, side.remote = side.pending, answered
        self._configure(side, answered, answered.media)
        return True

    def meet(self, joining: Leg, sdp: bytes, waiting: Leg) -> bytes | None:
        """The answer for `joining`, who takes a call in which `waiting` already has its media here."""
        other = self.side(waiting)
        prefer = [] if other.local is None else [f for media in other.local.media for f in _formats(media)]
        given = self.answer_locally(joining, sdp, prefer)
        if given is None or not self._try_connect(self.side(joining), other):
            return None
        return given

    def take_back(self, leg: Leg) -> bytes | None:
        """An offer that lets the switch talk to `leg` again, or None when nothing need change."""
        side = self.side(leg)
        if side.local is None or not self._held(side):
            return None
        side.pending = with_direction(side.local, "sendrecv")
        return side.pending.serialize()

    def common_formats(self, first: bytes, second: bytes) -> tuple[StreamFormat, ...]:
        """The audio formats that both of two offers hold, in the order of the first."""
        try:
            sections = [SessionDescription.parse(sdp).first("audio") for sdp in (first, second)]
        except SdpError:
            return ()
        theirs = {(f.encoding.upper(), f.clock_rate) for f in _formats(sections[1])}
        return tuple(f for f in _formats(sections[0]) if (f.encoding.upper(), f.clock_rate) in theirs)

    def port(self, leg: Leg) -> Port | None:
        """The port of a leg's first stream."""
        if leg.port is not None:
            return leg.port
        side = self._sides.get(leg)
        return next((port for port in side.ports if port is not None), None) if side else None

    def leg_of(self, port: Port) -> Leg | None:
        """Whose media goes through `port`."""
        return self._legs.get(port.id)

    def formats(self, leg: Leg) -> tuple[StreamFormat, ...]:
        """The formats agreed with `leg` for its first stream."""
        side = self._sides.get(leg)
        local = side.local if side else None
        return _formats(next((m for m in local.media if m.port), None)) if local else ()

    # -- the end ----------------------------------------------------------------------------------------------------

    def quality(self, leg: Leg) -> tuple[str, dict[str, Any]]:
        """Codec name and what was counted on a leg's first stream, for its record."""
        port = self.port(leg)
        if port is None:
            return "", {}
        counters = port.counters()
        codec = next((f.encoding for f in self.formats(leg) if not f.auxiliary), "")
        return codec, {
            "packets_received": counters.packets_received,
            "packets_sent": counters.packets_sent,
            "lost": counters.lost,
            "jitter_ms": round(counters.jitter_ms, 2),
        }

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
        if side is not None:
            for port in side.ports:
                if port is not None:
                    self._close(port)

    # -- inside -----------------------------------------------------------------------------------------------------

    @property
    def _engine(self) -> MediaEngine:
        assert self.engine is not None, "sides without an engine are passed through"
        return self.engine

    def _open(self, side: Side, leg: Leg) -> Port:
        address = self._address6 if side.family == 6 else None
        port = self._engine.open_port(side.owner, address=address)
        self._legs[port.id] = leg
        return port

    def _close(self, port: Port) -> None:
        self._legs.pop(port.id, None)
        port.close()

    def _open_ports(self, side: Side, sections: Sequence[MediaDescription], leg: Leg, first: int = 0) -> None:
        while len(side.ports) < first + len(sections):
            side.ports.append(None)
        for index, media in enumerate(sections, first):
            if media.port and side.ports[index] is None and _is_rtp(media):
                side.ports[index] = self._open(side, leg)

    def _origin(self, side: Side) -> Origin:
        if not side.session_id:
            side.session_id = self._session_id()
        port = next((port for port in side.ports if port is not None), None)
        return Origin.create(port.local[0] if port else "127.0.0.1", side.session_id)

    @staticmethod
    def _place(side: Side, index: int) -> LocalMedia:
        port = side.ports[index]
        assert port is not None
        return LocalMedia(*port.local)

    @staticmethod
    def _answer_for(
        dst: Side, offered: SessionDescription, answered: SessionDescription, origin: Origin
    ) -> SessionDescription:
        """The answer to `offered` in terms of what the other party `answered`."""
        addresses = _addresses(dst, offered.media, answered.media)
        local = rewrite(answered, addresses, origin=origin)
        for index, (asked, got) in enumerate(zip(offered.media, answered.media, strict=True)):
            if not got.port or addresses[index] is None or set(got.formats) <= set(asked.formats):
                continue
            codecs = [Codec(f.encoding, f.clock_rate, f.channels, f.fmtp) for f in _formats(got)]
            capability = MediaCapability(asked.kind, (*codecs, *CONVERTIBLE), (asked.protocol,))
            port = dst.ports[index]
            place = LocalMedia(*port.local, direction=got.direction) if port is not None else None
            places = [place if i == index else None for i in range(len(offered.media))]
            converted = answer(offered, Capabilities((capability,), single=True), LocalSession(origin, places))
            local.media[index] = converted.media[index]
        return local

    def _configure(self, side: Side, remote: SessionDescription, agreed: Sequence[MediaDescription]) -> None:
        """Tell the ports of `side` where its party is and which formats were agreed."""
        for index, port in enumerate(side.ports):
            if port is None:
                continue
            theirs = remote.media[index] if index < len(remote.media) else None
            ours = agreed[index] if index < len(agreed) else None
            if theirs is None or ours is None or not theirs.port or not ours.port:
                self._close(port)
                side.ports[index] = None
                continue
            formats = _formats(ours)
            if port.peer is not None and formats != port.settings.formats:
                self._engine.disconnect(port)  # the two sides change one after the other
            direction = theirs.direction
            receive = direction in ("sendrecv", "sendonly")
            mux = theirs.rtcp_mux
            host, rtp_port = theirs.address()
            port.configure(
                PortSettings(
                    remote=(host, rtp_port) if host not in ("", "0.0.0.0", "::") else None,
                    remote_rtcp=None if mux else theirs.rtcp_address,
                    rtcp_mux=mux,
                    send=direction in ("sendrecv", "recvonly"),
                    receive=receive,
                    formats=formats,
                    send_format=next((f for f in formats if not f.auxiliary), None),
                    telephone_event=next((f.payload_type for f in formats if f.encoding == "telephone-event"), None),
                    timeout_s=self._timeout_s if receive else 0.0,
                )
            )

    def _connect(self, first: Side, second: Side) -> None:
        for one, other in zip(first.ports, second.ports, strict=False):
            if one is not None and other is not None:
                self._engine.connect(one, other)

    def _try_connect(self, first: Side, second: Side) -> bool:
        try:
            self._connect(first, second)
        except NotTranscodable:
            return False
        return True


def _is_rtp(media: MediaDescription) -> bool:
    """Plain RTP: secured streams cannot be renumbered without their keys, so they are refused (RFC 3264 §6)."""
    return media.protocol in ("RTP/AVP", "RTP/AVPF")


def _addresses(
    side: Side, sections: Sequence[MediaDescription], answered: Sequence[MediaDescription] | None = None
) -> list[MediaAddress | None]:
    """Our place for each media line, None where it is refused."""
    places: list[MediaAddress | None] = []
    for index, media in enumerate(sections):
        port = side.ports[index] if index < len(side.ports) else None
        refused = answered is not None and not answered[index].port
        if port is None or not media.port or refused:
            places.append(None)
        else:
            places.append(MediaAddress(*port.local, rtcp_mux=media.rtcp_mux))
    return places


def _formats(media: MediaDescription | None) -> tuple[StreamFormat, ...]:
    if media is None:
        return ()
    parameters = media.fmtps
    ptime = int(media.ptime or 20)
    return tuple(
        StreamFormat(number, found.encoding, found.clock_rate, found.channels, parameters.get(str(number), ""), ptime)
        for number, found in media.rtpmaps.items()
    )


def _own_capabilities(prefer: Sequence[StreamFormat]) -> Capabilities:
    preferred = tuple(
        Codec(f.encoding, f.clock_rate, f.channels, f.fmtp) for f in prefer if f.encoding != "telephone-event"
    )
    own = tuple(codec for codec in CONVERTIBLE if codec.key not in {p.key for p in preferred})
    capability = MediaCapability("audio", (*preferred, *own, TELEPHONE_EVENT), ("RTP/AVP",))
    return Capabilities((capability,), prefer="own" if preferred else "offer")


__all__ = ["CONVERTIBLE", "MediaPath", "PortsExhausted", "Side"]
