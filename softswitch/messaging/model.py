"""A short message, whom it is for, and how far it has come on the way to each of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from softswitch.calls.leg import Party
from softswitch.calls.routing import Caller


class State(StrEnum):
    """How far a message has come with one recipient."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    DISPLAYED = "displayed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def waits(self) -> bool:
        """Whether the switch has still something to do."""
        return self is State.QUEUED


#: What a later notification may still change a state into, and never back.
RANK = {
    State.QUEUED: 0,
    State.CANCELLED: 1,
    State.EXPIRED: 1,
    State.FAILED: 1,
    State.SENT: 1,
    State.DELIVERED: 2,
    State.DISPLAYED: 3,
}


@dataclass(slots=True)
class Delivery:
    """One recipient's part of a message; `status` is the last SIP answer, 0 before the first attempt.

    `by_carrier`: a gateway's carrier took it, so that no terminal sends notifications.
    """

    message: Message
    recipient: str
    state: State = State.QUEUED
    attempts: int = 0
    status: int = 0
    reason: str = ""
    updated_at: float = 0.0
    by_carrier: bool = False


@dataclass(slots=True)
class Message:
    """A message as it was accepted. Times are Unix seconds.

    `recipient` is what the sender addressed: a number, a talkgroup, or numbers with commas between; `group` says that
    it is shared by all of `deliveries`. `fields` are header fields that go with the body, `imdn_id` the id by which
    notifications speak of it (RFC 5438 §6.3), `report` whether the switch itself asked for them.
    """

    id: str
    party: Party
    caller: Caller
    recipient: str
    content_type: str
    body: bytes
    created_at: float
    expires_at: float
    origin: str = "sip"
    group: bool = False
    fields: tuple[tuple[str, str], ...] = ()
    imdn_id: str = ""
    report: bool = False
    max_forwards: int = 70
    deliveries: dict[str, Delivery] = field(default_factory=dict)

    def address(self, recipients: list[str]) -> None:
        """Name those whom it is to reach."""
        self.deliveries = {
            number: Delivery(self, number, updated_at=self.created_at) for number in dict.fromkeys(recipients)
        }


@dataclass(frozen=True, slots=True)
class MessagingSettings:
    """Limits and habits. Times in seconds.

    `keep_s` is how long a message waits for a recipient when its sender names no time, `longest_s` the longest it may;
    `patience_s` how long a sender waits for a device's answer until the message counts as kept; `backoff_s` the
    distances of attempts, the last one repeated; `settle_s` how long after a registration a phone is left in peace.
    """

    enabled: bool = True
    max_octets: int = 16384
    keep_s: float = 3 * 86400.0
    longest_s: float = 14 * 86400.0
    patience_s: float = 4.0
    settle_s: float = 0.5
    backoff_s: tuple[float, ...] = (5.0, 15.0, 60.0, 300.0, 900.0)
    max_waiting: int = 100_000
    max_per_recipient: int = 500
    max_per_sender: int = 2_000
    max_recipients: int = 1_000
    max_flying: int = 200
    content_types: tuple[str, ...] = ("text/*", "message/*", "multipart/*", "application/*")


__all__ = ["RANK", "Delivery", "Message", "MessagingSettings", "State"]
