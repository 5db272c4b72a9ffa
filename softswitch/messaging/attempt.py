"""One try to hand a message over: to all devices of a subscriber at once, to trunks one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from softswitch.calls.hunting import Stage, Target, may_try_next_trunk
from softswitch.calls.leg import Cause
from softswitch.calls.routing import Router
from softswitch.calls.sip.identity import address_of, shown_caller
from softswitch.messaging.carriers import CarriedText, Carriers
from softswitch.messaging.model import Message
from softswitch.messaging.text import text_of
from softswitch.sip.errors import LocalProtocolError, ProtocolError
from softswitch.sip.headers.media_type import MediaType
from softswitch.sip.message import Request, Response
from softswitch.sip.useragent import UserAgent

#: Fields that go with the text from sender to recipient.
CARRIED = ("Content-Disposition", "Content-Language", "Subject", "Date", "In-Reply-To", "Geolocation")
_HIDDEN = frozenset({"Subject", "In-Reply-To", "Geolocation"})
_NO_DEVICE = 480
_NO_NUMBER = 404


class Outcome(NamedTuple):
    """How an attempt ended: a SIP status, and whether the terminal itself is known to have the message."""

    status: int
    confirmed: bool = False
    reason: str = ""

    @property
    def taken(self) -> bool:
        """Whether somebody took it."""
        return 200 <= self.status < 300


Told = Callable[[Outcome, float], None]


class Transmitter:
    """Turns messages into requests and hands them to the user agent or a carrier."""

    def __init__(
        self,
        agent: UserAgent,
        router: Router,
        carriers: Carriers,
        new_id: Callable[[], str],
        domain: str,
        now: Callable[[], float],
    ) -> None:
        self._agent = agent
        self._router = router
        self._carriers = carriers
        self._new_id = new_id
        self._now = now
        self.domain = domain

    def begin(self, message: Message, recipient: str, told: Told, now: float) -> None:
        """Try to hand `message` over to `recipient`; `told` hears once how that ended, perhaps at once."""
        decision, found = self._router.stages(recipient, message.caller, message=True)
        # A number that the dialplan does not know may still be a carrier's; one that it forbids stays forbidden.
        known = decision.refused is None or decision.refused.status == _NO_NUMBER
        carrier = self._carriers.of(recipient) if known else ""
        if carrier:
            waves = [[Target(recipient, gateway=carrier)]]
        elif isinstance(found, Cause):
            told(Outcome(found.status, reason=found.text), now)
            return
        else:
            waves = _waves(found, self._carriers)
        if not waves:
            told(Outcome(_NO_DEVICE, reason="no device that takes text"), now)
            return
        Attempt(self, message, recipient, waves, told).send_next(now)

    def send(self, message: Message, recipient: str, target: Target, branch: Branch, now: float) -> bool:
        """Send towards one target; `branch` hears the outcome. False when there is no way there."""
        if target.gateway:
            return self._carry(message, recipient, target, branch)
        trunk = self._router.trunks.by_name.get(target.trunk)
        trusted = trunk is not None and trunk.trust_identity
        domain = (trunk.domain if trunk is not None else "") or self.domain
        request = self._request(message, target, domain, trusted=trusted)
        login = trunk.login if trunk is not None else None
        try:
            self._agent.send(request, target.next_hop, now, owner=branch, credentials=login)
        except (ProtocolError, LocalProtocolError, LookupError):
            return False
        return True

    def _carry(self, message: Message, recipient: str, target: Target, branch: Branch) -> bool:
        carrier = self._carriers.by_name.get(target.gateway)
        if carrier is None:
            return False
        try:
            text = text_of(MediaType.parse(message.content_type), message.body)
        except ProtocolError:
            text = None
        if text is None:
            branch.finish(Outcome(415, reason="no text to carry"), self._now())
        elif len(text.encode()) > carrier.max_octets:
            branch.finish(Outcome(413, reason="too long for that gateway"), self._now())
        else:
            group = message.recipient if message.group else ""
            if recipient in message.deliveries:
                message.deliveries[recipient].by_carrier = True
            carried = CarriedText(message.id, message.party.number, target.number or recipient, group, text)
            carrier.carry(carried, lambda status, confirmed: branch.finish(Outcome(status, confirmed), self._now()))
        return True

    def _request(self, message: Message, target: Target, domain: str, *, trusted: bool) -> Request:
        """The message anew, with the sender as the recipient may see it."""
        shown = shown_caller(message.party, domain, trusted=trusted)
        to = message.recipient if message.group and not target.trunk else target.number
        fields = [
            *(("Route", route) for route in target.routes),
            ("From", str(shown.from_.with_tag(self._new_id()))),
            ("To", str(address_of(to, domain))),
            ("Call-ID", self._new_id()),
            ("CSeq", "1 MESSAGE"),
            ("Max-Forwards", str(max(message.max_forwards - 1, 0))),
            *shown.fields,
            ("Content-Type", message.content_type),
        ]
        fields += [(name, value) for name, value in message.fields if not (shown.hide and name in _HIDDEN)]
        return Request("MESSAGE", target.request_uri, fields, message.body)


class Branch:
    """One target of an attempt; the owner of its client transaction."""

    __slots__ = ("_attempt", "_confirms", "done")

    def __init__(self, attempt: Attempt, target: Target) -> None:
        self._attempt = attempt
        self._confirms = not target.trunk  # 200 of a device is the device's; a trunk is only the next hop
        self.done = False

    def on_response(self, response: Response, now: float) -> None:
        """A device answered."""
        if response.status >= 200:
            self.finish(Outcome(response.status, self._confirms and response.status == 200, response.reason), now)

    def on_failure(self, status: int, now: float) -> None:
        """A device did not answer."""
        self.finish(Outcome(status, reason="no answer"), now)

    def finish(self, outcome: Outcome, now: float) -> None:
        """The first word counts; a carrier that says delivered after sent is heard as well."""
        if not self.done:
            self.done = True
            self._attempt.finish_one(outcome, now)
        elif outcome.taken and outcome.confirmed:
            self._attempt.confirm(outcome, now)


class Attempt:
    """A message on its way to one recipient: the first device that takes it counts, else the best refusal."""

    __slots__ = ("_best", "_done", "_left", "_message", "_recipient", "_told", "_transmitter", "_waves")

    def __init__(
        self, transmitter: Transmitter, message: Message, recipient: str, waves: list[list[Target]], told: Told
    ) -> None:
        self._transmitter = transmitter
        self._message = message
        self._recipient = recipient
        self._waves = waves
        self._told = told
        self._left = 0
        self._best = Outcome(0)
        self._done = False

    def send_next(self, now: float) -> None:
        """Send to the next wave of targets."""
        wave = self._waves.pop(0)
        self._left = len(wave)
        for target in wave:
            branch = Branch(self, target)
            if not self._transmitter.send(self._message, self._recipient, target, branch, now):
                branch.on_failure(503, now)

    def finish_one(self, outcome: Outcome, now: float) -> None:
        """One target of the wave is done."""
        self._left -= 1
        status = outcome.status
        if status in (401, 407) or 300 <= status < 400:
            outcome = Outcome(480, reason=outcome.reason)  # a challenge or a redirection is for us, not for the sender
        if not self._best.status or outcome.status < self._best.status:
            self._best = outcome
        if self._done or (status >= 300 and self._left > 0):
            return
        if self._best.status >= 300 and self._waves and may_try_next_trunk(status):
            self.send_next(now)
            return
        self._done = True
        self._told(self._best, now)

    def confirm(self, outcome: Outcome, now: float) -> None:
        """Later news of a target that had taken it: the terminal has it now."""
        self._told(outcome, now)


def _waves(stages: Iterable[Stage], carriers: Carriers) -> list[list[Target]]:
    """Who gets the message together, and who only when those before could not take it."""
    waves: list[list[Target]] = []
    devices: list[Target] | None = None
    for stage in stages:
        targets = [target for target in stage.targets if target.request_uri or target.gateway in carriers.by_name]
        if stage.failover_only or devices is None:
            waves.append(targets)
            devices = devices if stage.failover_only else targets
        else:
            devices.extend(targets)
    return [wave for wave in waves if wave]
