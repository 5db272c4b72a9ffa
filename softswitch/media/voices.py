"""What a port's settings mean for taking its sound apart: which formats are decoded, into which one is encoded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softswitch.media.errors import NotTranscodable
from softswitch.media.formats import MAXIMUM_FORMATS, StreamFormat
from softswitch.media.layout import MAXIMUM_PACKET, NOBODY, PLAY_ALAW, PLAY_L16, PLAY_ULAW, offset_of
from softswitch.media.routing import PortSettings
from softswitch.media.voice_layout import IDLE, JITTER_PLACES, VOICE

_HEADER_OCTETS = 12
_FULL_SCALE = 32768.0
_TURN_MS, _LONGEST_PTIME_MS = 10, 60
_CODECS = {"PCMA": PLAY_ALAW, "PCMU": PLAY_ULAW, "L16": PLAY_L16}
_CLEARED_OCTETS = offset_of(VOICE, "own")


@dataclass(frozen=True, slots=True)
class VoiceCounters:
    """What the jitter buffer of one member has done: packets `late` (and dropped), `concealed`, and turns left out to
    be nearer to the speaker (`shortened`); `depth_ms` is what waits now; `level_dbov` how loud the member is."""

    late: int
    concealed: int
    shortened: int
    depth_ms: float
    level_dbov: float


def codec_number(entry: StreamFormat, rate_hz: int) -> int:
    """The number by which the mixer knows a format in a room of `rate_hz`; 0 when it cannot take it apart."""
    if entry.channels != 1 or entry.clock_rate != rate_hz:
        return 0
    return _CODECS.get(entry.encoding.upper(), 0)


def spoken_format(settings: PortSettings, rate_hz: int) -> StreamFormat | None:
    """The format that is encoded into for a port: the first of those it takes that the mixer knows."""
    return next((entry for entry in settings.sendable if codec_number(entry, rate_hz)), None)


def check_voice(settings: PortSettings, rate_hz: int) -> None:
    """Raises NotTranscodable when a port can neither be heard in a room of `rate_hz` nor hear it."""
    formats = settings.receivable + settings.sendable
    if formats and not any(codec_number(entry, rate_hz) for entry in formats):
        names = ", ".join(dict.fromkeys(entry.encoding for entry in formats if not entry.auxiliary))
        raise NotTranscodable(f"{names} cannot be mixed at {rate_hz} Hz")


def prepare_voice(
    voices: NDArray[Any], number: int, settings: PortSettings, rate_hz: int, *, partner: int = NOBODY
) -> None:
    """Make a free record the voice of a port with these settings in a room of `rate_hz`."""
    voices[number : number + 1].view(np.uint8)[:_CLEARED_OCTETS] = 0
    voice = voices[number]
    voice["sequence"] = -1
    voice["partner"] = partner
    voice["gain"] = 1.0
    voice["event_source_timestamp"] = -1
    voice["codec_of"] = 0
    for i, entry in enumerate(settings.receivable[:MAXIMUM_FORMATS]):
        voice["codec_of"][i] = codec_number(entry, rate_hz)
    spoken = spoken_format(settings, rate_hz)
    ptime_ms = _TURN_MS
    if spoken is not None:
        ptime_ms = packet_time_ms(spoken, rate_hz)
        voice["send_codec"] = codec_number(spoken, rate_hz)
        voice["send_payload_type"] = spoken.payload_type
        voice["send_clock"] = spoken.clock_rate
        voice["send_ticks"] = spoken.clock_rate * ptime_ms // 1000
    voice["send_samples"] = rate_hz * ptime_ms // 1000
    # Not all members are sent to in the same turn: half of those with packets of 20 ms are in every other.
    voice["spoken_count"] = rate_hz * _TURN_MS // 1000 * (number % (ptime_ms // _TURN_MS))
    voice["spoken"][: int(voice["spoken_count"])] = 0


def packet_time_ms(entry: StreamFormat, rate_hz: int) -> int:
    """The length of the packets sent: the format's, in whole turns of the mixer, and no longer than fits."""
    ptime_ms = min(max(round(entry.ptime_ms / _TURN_MS), 1) * _TURN_MS, _LONGEST_PTIME_MS)
    if entry.encoding.upper() == "L16":
        while ptime_ms > _TURN_MS and 2 * rate_hz * ptime_ms // 1000 + _HEADER_OCTETS > MAXIMUM_PACKET:
            ptime_ms -= _TURN_MS
    return ptime_ms


def read_voice(voice: NDArray[Any], rate_hz: int) -> VoiceCounters:
    """What a voice's record says of a member of a room of `rate_hz`."""
    waiting = (int(voice["highest_sequence"]) - int(voice["next_sequence"]) + 1) & 0xFFFF
    packets = waiting if voice["state"] != IDLE and waiting <= JITTER_PLACES else 0
    samples = int(voice["heard_end"] - voice["heard_begin"]) + packets * int(voice["frame_samples"])
    power = float(voice["level"]) / _FULL_SCALE**2
    return VoiceCounters(
        late=int(voice["late"]),
        concealed=int(voice["concealed"]),
        shortened=int(voice["shortened"]),
        depth_ms=samples / rate_hz * 1000,
        level_dbov=10 * math.log10(power) if power > 0 else -math.inf,
    )
