"""Messages and their states on disk: between the outbox and the store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from softswitch.calls.leg import Party
from softswitch.calls.routing import Caller
from softswitch.messaging.model import RANK, Delivery, Message, State
from softswitch.messaging.text import text_of
from softswitch.sip.errors import ProtocolError
from softswitch.sip.headers.media_type import MediaType
from softswitch.store import messages as rows
from softswitch.store.errors import StoreError
from softswitch.store.store import Store

logger = logging.getLogger(__name__)


class MessageKeeper:
    """The outbox's durable memory."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, message: Message, done: Callable[[bool], None] | None = None) -> None:
        """Keep a message with all its deliveries; `done(stored)` is called after the commit."""
        deliveries = [_delivery_row(each) for each in message.deliveries.values()]
        told = None if done is None else lambda error: done(error is None)
        try:
            self._store.write(rows.put_message(_message_row(message), deliveries), told)
        except StoreError:
            logger.exception("a message is not stored")
            if done is not None:
                done(False)

    def update(self, delivery: Delivery) -> None:
        """A delivery has another state."""
        self._write(rows.put_delivery(_delivery_row(delivery)))

    def confirm(self, imdn_id: str, recipient: str, state: State, when: float) -> None:
        """A notification told of a message that is not at hand any more."""
        lower = [each.value for each in State if not each.waits and RANK[each] < RANK[state]]
        if lower:
            self._write(rows.confirm_delivery(imdn_id, recipient, lower, state.value, when))

    def forget_before(self, until: float) -> None:
        """Remove what is older (Unix time)."""
        self._write(rows.delete_messages_before(until))

    def waiting(self) -> Iterable[Message]:
        """What the last run left, oldest first. Raises StoreError."""
        return [message_of(row) for row in self._store.read(rows.waiting_messages)]

    def _write(self, write: rows.Write) -> None:
        try:
            self._store.write(write)
        except StoreError:
            logger.exception("the state of a message is not stored")


def _message_row(message: Message) -> dict[str, Any]:
    party, caller = message.party, message.caller
    return {
        "id": message.id,
        "sender": party.number,
        "recipient": message.recipient,
        "text": _text(message),
        "content_type": message.content_type,
        "body": message.body,
        "created_at": message.created_at,
        "expires_at": message.expires_at,
        "origin": message.origin,
        "imdn_id": message.imdn_id,
        "details": {
            "display_name": party.display_name,
            "asserted": party.asserted,
            "privacy": sorted(party.privacy),
            "class_of_service": caller.class_of_service,
            "trunk": caller.trunk,
            "caller": caller.number,
            "group": message.group,
            "fields": [list(field) for field in message.fields],
            "report": message.report,
            "max_forwards": message.max_forwards,
        },
    }


def _text(message: Message) -> str | None:
    try:
        kind = MediaType.parse(message.content_type) if message.content_type else None
        found = text_of(kind, message.body)
    except ProtocolError:
        return None
    return found


def _delivery_row(delivery: Delivery) -> tuple[object, ...]:
    return (
        delivery.message.id,
        delivery.recipient,
        delivery.state.value,
        delivery.attempts,
        delivery.status,
        delivery.reason,
        delivery.updated_at,
    )


def message_of(row: Mapping[str, Any]) -> Message:
    """A message as it was before the last run ended."""
    details = row["details"]
    party = Party(row["sender"], details["display_name"], details["asserted"], frozenset(details["privacy"]))
    message = Message(
        row["id"],
        party,
        Caller(details["caller"], details["class_of_service"], details["trunk"]),
        row["recipient"],
        row["content_type"],
        bytes(row["body"]),
        row["created_at"],
        row["expires_at"],
        row["origin"],
        details["group"],
        tuple((name, value) for name, value in details["fields"]),
        row["imdn_id"] or "",
        details["report"],
        details["max_forwards"],
    )
    for each in row["deliveries"]:
        message.deliveries[each["recipient"]] = Delivery(
            message,
            each["recipient"],
            State(each["state"]),
            each["attempts"],
            each["status"],
            each["reason"],
            each["updated_at"],
        )
    return message
