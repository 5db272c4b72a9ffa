"""What commands bring and ports keep; part of the records of both."""

from __future__ import annotations

from softswitch.media.formats import MAXIMUM_FORMATS, PAYLOAD_TYPES
from softswitch.media.layouts.shared import ADDRESS, ADDRESS_WORDS, MAXIMUM_KEYS

#: Ports that may share the address of another.
MAXIMUM_COMPANIONS = 3
#: What BUNDLE commands bring: whether others are on the port's transport, and where they take copies of RTCP.
BUNDLING = [
    ("bundled", "i8"),
    ("copies", "i8"),
    ("copy_length", "i8"),
    ("copy_to", "u4", MAXIMUM_COMPANIONS * ADDRESS_WORDS),
]

#: What a CONFIGURE command brings and the port keeps.
SIGNALLED = [
    ("transport", "i8"),
    ("symmetric", "i8"),
    ("rtcp_mux", "i8"),
    ("timeout_ns", "i8"),
    ("noise_formats", "i8"),  # one bit for each format that is comfort noise
    ("feedback", "i8"),
    ("extended", "i8"),  # blocks of extended reports that the peer wants: EXTENDED_… bits
    ("packet_ms", "i8"),  # sound in one of its packets
    ("impairment", "f8"),  # Ie and Bpl of its codec
    ("robustness", "f8"),
    ("signalled_length", "i8"),
    ("signalled", *ADDRESS),
    ("signalled_rtcp_length", "i4"),
    ("signalled_rtcp", *ADDRESS),
]
FORMATS = [
    ("format_of", "u1", PAYLOAD_TYPES),  # payload type -> number of the format, from 1; 0 is not agreed
    ("picture", "u1", MAXIMUM_FORMATS),
    ("event_formats", "i8"),  # one bit for each format that is telephone-event
    ("clock", "i4", MAXIMUM_FORMATS),
]

#: What a ROUTE command brings.
ROUTES = [
    ("route_payload_type", "u1", MAXIMUM_FORMATS),  # by number of the format
    ("route_convert", "u1", MAXIMUM_FORMATS),
]

#: What a JOIN command brings. In a fan-out `route_payload_type` holds numbers of encodings, which the room gives, and
#: these two tables say what becomes of each encoding on its way to the member.
MEMBERSHIP = [
    ("room", "i8"),
    ("voice", "i8"),
    ("deliver_payload_type", "u1", MAXIMUM_FORMATS),  # by number of the encoding
    ("deliver_convert", "u1", MAXIMUM_FORMATS),
]

#: What a PLAY command brings.
PLAYBACK = [
    ("play_id", "i8"),
    ("play_offset", "i8"),  # samples from the start of the clip store
    ("play_length", "i8"),  # samples
    ("play_loop", "i8"),
    ("play_codec", "i8"),
    ("play_payload_type", "i8"),
    ("play_clock", "i8"),
    ("play_samples", "i8"),  # in one packet
    ("play_ticks", "i8"),  # of 10 ms in one packet
    ("play_voice", "i8"),  # whose encoder is used, of PLAY_ENCODED alone
    ("play_from", "i8"),  # samples from the start of the clip
    ("play_paused", "i8"),
]

#: What a PRESS command brings.
KEYPAD = [
    ("keys_id", "i8"),
    ("keys_count", "i8"),
    ("keys_payload_type", "i8"),
    ("keys_clock", "i8"),
    ("keys_duration_ms", "i8"),
    ("keys_gap_ms", "i8"),
    ("keys_volume", "i8"),  # −dBm0, as RFC 4733 §2.3.5 has it
    ("keys", "u1", MAXIMUM_KEYS),
]
