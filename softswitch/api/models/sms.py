"""Shapes of `/sms`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from softswitch.api.models.base import Answer, Number, Request, Time, example

MessageState = Literal["queued", "sent", "delivered", "displayed", "failed", "expired", "cancelled"]


class NewMessage(Request):
    """A text for numbers and talkgroups."""

    model_config = example(recipients=["1001", "8001"], text="Meet at gate 3", sender="1002")

    recipients: Annotated[list[Number], Field(min_length=1, max_length=500)] = Field(
        description="Subscribers, radios, talkgroups; more than one make a group message."
    )
    text: Annotated[str, Field(min_length=1, max_length=16000)]
    sender: str = Field(
        default="", max_length=128, pattern=r"^[^\s<>\"@;]*$", description="Who it comes from; empty: the switch."
    )
    expires_s: int | None = Field(
        default=None, ge=0, le=1209600, description="How long it may wait, in seconds; none: as configured."
    )
    report: bool = Field(
        default=False,
        description="Ask the terminals for notifications (CPIM, RFC 5438), so that `delivered` is the terminal's word.",
    )


class MessageDelivery(Answer):
    """How far a message has come with one recipient; `status` is the last SIP answer."""

    recipient: str
    state: MessageState
    attempts: int = 0
    status: int = 0
    reason: str = ""
    updated_at: Time = None


class ShortMessage(Answer):
    """A message, and what became of it."""

    id: str
    sender: str
    recipient: str = Field(description="As addressed; several with commas between.")
    group: bool = False
    text: str | None = Field(default=None, description="None when the body holds no text.")
    content_type: str = ""
    created_at: Time = None
    expires_at: Time = None
    origin: str = Field(default="", description="sip, api or switch.")
    deliveries: list[MessageDelivery] = Field(default_factory=list)


class MessageQuery(Request):
    """Which messages. `number` with `peer` is the conversation of the two."""

    number: str | None = Field(default=None, max_length=128, description="Sent or received it.")
    peer: str | None = Field(default=None, max_length=128, description="The other side of a conversation.")
    sender: str | None = Field(default=None, max_length=128)
    recipient: str | None = Field(default=None, max_length=128)
    state: MessageState | None = Field(default=None, description="Of any of its deliveries.")
    since: datetime | None = Field(default=None, description="Accepted then or later.")
    until: datetime | None = Field(default=None, description="Accepted before.")
    cursor: str | None = Field(default=None, max_length=256, description="`next` of the page before.")
    limit: int = Field(default=100, ge=1, le=1000)


class ConversationQuery(Request):
    """Whose conversations."""

    number: Number
    limit: int = Field(default=100, ge=1, le=1000)


class Conversation(Answer):
    """With whom somebody wrote, and the last text; `waiting`: it waits for that somebody."""

    peer: str
    messages: int
    last_at: Time = None
    text: str | None = None
    waiting: bool = False
