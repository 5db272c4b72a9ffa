"""SUBSCRIBE, NOTIFY and PUBLISH of this switch: who watches whom, and what they are told (RFC 6665, RFC 3903).

Four packages: `reg` (RFC 3680), `dialog` (RFC 4235: the lamp beside a key), `presence` (RFC 3856) and
`message-summary` (RFC 3842). Resources are subscriber numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from softswitch.calls.access import Access, Identity
from softswitch.calls.application import asker
from softswitch.calls.call import Call
from softswitch.calls.machine import State
from softswitch.directory import Directory
from softswitch.events import CallStateChanged, LegStateChanged
from softswitch.sip.address import Address
from softswitch.sip.events import RequestReceived
from softswitch.sip.message import Request, Response
from softswitch.sip.packages import DIALOG, MESSAGE_SUMMARY, PRESENCE, REG
from softswitch.sip.packages.dialog import DialogInfo, DialogState, Party
from softswitch.sip.packages.message_summary import MessageCount, MessageSummary
from softswitch.sip.packages.reg import registration_info
from softswitch.sip.publication import Publications
from softswitch.sip.registrar import Registrar
from softswitch.sip.subscription import Notifier, NotifierSettings
from softswitch.sip.subscription_dialog import OutgoingNotify
from softswitch.sip.uri import SipUri
from softswitch.sip.useragent import UserAgent

_DIALOG_STATES = {
    State.CALLER_SETUP: "trying",
    State.CALLEE_SETUP: "early",
    State.ACTIVE: "confirmed",
}


class Presence:
    """The notifier, wired: state comes from the registrar, the calls and what phones publish."""

    def __init__(
        self,
        *,
        agent: UserAgent,
        access: Access,
        directory: Directory,
        registrar: Registrar,
        publications: Publications,
        calls: Callable[[], Iterable[Call]],
        calls_of: Callable[[str], Iterable[Call]] | None = None,
        contact: Callable[[Address], str],
        new_id: Callable[[], str],
        now: Callable[[], float],
        wall: Callable[[], float],
        domain: str,
        waiting: Callable[[str], tuple[int, int]] = lambda number: (0, 0),
        settings: NotifierSettings | None = None,
    ) -> None:
        self._agent = agent
        self._access = access
        self._directory = directory
        self._registrar = registrar
        self._publications = publications
        self._calls_of = calls_of or (lambda number: calls())
        self._now = now
        self._wall = wall
        self._domain = domain
        self._waiting = waiting
        packages = (
            REG.serve(self._reg),
            DIALOG.serve(self._dialog, minimum_interval=0.1),
            PRESENCE.serve(self._presence, minimum_interval=1.0),
            MESSAGE_SUMMARY.serve(self._summary),
        )
        #: told of each document that was taken, for instance because it says where its publisher is.
        self.published: Callable[[Identity, Request], None] = lambda identity, request: None
        self.notifier = Notifier(packages, contact=contact, new_id=new_id, authorize=self._may_watch, settings=settings)

    # -- requests ---------------------------------------------------------------------------------------------------

    def subscribe(self, event: RequestReceived, now: float) -> None:
        """One SUBSCRIBE, initial or within its dialog."""
        identity = asker(self._access, self._agent, event, now)
        if identity is None:
            return
        watcher = identity.party.number
        request = event.request
        uri = request.uri if request.to.tag is None else None
        number = uri.username if isinstance(uri, SipUri) else None
        response, notifies = self.notifier.process(request, event.source, now, subscriber=watcher, resource=number)
        self._agent.respond(event.transaction, response, now)
        self._send(notifies, now)

    def publish(self, event: RequestReceived, now: float) -> None:
        """One PUBLISH: a subscriber tells its own presence."""
        identity = asker(self._access, self._agent, event, now)
        if identity is None:
            return
        publisher = identity.party.number
        uri = event.request.uri
        number = uri.username if isinstance(uri, SipUri) else ""
        if number != publisher:
            self._agent.respond(event.transaction, 403, now)
            return
        result = self._publications.process(event.request, number, now)
        self._agent.respond(event.transaction, result.response, now)
        if result.response.status < 300 and event.request.body:
            self.published(identity, event.request)
        if result.changed:
            self._send(self.notifier.publish(PRESENCE.name, number, now), now)

    def _may_watch(self, package: str, watcher: str, resource: str) -> bool:
        """Registrations and messages are private to their owner and to dispatchers; lamps and presence are not."""
        if package in (REG.name, MESSAGE_SUMMARY.name):
            return watcher == resource or self._directory.has_role(watcher, "dispatcher")
        return True

    # -- what changed -----------------------------------------------------------------------------------------------

    def registration_changed(self, number: str) -> None:
        """The bindings of a number are others now."""
        now = self._now()
        for package in (REG.name, PRESENCE.name):
            if self.notifier.is_watched(package, number):
                self._send(self.notifier.publish(package, number, now), now)

    def call_moved(self, event: CallStateChanged) -> None:
        """A subscriber of the bus: lamps follow calls."""
        self._turn_lamp(event.caller)
        self._turn_lamp(event.callee)

    def leg_moved(self, event: LegStateChanged) -> None:
        """A subscriber of the bus: lamps follow each device that joins or leaves a call."""
        self._turn_lamp(event.party)

    def _turn_lamp(self, number: str) -> None:
        if self.notifier.is_watched(DIALOG.name, number):
            now = self._now()
            self._send(self.notifier.publish(DIALOG.name, number, now), now)

    def handle_timer(self, now: float) -> None:
        """Run what is due; to be called about four times a second."""
        for number in self._publications.handle_timer(now):
            self._send(self.notifier.publish(PRESENCE.name, number, now), now)
        self._send(self.notifier.handle_timer(now), now)

    def close(self) -> None:
        """Tell every watcher to subscribe again later."""
        self._send(self.notifier.close(), self._now())

    def _send(self, notifies: Iterable[OutgoingNotify], now: float) -> None:
        for notify in notifies:
            self._agent.send(notify.request, notify.next_hop, now, owner=NotifyOutcome(self.notifier, notify.id))

    # -- state ------------------------------------------------------------------------------------------------------

    def _uri(self, number: str) -> str:
        return f"sip:{number}@{self._domain}"

    def _known(self, number: str) -> None:
        if number not in self._directory:
            raise LookupError(number)

    def _reg(self, number: str, version: int) -> bytes:
        self._known(number)
        bindings = self._registrar.bindings(number, self._now())
        return registration_info(self._uri(number), bindings, version, self._wall()).serialize()

    def _presence(self, number: str, version: int) -> bytes:
        self._known(number)
        now = self._now()
        registered = bool(self._registrar.bindings(number, now))
        return self._publications.body(number, self._uri(number), now, registered=registered)

    def _summary(self, number: str, version: int) -> bytes:
        self._known(number)
        new, old = self._waiting(number)
        counts = (("voice-message", MessageCount(new, old)),)
        return MessageSummary(new > 0, self._uri(number), counts).serialize()

    def _dialog(self, number: str, version: int) -> bytes:
        self._known(number)
        states = [state for call in self._calls_of(number) if (state := self._dialog_of(call, number)) is not None]
        return DialogInfo(self._uri(number), version, tuple(states)).serialize()

    def _dialog_of(self, call: Call, number: str) -> DialogState | None:
        state = _DIALOG_STATES.get(call.machine.state)
        record = call.record
        if state is None:
            return None
        is_caller = call.caller.party.number == number
        is_callee = call.callee.party.number == number if call.callee else number in call.ringing_numbers()
        if not is_caller and not is_callee:
            return None
        other = record.callee if is_caller else record.caller
        return DialogState(
            call.id,
            state,
            "initiator" if is_caller else "recipient",
            local=Party(self._uri(number)),
            remote=Party(self._uri(other)),
        )


class NotifyOutcome:
    """Tells the notifier how a NOTIFY fared."""

    __slots__ = ("_id", "_notifier")

    def __init__(self, notifier: Notifier, subscription_id: str) -> None:
        self._notifier = notifier
        self._id = subscription_id

    def on_response(self, response: Response, now: float) -> None:
        """The watcher answered."""
        if response.status >= 300:
            self._notifier.notify_failed(self._id, response.status)

    def on_failure(self, status: int, now: float) -> None:
        """The watcher did not answer."""
        self._notifier.notify_failed(self._id, status)
