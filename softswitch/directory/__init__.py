"""Subscribers by number: passwords as HA1, rights, call features that can change while running."""

from __future__ import annotations

from softswitch.directory.directory import Directory
from softswitch.directory.events import (
    DirectoryEvent,
    FeaturesChanged,
    SubscriberAdded,
    SubscriberChanged,
    SubscriberRemoved,
)
from softswitch.directory.sources import from_record, from_settings, merge
from softswitch.directory.subscriber import FEATURES, HashedPassword, Subscriber

__all__ = [
    "FEATURES",
    "Directory",
    "DirectoryEvent",
    "FeaturesChanged",
    "HashedPassword",
    "Subscriber",
    "SubscriberAdded",
    "SubscriberChanged",
    "SubscriberRemoved",
    "from_record",
    "from_settings",
    "merge",
]
