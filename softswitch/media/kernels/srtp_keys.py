"""A port's keys taken over from a command, in the middle of a stream too, and wiped when they have served."""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.compiler import part
from softswitch.media.layouts.srtp import (
    AWAITED,
    KEYS_OCTETS,
    PLAIN,
    RECEIVE_RTP,
    REPLAY_WORDS,
    SEND_RTP,
    STREAMS,
)


@part
def take_keys(port: Any, command: Any) -> None:
    """Use the command's profile and keys; a direction whose key stays the same goes on counting where it was.

    Under a new key counting begins anew, as with keys out of SDP and DTLS it does at the peer's; should the peer have
    kept its rollover counter, that is found out by the first packet.
    """
    profile = command["srtp_profile"]
    renewed = profile != port["srtp_profile"]
    port["srtp_profile"] = profile
    if profile in (PLAIN, AWAITED):
        if renewed:
            drop_keys(port)
        return
    ours, theirs = port["srtp_keys"], command["srtp_keys"]
    if _differ(ours, theirs, SEND_RTP, RECEIVE_RTP) or renewed:
        _begin_sending(port)
    if _differ(ours, theirs, RECEIVE_RTP, KEYS_OCTETS) or renewed:
        _begin_receiving(port)
    for i in range(KEYS_OCTETS):
        ours[i] = theirs[i]
        theirs[i] = 0


@part
def drop_keys(port: Any) -> None:
    """Overwrite what was secret."""
    for i in range(KEYS_OCTETS):
        port["srtp_keys"][i] = 0


@part
def _differ(ours: Any, theirs: Any, begin: int, end: int) -> bool:
    differing = False
    for i in range(begin, end):
        differing |= ours[i] != theirs[i]
    return bool(differing)


@part
def _begin_sending(port: Any) -> None:
    port["srtp_sent_index"] = -1
    port["srtcp_sent_index"] = -1
    for i in range(STREAMS * REPLAY_WORDS, (STREAMS + 1) * REPLAY_WORDS):
        port["srtp_seen"][i] = 0


@part
def _begin_receiving(port: Any) -> None:
    latest = 0
    for i in range(STREAMS):
        if port["srtp_turn"][i] > port["srtp_turn"][latest]:
            latest = i
    port["srtp_kept_counter"] = max(port["srtp_index"][latest], 0) >> 16
    for i in range(STREAMS):
        port["srtp_ssrc"][i] = -1
        port["srtp_turn"][i] = 0
