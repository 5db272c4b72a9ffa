"""RTCP of several streams that share one transport (RFC 9143 §9): copied to every port, each reads what is its own."""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.asking import FIR, PAYLOAD_FEEDBACK
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.connected import disconnect
from softswitch.media.kernels.libc import sendto
from softswitch.media.kernels.octets import get32, same_address
from softswitch.media.layouts.shared import ADDRESS_WORDS

_ADDRESS_OCTETS = 4 * ADDRESS_WORDS
_FIR_ENTRY = 12  # where the first one begins (RFC 5104 §4.3.1.1)


@part
def enter_bundle(port: Any, command: Any) -> None:
    """Note that others are on the port's transport, and where one of them takes its copies."""
    disconnect(port)  # it would take every stream of the peer
    port["bundled"] = 1
    port["copies"] = command["octets"]
    if command["octets"] > 0:
        place = ADDRESS_WORDS * command["place"]
        port["copy_length"] = command["signalled_length"]
        for i in range(ADDRESS_WORDS):
            port["copy_to"][place + i] = command["signalled"][i]


@part
def copy_report(port: Any, packet: Any, size: int, scratch: Any) -> None:
    """Pass RTCP of the port's peer, as secured as it came, to the other ports on the transport."""
    if not same_address(scratch["source"], port["source"], port["ipv6"]):
        return
    addresses = port["copy_to"].ctypes.data
    for i in range(port["copies"]):
        sendto(port["rtp_fd"], packet.ctypes.data, size, 0, addresses + _ADDRESS_OCTETS * i, port["copy_length"])


@part
def is_about(port: Any, packet: Any, at: int, end: int) -> bool:
    """Whether the feedback `packet[at:end]` (uint8) speaks of what this port of several sends."""
    named = at + 8
    if packet[at + 1] == PAYLOAD_FEEDBACK and packet[at] & 0x1F == FIR:
        named = at + _FIR_ENTRY
    return bool(named + 4 <= end and get32(packet, named) == port["tx_ssrc"])
