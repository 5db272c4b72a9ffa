"""Ports that were there when workers were lost: one that is there every time may well be what ends them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softswitch.media.port import Port

#: A port that has lost so many workers within this time is not given to another.
_MOST_LOSSES, _WITHIN_S = 3, 60.0


def bereaved(ports: Iterable[Port], now: float) -> list[Port]:
    """These have lost their worker; returns those of them that had better not be given to another."""
    suspicious = []
    for port in ports:
        port.losses = (*port.losses, now)[-_MOST_LOSSES:]
        if len(port.losses) == _MOST_LOSSES and now - port.losses[0] < _WITHIN_S:
            suspicious.append(port)
    return suspicious
