"""The media engine: RTP ports, what flows between them, and what is played into them; see docs/media.md.

The names that others use are those of `softswitch.media.face`, which is loaded when the first of them is asked for: the
media processes, whose modules lie in this package too, need none of it, and start sooner.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from softswitch.media.face import *  # noqa: F403
else:

    def __getattr__(name: str) -> Any:
        try:
            return getattr(import_module("softswitch.media.face"), name)
        except AttributeError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
