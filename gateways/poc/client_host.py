"""Many clients behind one SIP user agent: its events reach whom they concern."""

from __future__ import annotations

from gateways.poc.client import PocClient
from gateways.poc.client_requests import Asked
from softswitch.sip.events import Event, IncomingInvite, RequestReceived, ResponseReceived
from softswitch.sip.message import Request
from softswitch.sip.useragent import UserAgent


class Clients:
    """All clients behind one user agent: hands its events to whom they concern."""

    def __init__(self, agent: UserAgent) -> None:
        self.agent = agent
        self.by_number: dict[str, PocClient] = {}

    def add(self, client: PocClient) -> None:
        """One more client."""
        self.by_number[client.number] = client

    def handle(self, event: Event, now: float) -> None:
        """One event of the user agent."""
        if isinstance(event, IncomingInvite):
            client = self._called(event.request)
            if client is None:
                event.session.reject(404, now)
            else:
                client.invited(event, now)
        elif isinstance(event, RequestReceived):
            client = self._called(event.request)
            if client is None:
                self.agent.respond(event.transaction, 404, now)
            else:
                client.requested(event, now)
        elif isinstance(event, ResponseReceived):
            if isinstance(event.transaction.owner, Asked):
                event.transaction.owner.on_response(event.response, now)
        else:
            owner = getattr(getattr(event, "session", None), "owner", None)
            if isinstance(owner, PocClient):
                owner.on_event(event, now)
            elif (asked := getattr(getattr(event, "transaction", None), "owner", None)) is not None and isinstance(
                asked, Asked
            ):
                asked.on_failure(getattr(event, "status", 408), now)

    def _called(self, request: Request) -> PocClient | None:
        uri = request.uri
        return self.by_number.get(getattr(uri, "username", ""))
