"""The desk for pager-mode messages: SIP MESSAGE outside calls (RFC 3428).

A message goes to the recipient's devices at once, and its sender hears 200 when the first of them took it. Who cannot
be reached now gets it later: the sender hears 202 as soon as the message is on disk. Trunks decide for themselves:
their refusals are the sender's answer.
"""

from __future__ import annotations

from collections.abc import Callable

from softswitch.calls.access import Access, Identity
from softswitch.calls.application import asker
from softswitch.calls.routing import Router
from softswitch.calls.sip.intake import number_of
from softswitch.events import AccessRefused, EventBus, MessageRelayed
from softswitch.messaging.attempt import CARRIED, Outcome
from softswitch.messaging.carriers import Carriers
from softswitch.messaging.composing import Composer, Draft, Nobody, NotAllowed
from softswitch.messaging.cpim import CONTENT_TYPE as CPIM
from softswitch.messaging.cpim import parse_cpim
from softswitch.messaging.imdn import CONTENT_TYPE as IMDN
from softswitch.messaging.imdn import Notification, notification_in
from softswitch.messaging.model import Delivery, Message, State
from softswitch.messaging.outbox import FINAL, Full, Outbox
from softswitch.messaging.text import text_of
from softswitch.sip.errors import ProtocolError
from softswitch.sip.events import RequestReceived
from softswitch.sip.message import Request
from softswitch.sip.timerwheel import TimerWheel
from softswitch.sip.useragent import UserAgent

#: What is of no use later: that somebody is writing (RFC 3994 §3).
_OF_THE_MOMENT = frozenset({"application/im-iscomposing+xml"})
_RETRY_AFTER_S = 60

#: Told of each message before it is passed on, for instance because it carries a position.
Heard = Callable[[Identity, Request], None]


class Pager:
    """Answers MESSAGE."""

    def __init__(
        self,
        *,
        agent: UserAgent,
        access: Access,
        router: Router,
        bus: EventBus,
        composer: Composer,
        outbox: Outbox,
        carriers: Carriers,
        timers: TimerWheel,
        now: Callable[[], float],
    ) -> None:
        self._agent = agent
        self._access = access
        self._router = router
        self._bus = bus
        self._composer = composer
        self._outbox = outbox
        self._carriers = carriers
        self._timers = timers
        self._now = now
        self.heard: Heard = lambda identity, request: None

    def handle(self, event: RequestReceived, now: float) -> None:
        """One MESSAGE."""
        identity = asker(self._access, self._agent, event, now)
        if identity is None:
            return
        request = event.request
        try:
            number = number_of(request)
            self._check_body(request)
            notification = notification_in(request.content_type, request.body)
        except ProtocolError as error:
            status = error.status or 400
            fields = [("Accept", ", ".join(self._outbox.settings.content_types))] if status == 415 else []
            self._agent.respond(event.transaction, status, now, reason=error.text, fields=fields)
            return
        self.heard(identity, request)
        if not number:  # addressed to the switch itself: what it had to say has been heard
            self.answer(event, identity, number, 200, now)
        elif notification is None or not self._notified(notification, identity):
            self._pass_on(event, identity, number, notification, now)
        else:
            self.answer(event, identity, number, 200, now)

    def _check_body(self, request: Request) -> None:
        """Raises ProtocolError 413 and 415 (RFC 3428 §8), 400 for a body that is not what it says."""
        if len(request.body) > self._outbox.settings.max_octets:
            raise ProtocolError("the message is too long", status=413)
        kind = request.content_type
        if kind is None:
            return
        allowed = [pattern.split("/") for pattern in self._outbox.settings.content_types]
        if not any(kind.type == main and sub in ("*", kind.subtype) for main, sub in allowed):
            raise ProtocolError("a content type that is not taken", status=415)
        if request.has("Content-Encoding"):
            raise ProtocolError("a content encoding that is not taken", status=415)
        text_of(kind, request.body)

    def _notified(self, notification: Notification, identity: Identity) -> bool:
        """Note what a notification says; True when nobody but the switch has asked for it."""
        state = notification.state
        if state is None:
            return False
        message = self._outbox.notified(notification.message_id, identity.party.number, state)
        return message is not None and message.report

    # -- passing on -------------------------------------------------------------------------------------------------

    def _pass_on(
        self, event: RequestReceived, identity: Identity, number: str, notification: Notification | None, now: float
    ) -> None:
        refused = self._router.decide(number, identity.caller).refused
        if refused is not None and refused.status == 403:
            source, user = event.source.host, identity.party.number
            self._bus.publish(AccessRefused(source, user, "MESSAGE", refused.reason))
            self.answer(event, identity, number, 403, now)
            return
        try:
            message = self._composer.compose(_draft(event.request, identity, number))
        except NotAllowed:
            self.answer(event, identity, number, 403, now)
        except Nobody:
            self.answer(event, identity, number, 480, now)
        else:
            _Passing(self, event, identity, number, message, keep=self._keeps(message, notification)).begin(now)

    def _keeps(self, message: Message, notification: Notification | None) -> bool:
        """Whether a message is worth keeping, and its recipient one of ours."""
        essence = message.content_type.partition(";")[0].strip().lower()
        if not self._outbox.settings.enabled or essence in _OF_THE_MOMENT:
            return False
        if message.group or notification is not None:
            return True
        number = message.recipient
        stages = self._router.decide(number, message.caller).stages
        kinds = {destination.kind for stage in stages for destination in stage}
        return bool(kinds & {"subscriber", "gateway"}) or bool(self._carriers.of(number))

    def answer(self, event: RequestReceived, identity: Identity, number: str, status: int, now: float) -> None:
        """Tell the sender what became of the message."""
        fields = [("Retry-After", str(_RETRY_AFTER_S))] if status == 503 else []
        self._agent.respond(event.transaction, status, now, fields=fields)
        self._bus.publish(MessageRelayed(identity.party.number, number, status))

    @property
    def now(self) -> float:
        """The time of the core."""
        return self._now()

    @property
    def outbox(self) -> Outbox:
        """Where kept messages wait."""
        return self._outbox

    def later(self, work: Callable[[float], None]) -> None:
        """Run `work` when a sender has waited long enough."""
        self._timers.schedule(self._now() + self._outbox.settings.patience_s, work)


class _Passing:
    """One message while its sender waits for the answer."""

    __slots__ = ("_answered", "_event", "_identity", "_keep", "_kept", "_message", "_number", "_pager")

    def __init__(
        self, pager: Pager, event: RequestReceived, identity: Identity, number: str, message: Message, *, keep: bool
    ) -> None:
        self._pager = pager
        self._event = event
        self._identity = identity
        self._number = number
        self._message = message
        self._keep = keep
        self._kept = False
        self._answered = False

    def begin(self, now: float) -> None:
        outbox = self._pager.outbox
        if self._message.group:
            self._store(now)
            return
        delivery = self._delivery
        if outbox.try_now(delivery, self._told, now):
            if self._keep and not self._answered:
                self._pager.later(self._lose_patience)
        elif self._keep:
            self._store(now)
        else:
            outbox.try_beside(delivery, self._told, now)

    @property
    def _delivery(self) -> Delivery:
        return next(iter(self._message.deliveries.values()))

    def _told(self, outcome: Outcome, now: float) -> None:
        """The attempt has ended."""
        outbox, delivery = self._pager.outbox, self._delivery
        if self._kept:
            outbox.resume(delivery, outcome, now)
            return
        if self._answered:
            outbox.tried(delivery, now)
            if outcome.confirmed:
                outbox.confirm(delivery, State.DELIVERED)
            return
        if not outcome.taken and self._keep and outcome.status not in FINAL and outcome.status < 600:
            delivery.attempts, delivery.status, delivery.reason = 1, outcome.status, outcome.reason
            self._store(now)
            outbox.tried(delivery, now, again=True)
            return
        delivery.attempts, delivery.status, delivery.reason = 1, outcome.status, outcome.reason
        if outcome.taken:
            delivery.state = State.DELIVERED if outcome.confirmed else State.SENT
        else:
            delivery.state = State.FAILED
        outbox.tried(delivery, now)
        if self._keep:
            outbox.record(self._message)
        self._answer(outcome.status, now)

    def _lose_patience(self, now: float) -> None:
        """The device is slow: the sender need not wait for it."""
        if not self._answered and not self._kept:
            self._store(now)

    def _store(self, now: float) -> None:
        self._kept = True
        try:
            self._pager.outbox.accept(self._message, self._stored)
        except Full:
            self._kept = False
            self._answer(503, now)

    def _stored(self, success: bool) -> None:
        self._answer(202 if success else 500, self._pager.now)

    def _answer(self, status: int, now: float) -> None:
        if not self._answered:
            self._answered = True
            self._pager.answer(self._event, self._identity, self._number, status, now)


def _draft(request: Request, identity: Identity, number: str) -> Draft:
    """What a request says, and by which id notifications would speak of it. The body has been checked."""
    kind = request.content_type
    imdn_id = ""
    if kind is not None and kind.essence == CPIM:
        message = parse_cpim(request.body)
        imdn_id = "" if message.content_type.essence == IMDN else message.imdn("Message-ID") or ""
    hops = request.max_forwards
    return Draft(
        identity.party,
        identity.caller,
        (number,),
        request.get("Content-Type") or "",
        request.body,
        keep_s=None if request.expires is None else float(request.expires),
        fields=tuple((name, value) for name in CARRIED if (value := request.get(name)) is not None),
        imdn_id=imdn_id[:256],
        max_forwards=70 if hops is None else hops,
    )
