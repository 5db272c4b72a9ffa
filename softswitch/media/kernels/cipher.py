"""AES in counter and Galois/counter mode, and HMAC-SHA1, on octets at addresses.

A packet thread has one libcrypto context for each cipher, in its scratch, and gives it another key for every packet:
that costs a tenth of a microsecond and leaves nothing to be kept, moved or freed with a port.
"""

from __future__ import annotations

from typing import Any

from softswitch.media.kernels.compiler import part
from softswitch.media.kernels.libcrypto import (
    GET_TAG,
    SET_TAG,
    aes_128_ctr,
    aes_128_gcm,
    aes_256_ctr,
    aes_256_gcm,
    cipher_final,
    cipher_init,
    cipher_update,
    context_control,
    context_free,
    context_new,
    sha1_final,
    sha1_update,
)
from softswitch.media.layouts.srtp import CIPHER_GCM_128, CIPHERS, CTR_128, CTR_256, SHA_OCTETS

GCM_TAG = 16
HASH_OCTETS = 20


@part
def forget_ciphers(scratch: Any) -> None:
    """Begin without contexts: those of a thread before us went with its process."""
    for i in range(CIPHERS):
        scratch["cipher"][i] = 0


@part
def free_ciphers(scratch: Any) -> None:
    """Give the contexts back."""
    for i in range(CIPHERS):
        if scratch["cipher"][i] != 0:
            context_free(scratch["cipher"][i])
            scratch["cipher"][i] = 0


@part
def _context(scratch: Any, cipher: int) -> Any:
    if scratch["cipher"][cipher] == 0:
        if cipher == CTR_128:
            kind = aes_128_ctr()
        elif cipher == CTR_256:
            kind = aes_256_ctr()
        elif cipher == CIPHER_GCM_128:
            kind = aes_128_gcm()
        else:
            kind = aes_256_gcm()
        context = context_new()
        cipher_init(context, kind, 0, 0, 0, 1)
        scratch["cipher"][cipher] = context
    return scratch["cipher"][cipher]


@part
def run_counter_mode(scratch: Any, cipher: int, key: int, source: int, size: int, target: int) -> bool:
    """Encrypt or decrypt `size` octets under the 16 octets of `scratch["iv"]` (RFC 3711 §4.1.1)."""
    context = _context(scratch, cipher)
    length = scratch["length_word"].ctypes.data
    if cipher_init(context, 0, 0, key, scratch["iv"].ctypes.data, 1) != 1:
        return False
    return bool(cipher_update(context, target, length, source, size) == 1)


@part
def seal(
    scratch: Any, cipher: int, key: int, data: int, data_size: int, source: int, size: int, target: int, tag: int
) -> bool:
    """Encrypt under the 12 octets of `scratch["iv"]` and write the tag (16 octets), `data` being authenticated too."""
    context = _context(scratch, cipher)
    length = scratch["length_word"].ctypes.data
    if cipher_init(context, 0, 0, key, scratch["iv"].ctypes.data, 1) != 1:
        return False
    cipher_update(context, 0, length, data, data_size)
    cipher_update(context, target, length, source, size)
    cipher_final(context, target + size, length)
    return bool(context_control(context, GET_TAG, GCM_TAG, tag) == 1)


@part
def unseal(
    scratch: Any, cipher: int, key: int, data: int, data_size: int, source: int, size: int, target: int, tag: int
) -> bool:
    """Undo `seal`; false when the tag is not that of key, data and text."""
    context = _context(scratch, cipher)
    length = scratch["length_word"].ctypes.data
    if cipher_init(context, 0, 0, key, scratch["iv"].ctypes.data, 0) != 1:
        return False
    cipher_update(context, 0, length, data, data_size)
    cipher_update(context, target, length, source, size)
    context_control(context, SET_TAG, GCM_TAG, tag)
    return bool(cipher_final(context, target + size, length) == 1)


@part
def authenticate(scratch: Any, inner: Any, outer: Any, text: int, size: int, more: int, more_size: int) -> None:
    """HMAC-SHA1 of `size` octets and `more_size` behind them into `scratch["digest"]` (20 octets).

    `inner` and `outer` (uint8[96]) are SHA-1 after the key's block of each of the two hashes.
    """
    state, digest = scratch["sha"], scratch["digest"]
    for i in range(SHA_OCTETS):
        state[i] = inner[i]
    sha1_update(state.ctypes.data, text, size)
    if more_size > 0:
        sha1_update(state.ctypes.data, more, more_size)
    sha1_final(digest.ctypes.data, state.ctypes.data)
    for i in range(SHA_OCTETS):
        state[i] = outer[i]
    sha1_update(state.ctypes.data, digest.ctypes.data, HASH_OCTETS)
    sha1_final(digest.ctypes.data, state.ctypes.data)
