"""What an ear makes of the packets of its port: keys, speech, the tone of a fax machine.

An ear decodes each packet as it comes, at 8 kHz and without a jitter buffer: what it looks for lasts longer than a
lost or displaced packet, and the sound itself goes its way without waiting.
"""

from __future__ import annotations

from typing import Any

from numba import carray as _carray  # type: ignore[attr-defined]
from numba import from_dtype, types

from mediacodecs.activity import is_speech
from mediacodecs.dtmf_detector import END, detect, suspects
from mediacodecs.fax_tone import is_fax
from softswitch.media.kernels.notices import notify
from softswitch.media.kernels.octets import copy_octets
from softswitch.media.kernels.sound.coding import decode
from softswitch.media.kernels.sound.compiler import callback, part
from softswitch.media.layouts.events import EVENT, EVENT_FAX, EVENT_KEY_ENDED, EVENT_KEY_HEARD, EVENT_SPEECH
from softswitch.media.layouts.port import PORT
from softswitch.media.layouts.scratch import SCRATCH
from softswitch.media.layouts.shared import CONFERENCE_PEER, LISTEN_FAX, LISTEN_HUSH, LISTEN_KEYS, LISTEN_SPEECH, NOBODY
from softswitch.media.layouts.voice import LONGEST_FRAME, VOICE
from softswitch.media.layouts.worker import POSITIONS, WORKER

_pointer: Any = types.CPointer
_SAMPLES_PER_MS = 8
#: Speech is told when it lasts so long: a knock is none.
_SPEECH_MS = 40


@part
def attend(
    ports: Any, voices: Any, slot: int, worker: Any, positions: Any, events: Any, scratch: Any, begin: int, end: int,
    number: int, now_ns: int,
) -> None:  # fmt: skip
    """Listen to a packet of a port's format `number`, whose payload is `scratch["packet"][begin:end]`."""
    port = ports[slot]
    voice = voices[port["ear"]]
    if voice["decoder_of"][number] == 0 or end <= begin:
        return
    copy_octets(scratch["packet"], begin, voice["payload"], 0, end - begin)
    voice["format"][0] = number
    voice["length"][0] = end - begin
    heard = voice["heard"][:LONGEST_FRAME]
    count = decode(voice, 0, heard, scratch)
    if count <= 0:
        return
    if voice["listens"] & LISTEN_KEYS:
        _keys(port, slot, voice, heard, count, worker, positions, events, scratch, now_ns)
    if voice["listens"] & LISTEN_SPEECH:
        _speech(port, slot, voice, heard, count, worker, positions, events, scratch, now_ns)
    if voice["listens"] & LISTEN_FAX and is_fax(voice["fax_state"], heard, count):
        voice["listens"] = 0
        port["hushed"] = 0
        port["speaking"] = 0
        _freeze(ports, voices, port)
        notify(worker, positions, events, EVENT_FAX, slot, port, 0, now_ns, scratch)


@part
def _keys(
    port: Any, slot: int, voice: Any, heard: Any, count: int, worker: Any, positions: Any, events: Any, scratch: Any,
    now_ns: int,
) -> None:  # fmt: skip
    """Tell of keys that begin and end, unless the peer sends telephone-events and this is but what leaks of them."""
    found = voice["found"]
    number = detect(voice["key_state"], heard, count, found)
    if port["key_timestamp"] >= 0:
        port["hushed"] = 0
        return
    if voice["listens"] & LISTEN_HUSH:
        port["hushed"] = 1 if suspects(voice["key_state"]) else 0
    for i in range(number):
        if found[i] < END:
            voice["key_from_ns"] = now_ns
            port["key_heard"] = found[i]
            port["key_heard_ns"] = now_ns
            notify(worker, positions, events, EVENT_KEY_HEARD, slot, port, found[i], now_ns, scratch)
        else:
            lasted_ms = (now_ns - voice["key_from_ns"]) // 1_000_000
            value = (found[i] - END) | lasted_ms << 8
            notify(worker, positions, events, EVENT_KEY_ENDED, slot, port, value, now_ns, scratch)


@part
def _speech(
    port: Any, slot: int, voice: Any, heard: Any, count: int, worker: Any, positions: Any, events: Any, scratch: Any,
    now_ns: int,
) -> None:  # fmt: skip
    """Tell when speech begins and, after a hangover, when it ends."""
    if is_speech(voice["speech_state"], heard, count):
        voice["speech_ms"] += count // _SAMPLES_PER_MS
        if port["speaking"] == 0 and voice["speech_ms"] >= _SPEECH_MS:
            port["speaking"] = 1
            notify(worker, positions, events, EVENT_SPEECH, slot, port, 1, now_ns, scratch)
        return
    voice["speech_ms"] = 0
    if port["speaking"] != 0:
        port["speaking"] = 0
        notify(worker, positions, events, EVENT_SPEECH, slot, port, 0, now_ns, scratch)


@part
def _freeze(ports: Any, voices: Any, port: Any) -> None:
    """Leave the depth of the jitter buffers of both directions, and their sound, as they are from now on."""
    if port["peer"] != CONFERENCE_PEER:
        return
    voice = voices[port["voice"]]
    voice["frozen"] = 1
    if voice["partner"] != NOBODY:
        voices[ports[voice["partner"]]["voice"]]["frozen"] = 1


@callback(
    types.void(
        _pointer(from_dtype(PORT)),
        types.int64,
        _pointer(from_dtype(VOICE)),
        types.int64,
        types.int64,
        _pointer(from_dtype(WORKER)),
        _pointer(types.int64),
        _pointer(from_dtype(EVENT)),
        types.int64,
        _pointer(from_dtype(SCRATCH)),
        types.int64,
        types.int64,
        types.int64,
        types.int64,
    )
)
def attend_packet(
    ports: Any,
    port_count: int,
    voices: Any,
    voice_count: int,
    slot: int,
    worker: Any,
    positions: Any,
    events: Any,
    event_count: int,
    scratch: Any,
    begin: int,
    end: int,
    number: int,
    now_ns: int,
) -> None:
    """`attend` for the packet loop, which calls it by address: the shared arrays as pointers."""
    attend(
        _carray(ports, (port_count,)),
        _carray(voices, (voice_count,)),
        slot,
        _carray(worker, (1,))[0],
        _carray(positions, (POSITIONS,)),
        _carray(events, (event_count,)),
        _carray(scratch, (1,))[0],
        begin,
        end,
        number,
        now_ns,
    )
