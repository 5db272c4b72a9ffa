"""The records that the control side and the packet threads share: plain numpy structures without a pointer in them.

Everything the engine knows lies in these arrays, so they can be placed in any memory, also one that two processes see.
Numbers are int64 except in tables and addresses: compiled code then mixes them without surprises, and the same code
run as plain Python does not overflow. Times are nanoseconds of CLOCK_MONOTONIC.

Who may write what
------------------
A port's record belongs to the control side while `state` is FREE or being prepared, and from the OPEN command to the
CLOSE command to the one packet thread named in `worker`. The other side may read at any time: every number is one
aligned 64-bit word, read and written whole on the machines we run on, so a counter read is never torn, only a few
nanoseconds old. What takes more than one word, the latched address, is guarded by `latch_version` (odd while it
changes). Every other change travels through the command ring, see `softswitch.media.commands`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from softswitch.media.formats import MAXIMUM_FORMATS, PAYLOAD_TYPES
from softswitch.media.quality_layout import HEARD, TALLIES
from softswitch.media.srtp_layout import CIPHERS, KEYING, KEYS_OCTETS, SHA_OCTETS, STREAM_STATE
from softswitch.media.wire_layout import MAXIMUM_SPANS

LAYOUT_VERSION = 8

#: A socket address as the kernel writes it (sockaddr_in, sockaddr_in6), in 32-bit words.
ADDRESS_WORDS = 7
ADDRESS = ("u4", ADDRESS_WORDS)

#: Port states.
FREE, OPEN = 0, 1

#: Kinds of ports: one with RTP sockets; one whose packets cross in the rings of a line; a span's pseudowire.
RTP_PORT, INTERNAL_PORT, PSEUDOWIRE = 0, 1, 2

#: How sure a port is where its peer sends from: not at all, by the first packet, by the signalled address itself.
UNLATCHED, LATCHED, LATCHED_AS_SIGNALLED = 0, 1, 2

#: `route_payload_type` of a format the other side did not agree to.
UNMAPPED = 255

#: What is done to a payload on the way from one port to another.
COPY, ALAW_TO_ULAW, ULAW_TO_ALAW = 0, 1, 2

#: What the payloads of a format are, as far as the engine looks into pictures to find where they may be joined.
NO_PICTURE, PICTURE_H264, PICTURE_H265, PICTURE_VP8 = 0, 1, 2, 3

#: Feedback that the peer has agreed to act on (RFC 4585 §4.2, RFC 5104 §7.1), as bits of `feedback`.
FEEDBACK_NACK, FEEDBACK_PLI, FEEDBACK_FIR = 1, 2, 4

#: What a played clip is encoded into.
PLAY_ALAW, PLAY_ULAW, PLAY_L16, PLAY_ENCODED = 1, 2, 3, 4

#: `keying` of a port that presses no key, sends a telephone-event, or pauses after one; the most keys of one command.
NO_KEY, KEY_DOWN, KEY_UP = 0, 1, 2
MAXIMUM_KEYS = 64

#: What a port is listened to for, as bits of `listens`; `HUSH` keeps keys that are heard from being passed on as sound.
LISTEN_KEYS, LISTEN_SPEECH, LISTEN_FAX, LISTEN_HUSH = 1, 2, 4, 8

#: `feeder` of a port that nothing, the player, or a conference has last sent through.
NO_FEEDER, PLAYER_FEEDER, ROOM_FEEDER = -1, -2, -3

#: `peer` of a port whose packets go nowhere, to the other members of its room, or into its voice's jitter buffer.
NO_PEER, FAN_OUT_PEER, CONFERENCE_PEER = -1, -2, -3

#: `voice` of a port whose sound is not taken apart.
NO_VOICE = -1

#: The end of a list of ports, and a room without talker.
NOBODY = -1

#: As many rooms as there can be at a time.
MAXIMUM_ROOMS = 4096
#: Samples of 10 ms at 48 kHz, the highest rate of a room.
MAXIMUM_TURN = 480

#: Bits of a port's `transport`: the peer agreed to DTLS; it is found by ICE alone, so no other source is heard.
TRANSPORT_DTLS, TRANSPORT_ICE = 1, 2

#: Datagrams that are no media (STUN, DTLS) wait here for the control side, and its own for the packet thread.
PUNT_PLACES = 64
#: The longest of them, in octets.
PUNT_OCTETS = 2048
#: Positions of the punt ring, each on a cache line of its own.
PUNTS_WRITTEN, PUNTS_READ, PUNT_POSITIONS = 0, 8, 16

#: What a CONFIGURE command brings and the port keeps.
_SIGNALLED = [
    ("transport", "i8"),
    ("symmetric", "i8"),
    ("rtcp_mux", "i8"),
    ("timeout_ns", "i8"),
    ("event_formats", "i8"),  # one bit for each format that is telephone-event
    ("noise_formats", "i8"),  # and for each that is comfort noise
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
_FORMATS = [
    ("format_of", "u1", PAYLOAD_TYPES),  # payload type -> number of the format, from 1; 0 is not agreed
    ("clock", "i4", MAXIMUM_FORMATS),
    ("picture", "u1", MAXIMUM_FORMATS),
]

#: What a ROUTE command brings.
_ROUTES = [
    ("route_payload_type", "u1", MAXIMUM_FORMATS),  # by number of the format
    ("route_convert", "u1", MAXIMUM_FORMATS),
]

#: What a JOIN command brings. In a fan-out `route_payload_type` holds numbers of encodings, which the room gives, and
#: these two tables say what becomes of each encoding on its way to the member.
_MEMBERSHIP = [
    ("room", "i8"),
    ("voice", "i8"),
    ("deliver_payload_type", "u1", MAXIMUM_FORMATS),  # by number of the encoding
    ("deliver_convert", "u1", MAXIMUM_FORMATS),
]

#: What a PLAY command brings.
_PLAYBACK = [
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
_KEYPAD = [
    ("keys_id", "i8"),
    ("keys_count", "i8"),
    ("keys_payload_type", "i8"),
    ("keys_clock", "i8"),
    ("keys_duration_ms", "i8"),
    ("keys_gap_ms", "i8"),
    ("keys_volume", "i8"),  # −dBm0, as RFC 4733 §2.3.5 has it
    ("keys", "u1", MAXIMUM_KEYS),
]

# What every packet touches comes first and together: a thousand ports are more than the fastest caches hold.
PORT = np.dtype(
    [
        # Looked at for every packet received ...
        ("state", "i8"),
        ("generation", "i8"),
        ("rtp_fd", "i8"),  # of an internal port: what wakes the thread that serves it
        ("kind", "i8"),
        ("latched", "i8"),
        ("ipv6", "i8"),
        ("receive", "i8"),
        ("srtp_profile", "i8"),
        ("peer", "i8"),
        ("timed_out", "i8"),
        ("tap", "i8"),  # TAP_RECEIVED, TAP_SENT: what is copied for a recorder
        ("source", *ADDRESS),  # where the peer's packets come from, once latched
        ("remote_length", "i4"),
        ("remote", *ADDRESS),  # where ours go
        ("rtcp_length", "i4"),
        # ... and written (RFC 3550 appendix A).
        ("last_received_ns", "i8"),
        ("packets_received", "i8"),
        ("octets_received", "i8"),
        ("rx_ssrc", "i8"),
        ("highest_sequence", "i8"),
        ("window", "i8"),  # of the last 32 sequence numbers, which have come
        ("rx_in_stream", "i8"),
        ("rx_timestamp", "i8"),
        ("rx_clock", "i8"),
        ("transit", "i8"),
        ("jitter_16", "i8"),  # jitter in timestamp units, times 16
        # Looked at and written for every packet sent.
        ("send", "i8"),
        ("playing", "i8"),
        ("keying", "i8"),
        ("line_offset", "i8"),  # octets from `remote` to the line of an internal port, the same in every process
        ("feeder", "i8"),
        ("feeder_ssrc", "i8"),
        ("feeder_sequence", "i8"),
        ("sequence_offset", "i8"),
        ("timestamp_offset", "i8"),
        ("marker_pending", "i8"),
        ("tx_ssrc", "i8"),
        ("tx_sequence", "i8"),
        ("tx_timestamp", "i8"),
        ("tx_ns", "i8"),
        ("tx_clock", "i8"),
        ("packets_sent", "i8"),
        ("octets_sent", "i8"),
        ("payload_octets_sent", "i8"),
        # One line of each of these is looked at.
        *_MEMBERSHIP,
        ("member_next", "i8"),
        ("member_previous", "i8"),
        ("ear", "i8"),  # voice by which the port is listened to, NO_VOICE: it is not
        ("speaking", "i8"),
        ("hushed", "i8"),  # a key is heard whose sound is not to be passed on
        *_ROUTES,
        *_FORMATS,
        # The rest is for rarer moments.
        ("worker", "i8"),
        ("rtcp_fd", "i8"),
        ("latch_version", "i8"),
        ("rtcp", *ADDRESS),
        ("refused", *ADDRESS),  # the source before a change of the signalled address, for a moment
        ("stranger", *ADDRESS),  # where the last packet came from that was dropped for its source
        ("refused_until_ns", "i8"),
        ("latch_silence_ns", "i8"),
        ("timeout_from_ns", "i8"),
        *_SIGNALLED,
        ("cycles", "i8"),
        ("base_sequence", "i8"),
        ("duplicates_in_stream", "i8"),
        ("lost_before", "i8"),
        ("expected_prior", "i8"),
        ("received_prior", "i8"),
        ("duplicates", "i8"),
        ("reordered", "i8"),
        ("ssrc_changes", "i8"),
        ("source_changes", "i8"),
        ("dropped_source", "i8"),
        ("dropped_payload_type", "i8"),
        ("dropped_direction", "i8"),
        ("dropped_unrouted", "i8"),
        ("key_timestamp", "i8"),  # of the telephone-event told last, -1 before the first
        ("key_ended", "i8"),  # whether its end was told too
        ("key_heard", "i8"),  # the key told last that was heard in the sound, -1 before the first
        ("key_heard_ns", "i8"),
        ("last_format", "i8"),  # number of the format of the last packet
        ("malformed", "i8"),
        ("ignored", "i8"),
        ("punts_from_ns", "i8"),
        ("punts", "i8"),  # since then
        ("send_errors", "i8"),
        # RTCP.
        ("next_report_ns", "i8"),
        ("packets_at_report", "i8"),
        ("last_sr", "i8"),
        ("last_sr_ns", "i8"),
        ("rtcp_sent", "i8"),
        ("rtcp_received", "i8"),
        ("feedback_received", "i8"),
        # Pictures: those of the port's peer ...
        ("picture_wanted", "i8"),  # by somebody who cannot join before a key frame
        ("picture_tries", "i8"),  # to get one
        ("picture_asked_ns", "i8"),
        ("key_frames_asked", "i8"),
        ("packets_asked", "i8"),
        ("fir_sequence", "i8"),
        # ... and those it is sent.
        ("picture_shown", "i8"),  # since it was connected to whoever it sees
        ("picture_from_ns", "i8"),
        ("stream_first", "i8"),  # sequence number from which the present stream is known
        ("dropped_waiting", "i8"),
        ("packets_repeated", "i8"),
        ("repeats", "i8"),
        ("repeats_from_ns", "i8"),
        ("remote_fraction_lost", "i8"),
        ("remote_lost", "i8"),
        ("remote_jitter", "i8"),
        ("round_trip", "i8"),  # 1/65536 s, -1 not known
        ("cname", "u1", 16),
        *HEARD,
        # On the wheel: playing, or pressing keys.
        ("on_wheel", "i8"),
        ("wheel_slot", "i8"),
        ("wheel_next", "i8"),
        ("wheel_previous", "i8"),
        ("play_position", "i8"),
        ("play_countdown", "i8"),
        *_PLAYBACK,
        # Pressing keys.
        ("keys_done", "i8"),
        ("key_elapsed_ms", "i8"),
        ("key_tx_timestamp", "i8"),
        ("key_fence", "i8"),  # the forwarded sequence number at which telephone-events were put in last, -1 none
        *_KEYPAD,
        # Securing; what it adds to a packet touches this only where it is used.
        *STREAM_STATE,
        ("srtp_keys", "u1", KEYS_OCTETS),
        ("wire", "i8"),  # number of the line or the span
        # What the port belongs to, for whoever finds it after a restart.
        ("local_port", "i8"),
        ("owner", "u1", 64),
    ],
    align=True,
)

#: A room: ports that hear each other. Written by the packet thread in whose care its members are.
ROOM = np.dtype(
    [
        ("generation", "i8"),
        ("first", "i8"),  # member, NOBODY none
        ("members", "i8"),
        ("talker", "i8"),  # whose packets are fanned out
        ("talker_new", "i8"),  # until the first packet after a TALK command
        # Pictures alone: who is seen by the talker, and who takes both places at its next key frame.
        ("second", "i8"),
        ("next_talker", "i8"),
        ("next_second", "i8"),
        # Conferences alone.
        ("next_room", "i8"),
        ("previous_room", "i8"),
        ("wheel_slot", "i8"),
        ("turn", "i8"),
        ("rate_hz", "i8"),
        ("samples", "i8"),  # in a turn of 10 ms
        ("limiter", "f8"),
        ("links", "i8"),  # voice of the first room linked with this one, NOBODY none
        ("comfort", "f8"),  # the largest sample of the noise heard while nobody speaks
        ("seed", "i8"),
        ("whispers", "i8"),  # in this turn
        ("tells_loudest", "i8"),
        ("loudest", "i8"),
        ("candidate", "i8"),
        ("candidate_looks", "i8"),
        ("playing", "i8"),
        ("play_position", "i8"),
        ("play_id", "i8"),
        ("play_offset", "i8"),
        ("play_length", "i8"),
        ("play_loop", "i8"),
        ("total", "f4", MAXIMUM_TURN),
        ("personal", "f4", MAXIMUM_TURN),  # what is composed for one member
    ],
    align=True,
)


def offset_of(kind: np.dtype[Any], field: str) -> int:
    """Where a field of a record begins, in octets."""
    assert kind.fields is not None
    return int(kind.fields[field][1])


#: Operations of the command ring.
COMMAND_OPEN, COMMAND_CONFIGURE, COMMAND_ROUTE, COMMAND_PLAY = 1, 2, 3, 4
COMMAND_STOP_PLAYING, COMMAND_CLOSE, COMMAND_DETACH, COMMAND_STOP = 5, 6, 7, 8
COMMAND_JOIN, COMMAND_LEAVE, COMMAND_TALK, COMMAND_ADJUST = 9, 10, 11, 12
COMMAND_PRESS, COMMAND_LISTEN = 13, 14
COMMAND_TAP = 15
#: Send a datagram that is no media; follow the peer to an address that ICE has proved.
COMMAND_DATAGRAM, COMMAND_AIM = 16, 17
COMMAND_WANT_PICTURE = 18
#: Let timeslot `place` of a pseudowire be heard and said by the port `peer` of generation `octets`; NOBODY frees it.
COMMAND_CHANNEL = 19
#: From here on they are about a room, whose generation they bring.
COMMAND_ROOM_PLAY, COMMAND_ROOM_STOP, COMMAND_ROOM_LINK, COMMAND_ROOM_UNLINK = 20, 21, 22, 23

#: Only the fields that the operation names are meaningful.
COMMAND = np.dtype(
    [
        ("operation", "i8"),
        ("port", "i8"),
        ("generation", "i8"),
        ("send", "i8"),
        ("receive", "i8"),
        *_SIGNALLED,
        *KEYING,
        *_FORMATS,
        ("peer", "i8"),
        ("second", "i8"),
        ("at_key_frame", "i8"),
        ("tap", "i8"),
        *_ROUTES,
        *_MEMBERSHIP,
        ("gain", "f8"),
        ("muted", "i8"),
        ("deaf", "i8"),
        ("audience", "i8"),
        ("levelled", "i8"),
        ("line", "i8"),
        ("place", "i8"),  # of the datagram in the worker's `datagrams`
        ("octets", "i8"),
        *_PLAYBACK,
        *_KEYPAD,
    ],
    align=True,
)

#: Kinds of events.
EVENT_LATCHED, EVENT_TIMEOUT, EVENT_RESUMED, EVENT_PLAYED, EVENT_BYE, EVENT_KEY = 1, 2, 3, 4, 5, 6
#: `value` of the first two is the key, and from bit 8 on how long it lasted in ms; EVENT_KEYS_SENT brings `keys_id`.
EVENT_KEY_HEARD, EVENT_KEY_ENDED, EVENT_KEYS_SENT = 7, 8, 9
EVENT_SPEECH, EVENT_FAX = 10, 11
#: A key frame of the port's peer is asked for; the port's peer is shown the first picture, `value` ns after it came.
EVENT_PICTURE_WANTED, EVENT_PICTURE_SHOWN = 12, 13
#: Of a pseudowire: frames of the D channel wait; `value` are the alarms that there are now.
EVENT_FRAMES, EVENT_ALARMS = 14, 15
#: About a room: `port` and `generation` are its own.
EVENT_ROOM_PLAYED, EVENT_LOUDEST = 20, 21

EVENT = np.dtype(
    [
        ("kind", "i8"),
        ("port", "i8"),
        ("generation", "i8"),
        ("value", "i8"),
        ("time_ns", "i8"),
        ("address", *ADDRESS),
    ],
    align=True,
)

#: Ring positions, each on a cache line of its own; they only grow.
COMMANDS_WRITTEN, COMMANDS_DONE, EVENTS_WRITTEN, EVENTS_READ, POSITIONS = 0, 8, 16, 24, 32

#: Players are served in turns of 10 ms, each in one of ten slots of 1 ms, so that they do not all send at once.
WHEEL_SLOTS = 10
SLOT_NS = 1_000_000
TICK_NS = WHEEL_SLOTS * SLOT_NS

WORKER = np.dtype(
    [
        ("number", "i8"),
        ("running", "i8"),
        ("epoll_fd", "i8"),
        ("command_fd", "i8"),
        ("timer_fd", "i8"),
        ("event_fd", "i8"),
        ("handover_fd", "i8"),  # where a port's sockets come from, -1 when they are of the same process
        ("report_interval_ns", "i8"),
        ("random", "i8"),
        ("ports_open", "i8"),
        ("ports_used", "i8"),  # records from here on have never been open
        ("sweep_from", "i8"),
        ("next_sweep_ns", "i8"),
        ("gathering", "i8"),  # microseconds
        ("gather_from_ns", "i8"),
        ("gather_events", "i8"),
        ("gather_voices", "i8"),  # of them, packets for a jitter buffer, which can wait
        ("wheel_ns", "i8"),
        ("wheel", "i8", WHEEL_SLOTS),  # first port of each slot, -1 none
        ("wheel_load", "i8", WHEEL_SLOTS),
        ("players", "i8"),
        ("room_wheel", "i8", WHEEL_SLOTS),
        ("rooms", "i8"),
        ("mixer", "i8"),  # address of the compiled mixer
        ("listener", "i8"),  # and of what listens to ports
        ("span_server", "i8"),  # and of what serves spans
        ("span_timer_fd", "i8"),
        ("spans", "i8"),
        ("span_ports", "i8", MAXIMUM_SPANS),
        ("span_due_ns", "i8"),
        # Datagrams that are no media: what came in, by place, and what is to go out.
        ("punt_positions", "i8", PUNT_POSITIONS),
        ("punt_port", "i8", PUNT_PLACES),
        ("punt_generation", "i8", PUNT_PLACES),
        ("punt_length", "i8", PUNT_PLACES),
        ("punt_source", "u4", PUNT_PLACES * ADDRESS_WORDS),
        ("punt_octets", "u1", PUNT_PLACES * PUNT_OCTETS),
        ("datagrams", "u1", PUNT_PLACES * PUNT_OCTETS),
        # What closed ports have counted, under the names of their fields.
        ("packets_received", "i8"),
        ("octets_received", "i8"),
        ("packets_sent", "i8"),
        ("octets_sent", "i8"),
        ("dropped_source", "i8"),
        ("dropped_payload_type", "i8"),
        ("dropped_direction", "i8"),
        ("dropped_unrouted", "i8"),
        ("malformed", "i8"),
        ("ignored", "i8"),
        ("send_errors", "i8"),
        ("rtcp_sent", "i8"),
        ("rtcp_received", "i8"),
        ("lost_before", "i8"),
        ("srtp_auth_failures", "i8"),
        ("srtp_replayed", "i8"),
        # Counted by the thread itself.
        *TALLIES,
        ("timeouts", "i8"),
        ("deadlines_missed", "i8"),
        ("events_lost", "i8"),
        ("commands_done", "i8"),
    ],
    align=True,
)

#: The longest packet taken or sent, in octets.
MAXIMUM_PACKET = 2048
#: Sockets looked at after one epoll_wait: so many that the call costs little, so few that `now` stays true.
EPOLL_EVENTS = 64

#: What of a port is copied for a recorder: what is heard of its peer, what is sent to it.
TAP_RECEIVED, TAP_SENT = 1, 2

#: The tap: a ring with one writer, the packet thread, and one reader, the recorder. A packet takes a head of eight
#: words and as many places of payload as it needs, one after the other; behind the last place there is room for the
#: rest of a packet, so that every payload lies in one piece.
TAP_PLACES, TAP_OCTETS = 32768, 192
#: Words of a head. The generation tells one use of a port's record from the next.
TAP_PORT, TAP_GENERATION, TAP_KIND, TAP_SIZE, TAP_SSRC, TAP_SEQUENCE, TAP_TIMESTAMP, TAP_TIME_NS = range(8)
TAP_WORDS = 8
#: TAP_KIND holds the payload type in the lowest seven bits, the marker in the next, then the direction.
TAP_MARKER, TAP_DIRECTION_SHIFT = 0x80, 8
#: Ring positions; they only grow. The third is no position but the count of packets that found no room.
TAP_WRITTEN, TAP_READ, TAP_LOST, TAP_POSITIONS = 0, 8, 16, 24

#: Packets of pictures that are kept to be repeated, each in a place of so many octets; streams of neighbouring ports
#: begin so many places apart. A head has eight words.
CACHE_PLACES, CACHE_OCTETS, CACHE_STRIDE, CACHE_WORDS = 8192, 1536, 509, 8

#: What one packet thread works in. Nobody else looks at it, but at the tap.
SCRATCH = np.dtype(
    [
        ("packet", "u1", MAXIMUM_PACKET + 64),
        ("output", "u1", MAXIMUM_PACKET + 64),
        ("sealed", "u1", MAXIMUM_PACKET + 64),
        ("cipher", "i8", CIPHERS),  # libcrypto's contexts, 0 none
        ("sha", "u1", SHA_OCTETS),
        ("digest", "u1", 24),
        ("iv", "u1", 16),
        ("aad", "u1", 16),
        ("counter", "u1", 8),
        ("samples", "i2", 5760),  # of one packet, at its codec's rate
        ("source", *ADDRESS),
        ("source_length", "i4"),
        ("length_word", "i4", 1),
        ("time", "i8", 2),
        ("timer", "i8", 4),
        ("word", "i8", 1),
        ("epoll", "i4", 4 * EPOLL_EVENTS),
        ("epoll_event", "i4", 4),
        ("tap_positions", "i8", TAP_POSITIONS),
        ("tap_heads", "i8", TAP_PLACES * TAP_WORDS),
        ("tap_payload", "u1", TAP_PLACES * TAP_OCTETS + MAXIMUM_PACKET),
        ("picture_begins", "i8"),  # with the packet that is being passed on
        ("cache_heads", "i8", CACHE_PLACES * CACHE_WORDS),
        ("cache_octets", "u1", CACHE_PLACES * CACHE_OCTETS),
        ("message", "i8", 9),  # struct msghdr and one struct iovec
        ("control", "i8", 3),  # struct cmsghdr and two descriptors
        ("handed", "i8", 2),  # slot and generation
    ],
    align=True,
)
