"""Events of the node itself."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from softswitch.events.base import Event


@dataclasses.dataclass(slots=True)
class ConfigurationReloaded(Event):
    """A new configuration is in force (`accepted`) or was refused and the old one kept."""

    type: ClassVar[str] = "configuration.reloaded"
    accepted: bool
    detail: str
