"""Silence towards a member that takes comfort noise: described now and then instead of sent (RFC 3389).

What is silence, the detector of voice activity says, and nothing above −40 dB of full scale is: a soft tone that lasts
is no background. The first packet of a silence describes it, later ones when it has become louder or softer, and one
a second so that the peer knows that we are there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mediacodecs.activity import is_speech
from mediacodecs.comfort_noise import describe
from softswitch.media.kernels.sound.compiler import part

_LOUDEST_DB = 40  # below full scale
_CHANGE_DB = 4
_SOONEST_MS, _LATEST_MS = 100, 1000
_TICKS_PER_MS = 8  # of the RTP clock that comfort noise has here


@part
def is_quiet(voice: Any, pcm: Any, count: int, out: Any) -> bool:
    """Whether `pcm[:count]`, the next packet's sound, need not be sent as such; `out` (uint8) is spoilt."""
    if voice["quiet_payload_type"] == 0:
        return False
    speech = is_speech(voice["quiet_speech"], pcm, count)
    describe(voice["quiet_noise"], pcm, count, 0, out)
    if speech or out[0] < _LOUDEST_DB:
        voice["quiet"] = 0
        return False
    return True


@part
def describe_quiet(voice: Any, pcm: Any, count: int, out: Any) -> Any:
    """Describe the silence `pcm[:count]`, whose level is in `out[0]`, in `out`; returns the octets, 0 when nothing need
    be said of it."""
    level, since_ms = np.int64(out[0]), voice["quiet_ms"] + voice["send_ticks"] // _TICKS_PER_MS
    changed = abs(level - voice["quiet_level"]) >= _CHANGE_DB and since_ms >= _SOONEST_MS
    voice["quiet_ms"] = since_ms
    if voice["quiet"] != 0 and not changed and since_ms < _LATEST_MS:
        return 0
    voice["quiet"], voice["quiet_ms"], voice["quiet_level"] = 1, 0, level
    return describe(voice["quiet_noise"], pcm, count, voice["quiet_order"], out)
