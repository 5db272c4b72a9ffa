"""Shapes of `/events`."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, field_validator

from softswitch.api.models.base import Answer, Request, Time

WebhookName = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")


class EventsQuery(Request):
    """Which events, and from where on."""

    since: int | None = Field(default=None, ge=0, le=2**53, description="Resume after this sequence number.")
    types: str = Field(default="", max_length=512, description="Event types, comma-separated; `call.*` for a family.")
    components: str = Field(default="", max_length=128, description="voice, group, sms, system …, comma-separated.")
    ids: str = Field(default="", max_length=1024, description="Only events about these calls, legs, numbers, trunks.")


class JournalQuery(EventsQuery):
    """Events of the past, as far as the journal holds them."""

    limit: int = Field(default=100, ge=1, le=1000)


class JournalledEvent(Answer):
    """One event; what else it holds depends on its type."""

    model_config = ConfigDict(extra="allow")
    seq: int
    type: str
    time: Time = None


class EventType(Answer):
    """A type of event and the members it has besides `seq`, `type` and `time`."""

    type: str
    component: str
    description: str
    members: dict[str, str]


class NewWebhook(Request):
    """Where events are posted to."""

    name: str = WebhookName
    url: str = Field(max_length=1024, description="http or https.")
    secret: str = Field(min_length=16, max_length=256, repr=False, description="Key of the HMAC-SHA256 signature.")
    types: str = Field(default="", max_length=512, description="As in GET /events.")
    components: str = Field(default="", max_length=128)
    ids: str = Field(default="", max_length=1024)

    @field_validator("url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        from urllib.parse import urlsplit

        try:
            parts = urlsplit(value)
            known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known or not value.isprintable() or " " in value:
            raise ValueError("the url must be an http or https address")
        return value


class Webhook(Answer):
    """Where events are posted to, and how that goes."""

    name: str
    url: str
    types: str = ""
    components: str = ""
    ids: str = ""
    origin: str = Field(default="", description="`configuration` (read-only here) or `store`.")
    delivered: int = 0
    failed_attempts: int = 0
    missed: int = Field(default=0, description="Events that the journal held no more when their turn came.")
    waiting: int = Field(default=0, description="Events journalled and not yet delivered.")
    dead_letters: int = 0
    last_error: str = ""


class DeadLetter(Answer):
    """Events that could not be delivered."""

    id: int
    time: Time
    attempts: int
    error: str
    events: list[dict[str, Any]]
