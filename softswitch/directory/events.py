"""What changes in the directory while the switch runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SubscriberAdded:
    """A number exists now that did not before."""

    number: str


@dataclass(frozen=True, slots=True)
class SubscriberRemoved:
    """A number is gone: its bindings end, its calls in progress go on."""

    number: str


@dataclass(frozen=True, slots=True)
class SubscriberChanged:
    """Attributes of a number have other values; `credentials` tells that its password is among them."""

    number: str
    attributes: tuple[str, ...]
    credentials: bool = False


@dataclass(frozen=True, slots=True)
class FeaturesChanged:
    """A subscriber chose forwarding or do-not-disturb; `choices` is everything that differs from its basis."""

    number: str
    choices: tuple[tuple[str, str | float | bool], ...]


DirectoryEvent = SubscriberAdded | SubscriberRemoved | SubscriberChanged | FeaturesChanged
