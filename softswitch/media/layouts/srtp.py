"""How SRTP lies in a port's record: its profiles by number, its session keys as octets, and what it keeps of streams.

Everything a packet thread needs is octets and numbers in the record, so a port can be served by any thread of any
process; what libcrypto allocates belongs to the thread alone (`kernels.cipher`).
"""

from __future__ import annotations

#: `srtp_profile` of a port: plain RTP, one of the profiles, or keys that have yet to be agreed (nothing passes then).
PLAIN = 0
AES_CM_128_80, AES_CM_128_32, AES_CM_256_80, AES_CM_256_32, GCM_128, GCM_256 = 1, 2, 3, 4, 5, 6
AWAITED = 7

#: Cipher, by profile, and octets of the tag of RTP and of RTCP (RFC 3711 §5.2, RFC 4568 §6.2, RFC 7714 §13).
CTR_128, CTR_256, CIPHER_GCM_128, CIPHER_GCM_256, CIPHERS = 0, 1, 2, 3, 4
CIPHER_OF = (0, CTR_128, CTR_128, CTR_256, CTR_256, CIPHER_GCM_128, CIPHER_GCM_256)
RTP_TAG_OF = (0, 10, 4, 10, 4, 16, 16)
RTCP_TAG_OF = (0, 10, 10, 10, 10, 16, 16)

#: Session keys of one direction of RTP or RTCP: cipher key, salt, and SHA-1 as it stands after the first block of the
#: inner and of the outer hash of HMAC (RFC 2104 §4), so that a tag costs no more than hashing the packet.
KEY_AT, SALT_AT, INNER_AT, OUTER_AT, SESSION_OCTETS = 0, 32, 48, 144, 240
SHA_OCTETS = 96  # SHA_CTX
SEND_RTP, SEND_RTCP, RECEIVE_RTP, RECEIVE_RTCP = 0, SESSION_OCTETS, 2 * SESSION_OCTETS, 3 * SESSION_OCTETS
KEYS_OCTETS = 4 * SESSION_OCTETS

#: Streams (SSRCs) of a peer that are known apart under one key, and words of 32 bits of each replay list.
STREAMS = 8
REPLAY_WORDS = 8

#: The longest that securing makes a packet longer: tag of GCM and index of SRTCP.
MAXIMUM_TRAILER = 20

#: What a CONFIGURE command brings.
KEYING = [
    ("srtp_profile", "i8"),
    ("srtp_keys", "u1", KEYS_OCTETS),
]

#: What is kept of streams beside the keys. Places of the replay lists are those of the streams, and one more for ours.
STREAM_STATE = [
    ("srtp_ssrc", "i8", STREAMS),  # -1 none
    ("srtp_turn", "i8", STREAMS),  # when it was last heard of, in packets
    ("srtp_index", "i8", STREAMS),  # highest, rollover counter above the sequence number; -1 none
    ("srtcp_index", "i8", STREAMS),
    ("srtp_sent_index", "i8"),
    ("srtcp_sent_index", "i8"),
    ("srtp_kept_counter", "i8"),  # rollover counter of the peer's stream when its key changed
    ("srtp_clock", "i8"),
    ("srtp_seen", "u4", (STREAMS + 1) * REPLAY_WORDS),
    ("srtcp_seen", "u4", STREAMS * REPLAY_WORDS),
    ("srtp_auth_failures", "i8"),
    ("srtp_replayed", "i8"),
]
