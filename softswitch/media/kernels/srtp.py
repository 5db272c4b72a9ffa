"""RTP packets secured and opened (RFC 3711 §3.3, RFC 6188, RFC 7714): the last step out of a port, the first into it.

A packet's place in its stream is known for certain only once its tag has been found right, so nothing of a port is
changed, and no memory of a stream made, before that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.kernels.cipher import GCM_TAG, authenticate, run_counter_mode, seal, unseal
from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.libcrypto import compare
from softswitch.media.kernels.octets import get16, get32, put16, put32
from softswitch.media.kernels.srtp_index import (
    NO_STREAM,
    add_stream,
    estimate_index,
    find_stream,
    is_new,
    mark,
    note_turn,
)
from softswitch.media.layouts.srtp import (
    AWAITED,
    CIPHER_OF,
    GCM_128,
    INNER_AT,
    KEY_AT,
    OUTER_AT,
    RECEIVE_RTP,
    RTP_TAG_OF,
    SALT_AT,
    SEND_RTP,
    SHA_OCTETS,
    STREAMS,
)

_CIPHER_OF = np.array(CIPHER_OF, np.int64)
_TAG_OF = np.array(RTP_TAG_OF, np.int64)

#: What `unprotect` says of a packet that must not be looked at.
REFUSED = -1
#: Rollover counters tried for a stream of which nothing is known: it begins, its sender kept the counter when the key
#: changed, or its first packets before the wrap were lost.
_GUESSES = 3


@part
def header_size(packet: Any, size: int) -> Any:
    """Octets of an RTP header with its sources and extension, which stay readable; 0 when they reach past the end."""
    begin = 12 + 4 * np.int64(packet[0] & 0x0F)
    if packet[0] & 0x10:
        if begin + 4 > size:
            return 0
        begin += 4 + 4 * get16(packet, begin + 2)
    return begin if begin <= size else 0


@part
def write_iv(scratch: Any, keys: Any, session: int, ssrc: int, index: int, gcm: bool) -> None:
    """The initial vector of a packet from the session's salt (RFC 3711 §4.1.1, RFC 7714 §8.1); `index` has 48 bits."""
    iv = scratch["iv"]
    salt = session + SALT_AT
    put16(iv, 14, 0)
    first = 0 if gcm else 2  # the counter mode's salt is two octets longer than GCM's
    iv[0] = keys[salt]
    iv[1] = keys[salt + 1]
    iv[2] = keys[salt + 2]
    iv[3] = keys[salt + 3]
    at = 2 + first
    put32(iv, at, get32(keys, salt + at) ^ ssrc)
    put32(iv, at + 4, get32(keys, salt + at + 4) ^ (index >> 16))
    put16(iv, at + 8, get16(keys, salt + at + 8) ^ (index & 0xFFFF))


@part
def hash_packet(scratch: Any, keys: Any, session: int, text: int, size: int, counter: int) -> None:
    """The digest of a packet and its rollover counter, -1 for a packet of RTCP, which has its index within."""
    word = scratch["counter"]
    more = 0
    if counter >= 0:
        put32(word, 0, counter)
        more = 4
    inner = keys[session + INNER_AT : session + INNER_AT + SHA_OCTETS]
    outer = keys[session + OUTER_AT : session + OUTER_AT + SHA_OCTETS]
    authenticate(scratch, inner, outer, text, size, word.ctypes.data, more)


@part
def protect(port: Any, packet: Any, size: int, scratch: Any) -> Any:
    """Secure an RTP packet of the port's own (uint8[n]) into `scratch["sealed"]`; its size, or REFUSED.

    Refused: without keys, and an index used before, which would give two texts the same key stream (RFC 3711 §9.1).
    """
    profile = port["srtp_profile"]
    begin = header_size(packet, size)
    if profile == AWAITED or begin == 0:
        return REFUSED
    highest = port["srtp_sent_index"]
    index = estimate_index(highest, get16(packet, 2))
    if index < 0 or not is_new(port["srtp_seen"], STREAMS, highest, index):
        return REFUSED
    port["srtp_sent_index"] = mark(port["srtp_seen"], STREAMS, highest, index)
    return _seal_at(port, packet, size, begin, index, scratch)


@part
def protect_again(port: Any, packet: Any, size: int, scratch: Any) -> Any:
    """`protect` for a packet that was sent before, octet for octet: the same key stream then tells nothing more."""
    begin = header_size(packet, size)
    highest = port["srtp_sent_index"]
    index = estimate_index(highest, get16(packet, 2))
    if port["srtp_profile"] == AWAITED or begin == 0 or index < 0:
        return REFUSED
    if is_new(port["srtp_seen"], STREAMS, highest, index):
        return REFUSED
    return _seal_at(port, packet, size, begin, index, scratch)


@part
def _seal_at(port: Any, packet: Any, size: int, begin: int, index: int, scratch: Any) -> Any:
    """The packet secured under that index into `scratch["sealed"]`; its size, or REFUSED."""
    profile = port["srtp_profile"]
    keys, sealed = port["srtp_keys"], scratch["sealed"]
    gcm = profile >= GCM_128
    write_iv(scratch, keys, SEND_RTP, get32(packet, 8), index, gcm)
    for i in range(begin):
        sealed[i] = packet[i]
    key = keys.ctypes.data + SEND_RTP + KEY_AT
    source, target = packet.ctypes.data, sealed.ctypes.data
    cipher = _CIPHER_OF[profile]
    if gcm:
        done = seal(scratch, cipher, key, source, begin, source + begin, size - begin, target + begin, target + size)
        return size + GCM_TAG if done else REFUSED
    if not run_counter_mode(scratch, cipher, key, source + begin, size - begin, target + begin):
        return REFUSED
    hash_packet(scratch, keys, SEND_RTP, target, size, index >> 16)
    tag = _TAG_OF[profile]
    for i in range(tag):
        sealed[size + i] = scratch["digest"][i]
    return size + tag


@part
def unprotect(port: Any, packet: Any, size: int, scratch: Any) -> Any:
    """Check and open a packet from the port's peer (uint8[n], in place); its size without the tag, or REFUSED."""
    profile = port["srtp_profile"]
    if profile == AWAITED:
        port["ignored"] += 1
        return REFUSED
    inside = size - _TAG_OF[profile]
    begin = header_size(packet, inside)
    if begin == 0:
        port["malformed"] += 1
        return REFUSED
    ssrc, sequence = get32(packet, 8), get16(packet, 2)
    place = find_stream(port, ssrc)
    index = -1
    if place != NO_STREAM:
        highest = port["srtp_index"][place]
        index = estimate_index(highest, sequence)
        if index < 0 or not is_new(port["srtp_seen"], place, highest, index):
            port["srtp_replayed"] += 1
            return REFUSED
        if not _open(port, packet, inside, begin, ssrc, index, scratch):
            # Streams known by their RTCP alone have no index yet to be sure of.
            index = _guess(port, packet, inside, begin, ssrc, sequence, 1, scratch) if highest < 0 else -1
    else:
        index = _guess(port, packet, inside, begin, ssrc, sequence, 0, scratch)
        if index >= 0:
            place = add_stream(port, ssrc)
    if index < 0:
        port["srtp_auth_failures"] += 1
        return REFUSED
    port["srtp_index"][place] = mark(port["srtp_seen"], place, port["srtp_index"][place], index)
    note_turn(port, place)
    sealed = scratch["sealed"]
    for i in range(begin, inside):
        packet[i] = sealed[i]
    return inside


@part
def _guess(port: Any, packet: Any, inside: int, begin: int, ssrc: int, sequence: int, first: int, scratch: Any) -> Any:
    """The index under which the first packet of a stream is authentic, -1 for none."""
    kept = port["srtp_kept_counter"]
    for attempt in range(first, _GUESSES):
        counter = 0
        if attempt == 1:
            counter = kept
        elif attempt == 2 and sequence < 0x8000:
            counter = 1
        if attempt > 0 and (counter == 0 or (attempt == 2 and kept == 1)):
            continue
        index = counter * 0x10000 + sequence
        if _open(port, packet, inside, begin, ssrc, index, scratch):
            return index
    return -1


@part
def _open(port: Any, packet: Any, inside: int, begin: int, ssrc: int, index: int, scratch: Any) -> bool:
    """Whether the packet is authentic under that index; its payload is then in the same place of `sealed`."""
    profile = port["srtp_profile"]
    keys = port["srtp_keys"]
    key = keys.ctypes.data + RECEIVE_RTP + KEY_AT
    source, target = packet.ctypes.data, scratch["sealed"].ctypes.data
    gcm = profile >= GCM_128
    write_iv(scratch, keys, RECEIVE_RTP, ssrc, index, gcm)
    cipher, text, count = _CIPHER_OF[profile], source + begin, inside - begin
    if gcm:
        return bool(unseal(scratch, cipher, key, source, begin, text, count, target + begin, source + inside))
    hash_packet(scratch, keys, RECEIVE_RTP, source, inside, index >> 16)
    if compare(scratch["digest"].ctypes.data, source + inside, _TAG_OF[profile]) != 0:
        return False
    return bool(run_counter_mode(scratch, cipher, key, text, count, target + begin))
