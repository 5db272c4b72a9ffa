"""What a port asks of its peer about the pictures it receives: a key frame (RFC 4585 §6.3.1, RFC 5104 §4.3.1), or
packets that were lost (RFC 4585 §6.2.1). Each goes out in the smallest compound: empty RR, SDES, the feedback."""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.notices import notify
from softswitch.media.kernels.octets import put16, put32
from softswitch.media.kernels.report import RECEIVER_REPORT, send_rtcp, write_description
from softswitch.media.layouts.events import EVENT_PICTURE_WANTED
from softswitch.media.layouts.shared import FEEDBACK_FIR, FEEDBACK_NACK, FEEDBACK_PLI

TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK = 205, 206
NACK, PLI, FIR = 1, 1, 4
_VERSION = 0x80
_EMPTY_REPORT_OCTETS = 8
#: A key frame costs its sender ten times a usual one, so it is not asked for more often than this.
_BETWEEN_NS = 300_000_000


@part
def want_picture(port: Any) -> None:
    """Somebody needs a key frame of the port's peer: it is asked for, until one comes."""
    port["picture_wanted"] = 1


@part
def ask_picture(port: Any, slot: int, worker: Any, positions: Any, events: Any, scratch: Any, now_ns: int) -> None:
    """Ask the port's peer for a key frame, unless that was done a moment ago."""
    if now_ns - port["picture_asked_ns"] < _BETWEEN_NS or port["rx_ssrc"] < 0:
        return
    port["picture_asked_ns"] = now_ns
    port["picture_tries"] += 1
    port["key_frames_asked"] += 1
    packet = scratch["output"]
    size = _begin(port, packet)
    if port["feedback"] & FEEDBACK_FIR and not port["feedback"] & FEEDBACK_PLI:
        port["fir_sequence"] = (port["fir_sequence"] + 1) & 0xFF
        _write_head(port, packet, size, FIR, PAYLOAD_FEEDBACK, 0, 2)
        put32(packet, size + 12, port["rx_ssrc"])
        put32(packet, size + 16, port["fir_sequence"] << 24)
        size += 20
    else:
        _write_head(port, packet, size, PLI, PAYLOAD_FEEDBACK, port["rx_ssrc"], 0)
        size += 12
    send_rtcp(port, packet, size, scratch)
    notify(worker, positions, events, EVENT_PICTURE_WANTED, slot, port, port["picture_tries"], now_ns, scratch)


@part
def ask_packets(port: Any, sequence: int, following: int, scratch: Any) -> None:
    """Ask the port's peer for a lost packet, and those of the 16 behind it whose bits are set in `following`."""
    if not port["feedback"] & FEEDBACK_NACK or port["rx_ssrc"] < 0:
        return
    packet = scratch["output"]
    size = _begin(port, packet)
    _write_head(port, packet, size, NACK, TRANSPORT_FEEDBACK, port["rx_ssrc"], 1)
    put16(packet, size + 12, sequence)
    put16(packet, size + 14, following)
    send_rtcp(port, packet, size + 16, scratch)
    port["packets_asked"] += 1


@part
def _begin(port: Any, packet: Any) -> Any:
    packet[0] = _VERSION
    packet[1] = RECEIVER_REPORT
    put16(packet, 2, _EMPTY_REPORT_OCTETS // 4 - 1)
    put32(packet, 4, port["tx_ssrc"])
    return write_description(port, packet, _EMPTY_REPORT_OCTETS)


@part
def _write_head(port: Any, packet: Any, at: int, form: int, kind: int, media_ssrc: int, words: int) -> None:
    """The common head of feedback (RFC 4585 §6.1) with so many words of its own behind it."""
    packet[at] = _VERSION | form
    packet[at + 1] = kind
    put16(packet, at + 2, 2 + words)
    put32(packet, at + 4, port["tx_ssrc"])
    put32(packet, at + 8, media_ssrc)
