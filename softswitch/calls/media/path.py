"""The media of calls: how the two parties' descriptions meet in the media engine.

Each leg has a side: its engine ports, what it said last, what we told it last. An offer that came from one side goes
to the other with our ports in it, and the answer comes back the same way, so that the engine stands in the middle of
every stream (topology hiding, recording, conversion). A leg whose route says ``passthrough`` is left out of this: its
descriptions travel untouched and the parties' media flows directly.
"""

from __future__ import annotations

from dataclasses import replace

from softswitch.calls.leg import Leg
from softswitch.calls.media.local_sides import LocalSides
from softswitch.calls.media.refusals import NO_CODEC, NO_PORTS, NO_SERVICE_CODEC, NoMedia, refusals
from softswitch.calls.media.side import Side, codecs_of, formats_of, is_live, transcodable
from softswitch.calls.media.sides import place
from softswitch.media import StreamFormat
from softswitch.sdp.capabilities import TELEPHONE_EVENT, Capabilities, LocalMedia, LocalSession, MediaCapability
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.errors import SdpError
from softswitch.sdp.events import fit_events
from softswitch.sdp.formats import CARRIED_FEEDBACK, Codec
from softswitch.sdp.media import MediaDescription
from softswitch.sdp.offer_answer import (
    OfferAnswerError,
    answer,
    check_answer,
    check_new_offer,
    next_version,
    with_direction,
)
from softswitch.sdp.relay import rewrite


class MediaPath(LocalSides):
    """How the media of two parties meets.

    Every method that takes a description raises NoMedia when nothing can be agreed on it.
    """

    def carry_offer(self, source: Leg, target: Leg, sdp: bytes) -> bytes:
        """The offer for `target` that corresponds to what `source` offered."""
        src, dst = self.side(source), self.side(target)
        src.raw = sdp
        if self._passes(src, dst):
            return sdp
        with refusals(source):
            offered = self._read(src, sdp, offer=True)
            if src.remote is not None:
                check_new_offer(src.remote, offered)
            self._open_ports(dst, offered.media, target)
            pending = rewrite(
                offered,
                dst.addresses(offered.media),
                origin=self._origin(dst),
                allow=dst.codecs or None,
                add=[*dst.additions(offered), *self._events_for(target)],
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
        with refusals(source):
            answered = self._read(src, sdp, offer=False)
            check_answer(pending, answered)
            self._open_ports(dst, answered.media, target)
            local = self._answer_for(dst, offered, self._with_events(source, answered, offered))
            if is_live(answered) and not is_live(local):
                raise OfferAnswerError("nothing of the answer can be converted", "RFC 3264 §6")
            src.local, src.remote = pending, answered
            dst.remote = offered
            dst.local = next_version(dst.local, local) if dst.local is not None else local
            self._configure(src, answered, pending, answered)
            self._configure(dst, offered, dst.local, dst.local)
            self._connect(src, dst)
            return dst.give(dst.local, offer=False)

    def answer_alone(self, source: Leg, other: Leg, sdp: bytes) -> bytes:
        """The answer to what `source` offers anew while `other`, who is not asked, keeps what was agreed with it.

        A codec that `other` has not is transcoded, if it can be; a stream that `other` has not is refused.
        """
        src, dst = self.side(source), self.side(other)
        src.raw = sdp
        if dst.agreed is None or self.engine is None:
            raise NoMedia(NO_CODEC)
        with refusals(source):
            offered = self._read(src, sdp, offer=True)
            if src.remote is not None:
                check_new_offer(src.remote, offered)
            kept = [i for i, port in enumerate(dst.ports[: len(offered.media)]) if port is not None]
            for index in kept:
                self._open_ports(src, offered.media, source, only=index)
            places = [_sharing(src, i) if i in kept and src.ports[i] else None for i in range(len(offered.media))]
            capabilities = Capabilities(tuple(_capability(dst.agreed.media[i]) for i in kept))
            local = answer(offered, capabilities, LocalSession(self._origin(src), places))
            if is_live(offered) and not is_live(local):
                raise OfferAnswerError("nothing of the offer can be converted", "RFC 3264 §6")
            src.remote = src.offered = offered
            src.local = next_version(src.local, local) if src.local is not None else local
            self._configure(src, offered, src.local, src.local)
            self._connect(src, dst)
            return src.give(src.local, offer=False)

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
        if self._passes(stayed, self.side(joining)) or remote is None or local is None or agreed is None:
            return False
        try:
            with refusals(staying):
                self._configure(stayed, remote, local, agreed)
        except NoMedia:
            return False
        return not paused and self.connect(joining, staying)

    def common_formats(self, first: bytes, second: bytes) -> tuple[StreamFormat, ...]:
        """The audio formats that both of two offers hold, in the order of the first."""
        try:
            sections = [SessionDescription.parse(sdp).first("audio") for sdp in (first, second)]
        except SdpError:
            return ()
        theirs = {(f.encoding.upper(), f.clock_rate) for f in formats_of(sections[1])}
        return tuple(f for f in formats_of(sections[0]) if (f.encoding.upper(), f.clock_rate) in theirs)

    def _passes(self, src: Side, dst: Side) -> bool:
        """Whether a description travels untouched: not between a secured party and another."""
        if self.engine is None:
            return True
        return (src.passthrough or dst.passthrough) and src.secured is None and dst.secured is None

    def _events_for(self, target: Leg) -> tuple[Codec, ...]:
        """Telephone-events where they are what the party takes keys in, whoever calls it."""
        return (TELEPHONE_EVENT,) if self.keys is not None and self.keys.configured(target) == "rfc4733" else ()

    def _with_events(
        self, source: Leg, answered: SessionDescription, offered: SessionDescription
    ) -> SessionDescription:
        """What `source` answered, as who has made the offer is to see it.

        Telephone-events are taken on behalf of a party that gets keys in another way.
        """
        wanted = self.keys is not None and self.keys.configured(source) in ("inband", "info")
        media = [
            fit_events(got, asked, wanted=wanted) if got.kind == "audio" and got.port else got
            for got, asked in zip(answered.media, offered.media, strict=True)
        ]
        return replace(answered, media=media)

    def _answer_for(self, dst: Side, offered: SessionDescription, answered: SessionDescription) -> SessionDescription:
        """The answer to `offered` in terms of what the other party `answered`."""
        addresses = dst.addresses(offered.media, answered.media)
        origin = self._origin(dst)
        local = rewrite(answered, addresses, origin=origin)
        for index, (asked, got) in enumerate(zip(offered.media, answered.media, strict=True)):
            if not got.port or addresses[index] is None or set(got.formats) <= set(asked.formats):
                continue
            codecs, feedback = codecs_of(formats_of(got)), () if asked.kind == "audio" else CARRIED_FEEDBACK
            capability = MediaCapability(asked.kind, (*codecs, *transcodable()), (asked.protocol,), feedback=feedback)
            places = [place(dst, index, got.direction) if i == index else None for i in range(len(offered.media))]
            converted = answer(offered, Capabilities((capability,), single=True), LocalSession(origin, places))
            local.media[index] = converted.media[index]
        return local


def _capability(agreed: MediaDescription) -> MediaCapability:
    """What can be brought to a party with whom `agreed` was agreed on."""
    formats = [f for f in formats_of(agreed) if f.encoding.lower() != "telephone-event"]
    codecs, protocols = codecs_of(formats), ("RTP/AVP", "RTP/AVPF")
    if agreed.kind != "audio":
        return MediaCapability(agreed.kind, codecs, protocols, feedback=CARRIED_FEEDBACK)
    return MediaCapability("audio", (*codecs, *transcodable(), TELEPHONE_EVENT), protocols)


def _sharing(side: Side, index: int) -> LocalMedia:
    """Our place for a line, RTCP on the same port if the party offers that."""
    return replace(place(side, index), rtcp_mux=True)


__all__ = ["NO_CODEC", "NO_PORTS", "NO_SERVICE_CODEC", "MediaPath", "NoMedia"]
