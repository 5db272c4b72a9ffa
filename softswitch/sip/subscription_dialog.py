"""Subscriptions as the notifier keeps them: who watches what, and the dialog along which NOTIFYs go.

RFC 6665 §4.2 and §4.4, RFC 3261 §12 for the dialog, which is no INVITE's and needs little: tags, route set, target and
two sequence numbers. Left out: dialogs shared with an INVITE or with another subscription (RFC 6665 §4.5.2).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from softswitch.sip.address import Address
from softswitch.sip.errors import ProtocolError
from softswitch.sip.flow import NatPolicy, behind_nat, contact_hop, keeps_flow
from softswitch.sip.headers import Event, NameAddr
from softswitch.sip.message import Request
from softswitch.sip.packages import EventPackage
from softswitch.sip.uri import SipUri

SubscriptionKey = tuple[str, str, str, str, str]
"""Call-ID, our tag, the subscriber's tag, event package, event id."""

_LARGEST_CSEQ: Final = 2**31 - 1


class OutgoingNotify(NamedTuple):
    """A NOTIFY to send; `id` names its subscription to `Notifier.notify_failed`."""

    id: str
    request: Request
    next_hop: Address | SipUri


class Subscription:
    """One subscription and its dialog; times on the monotonic clock in seconds."""

    __slots__ = (
        "bucket",
        "call_id",
        "contact",
        "dirty",
        "event_id",
        "expires_at",
        "id",
        "local",
        "local_cseq",
        "local_tag",
        "next_hop",
        "not_before",
        "package",
        "remote",
        "remote_cseq",
        "remote_tag",
        "request_uri",
        "resource",
        "routes",
        "subscriber",
        "version",
    )

    def __init__(
        self,
        request: Request,
        package: EventPackage,
        event: Event,
        *,
        resource: str,
        subscriber: str,
        contact: str,
        new_tag: str,
    ) -> None:
        """The subscription that an initial SUBSCRIBE asks for; raises ProtocolError where it makes no dialog."""
        remote_tag = request.from_.tag
        if not remote_tag:
            raise ProtocolError("a SUBSCRIBE without a From tag", section="RFC 3261 §8.1.1.3")
        self.id = new_tag
        self.package = package
        self.event_id = event.id or ""
        self.resource = resource
        self.subscriber = subscriber
        self.contact = contact
        self.call_id = request.call_id
        self.local_tag = new_tag
        self.remote_tag = remote_tag
        self.local = str(request.to.with_tag(new_tag))
        self.remote = str(request.from_)
        self.routes = tuple(str(route) for route in request.record_routes)
        self.local_cseq = 0
        self.remote_cseq = request.cseq.number
        self.request_uri = ""
        self.next_hop: Address | SipUri = SipUri(None, "")
        self.expires_at = 0.0
        self.not_before = 0.0
        self.version = 0
        self.dirty = False
        self.bucket = -1

    @property
    def key(self) -> SubscriptionKey:
        """What a SUBSCRIBE within the dialog is matched by (RFC 6665 §4.5.1)."""
        return (self.call_id, self.local_tag, self.remote_tag, self.package.name, self.event_id)

    def aim(self, request: Request, source: Address, nat_policy: NatPolicy) -> None:
        """Sets the remote target from the Contact of a SUBSCRIBE (RFC 3261 §12.2.2); raises ProtocolError."""
        contact = request.contact
        if contact is None or contact.wildcard:
            if self.request_uri and contact is None:
                return  # a refresh may leave the target as it is
            raise ProtocolError("a SUBSCRIBE without a Contact", section="RFC 6665 §4.1.2.1")
        uri = contact.uri
        if not isinstance(uri, SipUri):
            raise ProtocolError("a Contact is not a SIP URI", section="RFC 3261 §12.1.1")
        self.request_uri = contact.uri_text
        if self.routes:
            first = NameAddr.parse(self.routes[0]).uri
            if not isinstance(first, SipUri):
                raise ProtocolError("a Record-Route is not a SIP URI", section="RFC 3261 §20.30")
            self.next_hop = first
            return
        via, hops = request.via, len(request.vias)
        nat = behind_nat(uri, via, hops, source, nat_policy)
        self.next_hop = source if keeps_flow(uri, via, hops, source, nat) else contact_hop(uri, source)

    def notify(self, state: str, body: bytes | None, max_forwards: int, user_agent: str) -> OutgoingNotify:
        """The next NOTIFY with Subscription-State `state`, carrying `body` unless it is None."""
        self.local_cseq = min(self.local_cseq + 1, _LARGEST_CSEQ)
        request_uri, routes = self._route()
        event = self.package.name + (f";id={self.event_id}" if self.event_id else "")
        fields = [
            ("Max-Forwards", str(max_forwards)),
            *(("Route", route) for route in routes),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.local_cseq} NOTIFY"),
            ("Contact", f"<{self.contact}>"),
            ("Event", event),
            ("Subscription-State", state),
        ]
        if user_agent:
            fields.append(("User-Agent", user_agent))
        if body is not None:
            fields.append(("Content-Type", self.package.content_type))
        return OutgoingNotify(self.id, Request("NOTIFY", request_uri, fields, body or b""), self.next_hop)

    def _route(self) -> tuple[str, tuple[str, ...]]:
        """Request-URI and Route values; a strict first router gets the request in its own name (RFC 3261 §12.2.1.1)."""
        if not self.routes:
            return self.request_uri, ()
        first = NameAddr.parse(self.routes[0])
        uri = first.uri
        if not isinstance(uri, SipUri) or uri.has_param("lr"):
            return self.request_uri, self.routes
        return first.uri_text, (*self.routes[1:], f"<{self.request_uri}>")
