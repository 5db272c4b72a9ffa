"""Event packages of the notifier: what each one carries and how often it may speak (RFC 6665 §5).

The bodies are built and parsed by the modules beside this one. Left out: partial state, event lists (RFC 4662) and
watcher information (RFC 3857); each NOTIFY carries the full state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

StateBuilder = Callable[[str, int], bytes]
"""Builds the body of a NOTIFY: resource (``user@host``) and the version counter of the one subscription, from 0."""


@dataclass(frozen=True, slots=True)
class EventPackage:
    """One event package as the notifier serves it; times in seconds."""

    name: str
    content_type: str
    state: StateBuilder
    default_expires: int = 3600
    minimum_interval: float = 0.0
    """Least time between two NOTIFYs of one subscription; changes in between are told together at its end."""


@dataclass(frozen=True, slots=True)
class PackageRules:
    """What the defining document fixes of a package; `serve` adds the source of its state."""

    name: str
    content_type: str
    default_expires: int
    minimum_interval: float

    def serve(self, state: StateBuilder, *, minimum_interval: float | None = None) -> EventPackage:
        """The package with its state builder; `minimum_interval` in seconds overrides the document's."""
        interval = self.minimum_interval if minimum_interval is None else minimum_interval
        return EventPackage(self.name, self.content_type, state, self.default_expires, interval)


REG: Final = PackageRules("reg", "application/reginfo+xml", 3761, 5.0)
"""RFC 3680 §4.3, §4.10."""
DIALOG: Final = PackageRules("dialog", "application/dialog-info+xml", 3600, 1.0)
"""RFC 4235 §3.4, §3.9."""
PRESENCE: Final = PackageRules("presence", "application/pidf+xml", 3600, 5.0)
"""RFC 3856 §6.4, §6.10."""
MESSAGE_SUMMARY: Final = PackageRules("message-summary", "application/simple-message-summary", 3600, 1.0)
"""RFC 3842 §3.4, §3.9."""
