"""Symmetric RTP: where a peer's packets come from is learnt once and then locked against whoever else sends.

An unlatched port takes the first packet of an agreed payload type from anywhere (but the address the peer has just
moved away from). From then on another source is let in only when it is the very address the peer signalled, or after
the latched one has been silent for `latch_silence_ns` while we expect to receive, or when configuring opened the latch.
A peer found by ICE is where its checks came from and nowhere else: `aim` is told.
"""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.connected import disconnect
from softswitch.media.kernels.octets import copy_address, raise_port, same_address, same_host
from softswitch.media.layouts.shared import LATCHED, LATCHED_AS_SIGNALLED, TRANSPORT_ICE, UNLATCHED

#: What `accept_source` decides.
REFUSED, ACCEPTED, NEWLY_LATCHED = 0, 1, 2


@part
def accept_source(port: Any, source: Any, source_length: int, now_ns: int) -> int:
    """Decide about a packet's source (uint32[7]), latching to the first: REFUSED, ACCEPTED or NEWLY_LATCHED."""
    ipv6 = port["ipv6"]
    if port["latched"] != UNLATCHED and same_address(source, port["source"], ipv6):
        return ACCEPTED
    if port["transport"] & TRANSPORT_ICE:
        return REFUSED
    as_signalled = port["signalled_length"] > 0 and same_address(source, port["signalled"], ipv6)
    if port["latched"] != UNLATCHED:
        silent = port["receive"] != 0 and now_ns - port["last_received_ns"] > port["latch_silence_ns"]
        if not silent and not (as_signalled and port["latched"] == LATCHED):
            return REFUSED
        port["source_changes"] += 1
    if port["symmetric"] == 0 and port["signalled_length"] > 0 and not same_host(source, port["signalled"], ipv6):
        return REFUSED
    if not as_signalled and now_ns < port["refused_until_ns"] and same_address(source, port["refused"], ipv6):
        return REFUSED
    _latch(port, source, source_length, as_signalled)
    return NEWLY_LATCHED


@part
def _latch(port: Any, source: Any, source_length: int, as_signalled: bool) -> None:
    port["latch_version"] += 1
    copy_address(source, port["source"])
    if port["symmetric"] != 0:
        if port["remote_length"] == 0 or not same_address(source, port["remote"], port["ipv6"]):
            disconnect(port)
        copy_address(source, port["remote"])
        port["remote_length"] = source_length
        if as_signalled and port["signalled_rtcp_length"] > 0:
            copy_address(port["signalled_rtcp"], port["rtcp"])
        else:
            copy_address(source, port["rtcp"])
            raise_port(port["rtcp"])
        port["rtcp_length"] = source_length
    port["latched"] = LATCHED_AS_SIGNALLED if as_signalled else LATCHED
    port["latch_version"] += 1


@part
def aim(port: Any, address: Any, length: int) -> None:
    """Send to `address` (uint32[7]; length 0: to nobody), and hear nobody else."""
    disconnect(port)
    port["latch_version"] += 1
    copy_address(address, port["source"])
    copy_address(address, port["remote"])
    copy_address(address, port["rtcp"])
    port["remote_length"] = length
    port["rtcp_length"] = length
    port["latched"] = LATCHED_AS_SIGNALLED if length > 0 else UNLATCHED
    port["latch_version"] += 1


@part
def accept_rtcp_source(port: Any, source: Any, source_length: int, muxed: bool) -> bool:
    """Whether RTCP from `source` (uint32[7]) is believed: it must come from the host the RTP comes from.

    The first RTCP tells the port that ours must go to (a NAT maps it on its own).
    """
    ipv6 = port["ipv6"]
    if port["latched"] != UNLATCHED:
        known = same_host(source, port["source"], ipv6)
    else:
        known = port["signalled_length"] > 0 and same_host(source, port["signalled"], ipv6)
    if known and not muxed and port["symmetric"] != 0 and not same_address(source, port["rtcp"], ipv6):
        copy_address(source, port["rtcp"])
        port["rtcp_length"] = source_length
    return bool(known)
