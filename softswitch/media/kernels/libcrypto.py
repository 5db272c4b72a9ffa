"""The functions of OpenSSL's libcrypto that secure packets, for compiled code and for plain Python.

Pointers are plain integers. Without the library none of these functions is called.
"""

from __future__ import annotations

from numba import types

from mediacodecs.foreign import ForeignFunction
from softswitch.media.crypto_library import library

_INT, _WORD = types.int32, types.int64

aes_128_ctr = ForeignFunction(library, "EVP_aes_128_ctr", _WORD)
aes_256_ctr = ForeignFunction(library, "EVP_aes_256_ctr", _WORD)
aes_128_gcm = ForeignFunction(library, "EVP_aes_128_gcm", _WORD)
aes_256_gcm = ForeignFunction(library, "EVP_aes_256_gcm", _WORD)
context_new = ForeignFunction(library, "EVP_CIPHER_CTX_new", _WORD)
context_free = ForeignFunction(library, "EVP_CIPHER_CTX_free", _INT, _WORD)
context_control = ForeignFunction(library, "EVP_CIPHER_CTX_ctrl", _INT, _WORD, _INT, _INT, _WORD)
cipher_init = ForeignFunction(library, "EVP_CipherInit_ex", _INT, _WORD, _WORD, _WORD, _WORD, _WORD, _INT)
cipher_update = ForeignFunction(library, "EVP_CipherUpdate", _INT, _WORD, _WORD, _WORD, _WORD, _INT)
cipher_final = ForeignFunction(library, "EVP_CipherFinal_ex", _INT, _WORD, _WORD, _WORD)
sha1_init = ForeignFunction(library, "SHA1_Init", _INT, _WORD)
sha1_update = ForeignFunction(library, "SHA1_Update", _INT, _WORD, _WORD, _WORD)
sha1_final = ForeignFunction(library, "SHA1_Final", _INT, _WORD, _WORD)
compare = ForeignFunction(library, "CRYPTO_memcmp", _INT, _WORD, _WORD, _WORD)

GET_TAG, SET_TAG = 0x10, 0x11
