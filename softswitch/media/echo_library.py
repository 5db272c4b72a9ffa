"""libspeexdsp, whose adaptive filter cancels the echo of telephone lines."""

from __future__ import annotations

import ctypes

from mediacodecs.library import open_library

_LIBRARY, _PACKAGE = "libspeexdsp.so.1", "libspeexdsp1"


def _open() -> tuple[ctypes.CDLL | None, str]:
    try:
        return open_library(_LIBRARY, _PACKAGE), ""
    except OSError as error:
        return None, str(error)


library, missing = _open()
#: `missing`: why no echo can be cancelled here, and what to install; empty when it can.
