"""How the push-to-talk server behaves; the configuration makes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PocServerSettings:
    """Times in seconds, 0: no limit. See `softswitch.config.gateways.PocSettings` for what each one means."""

    implicit_affiliation: bool = True
    require_settings: bool = False
    setup_s: float = 3.0
    ring_s: float = 30.0
    emergency_s: float = 0.0
    keep_alive_s: float = 15.0
