"""The media of calls: how the two parties' descriptions meet in the media engine.

Each leg has a side: its engine ports, what it said last, what we told it last. An offer that came from one side goes
to the other with our ports in it, and the answer comes back the same way, so that the engine stands in the middle of
every stream (topology hiding, recording, conversion). A leg whose route says ``passthrough`` is left out of this: its
descriptions travel untouched and the parties' media flows directly.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from softswitch.calls.keyed_side import PREFERRED, KeyedSide, Mode, SecurityRefused
from softswitch.calls.leg import Cause, Leg
from softswitch.calls.quality import describe_quality
from softswitch.calls.secured_side import SecuredSide
from softswitch.calls.side import (
    Side,
    codecs_of,
    formats_of,
    is_live,
    is_rtp,
    own_capabilities,
    picture_capability,
    port_settings,
    transcodable,
)
from softswitch.media import MediaEngine, MediaError, NotTranscodable, Port, PortsExhausted, SrtpKeys, StreamFormat
from softswitch.media.quality_layout import EXTENDED_STATISTICS, EXTENDED_VOICE
from softswitch.sdp.capabilities import Capabilities, LocalMedia, LocalSession, MediaCapability
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import SdpError
from softswitch.sdp.extended_reports import read_extended_reports
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
    refuse,
    with_direction,
)
from softswitch.sdp.relay import rewrite

if TYPE_CHECKING:
    from softswitch.calls.keys import Keys

logger = logging.getLogger(__name__)

#: What tells an offer of DTLS-SRTP (RFC 5764 §8) at a glance.
DTLS = b"UDP/TLS/RTP/SAVP"

NO_PORTS = Cause(503, 34, "no media port is free")
NO_CODEC = Cause(488, 88, "the parties have no codec in common")
NO_SERVICE_CODEC = Cause(488, 88, "no codec in common with the switch (G.711)")
ENGINE_FAILED = Cause(503, 41, "the media engine failed")


class NoMedia(Exception):
    """Two descriptions cannot be brought together; `cause` says why."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.text)
        self.cause = cause


@contextmanager
def _refusals(leg: Leg) -> Iterator[None]:
    """Whatever is wrong with a description, or with the engine, becomes NoMedia."""
    try:
        yield
    except PortsExhausted as error:
        logger.warning("%s", error, extra={"leg": leg.id})
        raise NoMedia(NO_PORTS) from None
    except SecurityRefused as refused:
        logger.info("%s", refused, extra={"leg": leg.id})
        raise NoMedia(refused.cause) from None
    except (SdpError, OfferAnswerError, NotTranscodable, ValueError) as error:
        logger.info("a description was refused: %s", error, extra={"leg": leg.id})
        raise NoMedia(NO_CODEC) from None
    except MediaError as error:
        logger.error("%s", error, extra={"leg": leg.id})
        raise NoMedia(ENGINE_FAILED) from None


class MediaPath:
    """The sides of all legs. `engine` None serves a switch that only signals: everything is passed through.

    Every method that takes a description raises NoMedia when nothing can be agreed on it.
    """

    def __init__(
        self,
        engine: MediaEngine | None,
        *,
        timeout_s: float = 0.0,
        address6: str | None = None,
        session_id: Callable[[], int],
        random: Callable[[int], bytes],
        srtp: Mode = "best_effort",
        suites: Sequence[str] = PREFERRED,
        reports: bool = False,
    ) -> None:
        self.engine = engine
        #: what the exchange has to say of keys.
        self.keys: Keys | None = None
        self._timeout_s = timeout_s
        self._address6 = address6
        self._session_id = session_id
        self._random = random
        self._srtp: Mode = srtp
        self._suites = tuple(suites)
        self._reports = reports
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
            keyed = KeyedSide(self._random, self._srtp, self._suites)
            side = self._sides[leg] = Side(leg.id, keyed, passthrough=self.engine is None, reports=self._reports)
        return side

    # -- between two parties ----------------------------------------------------------------------------------------

    def carry_offer(self, source: Leg, target: Leg, sdp: bytes) -> bytes:
        """The offer for `target` that corresponds to what `source` offered."""
        src, dst = self.side(source), self.side(target)
        src.raw = sdp
        if self._passes(src, dst):
            return sdp
        with _refusals(source):
            offered = self._read(src, sdp, offer=True)
            if src.remote is not None:
                check_new_offer(src.remote, offered)
            self._open_ports(dst, offered.media, target)
            pending = rewrite(
                offered,
                dst.addresses(offered.media),
                origin=self._origin(dst),
                allow=dst.codecs or None,
                add=dst.additions(offered),
            )
            if is_live(offered) and not is_live(pending):
                raise OfferAnswerError("nothing of the offer may be passed on", "RFC 3264 §6")
            src.offered = offered
            dst.pending = next_version(dst.local, pending) if dst.local is not None else pending
            return dst.give(dst.pending, offer=True)

    def carry_answer(self, source: Leg, target: Leg, sdp: bytes) -> bytes:
        """The answer for `target` that corresponds to what `source` answered; the engine's ports are joined."""
        src, dst = self.side(source), self.side(target)
        src.raw = sdp
        if self._passes(src, dst):
            if src.ports or dst.ports:
                self._close_ports(src)
                self._close_ports(dst)
            return sdp
        offered, pending = dst.offered, src.pending
        if offered is None or pending is None:
            raise NoMedia(NO_CODEC)
        with _refusals(source):
            answered = self._read(src, sdp, offer=False)
            check_answer(pending, answered)
            self._open_ports(dst, answered.media, target)
            local = self._answer_for(dst, offered, answered)
            if is_live(answered) and not is_live(local):
                raise OfferAnswerError("nothing of the answer can be converted", "RFC 3264 §6")
            src.local, src.remote = pending, answered
            dst.remote = offered
            dst.local = next_version(dst.local, local) if dst.local is not None else local
            self._configure(src, answered, pending, answered)
            self._configure(dst, offered, dst.local, dst.local)
            self._connect(src, dst)
            return dst.give(dst.local, offer=False)

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
        stayed = self.side(staying)
        paused, remote, local, agreed = stayed.paused, stayed.remote, stayed.local, stayed.agreed
        try:
            self.carry_answer(joining, staying, sdp)
        except NoMedia:
            return False
        finally:
            stayed.remote, stayed.local, stayed.agreed = remote, local, agreed
        if stayed.passthrough or self.side(joining).passthrough or remote is None or local is None or agreed is None:
            return False
        try:
            with _refusals(staying):
                self._configure(stayed, remote, local, agreed)
        except NoMedia:
            return False
        return not paused and self.connect(joining, staying)

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

    # -- with the switch itself -------------------------------------------------------------------------------------

    def answer_locally(self, leg: Leg, sdp: bytes, prefer: Sequence[StreamFormat] = ()) -> bytes:
        """An answer by which the switch itself talks to `leg` (G.711); `prefer` are formats to choose before."""
        side = self.side(leg)
        side.raw = sdp
        if self.engine is None:
            raise NoMedia(NO_SERVICE_CODEC)
        with _refusals(leg):
            offered = self._read(side, sdp, offer=True)
            index = next((i for i, m in enumerate(offered.media) if m.kind == "audio" and m.port and is_rtp(m)), None)
            if index is None:
                raise NoMedia(NO_SERVICE_CODEC)
            self._open_ports(side, offered.media[index : index + 1], leg, first=index)
            capabilities, shown = own_capabilities(prefer), self._take_pictures(side, offered, leg)
            if shown is not None:
                capabilities = replace(capabilities, media=(*capabilities.media, shown[1]))
            kept = (index, None if shown is None else shown[0])
            places = [_place(side, i) if i in kept else None for i in range(len(offered.media))]
            local = answer(offered, capabilities, LocalSession(self._origin(side), places))
            if not local.media[index].port:
                raise NoMedia(NO_SERVICE_CODEC)
            side.remote, side.offered = offered, offered
            side.local = next_version(side.local, local) if side.local is not None else local
            self._configure(side, offered, side.local, side.local)
            return side.give(side.local, offer=False)

    def _take_pictures(self, side: Side, offered: SessionDescription, leg: Leg) -> tuple[int, MediaCapability] | None:
        """The video line that the service shows to others, with its port, and the format it is to have."""
        for index, media in enumerate(offered.media):
            if media.kind == "video" and media.port and is_rtp(media):
                capability = picture_capability(media, side.pictures)
                if capability is not None and leg.port is None:
                    self._open_ports(side, offered.media[index : index + 1], leg, first=index)
                    return index, capability
        return None

    def show_pictures(self, leg: Leg, codecs: Sequence[Codec]) -> None:
        """The service that `leg` is to talk to shows pictures of these codecs; none: no more."""
        if codecs or leg in self._sides:
            self.side(leg).pictures = codecs

    def picture_port(self, leg: Leg) -> Port | None:
        """The port of a leg's video."""
        side = self._sides.get(leg)
        return side.picture_port if side is not None else None

    def offer_locally(self, leg: Leg) -> bytes:
        """An offer by which the switch itself invites `leg` to talk to it (G.711), all other streams ended."""
        side = self.side(leg)
        if self.engine is None:
            raise NoMedia(NO_SERVICE_CODEC)
        with _refusals(leg):
            index = next((i for i, port in enumerate(side.ports) if port is not None), -1)
            if index < 0:
                index = 0
                side.ports[:1] = [self._open(side, leg)]
            offer = make_offer(own_capabilities(), LocalSession(self._origin(side), [_place(side, index)]))
            before = side.local.media if side.local is not None else []
            if len(before) > index:
                offer.media = [offer.media[0] if i == index else refuse(media) for i, media in enumerate(before)]
            side.passthrough = False
            side.pending = next_version(side.local, offer) if side.local is not None else offer
            return side.give(side.pending, offer=True)

    def answered_locally(self, leg: Leg, sdp: bytes) -> None:
        """`leg` answered our `offer_locally` or `take_back`."""
        side = self.side(leg)
        side.raw = sdp
        if side.pending is None:
            raise NoMedia(NO_SERVICE_CODEC)
        with _refusals(leg):
            answered = self._read(side, sdp, offer=False)
            check_answer(side.pending, answered)
            side.local, side.remote = side.pending, answered
            self._configure(side, answered, side.local, answered)

    def take_back(self, leg: Leg) -> bytes | None:
        """An offer that lets the switch talk to `leg`, who talked to somebody; None when nothing need change."""
        side = self.side(leg)
        if not any(f.encoding.upper() in ("PCMA", "PCMU") for f in self.formats(leg)):
            return self.offer_locally(leg)
        if side.local is None or not side.paused:
            return None
        side.pending = with_direction(side.local, "sendrecv")
        return side.give(side.pending, offer=True)

    def common_formats(self, first: bytes, second: bytes) -> tuple[StreamFormat, ...]:
        """The audio formats that both of two offers hold, in the order of the first."""
        try:
            sections = [SessionDescription.parse(sdp).first("audio") for sdp in (first, second)]
        except SdpError:
            return ()
        theirs = {(f.encoding.upper(), f.clock_rate) for f in formats_of(sections[1])}
        return tuple(f for f in formats_of(sections[0]) if (f.encoding.upper(), f.clock_rate) in theirs)

    def port(self, leg: Leg) -> Port | None:
        """The port of a leg's first stream."""
        if leg.port is not None:
            return leg.port
        side = self._sides.get(leg)
        return side.first_port if side is not None and side.ports else None

    def leg_of(self, port: Port) -> Leg | None:
        """Whose media goes through `port`."""
        return self._legs.get(port.id)

    def formats(self, leg: Leg) -> tuple[StreamFormat, ...]:
        """The formats agreed with `leg` for its first stream; none where the engine has no part in it."""
        side = self._sides.get(leg)
        agreed = side.agreed if side is not None and side.first_port is not None else None
        return formats_of(next((m for m in agreed.media if m.port), None)) if agreed else ()

    def srtp(self, leg: Leg) -> str:
        """How the media of `leg` is secured: its SRTP profile, empty for plain RTP."""
        port = self.port(leg)
        keys = port.settings.srtp if port is not None else None
        return keys.profile if isinstance(keys, SrtpKeys) else ""

    # -- the end ----------------------------------------------------------------------------------------------------

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

    # -- inside -----------------------------------------------------------------------------------------------------

    def secure(self, leg: Leg) -> None:
        """`leg` is a browser: whatever it is offered is offered with ICE and DTLS. Raises NoMedia without DTLS here."""
        side = self.side(leg)
        if side.secured is None and self.engine is not None:
            with _refusals(leg):
                side.secured = SecuredSide(self.engine.fingerprint)

    def _passes(self, src: Side, dst: Side) -> bool:
        """Whether a description travels untouched: not between a secured party and another."""
        if self.engine is None:
            return True
        return (src.passthrough or dst.passthrough) and src.secured is None and dst.secured is None

    def _read(self, side: Side, sdp: bytes, *, offer: bool) -> SessionDescription:
        """What the party of `side` said, as plain RTP."""
        if side.secured is None and DTLS in sdp and self.engine is not None:
            side.secured = SecuredSide(self.engine.fingerprint)
        return side.read(sdp, offer=offer)

    def _open(self, side: Side, leg: Leg) -> Port:
        if leg.port is not None:
            self._legs[leg.port.id] = leg
            return leg.port
        assert self.engine is not None, "sides without an engine are passed through"
        address = self._address6 if side.family == 6 else None
        port = self.engine.open_port(side.owner, address=address, rtcp_mux=side.secured is not None, near=side.near)
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

    def _open_ports(self, side: Side, sections: Sequence[MediaDescription], leg: Leg, first: int = 0) -> None:
        while len(side.ports) < first + len(sections):
            side.ports.append(None)
        for index, media in enumerate(sections, first):
            if leg.port is not None and (media.kind != "audio" or leg.port in side.ports):
                continue  # a gateway brings one port, for sound
            if media.port and side.ports[index] is None and is_rtp(media):
                side.ports[index] = self._open(side, leg)

    def _origin(self, side: Side) -> Origin:
        if not side.session_id:
            side.session_id = self._session_id()
        return side.origin()

    def _answer_for(self, dst: Side, offered: SessionDescription, answered: SessionDescription) -> SessionDescription:
        """The answer to `offered` in terms of what the other party `answered`."""
        addresses = dst.addresses(offered.media, answered.media)
        origin = self._origin(dst)
        local = rewrite(answered, addresses, origin=origin)
        for index, (asked, got) in enumerate(zip(offered.media, answered.media, strict=True)):
            if not got.port or addresses[index] is None or set(got.formats) <= set(asked.formats):
                continue
            capability = MediaCapability(asked.kind, (*codecs_of(formats_of(got)), *transcodable()), (asked.protocol,))
            places = [_place(dst, index, got.direction) if i == index else None for i in range(len(offered.media))]
            converted = answer(offered, Capabilities((capability,), single=True), LocalSession(origin, places))
            local.media[index] = converted.media[index]
        return local

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
            settings = port_settings(theirs, ours, agreed, self._timeout_s)
            settings = replace(settings, srtp=side.keyed.keys(index), extended=_reports(remote, index))
            owner = self._legs.get(port.id)
            if owner is not None and owner.port is port:  # its gateway alone knows the way to the far end
                settings = replace(settings, remote=port.settings.remote, timeout_s=port.settings.timeout_s)
            if self.keys is not None:
                settings = self.keys.fit(self._legs.get(port.id), settings)
            if port.peer not in (None, port) and settings.formats != port.settings.formats and self.engine is not None:
                self.engine.disconnect(port)  # the two sides change one after the other
            if side.secured is not None:
                side.secured.introduce(index, port, theirs.address())
            port.configure(settings)

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


def _place(side: Side, index: int, direction: str = "sendrecv") -> LocalMedia:
    port = side.ports[index]
    assert port is not None
    return LocalMedia(*port.local, direction=direction)


__all__ = ["NO_CODEC", "NO_PORTS", "NO_SERVICE_CODEC", "MediaPath", "NoMedia"]
