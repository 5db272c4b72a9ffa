"""Memory that a room's turn is about to use: five hundred members have more of it than the fastest caches hold.

Members are a list, so each thing is asked for one member after the thing that leads to it.
"""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.prefetch import fetch_ahead
from softswitch.media.kernels.sound.compiler import part
from softswitch.media.layouts.port import PORT, SENDING_OCTETS
from softswitch.media.layouts.shared import CACHE_LINE_OCTETS, NOBODY, offset_of
from softswitch.media.layouts.voice import JITTER_PLACES, VOICE

_PORT_OCTETS, _VOICE_OCTETS = PORT.itemsize, VOICE.itemsize
_LINKS_AT, _LINKS_OCTETS = offset_of(PORT, "member_next"), 2 * CACHE_LINE_OCTETS
_HEAD_OCTETS = offset_of(VOICE, "noise")
#: What is known of the packets in the buffer, by place, in words of four octets.
_COLUMNS = tuple(offset_of(VOICE, name) for name in ("sequence", "length", "format", "part"))
_HEARD_AT, _SPOKEN_AT, _OWN_AT = offset_of(VOICE, "heard"), offset_of(VOICE, "spoken"), offset_of(VOICE, "own")
_DECODERS_AT = offset_of(VOICE, "decoders")
#: What a decoder of G.711 keeps in case that a packet does not come.
_DECODER_OCTETS = 860


@part
def fetch_speakers(ports: Any, voices: Any, slot: int, samples: int) -> None:
    """Have what the next members have said near when their turns come."""
    if slot == NOBODY:
        return
    number = ports[slot]["voice"]
    voice, at = voices[number], voices.ctypes.data + number * _VOICE_OCTETS
    fetch_ahead(at + _OWN_AT, 4 * samples)
    fetch_ahead(at + _HEARD_AT + 2 * voice["heard_begin"], 2 * samples)
    if voice["heard_end"] - voice["heard_begin"] < samples:
        place = voice["next_sequence"] & (JITTER_PLACES - 1)
        for column in _COLUMNS:
            fetch_ahead(at + column + 4 * place, 4)
        fetch_ahead(at + _DECODERS_AT, _DECODER_OCTETS)
    _fetch_following(ports, voices, ports[slot]["member_next"])


@part
def _fetch_following(ports: Any, voices: Any, slot: int) -> None:
    """Have the voice of the member after the next near, and the links of the one after that."""
    if slot != NOBODY:
        fetch_ahead(voices.ctypes.data + ports[slot]["voice"] * _VOICE_OCTETS, _HEAD_OCTETS)
        following = ports[slot]["member_next"]
        if following != NOBODY:
            fetch_ahead(ports.ctypes.data + following * _PORT_OCTETS + _LINKS_AT, _LINKS_OCTETS)


@part
def fetch_listeners(ports: Any, voices: Any, slot: int, samples: int) -> None:
    """Have what the next members are to hear near when their turns come."""
    if slot == NOBODY:
        return
    number = ports[slot]["voice"]
    voice, at = voices[number], voices.ctypes.data + number * _VOICE_OCTETS
    fetch_ahead(at + _OWN_AT, 4 * samples)
    fetch_ahead(at + _SPOKEN_AT, 2 * (voice["spoken_count"] + samples))
    fetch_ahead(ports.ctypes.data + slot * _PORT_OCTETS, SENDING_OCTETS)
    _fetch_following(ports, voices, ports[slot]["member_next"])
