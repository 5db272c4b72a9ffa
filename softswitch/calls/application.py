"""Applications on SIP: services that recognise their own requests before the dialplan sees them.

A push-to-talk client is a SIP user agent that registers like any telephone, but its requests name groups inside bodies
and its sessions have a floor control line. An application claims such requests, makes the legs for them, and dresses
the INVITEs that go out to its clients; everything else stays with the ordinary calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from softswitch.calls.access import Access, Challenge, Identity
from softswitch.sip.errors import ProtocolError
from softswitch.sip.events import IncomingInvite, RequestReceived
from softswitch.sip.message import Request
from softswitch.sip.useragent import UserAgent

if TYPE_CHECKING:
    from softswitch.calls.hunting import Target
    from softswitch.calls.leg import Leg
    from softswitch.calls.sip.leg import SipLeg


class Application(Protocol):
    """One service of that kind."""

    def claims(self, request: Request) -> bool:
        """Whether a request outside a dialog is for this application."""

    def invited(self, event: IncomingInvite, identity: Identity, now: float) -> None:
        """An INVITE that it claims, from somebody who is known; it answers."""

    def requested(self, event: RequestReceived, identity: Identity, now: float) -> None:
        """Another request that it claims, from somebody who is known; it answers."""

    def leg_for(self, target: Target, caller: Leg) -> SipLeg | None:
        """A leg of its own kind for a device that is about to be called; None: an ordinary one."""

    def ambience(self, target: Target) -> bool | None:
        """Whether a device of its own can be listened to without showing it; None: it is none of its own."""


def asker(access: Access, agent: UserAgent, event: RequestReceived, now: float) -> Identity | None:
    """Who sends a request outside a dialog; None when it has been challenged or refused already."""
    try:
        identity = access.identify(event.request, event.source, now)
    except ProtocolError as error:
        agent.respond(event.transaction, error.status or 400, now, reason=error.text)
        return None
    if isinstance(identity, Challenge):
        agent.challenge(event.transaction, identity.values)
        return None
    return identity


__all__ = ["Application", "asker"]
