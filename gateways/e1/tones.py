"""Tones for callers from the line whose exchange makes none: dial tone, ringing, busy, congestion (GB/T 3380).

They go with progress indicator 8 (Q.931 §5.1.3, §5.4.4); a `TrunkSettings` says whether they are wanted.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gateways.e1.q931 import CauseValue
from softswitch.media import MediaError
from softswitch.media.playing.tones import BUSY, CONGESTION, DIAL, RINGBACK, Cadence, cadence

if TYPE_CHECKING:
    from softswitch.calls.exchange import Exchange
    from softswitch.media import Port

logger = logging.getLogger(__name__)


def tone_of(cause: int) -> Cadence:
    """What tells a caller why: busy is busy, everything else is congestion."""
    return BUSY if cause == CauseValue.USER_BUSY else CONGESTION


def sound(exchange: Exchange, port: Port | None, tone: Cadence) -> int | None:
    """Let a tone be heard in a B channel; returns what `hush` wants, None when nothing can be heard."""
    engine = exchange.media.engine
    if engine is None or port is None or port.closed:
        return None
    try:
        return engine.play(port, cadence(tone), loop=True)
    except MediaError as error:
        logger.warning("no tone in a B channel: %s", error)
        return None


def hush(exchange: Exchange, port: Port | None, playback: int | None) -> None:
    """End the tone; whatever else is played by now goes on."""
    engine = exchange.media.engine
    if engine is not None and playback is not None and port is not None and not port.closed:
        engine.stop(port, playback)


__all__ = ["DIAL", "RINGBACK", "hush", "sound", "tone_of"]
