"""Ports that are listened to: every packet of sound goes to an ear besides where it goes anyway."""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.notices import notify
from softswitch.media.kernels.octets import get16
from softswitch.media.layouts.events import EVENT_KEY, EVENT_KEY_ENDED, EVENT_SPEECH
from softswitch.media.layouts.shared import NO_VOICE

#: A key heard in the sound just before a telephone-event of the same key is the same key: what leaked of its beginning.
_LEAKED_NS = 300_000_000
_END = 0x80
#: Without a packet for so long nobody speaks any more, and no key is down.
_SILENT_NS = 400_000_000


@part
def listen(port: Any, voices: Any, command: Any) -> None:
    """Give a port the ear that a LISTEN command brings, or none (NO_VOICE)."""
    port["ear"] = command["voice"]
    port["hushed"] = 0
    if command["voice"] == NO_VOICE:
        port["speaking"] = 0


@part
def tell_key(
    port: Any,
    packet: Any,
    size: int,
    timestamp: int,
    worker: Any,
    positions: Any,
    events: Any,
    slot: int,
    scratch: Any,
    now_ns: int,
) -> None:
    """Tell of a telephone-event at its first packet to come and at its first end; all packets of one share a
    timestamp (RFC 4733 §2.2)."""
    at = 12 + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10 != 0 and at + 4 <= size:
        at += 4 + 4 * get16(packet, at + 2)
    if at + 4 > size:
        return
    key = packet[at]
    if timestamp != port["key_timestamp"]:
        port["key_timestamp"] = timestamp
        port["key_ended"] = 0
        if port["key_heard"] != key or now_ns - port["key_heard_ns"] > _LEAKED_NS:
            notify(worker, positions, events, EVENT_KEY, slot, port, key, now_ns, scratch)
    if packet[at + 1] & _END and port["key_ended"] == 0:
        port["key_ended"] = 1
        clock = max(port["rx_clock"], 1)
        value = key | (get16(packet, at + 2) * 1000 // clock) << 8
        notify(worker, positions, events, EVENT_KEY_ENDED, slot, port, value, now_ns, scratch)


@part
def notice_silence(port: Any, slot: int, worker: Any, positions: Any, events: Any, scratch: Any, now_ns: int) -> None:
    """End speech, and a key's being kept quiet, when packets stop (hold, discontinuous transmission)."""
    if port["ear"] != NO_VOICE and now_ns - port["last_received_ns"] > _SILENT_NS:
        port["hushed"] = 0
        if port["speaking"] != 0:
            port["speaking"] = 0
            notify(worker, positions, events, EVENT_SPEECH, slot, port, 0, now_ns, scratch)
