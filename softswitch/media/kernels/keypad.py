"""Keys pressed towards a port's peer as telephone-events (RFC 4733), on the wheel that plays clips too.

A key begins with a packet that bears the marker; each 50 ms another tells how long it lasts by now, and three packets,
10 ms apart, tell its end. All bear the time of the beginning. Meanwhile the port sends no sound: what would be passed
on is left out of its numbering, as on hold, and the events take numbers of the same row, so that the listener sees one
stream without a gap.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels.clock import ticks
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.forward import transmit
from softswitch.media.kernels.octets import put16, put32
from softswitch.media.layouts.shared import KEY_DOWN, KEY_UP, MAXIMUM_KEYS, NO_KEY

_TURN_MS, _UPDATE_MS, _END_PACKETS = 10, 50, 3
_END, _EVENT_OCTETS, _HEADER_OCTETS = 0x80, 4, 12
_LONGEST_NS = 3_600_000_000_000


@part
def begin_keying(port: Any, command: Any) -> None:
    """Take over what a PRESS command brings; the first key is pressed at the port's next turn."""
    port["keys_id"] = command["keys_id"]
    port["keys_count"] = min(command["keys_count"], MAXIMUM_KEYS)
    port["keys_payload_type"] = command["keys_payload_type"]
    port["keys_clock"] = command["keys_clock"]
    port["keys_duration_ms"] = command["keys_duration_ms"]
    port["keys_gap_ms"] = command["keys_gap_ms"]
    port["keys_volume"] = command["keys_volume"]
    for i in range(MAXIMUM_KEYS):
        port["keys"][i] = command["keys"][i]
    port["keys_done"] = 0
    port["key_elapsed_ms"] = port["keys_gap_ms"]
    port["keying"] = KEY_UP


@part
def go_on_keying(port: Any, scratch: Any, now_ns: int) -> bool:
    """A pressing port's turn of 10 ms; true when the last key is done. While the port may not send it waits."""
    if port["send"] == 0 or port["remote_length"] == 0:
        return False
    elapsed = port["key_elapsed_ms"]
    port["key_elapsed_ms"] = elapsed + _TURN_MS
    if port["keying"] == KEY_UP:
        if elapsed < port["keys_gap_ms"]:
            return False
        if port["keys_done"] == port["keys_count"]:
            port["keying"] = NO_KEY
            return True
        _press(port, scratch, now_ns)
        return False
    duration = port["keys_duration_ms"]
    if elapsed >= duration:
        _send(port, scratch, duration, _END, False)
        if elapsed >= duration + (_END_PACKETS - 1) * _TURN_MS:
            port["keying"] = KEY_UP
            port["key_elapsed_ms"] = elapsed + _TURN_MS - duration
            port["keys_done"] += 1
    elif elapsed % _UPDATE_MS == 0:
        _send(port, scratch, elapsed, 0, False)
    return False


@part
def _press(port: Any, scratch: Any, now_ns: int) -> None:
    """The next key begins, at the time in the stream that is now."""
    if port["tx_ns"] == 0:
        port["tx_ns"] = now_ns
        port["tx_clock"] = port["keys_clock"]
    passed = ticks(min(max(now_ns - port["tx_ns"], 0), _LONGEST_NS), port["tx_clock"])
    port["key_tx_timestamp"] = (port["tx_timestamp"] + passed) & 0xFFFFFFFF
    port["keying"] = KEY_DOWN
    port["key_elapsed_ms"] = _TURN_MS
    _send(port, scratch, _TURN_MS, 0, True)


@part
def _send(port: Any, scratch: Any, lasting_ms: int, end: int, first: bool) -> None:
    """One packet of the key that is down (RFC 4733 §2.3), numbered between what else the port sends."""
    port["tx_sequence"] = (port["tx_sequence"] + 1) & 0xFFFF
    port["sequence_offset"] = (port["sequence_offset"] + 1) & 0xFFFF
    port["key_fence"] = port["feeder_sequence"]
    packet = scratch["output"]
    packet[0] = 0x80
    packet[1] = port["keys_payload_type"] | (0x80 if first else 0)
    put16(packet, 2, port["tx_sequence"])
    put32(packet, 4, port["key_tx_timestamp"])
    put32(packet, 8, port["tx_ssrc"])
    packet[12] = port["keys"][port["keys_done"]]
    packet[13] = end | port["keys_volume"]
    put16(packet, 14, min(np.int64(lasting_ms) * port["keys_clock"] // 1000, 0xFFFF))
    port["marker_pending"] = 1
    transmit(port, packet, _HEADER_OCTETS + _EVENT_OCTETS, _EVENT_OCTETS, scratch)
