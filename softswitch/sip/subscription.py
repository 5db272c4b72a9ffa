"""The notifier: answers SUBSCRIBE, and tells the subscribers of a resource what became of it.

RFC 6665 §4.2. One notifier serves all event packages of `softswitch.sip.packages`; the state itself is fetched from the
builder of the package whenever a NOTIFY is made. Left out: pending subscriptions (a subscription is allowed or refused
at once), event lists (RFC 4662) and conditional notification (RFC 5839).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from softswitch.sip.address import Address
from softswitch.sip.errors import ProtocolError
from softswitch.sip.expiry import ExpiryWheel
from softswitch.sip.flow import NatPolicy
from softswitch.sip.grammar import quote
from softswitch.sip.headers import Event, MediaType
from softswitch.sip.message import Request, Response
from softswitch.sip.packages import EventPackage
from softswitch.sip.subscription_dialog import OutgoingNotify, Subscription, SubscriptionKey
from softswitch.sip.uri import SipUri, parse_uri

__all__ = ["Notifier", "NotifierSettings", "OutgoingNotify", "Subscription"]

Authorize = Callable[[str, str, str], bool]
"""Whether (package, subscriber, resource) may be watched; both names as ``user@host``."""

_HOUR: Final = 3600
# A NOTIFY answered so has no dialog at the far end, or nobody there at all (RFC 6665 §4.2.2, RFC 5057 §5.1).
_ENDING_STATUS: Final = frozenset({404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 503, 604})


@dataclass(frozen=True, slots=True)
class NotifierSettings:
    """Limits and manners of the notifier; times in seconds."""

    min_expires: int = 60
    max_expires: int = 86_400
    max_subscriptions: int = 50_000
    max_per_subscriber: int = 200
    max_forwards: int = 70
    nat: NatPolicy = "auto"
    user_agent: str = ""
    retry_after: int = 30


class _Refused(Exception):
    def __init__(self, status: int, *fields: tuple[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.fields = fields


class Notifier:
    """All subscriptions of this node.

    `contact` gives our own Contact URI towards a peer's address, `authorize` decides who may watch whom (everybody may
    where it is None).
    """

    def __init__(
        self,
        packages: Iterable[EventPackage],
        *,
        contact: Callable[[Address], str],
        new_id: Callable[[], str],
        authorize: Authorize | None = None,
        settings: NotifierSettings | None = None,
    ) -> None:
        self._packages = {package.name: package for package in packages}
        self._contact = contact
        self._new_id = new_id
        self._authorize = authorize
        self._settings = settings or NotifierSettings()
        self._by_key: dict[SubscriptionKey, Subscription] = {}
        self._by_id: dict[str, Subscription] = {}
        self._watchers: dict[tuple[str, str], dict[str, Subscription]] = {}
        self._per_subscriber: dict[str, int] = {}
        self._wheel: ExpiryWheel[Subscription] = ExpiryWheel(width=0.25)

    def __len__(self) -> int:
        """How many subscriptions are held."""
        return len(self._by_id)

    def __iter__(self) -> Iterator[Subscription]:
        """Every subscription, over a snapshot."""
        return iter(list(self._by_id.values()))

    @property
    def allow_events(self) -> str:
        """Value of an Allow-Events header (RFC 6665 §8.2.2)."""
        return ", ".join(self._packages)

    def holds(self, request: Request) -> bool:
        """Whether a SUBSCRIBE belongs to a subscription that is held here; False for a malformed one."""
        try:
            event = Event.parse(request.get("Event") or "")
            tags = request.to.tag or "", request.from_.tag or ""
        except ProtocolError:
            return False
        return (request.call_id, *tags, event.package, event.id or "") in self._by_key

    def is_watched(self, package: str, resource: str) -> bool:
        """Whether anybody watches the resource: nothing need be published where nobody does."""
        return (package, resource) in self._watchers

    # -- requests

    def process(
        self,
        request: Request,
        source: Address,
        now: float,
        *,
        subscriber: str | None = None,
        resource: str | None = None,
    ) -> tuple[Response, list[OutgoingNotify]]:
        """Answers a SUBSCRIBE and gives the NOTIFY that must follow the response at once (RFC 6665 §4.2.1).

        `subscriber` is who was authenticated (default: the From), `resource` what is watched (default: the
        Request-URI), both as ``user@host``.
        """
        try:
            event = self._event(request)
            local_tag = request.to.tag
            if local_tag is not None:
                return self._refresh(request, source, now, event, local_tag)
            return self._subscribe(request, source, now, event, subscriber, resource)
        except _Refused as refused:
            response = Response.to_request(request, refused.status, None, self._new_id())
            response.fields += refused.fields
        except ProtocolError as error:
            response = Response.to_request(request, error.status or 400, None, self._new_id())
            response.add("Warning", f"399 notifier {quote(error.text)}")
        return response, []

    def _event(self, request: Request) -> Event:
        if request.require:
            raise _Refused(420, *(("Unsupported", tag) for tag in request.require))
        text = request.get("Event")
        event = None if text is None else Event.parse(text)
        if event is None or event.package not in self._packages:
            raise _Refused(489, ("Allow-Events", self.allow_events))
        return event

    def _expires(self, request: Request, package: EventPackage) -> int:
        expires = request.expires
        if expires is None:
            expires = package.default_expires
        if 0 < expires < self._settings.min_expires and expires < _HOUR:
            raise _Refused(423, ("Min-Expires", str(self._settings.min_expires)))
        return min(expires, self._settings.max_expires)

    def _check_accept(self, request: Request, package: EventPackage) -> None:
        ranges = request.values("Accept")
        if ranges and not any(MediaType.parse(text).accepts(package.content_type) for text in ranges):
            raise _Refused(406, ("Accept", package.content_type))

    def _subscribe(
        self, request: Request, source: Address, now: float, event: Event, subscriber: str | None, resource: str | None
    ) -> tuple[Response, list[OutgoingNotify]]:
        settings, package = self._settings, self._packages[event.package]
        watched = resource if resource is not None else _address_of_record(request.request_uri, 416)
        watcher = subscriber if subscriber is not None else _address_of_record(request.from_.uri_text, 400)
        self._check_accept(request, package)
        expires = self._expires(request, package)
        if self._authorize is not None and not self._authorize(package.name, watcher, watched):
            raise _Refused(403)
        if len(self._by_id) >= settings.max_subscriptions:
            raise _Refused(503, ("Retry-After", str(settings.retry_after)))
        if expires and self._per_subscriber.get(watcher, 0) >= settings.max_per_subscriber:
            raise _Refused(403)
        subscription = Subscription(
            request,
            package,
            event,
            resource=watched,
            subscriber=watcher,
            contact=self._contact(source),
            new_tag=self._new_id(),
        )
        subscription.aim(request, source, settings.nat)
        subscription.expires_at = now + expires
        try:
            notify = self._tell(subscription, now, None if expires else "timeout")
        except LookupError:
            raise _Refused(404) from None
        if expires:
            self._insert(subscription)
        return self._accept(request, subscription, expires), [notify]

    def _refresh(
        self, request: Request, source: Address, now: float, event: Event, local_tag: str
    ) -> tuple[Response, list[OutgoingNotify]]:
        key = (request.call_id, local_tag, request.from_.tag or "", event.package, event.id or "")
        subscription = self._by_key.get(key)
        if subscription is None or subscription.expires_at <= now:
            raise _Refused(481)
        if request.cseq.number <= subscription.remote_cseq:
            raise _Refused(500)
        subscription.remote_cseq = request.cseq.number
        package = subscription.package
        self._check_accept(request, package)
        expires = self._expires(request, package)
        if self._authorize is not None and not self._authorize(
            package.name, subscription.subscriber, subscription.resource
        ):
            self._remove(subscription)
            response = Response.to_request(request, 403)
            return response, [self._tell_end(subscription, "rejected")]
        subscription.aim(request, source, self._settings.nat)
        subscription.expires_at = now + expires
        response = self._accept(request, subscription, expires)
        try:
            notify = self._tell(subscription, now, None if expires else "timeout")
        except LookupError:
            self._remove(subscription)
            return response, [self._tell_end(subscription, "noresource")]
        if expires:
            self._schedule(subscription)
        else:
            self._remove(subscription)
        return response, [notify]

    def _accept(self, request: Request, subscription: Subscription, expires: int) -> Response:
        response = Response.to_request(request, 200, None, subscription.local_tag, record_route=True)
        response.add("Contact", f"<{subscription.contact}>")
        response.add("Expires", str(expires))
        return response

    # -- what the resource does

    def publish(self, package: str, resource: str, now: float) -> list[OutgoingNotify]:
        """NOTIFYs for a resource whose state has changed; a subscriber told a moment ago is told again a little later.

        The wait is the package's `minimum_interval`; `handle_timer` then sends the state of that time.
        """
        notifies: list[OutgoingNotify] = []
        for subscription in list(self._watchers.get((package, resource), {}).values()):
            if now < subscription.not_before:
                if not subscription.dirty:
                    subscription.dirty = True
                    self._schedule(subscription)
            else:
                notifies.append(self._tell_or_end(subscription, now))
        return notifies

    def terminate(
        self, package: str, resource: str, reason: str, *, retry_after: int | None = None
    ) -> list[OutgoingNotify]:
        """Ends every subscription to a resource: `reason` is noresource, rejected, deactivated, probation or giveup."""
        doomed = list(self._watchers.get((package, resource), {}).values())
        for subscription in doomed:
            self._remove(subscription)
        return [self._tell_end(subscription, reason, retry_after) for subscription in doomed]

    def close(self, reason: str = "deactivated") -> list[OutgoingNotify]:
        """Ends every subscription there is, for a switch that goes down; ``deactivated`` has them come back."""
        doomed = list(self._by_id.values())
        for subscription in doomed:
            self._remove(subscription)
        return [self._tell_end(subscription, reason) for subscription in doomed]

    def notify_failed(self, id: str, status: int) -> bool:
        """Takes note that a NOTIFY got `status` (408 for silence, 503 for no way); says whether it ended the
        subscription."""
        subscription = self._by_id.get(id)
        if subscription is None or status not in _ENDING_STATUS:
            return False
        self._remove(subscription)
        return True

    # -- time

    def handle_timer(self, now: float) -> list[OutgoingNotify]:
        """NOTIFYs that end subscriptions whose time is over, and those that had to wait for their interval."""
        notifies: list[OutgoingNotify] = []
        for subscription in self._wheel.due(now):
            if subscription.expires_at <= now:
                self._remove(subscription)
                notifies.append(self._tell_end(subscription, "timeout"))
            else:  # it had to wait for its interval
                notifies.append(self._tell_or_end(subscription, now))
        return notifies

    def next_timer(self) -> float | None:
        """When `handle_timer` has something to do."""
        return self._wheel.next_at()

    # -- within

    def _tell_or_end(self, subscription: Subscription, now: float) -> OutgoingNotify:
        try:
            notify = self._tell(subscription, now, None)
        except LookupError:
            self._remove(subscription)
            return self._tell_end(subscription, "noresource")
        self._schedule(subscription)
        return notify

    def _tell(self, subscription: Subscription, now: float, end_reason: str | None) -> OutgoingNotify:
        """A NOTIFY with the full state, the last one where `end_reason` is given; LookupError from the builder."""
        package = subscription.package
        body = package.state(subscription.resource, subscription.version)
        subscription.version += 1
        subscription.dirty = False
        subscription.not_before = now + package.minimum_interval
        if end_reason is None:
            state = f"active;expires={max(0, round(subscription.expires_at - now))}"
        else:
            state = f"terminated;reason={end_reason}"
        return subscription.notify(state, body, self._settings.max_forwards, self._settings.user_agent)

    def _tell_end(self, subscription: Subscription, reason: str, retry_after: int | None = None) -> OutgoingNotify:
        state = f"terminated;reason={reason}"
        if retry_after is not None:
            state += f";retry-after={retry_after}"
        return subscription.notify(state, None, self._settings.max_forwards, self._settings.user_agent)

    def _schedule(self, subscription: Subscription) -> None:
        at = subscription.expires_at
        if subscription.dirty and subscription.not_before < at:
            at = subscription.not_before
        self._wheel.move(subscription, at)

    def _insert(self, subscription: Subscription) -> None:
        self._by_key[subscription.key] = subscription
        self._by_id[subscription.id] = subscription
        watched = (subscription.package.name, subscription.resource)
        self._watchers.setdefault(watched, {})[subscription.id] = subscription
        self._per_subscriber[subscription.subscriber] = self._per_subscriber.get(subscription.subscriber, 0) + 1
        self._schedule(subscription)

    def _remove(self, subscription: Subscription) -> None:
        del self._by_key[subscription.key], self._by_id[subscription.id]
        watched = (subscription.package.name, subscription.resource)
        watchers = self._watchers[watched]
        del watchers[subscription.id]
        if not watchers:
            del self._watchers[watched]
        left = self._per_subscriber[subscription.subscriber] - 1
        if left:
            self._per_subscriber[subscription.subscriber] = left
        else:
            del self._per_subscriber[subscription.subscriber]
        self._wheel.discard(subscription)


def _address_of_record(text: str, status: int) -> str:
    uri = parse_uri(text)
    if not isinstance(uri, SipUri):
        raise ProtocolError("not a SIP URI", section="RFC 6665 §4.1.2.1", status=status)
    return uri.address_of_record()
