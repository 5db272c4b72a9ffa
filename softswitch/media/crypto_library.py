"""OpenSSL's libcrypto, which secures packets.

A machine without it (a Python that carries its own TLS inside) relays, mixes and plays as ever: `library` is None then,
and nobody can give a port keys.
"""

from __future__ import annotations

import ctypes
import ctypes.util

_NEEDED = ("EVP_aes_128_ctr", "EVP_CipherInit_ex", "EVP_CipherFinal_ex", "SHA1_Init", "CRYPTO_memcmp")


def _open_library() -> ctypes.CDLL | None:
    for name in ("libcrypto.so.3", "libcrypto.so.1.1", ctypes.util.find_library("crypto")):
        if name is None:
            continue
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        if all(hasattr(library, needed) for needed in _NEEDED):
            return library
    return None


library = _open_library()
