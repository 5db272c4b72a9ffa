"""Ring positions as the control side reads and writes them: each is one aligned int64 that the packet thread shares.

`publish` lets nothing that was written before it be seen after it; `observe` lets nothing that is read after it be read
before it. On x86-64 every store and every load of eight aligned octets has that order by itself, and numpy makes one
of each of them; so the switch needs no compiled code for it. Elsewhere they are those of `kernels.atomic`.
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
from numpy.typing import NDArray


def publish(positions: NDArray[np.int64], index: int, value: int) -> None:
    """Set `positions[index]` (int64[n]), after everything written before."""
    positions[index] = value


def observe(positions: NDArray[np.int64], index: int) -> int:
    """The value of `positions[index]` (int64[n]), before anything read later."""
    return int(positions[index])


if platform.machine() not in ("x86_64", "AMD64"):
    from softswitch.media.kernels import atomic

    _compiled: Any = atomic
    publish, observe = _compiled.publish, _compiled.observe
