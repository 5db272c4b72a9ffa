"""REGISTER as this switch handles it: authenticate, bind, make it durable, answer (RFC 3261 §10.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from softswitch.calls.access import Access, Challenge
from softswitch.events import AccessRefused, EventBus, RegistrationChanged
from softswitch.sip.binding import BindingChange
from softswitch.sip.errors import ProtocolError
from softswitch.sip.events import RequestReceived
from softswitch.sip.grammar import readable
from softswitch.sip.message import Request
from softswitch.sip.registrar import Registrar
from softswitch.sip.uri import SipUri, TelUri
from softswitch.sip.useragent import UserAgent

#: Makes changes durable, then calls back with whether that worked.
Persist = Callable[[Sequence[BindingChange], Callable[[bool], None]], None]

_ACTIONS = {
    "created": "registered",
    "refreshed": "refreshed",
    "expired": "expired",
    "unregistered": "removed",
    "deactivated": "removed",
}


class Registrations:
    """Answers REGISTER. The answer leaves when the bindings are on disk, so that what was acknowledged is kept."""

    def __init__(
        self,
        *,
        agent: UserAgent,
        access: Access,
        registrar: Registrar,
        bus: EventBus,
        persist: Persist,
        now: Callable[[], float],
        wall: Callable[[], float],
        admit: Callable[[], int],
    ) -> None:
        self._agent = agent
        self._access = access
        self._registrar = registrar
        self._bus = bus
        self._persist = persist
        self._now = now
        self._wall = wall
        self._admit = admit
        #: each is told of every REGISTER that was taken, before it is answered.
        self.accepted: list[Callable[[str, Request], None]] = []
        #: told after each change, for the event packages that watch registrations.
        self.changed: Callable[[str], None] | None = None

    def handle(self, event: RequestReceived, now: float) -> None:
        """One REGISTER."""
        request, source = event.request, event.source
        wait = self._admit()
        if wait:
            self._agent.respond(event.transaction, 503, now, fields=[("Retry-After", str(wait))])
            return
        try:
            user = self._access.authenticated_user(request, source, now)
            uri = request.to.uri
        except ProtocolError as error:
            self._agent.respond(event.transaction, error.status or 400, now, reason=error.text)
            return
        if isinstance(user, Challenge):
            self._agent.challenge(event.transaction, user.values)
            return
        number = uri.username if isinstance(uri, SipUri) else uri.digits if isinstance(uri, TelUri) else ""
        if number != user:
            reason = f"not allowed to register {readable(number)}"
            self._bus.publish(AccessRefused(source.host, user, "REGISTER", reason))
            self._agent.respond(event.transaction, 403, now)
            return
        result = self._registrar.process(request, number, source, now, self._wall())
        if result.response.status < 300:
            for tell in self.accepted:
                tell(number, request)
        if not result.changes:
            self._agent.respond(event.transaction, result.response, now)
            return
        self.publish(result.changes)

        def durable(stored: bool) -> None:
            response = result.response if stored else 500
            self._agent.respond(event.transaction, response, self._now())

        self._persist(result.changes, durable)

    def expire(self, now: float) -> None:
        """Drop what has ended; to be called about once a second."""
        self.dropped(self._registrar.expire(now))

    def dropped(self, changes: Sequence[BindingChange]) -> None:
        """Bindings ended by themselves: time, or a connection that closed."""
        if changes:
            self.publish(changes)
            self._persist(changes, lambda stored: None)

    def publish(self, changes: Sequence[BindingChange]) -> None:
        """Tell the bus what changed."""
        wanted = self._bus.wanted(RegistrationChanged.type)
        wall = self._wall()
        for change in changes:
            binding = change.binding
            if wanted:
                left = round(max(binding.expires_at - wall, 0.0), 1)
                self._bus.publish(RegistrationChanged(binding.aor, binding.contact, _ACTIONS[change.event], left))
            if self.changed is not None:
                self.changed(binding.aor)
