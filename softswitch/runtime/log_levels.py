"""How much each part of the switch logs, changed while it runs."""

from __future__ import annotations

import logging

LEVELS = ("debug", "info", "warning", "error")
_OURS = ("softswitch", "gateways", "dialplan", "mediacodecs", "aiohttp", "asyncio")
_MOST = 64


def log_levels() -> dict[str, str]:
    """The level of everything under "" and of each logger that has one of its own."""
    root = logging.getLogger()
    own = {
        name: logging.getLevelName(entry.level).lower()
        for name, entry in sorted(root.manager.loggerDict.items())
        if isinstance(entry, logging.Logger) and entry.level and name.partition(".")[0] in _OURS
    }
    return {"": logging.getLevelName(root.level).lower(), **own}


def set_log_level(name: str, level: str | None) -> None:
    """Let a logger and those below it log from `level` on; "" is everything, None: as the one above it.

    Raises ValueError for a logger that is none of ours, and for too many.
    """
    if name and name.partition(".")[0] not in _OURS:
        raise ValueError(f"{name!r} is no part of the switch; parts begin with {', '.join(_OURS)}")
    known = name in logging.getLogger().manager.loggerDict
    if name and not known and len(log_levels()) > _MOST:
        raise ValueError(f"at most {_MOST} loggers have levels of their own")
    if level is None and not name:
        raise ValueError("everything needs a level")
    logging.getLogger(name).setLevel(logging.NOTSET if level is None else level.upper())
