"""Gateways as the exchange sees them: they make legs out of numbers, and bring legs of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from softswitch.calls.hunting import Target
from softswitch.calls.leg import Cause, Leg, LegObserver
from softswitch.calls.media.path import MediaPath, NoMedia
from softswitch.calls.ported_leg import PortedLeg
from softswitch.sdp.errors import SdpError

_BAD_OFFER = Cause(488, 88, "the offer cannot be understood")


class Gateway(Protocol):
    """One way out to parties that speak no SIP."""

    def dial(self, target: Target, caller: Leg, leg_id: str) -> PortedLeg | Cause:
        """Prepare to call `target` on behalf of `caller`: a leg with its port that has not said anything yet."""

    def invite(self, leg: PortedLeg, target: Target, caller: Leg) -> None:
        """Call now; the leg knows by now what the caller offers."""


class SdpGateway(Protocol):
    """One way out to parties that speak no SIP but answer offers themselves."""

    def dial(self, target: Target, caller: Leg, leg_id: str, offer: bytes | None, observer: LegObserver) -> Leg | Cause:
        """Offer a call to `target` on behalf of `caller`; the leg reports to `observer`."""


class Gateways:
    """All gateways of this node by the names that routes use."""

    def __init__(self, media: MediaPath, new_id: Callable[[], str]) -> None:
        self._media = media
        self._new_id = new_id
        self._by_name: dict[str, Gateway] = {}
        self._with_sdp: dict[str, SdpGateway] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def add(self, name: str, gateway: Gateway) -> None:
        """Routes may say `gateway:name` from now on."""
        self._by_name[name] = gateway

    def add_sdp(self, name: str, gateway: SdpGateway) -> None:
        """Targets may name `gateway` from now on."""
        self._with_sdp[name] = gateway

    def dial(self, target: Target, caller: Leg, offer: bytes | None, observer: LegObserver) -> Leg | Cause:
        """Call `target` through its gateway; a Cause says why it cannot be."""
        with_sdp = self._with_sdp.get(target.gateway)
        if with_sdp is not None:
            return with_sdp.dial(target, caller, self._new_id(), offer, observer)
        gateway = self._by_name.get(target.gateway)
        if gateway is None:
            return Cause(503, 38, f"gateway {target.gateway} is not running")
        leg = gateway.dial(target, caller, self._new_id())
        if isinstance(leg, Cause):
            return leg
        leg.observer = observer
        side = self._media.side(leg)
        side.owner = self._media.side(caller).owner
        side.codecs = tuple(codec.encoding for codec in leg.codecs)
        try:
            leg.invited(self._media.carry_offer(caller, leg, offer) if offer is not None else None)
        except NoMedia as refused:
            return self._give_up(leg, refused.cause)
        except SdpError:
            return self._give_up(leg, _BAD_OFFER)
        gateway.invite(leg, target, caller)
        return leg

    def _give_up(self, leg: PortedLeg, cause: Cause) -> Cause:
        self._media.release(leg)
        leg.abandon(cause)
        return cause


__all__ = ["Gateway", "Gateways", "SdpGateway"]
