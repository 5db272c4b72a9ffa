"""What one radio is and where it is; the configuration makes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RadioSettings:
    """See `softswitch.config.usrp.RadioSettings` for what each one means."""

    name: str
    number: str
    local: tuple[str, int]
    remote: tuple[str, int]
    talkgroup: str = ""
    class_of_service: str = ""
    usrp_talkgroup: int = 0
    missed_frames: int = 4
    keep_alive_s: float = 10.0
