"""Subscribers from the configuration and from the store, as the directory wants them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from softswitch.directory.subscriber import HashedPassword, Subscriber

if TYPE_CHECKING:
    from softswitch.config.models import Settings, SubscriberSettings


class StoredSubscriber(Protocol):
    """A subscriber as the store hands it over; `settings` holds attributes of `Subscriber` that are not default."""

    @property
    def number(self) -> str: ...
    @property
    def ha1_md5(self) -> str: ...
    @property
    def ha1_sha256(self) -> str: ...
    @property
    def display_name(self) -> str: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...


_STORED_TEXTS = ("srtp", "class_of_service", "pickup_group", "forward_all", "forward_busy", "forward_no_answer")


def from_settings(subscriber: SubscriberSettings) -> Subscriber:
    """One subscriber of the configuration."""
    return Subscriber(
        number=subscriber.number,
        password=HashedPassword(subscriber.ha1_md5 or "", subscriber.ha1_sha256 or ""),
        display_name=subscriber.display_name,
        roles=frozenset(subscriber.roles),
        class_of_service=subscriber.class_of_service or "",
        pickup_group=subscriber.pickup_group or "",
        max_calls=subscriber.max_calls,
        forward_all=subscriber.forward_all or "",
        forward_busy=subscriber.forward_busy or "",
        forward_no_answer=subscriber.forward_no_answer or "",
        no_answer_s=subscriber.no_answer_s,
        do_not_disturb=subscriber.do_not_disturb,
        srtp=subscriber.srtp or "",
        srtp_keying=subscriber.srtp_keying,
        dtmf="" if subscriber.dtmf == "auto" else subscriber.dtmf,
    )


def from_record(record: StoredSubscriber) -> Subscriber:
    """One subscriber of the store; values it does not hold, or of a wrong type, are the defaults."""
    settings = record.settings
    subscriber = Subscriber(
        number=record.number,
        password=HashedPassword(record.ha1_md5, record.ha1_sha256),
        display_name=record.display_name,
        roles=frozenset(role for role in settings.get("roles", ()) if isinstance(role, str)),
        do_not_disturb=settings.get("do_not_disturb") is True,
        origin="store",
    )
    for name in _STORED_TEXTS:
        value = settings.get(name)
        if isinstance(value, str):
            setattr(subscriber, name, value)
    if isinstance(settings.get("no_answer_s"), (int, float)):
        subscriber.no_answer_s = float(settings["no_answer_s"])
    if isinstance(settings.get("max_calls"), int):
        subscriber.max_calls = settings["max_calls"]
    return subscriber


def merge(settings: Settings, records: Iterable[StoredSubscriber] = ()) -> Iterator[Subscriber]:
    """Every subscriber once: a number of the configuration hides the same number of the store."""
    configured = {subscriber.number for subscriber in settings.subscriber}
    yield from map(from_settings, settings.subscriber)
    yield from (from_record(record) for record in records if record.number not in configured)
