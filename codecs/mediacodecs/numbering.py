"""Codecs, and what is done with them, by small numbers: what compiled code and those who prepare its work both know."""

from __future__ import annotations

#: Codec numbers.
PCMU, PCMA, L16, G722, G726, OPUS, GSM, AMR, AMR_WB, CODEC2, G729 = range(11)
#: What a codec does: decode a payload, encode samples, stand in for a lost frame, recover it from its successor, give
#: back what its library has allocated, let an encoder (the source is a decoder's state) do what the peer's packets ask,
#: tell whether the packet decoded last has said that its sender falls silent.
DECODE, ENCODE, CONCEAL, RECOVER, RELEASE, FOLLOW, RESTS = range(7)
OPERATIONS = 7
#: Instead of a count of samples or octets: `load` was not called, no payload of this codec, the result has no room.
NOT_LOADED, MALFORMED, NO_ROOM = -1, -2, -3
#: What ENCODE returns is octets, and LEAD for each tick of the RTP clock that they leave out at the packet's beginning.
LEAD = 1 << 16
