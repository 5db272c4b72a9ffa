"""What a port's settings mean for taking its sound apart: which formats are decoded, into which one is encoded."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediacodecs import framing, states
from mediacodecs.codec import CodecUnavailable
from mediacodecs.states.detectors import NOISE_ORDER, reset_activity, reset_noise
from mediacodecs.states.resampling import new_resampler
from softswitch.media.errors import NotTranscodable
from softswitch.media.formats import StreamFormat
from softswitch.media.layouts.shared import MAXIMUM_PACKET, NOBODY, offset_of
from softswitch.media.layouts.voice import (
    DECODER_WORDS,
    DECODERS,
    ENCODER_WORDS,
    IDLE,
    JITTER_PLACES,
    NOISE_DECODER,
    RENDITION_HZ,
    RESAMPLER_WORDS,
    VOICE,
)
from softswitch.media.routing import PortSettings

#: The rates at which rooms mix, in Hz.
ROOM_RATES = (8000, 16000, 48000)
_HEADER_OCTETS = 12
#: Ears hear at the rate of the telephone.
_EAR_HZ = 8000
_FULL_SCALE = 32768.0
_TURN_MS, _LONGEST_PTIME_MS = 10, 60
#: Codecs that describe silence in frames of their own.
_OWN_SILENCE = ("OPUS", "AMR", "AMR-WB", "G729")
_CLEARED_OCTETS = offset_of(VOICE, "own")


@dataclass(frozen=True, slots=True)
class VoiceCounters:
    """What the jitter buffer of one member has done: packets `late` (and dropped), `concealed`, and periods of sound
    left out or said twice so that the delay stays right (`shortened`, `lengthened`); `depth_ms` is what waits now;
    `level_dbov` how loud the member is."""

    late: int
    concealed: int
    shortened: int
    lengthened: int
    depth_ms: float
    level_dbov: float


def sample_rate(entry: StreamFormat, room_hz: int = 48000) -> int:
    """The rate, in Hz, at which a format is coded for a room of `room_hz`; 0 when it cannot be taken apart here."""
    name = entry.encoding.upper()
    if name == "OPUS":
        return room_hz if entry.clock_rate == framing.rtp_clock(name) and _usable(name, room_hz) else 0
    rate = entry.clock_rate if name == "L16" else framing.sample_rate(name)
    clock = entry.clock_rate == (rate if name == "L16" else framing.rtp_clock(name))
    if name == "G722":  # its lower band alone is what there is to hear at the rate of the telephone
        rate = min(rate, room_hz)
    return rate if clock and entry.channels == 1 and rate in ROOM_RATES and _usable(name, rate) else 0


def can_transcode(encoding: str, clock_rate: int = 8000) -> bool:
    """Whether this machine decodes and encodes what SDP calls `encoding/clock_rate`."""
    return sample_rate(StreamFormat(96, encoding, clock_rate)) != 0


@functools.cache
def _usable(name: str, rate: int) -> bool:
    """Whether this machine has the codec, and our records room for its state."""
    try:
        decoder, encoder = states.new_decoder(name, rate), states.new_encoder(name, rate)
    except (CodecUnavailable, ValueError):
        return False
    return len(decoder.state) <= DECODER_WORDS and len(encoder.state) <= ENCODER_WORDS


def spoken_format(settings: PortSettings) -> StreamFormat | None:
    """The format that is encoded into for a port: the first of those it takes that can be."""
    return next((entry for entry in settings.sendable if sample_rate(entry)), None)


def check_voice(settings: PortSettings) -> None:
    """Raises NotTranscodable when nothing of what a port receives can be decoded, nor anything encoded for it."""
    formats = settings.receivable + settings.sendable
    if formats and not any(sample_rate(entry) for entry in formats):
        names = ", ".join(dict.fromkeys(entry.encoding for entry in formats if not entry.auxiliary))
        raise NotTranscodable(f"{names} cannot be mixed")


def prepare_voice(
    voices: NDArray[Any],
    number: int,
    settings: PortSettings,
    room_hz: int,
    *,
    partner: int = NOBODY,
    frozen: bool = False,
) -> None:
    """Make a free record the voice of a port with these settings in a room of `room_hz`."""
    voices[number : number + 1].view(np.uint8)[:_CLEARED_OCTETS] = 0
    voice = voices[number]
    voice["sequence"] = -1
    voice["part"] = voice["spare"] = np.arange(JITTER_PLACES)
    voice["spares"] = JITTER_PLACES
    voice["partner"] = partner
    voice["frozen"] = frozen
    voice["rate_hz"] = room_hz
    voice["gain"] = voice["levelling"] = 1.0
    voice["audience"] = NOBODY
    voice["event_source_timestamp"] = -1
    _prepare_decoders(voice, enumerate(settings.receivable), room_hz)
    _prepare_noise(voice, settings, number)
    spoken = spoken_format(settings)
    ptime_ms = _TURN_MS
    if spoken is not None:
        ptime_ms = packet_time_ms(spoken)
        _prepare_encoder(voice, spoken, room_hz)
        voice["send_ticks"] = spoken.clock_rate * ptime_ms // 1000
        _prepare_quiet(voice, settings, spoken, room_hz)
    voice["send_samples"] = room_hz * ptime_ms // 1000
    # Not all members are sent to in the same turn: half of those with packets of 20 ms are in every other.
    voice["spoken_count"] = room_hz * _TURN_MS // 1000 * (number % (ptime_ms // _TURN_MS))
    voice["spoken"][: int(voice["spoken_count"])] = 0


def _prepare_noise(voice: Any, settings: PortSettings, seed: int) -> None:
    """Let comfort noise (RFC 3389) be heard as such."""
    reset_noise(voice["noise"], seed + 1)
    for i, entry in enumerate(settings.receivable):
        if entry.encoding.upper() == "CN":
            voice["decoder_of"][i] = NOISE_DECODER


def _prepare_quiet(voice: Any, settings: PortSettings, spoken: StreamFormat, room_hz: int) -> None:
    """Let silence be described instead of sent, where that is wanted and the codec does not do so itself."""
    noise = next((entry for entry in settings.sendable if entry.encoding.upper() == "CN"), None)
    name = spoken.encoding.upper()
    if not settings.comfort_noise or noise is None or name in _OWN_SILENCE or noise.clock_rate != spoken.clock_rate:
        return
    voice["quiet_payload_type"] = noise.payload_type
    # The spectrum is that of sound with the rate of the RTP clock, which G.722 has not (RFC 3389 §4).
    voice["quiet_order"] = 0 if name == "G722" else NOISE_ORDER
    reset_activity(voice["quiet_speech"], sample_rate(spoken, room_hz))


def prepare_speaker(voices: NDArray[Any], number: int, entry: StreamFormat, rate_hz: int) -> None:
    """Make a free record an encoder into one format of samples at `rate_hz`, and nothing else."""
    voices[number : number + 1].view(np.uint8)[:_CLEARED_OCTETS] = 0
    _prepare_encoder(voices[number], entry, rate_hz)


def prepare_rendition(voices: NDArray[Any], number: int, entry: StreamFormat) -> None:
    """Make a free record code a fan-out's talker into one format, for all who need it."""
    prepare_speaker(voices, number, entry, RENDITION_HZ)
    voice, ptime_ms = voices[number], packet_time_ms(entry)
    voice["send_ticks"] = entry.clock_rate * ptime_ms // 1000
    voice["send_samples"] = RENDITION_HZ * ptime_ms // 1000


def prepare_hearer(
    voices: NDArray[Any], number: int, formats: Iterable[tuple[int, StreamFormat]], slot: int, talks: int
) -> None:
    """Make a free record decode what the port at `slot` says to a fan-out in talk number `talks`; its formats, each
    with its number."""
    voices[number : number + 1].view(np.uint8)[:_CLEARED_OCTETS] = 0
    voice = voices[number]
    _prepare_decoders(voice, formats, RENDITION_HZ)
    voice["partner"] = slot
    voice["rendition_stream"] = -(talks << 32)


def prepare_ear(voices: NDArray[Any], number: int, settings: PortSettings, listens: int) -> None:
    """Make a free record an ear for what a port with these settings receives; `listens` are LISTEN_… bits."""
    voices[number : number + 1].view(np.uint8)[:_CLEARED_OCTETS] = 0
    voice = voices[number]
    _prepare_decoders(voice, enumerate(settings.receivable), _EAR_HZ)
    voice["listens"] = listens
    reset_activity(voice["speech_state"], _EAR_HZ)


def _prepare_decoders(voice: Any, formats: Iterable[tuple[int, StreamFormat]], room_hz: int) -> None:
    used = 0
    for i, entry in formats:
        rate = sample_rate(entry, room_hz)
        if not rate or used == DECODERS:
            continue
        codec, state = states.new_decoder(entry.encoding, rate, fmtp=entry.fmtp)
        voice["decoders"][used * DECODER_WORDS :][: len(state)] = state
        voice["decoder_codec"][used] = codec
        voice["decoder_resampled"][used] = rate != room_hz
        if rate != room_hz:
            state = new_resampler(rate, room_hz)
            voice["heard_rates"][used * RESAMPLER_WORDS :][: len(state)] = state
        used += 1
        voice["decoder_of"][i] = used


def _prepare_encoder(voice: Any, entry: StreamFormat, room_hz: int) -> None:
    rate = sample_rate(entry, room_hz)
    codec, state = states.new_encoder(entry.encoding, rate, fmtp=entry.fmtp)
    voice["encoder"][: len(state)] = state
    voice["speaks"] = 1
    voice["send_codec"] = codec
    voice["send_payload_type"] = entry.payload_type
    voice["send_clock"] = entry.clock_rate
    voice["send_resampled"] = rate != room_hz
    if rate != room_hz:
        state = new_resampler(room_hz, rate)
        voice["spoken_rate"][: len(state)] = state


def packet_time_ms(entry: StreamFormat) -> int:
    """The length of the packets sent: the format's, in whole turns of the mixer, and no longer than fits."""
    frame_ms = framing.frame_ms(entry.encoding, entry.fmtp)
    most_ms = _LONGEST_PTIME_MS // frame_ms * frame_ms
    ptime_ms = min(max(round(entry.ptime_ms / frame_ms), 1) * frame_ms, most_ms)
    if entry.encoding.upper() == "OPUS" and ptime_ms in (30, 50):  # RFC 6716 §2.1.4 has no such frames
        ptime_ms -= _TURN_MS
    if entry.encoding.upper() == "L16":
        while ptime_ms > _TURN_MS and 2 * entry.clock_rate * ptime_ms // 1000 + _HEADER_OCTETS > MAXIMUM_PACKET:
            ptime_ms -= _TURN_MS
    return ptime_ms


def read_voice(voice: NDArray[Any], room_hz: int) -> VoiceCounters:
    """What a voice's record says of a member of a room of `room_hz`."""
    waiting = (int(voice["highest_sequence"]) - int(voice["next_sequence"]) + 1) & 0xFFFF
    packets = waiting if voice["state"] != IDLE and waiting <= JITTER_PLACES else 0
    samples = int(voice["heard_end"] - voice["heard_begin"]) + packets * int(voice["frame_samples"])
    power = float(voice["level"]) / _FULL_SCALE**2
    return VoiceCounters(
        late=int(voice["late"]),
        concealed=int(voice["concealed"]),
        shortened=int(voice["shortened"]),
        lengthened=int(voice["lengthened"]),
        depth_ms=samples / room_hz * 1000,
        level_dbov=10 * math.log10(power) if power > 0 else -math.inf,
    )
