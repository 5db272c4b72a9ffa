"""What a member of a room is sent: gathered to packets of its own length, encoded and numbered."""

from __future__ import annotations

from typing import Any

from mediacodecs.numbering import LEAD
from softswitch.media.kernels.forward import rebase, transmit
from softswitch.media.kernels.octets import put16, put32
from softswitch.media.kernels.sound.coding import encode, gathered
from softswitch.media.kernels.sound.compiler import part
from softswitch.media.kernels.sound.quiet import describe_quiet, is_quiet
from softswitch.media.kernels.tap import tap_sent
from softswitch.media.layouts.shared import KEY_DOWN, ROOM_FEEDER

_HEADER_OCTETS = 12


@part
def speak(port: Any, slot: int, voice: Any, scratch: Any, now_ns: int) -> None:
    """Send what has been gathered in `spoken`, if it is a packet's worth.

    While the port may not send, plays a clip, or passes a telephone-event on, it is thrown away and the time goes on.
    """
    if voice["spoken_count"] < voice["send_samples"]:
        return
    voice["spoken_count"] = 0
    if port["playing"] != 0 or voice["speaks"] == 0:
        return
    if port["feeder"] == ROOM_FEEDER:
        timestamp = (port["tx_timestamp"] + voice["send_ticks"]) & 0xFFFFFFFF
    else:
        rebase(port, ROOM_FEEDER, 0, 0, 0, voice["send_clock"], now_ns)
        timestamp = port["timestamp_offset"]
    port["tx_timestamp"] = timestamp
    port["tx_clock"] = voice["send_clock"]
    port["tx_ns"] = now_ns
    packet = scratch["output"]
    payload = packet[_HEADER_OCTETS:]
    pcm, count = gathered(voice, scratch)
    quiet = is_quiet(voice, pcm, count, payload)
    encoded = describe_quiet(voice, pcm, count, payload) if quiet else encode(voice, pcm, count, payload)
    octets = encoded % LEAD if encoded > 0 else 0
    silent = port["send"] == 0 or port["remote_length"] == 0 or port["keying"] == KEY_DOWN
    if octets == 0 or silent or now_ns < voice["event_until_ns"]:
        port["marker_pending"] = 1
        return
    port["tx_sequence"] = (port["tx_sequence"] + 1) & 0xFFFF
    packet[0] = 0x80
    if quiet:
        packet[1] = voice["quiet_payload_type"]
        port["marker_pending"] = 1
    else:
        packet[1] = voice["send_payload_type"] | (0x80 if port["marker_pending"] != 0 else 0)
        port["marker_pending"] = 0
    put16(packet, 2, port["tx_sequence"])
    put32(packet, 4, (timestamp + encoded // LEAD) & 0xFFFFFFFF)
    put32(packet, 8, port["tx_ssrc"])
    tap_sent(port, slot, packet, _HEADER_OCTETS + octets, scratch, now_ns)
    transmit(port, packet, _HEADER_OCTETS + octets, octets, scratch)
