"""A room's turn: every 10 ms each member is heard, all are added up, and each is sent the sum without itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray as _carray  # type: ignore[attr-defined]
from numba import from_dtype, types

from softswitch.media.kernels.notices import notify_room
from softswitch.media.kernels.sound.compiler import callback, part
from softswitch.media.kernels.sound.extras import (
    WHISPERS,
    add_noise,
    compose_personally,
    level_out,
)
from softswitch.media.kernels.sound.fetching import fetch_listeners, fetch_speakers
from softswitch.media.kernels.sound.hearing import pull
from softswitch.media.kernels.sound.linking import exchange
from softswitch.media.kernels.sound.loudness import another_is_loudest
from softswitch.media.kernels.sound.speaking import speak
from softswitch.media.layouts.events import EVENT, EVENT_LOUDEST, EVENT_ROOM_PLAYED
from softswitch.media.layouts.link import LINK, MAXIMUM_SIDES
from softswitch.media.layouts.port import PORT
from softswitch.media.layouts.room import MAXIMUM_ROOMS, ROOM
from softswitch.media.layouts.scratch import SCRATCH
from softswitch.media.layouts.shared import NOBODY
from softswitch.media.layouts.voice import VOICE
from softswitch.media.layouts.worker import POSITIONS, WORKER

#: Compiled code looks up no further than it is told; the true length of the clip store is the control side's matter.
_CLIP_SAMPLES = 1 << 40
_pointer: Any = types.CPointer
_PEAK = np.float32(32767)
#: The limiter gives way at once and comes back over half a second.
_RECOVERY = 1.02
#: Who is loudest is looked at every 100 ms.
_LOUDNESS_TURNS = 10
_SMOOTHING = 0.1


@part
def turn_rooms(
    ports: Any,
    rooms: Any,
    voices: Any,
    links: Any,
    worker: Any,
    positions: Any,
    events: Any,
    clips: Any,
    scratch: Any,
    first: int,
    now_ns: int,
) -> None:
    """Serve a list of rooms, from room `first` on."""
    number = first
    while number != NOBODY:
        room = rooms[number]
        following = room["next_room"]
        if _gather(ports, room, voices, links, worker, clips, scratch, now_ns):
            notify_room(worker, positions, events, EVENT_ROOM_PLAYED, number, room, room["play_id"], now_ns, scratch)
        _give_out(ports, room, voices, scratch, now_ns)
        room["turn"] += 1
        if room["turn"] % _LOUDNESS_TURNS == 0 and another_is_loudest(ports, room, voices, links):
            notify_room(worker, positions, events, EVENT_LOUDEST, number, room, room["loudest"], now_ns, scratch)
        number = following


@part
def _gather(ports: Any, room: Any, voices: Any, links: Any, worker: Any, clips: Any, scratch: Any, now_ns: int) -> bool:
    """Add up what is played into the room and what its members say; true when a clip has ended."""
    total, samples = room["total"], room["samples"]
    for i in range(samples):
        total[i] = 0
    room["whispers"] = 0
    ended = room["playing"] != 0 and _play(room, clips, total, samples)
    silent = room["playing"] == 0
    slot = room["first"]
    while slot != NOBODY:
        port = ports[slot]
        voice = voices[port["voice"]]
        fetch_speakers(ports, voices, port["member_next"], samples)
        voice["contributes"] = 0
        if pull(voice, room["rate_hz"], scratch, now_ns):
            _hear(voice, room, samples, port["hushed"])
        else:
            voice["level"] *= 1 - _SMOOTHING
        silent &= voice["contributes"] != 1
        slot = port["member_next"]
    if room["links"] != NOBODY:
        silent = exchange(room, links, worker, silent, now_ns)
    if silent and room["comfort"] > 0:
        add_noise(room)
    return bool(ended)


@part
def _hear(voice: Any, room: Any, samples: int, hushed: int) -> None:
    """Take the next samples of a voice, and add them, by its gain, to the room's sum, unless it whispers."""
    own, begin, total = voice["own"], voice["heard_begin"], room["total"]
    said = voice["heard"][begin : begin + samples]
    voice["heard_begin"] = begin + samples
    if voice["muted"] != 0 or hushed != 0 or _silent(said, samples):
        voice["level"] *= 1 - _SMOOTHING
        return
    power = _power(said, samples)
    gain, step = level_out(voice, power, samples)
    for i in range(samples):
        own[i] = np.float32(said[i]) * (gain + step * np.float32(i))
    voice["contributes"] = 1
    if voice["audience"] != NOBODY:
        voice["contributes"] = WHISPERS
        room["whispers"] += 1
        return
    for i in range(samples):
        total[i] += own[i]
    voice["level"] += _SMOOTHING * (power * float(gain) ** 2 - voice["level"])


@part
def _silent(said: Any, samples: int) -> bool:
    """Whether there is nothing but the quietest codes."""
    loudest: Any = 0
    for i in range(samples):
        loudest = max(loudest, abs(np.int64(said[i])))
    return bool(loudest <= 8)


@part
def _power(said: Any, samples: int) -> Any:
    """The mean of the squares; of whole numbers, so that it does not matter in which order they are added."""
    energy = np.int64(0)
    for i in range(samples):
        energy += np.int64(said[i]) * np.int64(said[i])
    return float(energy) / samples


@part
def _play(room: Any, clips: Any, total: Any, samples: int) -> bool:
    """Add the next samples of the room's clip; true at its end."""
    offset, length, position = room["play_offset"], room["play_length"], room["play_position"]
    for i in range(samples):
        if position >= length:
            if room["play_loop"] == 0:
                break
            position = 0
        total[i] += np.float32(clips[offset + position])
        position += 1
    room["play_position"] = position
    if position >= length and room["play_loop"] == 0:
        room["playing"] = 0
        return True
    return False


@part
def _give_out(ports: Any, room: Any, voices: Any, scratch: Any, now_ns: int) -> None:
    """Send every member the sum without itself; a sum too loud is turned down as a whole instead of cut."""
    total, samples = room["total"], room["samples"]
    peak = np.float32(0)
    for i in range(samples):
        peak = max(peak, abs(total[i]))
    before = room["limiter"]
    after = min(min(before * _RECOVERY, 1.0), float(_PEAK) / max(float(peak), 1.0))
    room["limiter"] = after
    first = np.float32(before)
    step = np.float32((after - before) / samples)
    slot = room["first"]
    while slot != NOBODY:
        port = ports[slot]
        voice = voices[port["voice"]]
        fetch_listeners(ports, voices, port["member_next"], samples)
        if room["whispers"] != 0:
            compose_personally(ports, room, voices, slot)
            _compose(voice, room["personal"], samples, first, step)
        else:
            _compose(voice, total, samples, first, step)
        speak(port, slot, voice, scratch, now_ns)
        slot = port["member_next"]


@part
def _compose(voice: Any, total: Any, samples: int, gain: Any, step: Any) -> None:
    """Put what a member is to hear behind what waits to be sent to it."""
    own, at = voice["own"], voice["spoken_count"]
    spoken = voice["spoken"][at : at + samples]
    if voice["deaf"] != 0:
        for i in range(samples):
            spoken[i] = 0
    elif voice["contributes"] == 1:
        for i in range(samples):
            value = (total[i] - own[i]) * (gain + step * np.float32(i))
            spoken[i] = np.int16(min(max(value, -_PEAK), _PEAK))
    else:
        for i in range(samples):
            value = total[i] * (gain + step * np.float32(i))
            spoken[i] = np.int16(min(max(value, -_PEAK), _PEAK))
    voice["spoken_count"] = at + samples


@callback(
    types.void(
        _pointer(from_dtype(PORT)),
        types.int64,
        _pointer(from_dtype(ROOM)),
        _pointer(from_dtype(VOICE)),
        _pointer(from_dtype(LINK)),
        _pointer(from_dtype(WORKER)),
        types.int64,
        _pointer(types.int64),
        _pointer(from_dtype(EVENT)),
        types.int64,
        _pointer(types.int16),
        _pointer(from_dtype(SCRATCH)),
        types.int64,
        types.int64,
    )
)
def serve_rooms(
    ports: Any,
    port_count: int,
    rooms: Any,
    voices: Any,
    links: Any,
    workers: Any,
    number: int,
    positions: Any,
    events: Any,
    event_count: int,
    clips: Any,
    scratches: Any,
    first: int,
    now_ns: int,
) -> None:
    """`turn_rooms` for the packet loop, which calls it by address: the shared arrays as pointers."""
    turn_rooms(
        _carray(ports, (port_count,)),
        _carray(rooms, (MAXIMUM_ROOMS,)),
        _carray(voices, (port_count,)),
        _carray(links, (MAXIMUM_SIDES,)),
        _carray(workers, (number + 1,))[number],
        _carray(positions, (POSITIONS,)),
        _carray(events, (event_count,)),
        _carray(clips, (_CLIP_SAMPLES,)),
        _carray(scratches, (1,))[0],
        first,
        now_ns,
    )
