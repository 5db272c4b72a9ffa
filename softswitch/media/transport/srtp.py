"""Keys of SRTP: what a key agreement (security descriptions or DTLS) gives to a port.

The agreement brings master keys; the session keys that packets are secured with are derived here (RFC 3711 §4.3).
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from softswitch.media.crypto_library import library
from softswitch.media.errors import MediaError
from softswitch.media.layouts.srtp import (
    AES_CM_128_32,
    AES_CM_128_80,
    AES_CM_256_32,
    AES_CM_256_80,
    AWAITED,
    GCM_128,
    GCM_256,
    INNER_AT,
    KEY_AT,
    KEYS_OCTETS,
    OUTER_AT,
    RECEIVE_RTCP,
    RECEIVE_RTP,
    SALT_AT,
    SEND_RTCP,
    SEND_RTP,
    SHA_OCTETS,
)

#: Profile, by the name its suite has in security descriptions (RFC 4568 §6.2, RFC 6188 §4, RFC 7714 §14.2): number in
#: the layout, octets of master key and of master salt.
PROFILES: dict[str, tuple[int, int, int]] = {
    "AEAD_AES_256_GCM": (GCM_256, 32, 12),
    "AEAD_AES_128_GCM": (GCM_128, 16, 12),
    "AES_256_CM_HMAC_SHA1_80": (AES_CM_256_80, 32, 14),
    "AES_CM_128_HMAC_SHA1_80": (AES_CM_128_80, 16, 14),
    "AES_256_CM_HMAC_SHA1_32": (AES_CM_256_32, 32, 14),
    "AES_CM_128_HMAC_SHA1_32": (AES_CM_128_32, 16, 14),
}

_AUTHENTICATION_KEY_OCTETS = 20
_SHA_BLOCK = 64


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """The outcome of a key agreement for one port: `profile` (of PROFILES), our master key and salt, the peer's.

    Ours secure what the port sends, the peer's open what it receives. The same profile serves RTP and RTCP. Raises
    ValueError for an unknown profile or a length that is not its own. Keys are left out of `repr`.
    """

    profile: str
    local_master_key: bytes = field(repr=False)
    local_master_salt: bytes = field(repr=False)
    remote_master_key: bytes = field(repr=False)
    remote_master_salt: bytes = field(repr=False)

    def __post_init__(self) -> None:
        known = PROFILES.get(self.profile)
        if known is None:
            raise ValueError(f"no SRTP profile {self.profile!r}")
        ours = len(self.local_master_key), len(self.local_master_salt)
        theirs = len(self.remote_master_key), len(self.remote_master_salt)
        for lengths in (ours, theirs):
            if lengths != known[1:]:
                raise ValueError(f"{self.profile} takes {known[1]} octets of key and {known[2]} of salt")


@dataclass(frozen=True, slots=True)
class KeysAwaited:
    """Keys are still being agreed on (DTLS): until a port is told them it sends nothing and believes nothing."""


def keying_fields(srtp: SrtpKeys | KeysAwaited | None) -> dict[str, int | NDArray[np.uint8]]:
    """The fields of a CONFIGURE command; raises MediaError when this machine cannot do SRTP."""
    if srtp is None:
        return {"srtp_profile": 0}
    if isinstance(srtp, KeysAwaited):
        return {"srtp_profile": AWAITED}
    missing = unusable()
    if missing:
        raise MediaError(missing)
    keys = np.zeros(KEYS_OCTETS, np.uint8)
    ours = srtp.local_master_key, srtp.local_master_salt
    theirs = srtp.remote_master_key, srtp.remote_master_salt
    for rtp, rtcp, (key, salt) in ((SEND_RTP, SEND_RTCP, ours), (RECEIVE_RTP, RECEIVE_RTCP, theirs)):
        _write_session(keys, rtp, key, salt, 0)
        _write_session(keys, rtcp, key, salt, 3)
    return {"srtp_profile": PROFILES[srtp.profile][0], "srtp_keys": keys}


def unusable() -> str:
    """Why this machine cannot do SRTP; empty when it can."""
    if library is not None:
        return ""
    return "SRTP needs OpenSSL's libcrypto, which is not installed (Debian and Ubuntu: apt-get install libssl3)"


def derive(key: bytes, salt: bytes, label: int, octets: int) -> bytes:
    """A session key of a master key and salt: the counter mode of its AES from a number made of salt and label.

    RFC 3711 §4.3.3 with a key derivation rate of 0; RFC 6188 §3; a salt of 96 bits has 16 zero bits behind it
    (RFC 7714 §11).
    """
    start = bytearray(salt.ljust(14, b"\0") + bytes(2))
    start[7] ^= label
    return Cipher(algorithms.AES(key), modes.CTR(bytes(start))).encryptor().update(bytes(octets))


def _write_session(keys: NDArray[np.uint8], at: int, key: bytes, salt: bytes, first_label: int) -> None:
    """Derive and lay down one session; labels are those of the cipher key, the tag's key and the salt in order."""
    parts = (
        (KEY_AT, derive(key, salt, first_label, len(key))),
        (SALT_AT, derive(key, salt, first_label + 2, len(salt))),
    )
    for offset, octets in parts:
        keys[at + offset : at + offset + len(octets)] = np.frombuffer(octets, np.uint8)
    tag_key = derive(key, salt, first_label + 1, _AUTHENTICATION_KEY_OCTETS)
    for offset, pad in ((INNER_AT, 0x36), (OUTER_AT, 0x5C)):
        block = bytes(octet ^ pad for octet in tag_key.ljust(_SHA_BLOCK, b"\0"))
        keys[at + offset : at + offset + SHA_OCTETS] = _hash_state(block)


def _hash_state(block: bytes) -> NDArray[np.uint8]:
    """SHA-1 after one block, as libcrypto keeps it (SHA_CTX)."""
    assert library is not None, "whoever asks for keys has looked whether there is a library"
    state = np.zeros(SHA_OCTETS, np.uint8)
    address = ctypes.c_void_p(state.ctypes.data)
    library.SHA1_Init(address)
    library.SHA1_Update(address, block, ctypes.c_size_t(len(block)))
    return state
