"""Calls out over SIP: the INVITE to one target on behalf of one party (RFC 3261 §13.2.1)."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.calls.hunting import Target
from softswitch.calls.leg import Cause, Leg, LegObserver, Party
from softswitch.calls.media.path import MediaPath, NoMedia
from softswitch.calls.sip.identity import address_of, diversion_fields, shown_caller
from softswitch.calls.sip.leg import SipLeg
from softswitch.calls.sip.trunk import Trunk, Trunks
from softswitch.sip.address import Address
from softswitch.sip.errors import LocalProtocolError, ProtocolError
from softswitch.sip.uri import SipUri
from softswitch.sip.useragent import UserAgent

#: Whoever registered over WebSocket is a browser, which takes nothing but ICE and DTLS (RFC 8827 §6.5).
BROWSERS = ("ws", "wss")
UNREACHABLE = Cause(503, 38, "there is no way to the callee")


class SipDialler:
    """Makes legs out of targets. `domain` stands for us in the addresses that callees see.

    `leg_for(target, caller)` gives a leg of another kind where an application wants one.
    """

    def __init__(
        self,
        agent: UserAgent,
        media: MediaPath,
        trunks: Trunks,
        domain: str,
        now: Callable[[], float],
        new_id: Callable[[], str],
        leg_for: Callable[[Target, Leg], SipLeg | None] = lambda target, caller: None,
    ) -> None:
        self._agent = agent
        self._media = media
        self._trunks = trunks
        self._domain = domain
        self._now = now
        self._new_id = new_id
        self._leg_for = leg_for
        # To an INVITE without an offer the callee must not offer in a reliable provisional response: the caller may
        # know nothing of those, and then there is no way to bring its answer back in time (RFC 3262 §5).
        tags = [tag for tag in agent.settings.supported if tag != "100rel"]
        self._plain_support = ("Supported", ", ".join(tags))

    def dial(self, target: Target, caller: Leg, offer: bytes | None, observer: LegObserver) -> Leg | Cause:
        """Call `target` on behalf of `caller`; a Cause says why it cannot be."""
        trunk = self._trunks.by_name.get(target.trunk) if target.trunk else None
        trusted = trunk is not None and trunk.trust_identity
        leg = self._leg_for(target, caller)
        if leg is None:
            leg = SipLeg(self._agent, self._now, self._new_id(), "out", Party(target.number), trusted=trusted)
        leg.trunk = target.trunk
        leg.observer = observer
        side = self._media.side(leg)
        side.owner, side.near = self._media.side(caller).owner, self._media.side(caller).near
        side.passthrough = side.passthrough or target.media == "passthrough"
        side.codecs = target.codecs
        side.agree_on(target.srtp)
        hop = target.next_hop
        side.family = 6 if hop is not None and ":" in hop.host else 4
        try:
            if isinstance(hop, Address) and hop.transport in BROWSERS:
                self._media.secure(leg)
            elif target.keying == "dtls" and target.media != "passthrough":
                self._media.secure(leg, by_ice=False)
            carried = self._media.carry_offer(caller, leg, offer) if offer is not None else b""
            self._invite(leg, target, caller, carried, trunk)
        except NoMedia as refused:
            self._media.release(leg)
            return refused.cause
        except (ProtocolError, LocalProtocolError, LookupError):
            self._media.release(leg)
            return UNREACHABLE
        return leg

    def _invite(self, leg: SipLeg, target: Target, caller: Leg, offer: bytes, trunk: Trunk | None) -> None:
        domain = (trunk.domain if trunk is not None else "") or self._domain
        shown = shown_caller(caller.party, domain, trusted=leg.trusted)
        fields = [*shown.fields, *target.fields]
        if caller.party.user_to_user:
            fields.append(("User-to-User", caller.party.user_to_user))
        if target.history and not shown.hide:
            fields += diversion_fields(target.history, self._domain)
        if not offer:
            fields.append(self._plain_support)
        if isinstance(caller, SipLeg) and caller.hops_left is not None:
            fields.append(("Max-Forwards", str(max(caller.hops_left - 1, 0))))
        extra, body, content_type = leg.invitation(offer)
        own = {name for name, _ in extra}  # what an application says goes before hints that anybody may give
        fields = [item for item in fields if item[0] not in own]
        leg.session = self._agent.invite(
            request_uri=target.request_uri,
            next_hop=target.next_hop,
            from_=shown.from_,
            to=address_of(target.number, domain),
            now=self._now(),
            contact=leg.own_contact,
            fields=[*fields, *extra],
            body=body,
            content_type=content_type,
            routes=target.routes,
            owner=leg,
            credentials=trunk.login if trunk is not None else None,
            keep_flow=isinstance(target.next_hop, Address) and trunk is None,
        )

    def is_own(self, uri: SipUri) -> bool:
        """Whether a URI leads back to this switch: our domain, or an address of one of our listeners."""
        port = uri.port or (5061 if uri.secure else 5060)
        if uri.host.lower() == self._domain.lower() and uri.port is None:
            return True
        transport = uri.transport or "udp"
        try:
            contact = SipUri.parse(self._agent.contact("", transport).strip("<>"))
        except (LookupError, ProtocolError):
            return False
        return (contact.host, contact.port or 5060) == (uri.host, port)


__all__ = ["UNREACHABLE", "SipDialler"]
