"""RTCP packets secured and opened (RFC 3711 §3.4, RFC 7714 §9): the index travels in the packet, behind an E flag."""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels.cipher import GCM_TAG, run_counter_mode, seal, unseal
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.libcrypto import compare
from softswitch.media.kernels.octets import get16, get32, put16, put32
from softswitch.media.kernels.srtp import REFUSED, hash_packet, write_iv
from softswitch.media.kernels.srtp_index import NO_STREAM, add_stream, find_stream, is_new, mark, note_turn
from softswitch.media.layouts.srtp import (
    AWAITED,
    CIPHER_OF,
    GCM_128,
    KEY_AT,
    RECEIVE_RTCP,
    RTCP_TAG_OF,
    SALT_AT,
    SEND_RTCP,
)

_CIPHER_OF = np.array(CIPHER_OF, np.int64)
_TAG_OF = np.array(RTCP_TAG_OF, np.int64)
_HEADER = 8  # the first packet's, which stays readable
_WORD = 4
_ENCRYPTED = 0x80000000
_INDEX = 0x7FFFFFFF


@part
def _write_iv(scratch: Any, keys: Any, session: int, ssrc: int, index: int, gcm: bool) -> None:
    """As for RTP, but GCM has the index of 31 bits where RTP has counter and sequence number (RFC 7714 §9.1)."""
    write_iv(scratch, keys, session, ssrc, index, gcm)
    if gcm:  # two zero octets, then the index
        iv, salt = scratch["iv"], session + SALT_AT
        put16(iv, 6, get16(keys, salt + 6))
        put32(iv, 8, get32(keys, salt + 8) ^ index)


@part
def protect_rtcp(port: Any, packet: Any, size: int, scratch: Any) -> Any:
    """Secure a compound packet of the port's own (uint8[n]) into `scratch["sealed"]`; its size, or REFUSED."""
    profile = port["srtp_profile"]
    index = port["srtcp_sent_index"] + 1
    if profile == AWAITED or index > _INDEX:
        return REFUSED
    port["srtcp_sent_index"] = index
    keys, sealed = port["srtp_keys"], scratch["sealed"]
    gcm = profile >= GCM_128
    _write_iv(scratch, keys, SEND_RTCP, get32(packet, 4), index, gcm)
    for i in range(_HEADER):
        sealed[i] = packet[i]
    key = keys.ctypes.data + SEND_RTCP + KEY_AT
    source, target = packet.ctypes.data, sealed.ctypes.data
    cipher, text, count = _CIPHER_OF[profile], source + _HEADER, size - _HEADER
    if gcm:
        trailer = size + GCM_TAG
        put32(sealed, trailer, _ENCRYPTED | index)
        data = _authenticated_data(packet, _ENCRYPTED | index, scratch)
        tag = target + size
        done = seal(scratch, cipher, key, data, _HEADER + _WORD, text, count, target + _HEADER, tag)
        return trailer + _WORD if done else REFUSED
    if not run_counter_mode(scratch, cipher, key, text, count, target + _HEADER):
        return REFUSED
    put32(sealed, size, _ENCRYPTED | index)
    hash_packet(scratch, keys, SEND_RTCP, target, size + _WORD, -1)
    tag = _TAG_OF[profile]
    for i in range(tag):
        sealed[size + _WORD + i] = scratch["digest"][i]
    return size + _WORD + tag


@part
def _authenticated_data(packet: Any, word: int, scratch: Any) -> Any:
    """The address of what GCM authenticates beside the encrypted text: header and index word (RFC 7714 §9.2)."""
    data = scratch["aad"]
    for i in range(_HEADER):
        data[i] = packet[i]
    put32(data, _HEADER, word)
    return data.ctypes.data


@part
def unprotect_rtcp(port: Any, packet: Any, size: int, scratch: Any) -> Any:
    """Check and open RTCP from the port's peer (uint8[n], in place); the size of what was in it, or REFUSED."""
    profile = port["srtp_profile"]
    if profile == AWAITED:
        port["ignored"] += 1
        return REFUSED
    inside = size - _WORD - _TAG_OF[profile]
    if inside < _HEADER:
        port["malformed"] += 1
        return REFUSED
    gcm = profile >= GCM_128
    word = get32(packet, size - _WORD if gcm else inside)
    index, ssrc = word & _INDEX, get32(packet, 4)
    place = find_stream(port, ssrc)
    if place != NO_STREAM and not is_new(port["srtcp_seen"], place, port["srtcp_index"][place], index):
        port["srtp_replayed"] += 1
        return REFUSED
    if not _open(port, packet, inside, word, ssrc, scratch):
        port["srtp_auth_failures"] += 1
        return REFUSED
    if place == NO_STREAM:
        place = add_stream(port, ssrc)
    port["srtcp_index"][place] = mark(port["srtcp_seen"], place, port["srtcp_index"][place], index)
    note_turn(port, place)
    if word & _ENCRYPTED:
        sealed = scratch["sealed"]
        for i in range(_HEADER, inside):
            packet[i] = sealed[i]
    return inside


@part
def _open(port: Any, packet: Any, inside: int, word: int, ssrc: int, scratch: Any) -> bool:
    """Whether the packet is authentic; what it holds is then in the same place of `sealed`, if it was encrypted."""
    profile = port["srtp_profile"]
    keys = port["srtp_keys"]
    key = keys.ctypes.data + RECEIVE_RTCP + KEY_AT
    source, target = packet.ctypes.data, scratch["sealed"].ctypes.data
    cipher, gcm, encrypted = _CIPHER_OF[profile], profile >= GCM_128, word & _ENCRYPTED != 0
    text, count = source + _HEADER, inside - _HEADER
    _write_iv(scratch, keys, RECEIVE_RTCP, ssrc, word & _INDEX, gcm)
    if gcm:
        data = _authenticated_data(packet, word, scratch)
        if not encrypted:
            return False  # nobody agrees to that with us
        tag = source + inside
        return bool(unseal(scratch, cipher, key, data, _HEADER + _WORD, text, count, target + _HEADER, tag))
    hash_packet(scratch, keys, RECEIVE_RTCP, source, inside + _WORD, -1)
    if compare(scratch["digest"].ctypes.data, source + inside + _WORD, _TAG_OF[profile]) != 0:
        return False
    return bool(not encrypted or run_counter_mode(scratch, cipher, key, text, count, target + _HEADER))
