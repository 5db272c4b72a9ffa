"""Pager-mode messages: SIP MESSAGE from one party to every device of another (RFC 3428)."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.calls.access import Access, Challenge, Identity
from softswitch.calls.hunting import Stage, Target, may_try_next_trunk
from softswitch.calls.leg import Cause
from softswitch.calls.routing import Router
from softswitch.calls.sip_identity import address_of, shown_caller
from softswitch.calls.sip_intake import number_of
from softswitch.events import AccessRefused, EventBus, MessageRelayed
from softswitch.sip.errors import LocalProtocolError, ProtocolError
from softswitch.sip.events import RequestReceived
from softswitch.sip.message import Request, Response
from softswitch.sip.useragent import UserAgent

#: Fields that go with the text from sender to recipient.
_CARRIED = ("Content-Type", "Content-Disposition", "Content-Language", "Subject", "Date", "In-Reply-To")
_HIDDEN = frozenset({"Subject", "In-Reply-To"})
_NO_DEVICE = 480


class Pager:
    """Relays messages: the sender is told 200 when the first device took it, else the best refusal."""

    def __init__(
        self,
        *,
        agent: UserAgent,
        access: Access,
        router: Router,
        bus: EventBus,
        new_id: Callable[[], str],
        domain: str,
        max_octets: int = 16384,
    ) -> None:
        self._agent = agent
        self._access = access
        self._router = router
        self._bus = bus
        self._new_id = new_id
        self._domain = domain
        self._max_octets = max_octets

    def handle(self, event: RequestReceived, now: float) -> None:
        """One MESSAGE."""
        request = event.request
        try:
            identity = self._access.identify(request, event.source, now)
            number = number_of(request)
        except ProtocolError as error:
            self._agent.respond(event.transaction, error.status or 400, now, reason=error.text)
            return
        if isinstance(identity, Challenge):
            fields = [("WWW-Authenticate", value) for value in identity.values]
            self._agent.respond(event.transaction, 401, now, fields=fields)
            return
        if len(request.body) > self._max_octets:
            self._agent.respond(event.transaction, 413, now)
            return
        found = self._router.stages(number, identity.caller, message=True)[1]
        if isinstance(found, Cause):
            if found.status == 403:
                source, user = event.source.host, identity.party.number
                self._bus.publish(AccessRefused(source, user, "MESSAGE", found.text))
            self.answer(event, identity, number, found.status, now)
            return
        waves = _waves(found)
        if not waves:
            self.answer(event, identity, number, _NO_DEVICE, now)
            return
        _Relay(self, event, identity, number, waves).send_next(now)

    def send(self, request: Request, identity: Identity, target: Target, owner: object, now: float) -> bool:
        """Send the text of `request` on to one target; `owner` hears the outcome. False when there is no way there."""
        trunk = self._router.trunks.by_name.get(target.trunk)
        trusted = trunk is not None and trunk.trust_identity
        domain = (trunk.domain if trunk is not None else "") or self._domain
        outgoing = self._copy(request, target, identity, domain, trusted=trusted)
        login = trunk.login if trunk is not None else None
        try:
            self._agent.send(outgoing, target.next_hop, now, owner=owner, credentials=login)
        except (ProtocolError, LocalProtocolError, LookupError):
            return False
        return True

    def answer(self, event: RequestReceived, identity: Identity, number: str, status: int, now: float) -> None:
        """Tell the sender what became of the message."""
        self._agent.respond(event.transaction, status, now)
        self._bus.publish(MessageRelayed(identity.party.number, number, status))

    def _copy(self, request: Request, target: Target, identity: Identity, domain: str, *, trusted: bool) -> Request:
        """The message anew, with the sender as the recipient may see it."""
        shown = shown_caller(identity.party, domain, trusted=trusted)
        hops = request.max_forwards
        fields = [
            *(("Route", route) for route in target.routes),
            ("From", str(shown.from_.with_tag(self._new_id()))),
            ("To", str(address_of(target.number, domain))),
            ("Call-ID", self._new_id()),
            ("CSeq", "1 MESSAGE"),
            ("Max-Forwards", str(max((70 if hops is None else hops) - 1, 0))),
            *shown.fields,
        ]
        for name in _CARRIED:
            value = request.get(name)
            if value is not None and not (shown.hide and name in _HIDDEN):
                fields.append((name, value))
        return Request("MESSAGE", target.request_uri, fields, request.body)


class _Relay:
    """One message on its way: to all devices of a subscriber at once, to trunks one after the other."""

    __slots__ = ("_best", "_done", "_event", "_identity", "_left", "_number", "_pager", "_waves")

    def __init__(
        self, pager: Pager, event: RequestReceived, identity: Identity, number: str, waves: list[list[Target]]
    ) -> None:
        self._pager = pager
        self._event = event
        self._identity = identity
        self._number = number
        self._waves = waves
        self._left = 0
        self._best = 0
        self._done = False

    def send_next(self, now: float) -> None:
        """Send to the next wave of targets."""
        wave = self._waves.pop(0)
        self._left = len(wave)
        for target in wave:
            if not self._pager.send(self._event.request, self._identity, target, self, now):
                self.on_failure(503, now)

    def on_response(self, response: Response, now: float) -> None:
        """A device answered."""
        if response.status >= 200:
            self._finish_one(response.status, now)

    def on_failure(self, status: int, now: float) -> None:
        """A device did not answer."""
        self._finish_one(status, now)

    def _finish_one(self, status: int, now: float) -> None:
        self._left -= 1
        if status in (401, 407) or 300 <= status < 400:
            status = 480  # a challenge or a redirection is for us, not for the sender
        self._best = status if not self._best else min(self._best, status)
        if self._done or (status >= 300 and self._left):
            return
        if self._best >= 300 and self._waves and may_try_next_trunk(status):
            self.send_next(now)
            return
        self._done = True
        self._pager.answer(self._event, self._identity, self._number, self._best, now)


def _waves(stages: list[Stage]) -> list[list[Target]]:
    """Who gets the message together, and who only when those before could not take it."""
    waves: list[list[Target]] = []
    devices: list[Target] | None = None
    for stage in stages:
        targets = [target for target in stage.targets if target.request_uri]
        if stage.failover_only or devices is None:
            waves.append(targets)
            devices = devices if stage.failover_only else targets
        else:
            devices.extend(targets)
    return [wave for wave in waves if wave]
