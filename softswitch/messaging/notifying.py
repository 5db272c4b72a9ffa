"""Notifications that the switch itself sends: a message is stored, was given up, or reached a gateway's party.

Terminals that understand CPIM send theirs themselves; these speak where no terminal can (RFC 5438 §8).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from softswitch.calls.leg import Party
from softswitch.calls.routing import Caller
from softswitch.calls.sip.identity import address_of
from softswitch.messaging.composing import Composer, Draft, iso_time
from softswitch.messaging.cpim import CONTENT_TYPE as CPIM
from softswitch.messaging.cpim import parse_cpim
from softswitch.messaging.imdn import CONTENT_TYPE as IMDN
from softswitch.messaging.imdn import Kind, Notification, notification_envelope, wanted
from softswitch.messaging.model import Delivery, State
from softswitch.messaging.outbox import Full, Outbox
from softswitch.sip.errors import ProtocolError

Stage = Literal["stored", "failed", "delivered"]
_KINDS: dict[Stage, tuple[str, Kind]] = {
    "stored": ("processing", "processing"),
    "failed": ("negative-delivery", "delivery"),
    "delivered": ("positive-delivery", "delivery"),
}


class Notifier:
    """Tells senders that asked for it."""

    def __init__(self, outbox: Outbox, composer: Composer, new_id: Callable[[], str], domain: str) -> None:
        self._outbox = outbox
        self._composer = composer
        self._new_id = new_id
        self._domain = domain

    def changed(self, delivery: Delivery) -> None:
        """A delivery has a new state: send a notification, if its sender asked for one of this kind."""
        stage = _stage(delivery)
        if stage is not None:
            self._tell(delivery, stage)

    def _tell(self, delivery: Delivery, stage: Stage) -> None:
        message = delivery.message
        if not message.imdn_id or message.report or message.content_type.partition(";")[0].strip().lower() != CPIM:
            return
        try:
            original = parse_cpim(message.body)
            of_notification = original.content_type.essence == IMDN
        except ProtocolError:
            return
        asked, kind = _KINDS[stage]
        if of_notification or asked not in wanted(original):  # never one about another one (RFC 5438 §7.2.1.1)
            return
        recipient = str(address_of(delivery.recipient, self._domain).uri)
        sender = str(address_of(message.party.number, self._domain).uri)
        time = original.get("DateTime") or iso_time(message.created_at)
        notification = Notification(message.imdn_id, time, kind, stage, recipient)
        wrapped = notification_envelope(recipient, sender, self._new_id(), notification)
        number = message.party.number
        draft = Draft(Party(delivery.recipient), Caller(""), (number,), CPIM, wrapped.serialize(), "switch")
        try:
            self._outbox.accept(self._composer.compose(draft), lambda stored: None)
        except Full:
            return


def _stage(delivery: Delivery) -> Stage | None:
    if delivery.state is State.QUEUED:
        return "stored"
    if delivery.state in (State.EXPIRED, State.FAILED):
        return "failed"
    return "delivered" if delivery.state is State.DELIVERED and delivery.by_carrier else None
