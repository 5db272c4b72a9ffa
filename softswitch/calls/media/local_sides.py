"""The media of legs that talk to the switch itself: services, rooms, music on hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from softswitch.calls.leg import Leg
from softswitch.calls.media.refusals import NO_SERVICE_CODEC, NoMedia, refusals
from softswitch.calls.media.side import Side, codecs_of, is_rtp, last_resort, own_capabilities, picture_capability
from softswitch.calls.media.sides import Sides, place
from softswitch.media import Port, StreamFormat, can_transcode
from softswitch.sdp.capabilities import Capabilities, LocalSession, MediaCapability
from softswitch.sdp.description import SessionDescription
from softswitch.sdp.formats import Codec
from softswitch.sdp.offer_answer import answer, check_answer, make_offer, next_version, refuse, with_direction


class LocalSides(Sides):
    """The part of the media path in which the switch is one of the two parties.

    Every method that takes a description raises NoMedia when nothing can be agreed on it.
    """

    def answer_locally(self, leg: Leg, sdp: bytes, prefer: Sequence[StreamFormat] = ()) -> bytes:
        """An answer by which the switch itself talks to `leg`: G.711, or what its service hears better.

        `prefer` are formats to choose before. Who has none of these is answered with another codec of its own.
        """
        side = self.side(leg)
        side.raw = sdp
        if self.engine is None:
            raise NoMedia(NO_SERVICE_CODEC)
        with refusals(leg):
            offered = self._read(side, sdp, offer=True)
            index = next((i for i, m in enumerate(offered.media) if m.kind == "audio" and m.port and is_rtp(m)), None)
            if index is None:
                raise NoMedia(NO_SERVICE_CODEC)
            self._open_ports(side, offered.media, leg, only=index)
            shown = self._take_pictures(side, offered, leg)
            kept = (index, None if shown is None else shown[0])
            places = [place(side, i) if i in kept else None for i in range(len(offered.media))]
            session = LocalSession(self._origin(side), places)
            local = answer(offered, _showing(self._own(side, prefer), shown), session)
            if not local.media[index].port:
                capabilities = last_resort(offered.media[index])
                if capabilities is None:
                    raise NoMedia(NO_SERVICE_CODEC)
                local = answer(offered, _showing(capabilities, shown), session)
            side.remote, side.offered = offered, offered
            side.local = next_version(side.local, local) if side.local is not None else local
            self._configure(side, offered, side.local, side.local)
            return side.give(side.local, offer=False)

    def _own(self, side: Side, prefer: Sequence[StreamFormat] = ()) -> Capabilities:
        wanted = codecs_of([f for f in prefer if f.encoding != "telephone-event"])
        return own_capabilities(wanted or side.sounds, comfort_noise=self.terms.comfort_noise)

    def _take_pictures(self, side: Side, offered: SessionDescription, leg: Leg) -> tuple[int, MediaCapability] | None:
        """The video line that the service shows to others, with its port, and the format it is to have."""
        for index, media in enumerate(offered.media):
            if media.kind == "video" and media.port and is_rtp(media):
                capability = picture_capability(media, side.pictures)
                if capability is not None and leg.port is None:
                    self._open_ports(side, offered.media, leg, only=index)
                    return index, capability
        return None

    def show_pictures(self, leg: Leg, codecs: Sequence[Codec]) -> None:
        """The service that `leg` is to talk to shows pictures of these codecs; none: no more."""
        if codecs or leg in self._sides:
            self.side(leg).pictures = codecs

    def hear_sounds(self, leg: Leg, codecs: Sequence[Codec]) -> None:
        """The service that `leg` is to talk to hears these codecs better than G.711; none: no more."""
        if codecs or leg in self._sides:
            self.side(leg).sounds = codecs

    def picture_port(self, leg: Leg) -> Port | None:
        """The port of a leg's video."""
        side = self._sides.get(leg)
        return side.picture_port if side is not None else None

    def offer_locally(self, leg: Leg) -> bytes:
        """An offer by which the switch itself invites `leg` to talk to it (G.711), all other streams ended."""
        side = self.side(leg)
        if self.engine is None:
            raise NoMedia(NO_SERVICE_CODEC)
        with refusals(leg):
            index = next((i for i, port in enumerate(side.ports) if port is not None), -1)
            if index < 0:
                index = 0
                side.ports[:1] = [self._open(side, leg, "audio")]
            offer = make_offer(self._own(side), LocalSession(self._origin(side), [place(side, index)]))
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
        with refusals(leg):
            answered = self._read(side, sdp, offer=False)
            check_answer(side.pending, answered)
            side.local, side.remote = side.pending, answered
            self._configure(side, answered, side.local, answered)

    def take_back(self, leg: Leg) -> bytes | None:
        """An offer that lets the switch talk to `leg`, who talked to somebody; None when nothing need change."""
        side = self.side(leg)
        if not any(can_transcode(f.encoding, f.clock_rate) for f in self.formats(leg)):
            return self.offer_locally(leg)
        if side.local is None or not side.paused:
            return None
        side.pending = with_direction(side.local, "sendrecv")
        return side.give(side.pending, offer=True)


def _showing(capabilities: Capabilities, shown: tuple[int, MediaCapability] | None) -> Capabilities:
    """These, and the pictures that are shown."""
    return capabilities if shown is None else replace(capabilities, media=(*capabilities.media, shown[1]))


__all__ = ["LocalSides"]
