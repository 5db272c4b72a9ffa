"""The records of ports that have no RTP socket: the two rings of an internal port or a link, and a span's pseudowire.

They lie in the same shared memory as the ports and follow the rules of `layouts/shared.py`. An internal port's
packets cross in the rings of its `LINE`; each has one writer and one reader. The two ends of a link have one line:
the inbox of the near end is the outbox of the far one. A pseudowire's `SPAN` is written by the
packet thread that serves it, but for what is set before the OPEN command and the D channel's ring of frames to send.
"""

from __future__ import annotations

import numpy as np

#: As many internal ports and links, and as many spans, as there can be at a time.
MAXIMUM_LINES, MAXIMUM_SPANS = 1024, 16
#: Packets each ring of a line holds (a power of two), and the octets of the longest, its RTP header included.
LINE_PLACES, LINE_OCTETS = 32, 2048
#: Positions of the rings: towards the engine, and away from it.
INBOX_WRITTEN, INBOX_READ, OUTBOX_WRITTEN, OUTBOX_READ, LINE_POSITIONS = 0, 8, 16, 24, 32

LINE = np.dtype(
    [
        ("positions", "i8", LINE_POSITIONS),
        ("inbox_size", "i8", LINE_PLACES),
        ("outbox_size", "i8", LINE_PLACES),
        ("inbox", "u1", LINE_PLACES * LINE_OCTETS),
        ("outbox", "u1", LINE_PLACES * LINE_OCTETS),
    ],
    align=True,
)

#: What a pseudowire carries: timeslots in the order of their numbers (RFC 5086), or bits as they come (RFC 4553).
CESOPSN, SATOP = 0, 1
#: Where an RTP header is.
RTP_NONE, RTP_BEFORE, RTP_AFTER = 0, 1, 2
#: CRC-4 multiframes (SAToP): never, always, or when the far end has them.
CRC4_OFF, CRC4_ON, CRC4_AUTO = 0, 1, 2

#: Timeslots of a frame, frames in a second.
SLOTS, FRAMES_PER_S = 32, 8000
#: The longest payload of a pseudowire packet in octets; packets its jitter buffer holds, a power of two.
WIRE_OCTETS, WIRE_PLACES = 1024, 64
#: Control word and RTP header before it.
CONTROL_OCTETS, RTP_OCTETS = 4, 12
WIRE_HEADER_OCTETS = CONTROL_OCTETS + RTP_OCTETS
#: Room for the packets that are sent together.
OUTPUT_OCTETS = 4 * (WIRE_OCTETS + WIRE_HEADER_OCTETS)
#: A B channel's packet towards the engine: 20 ms.
HEARD_OCTETS = 160
#: What waits to be said on a B channel: half a second, a power of two.
SAID_OCTETS = 4096
#: What has been said on a B channel last, for the echo canceller to compare with what comes: a power of two.
SPOKEN_OCTETS = 1024
#: Words of a listener for 2100 Hz (`mediacodecs.fax_tone.WORDS`); each B channel has one for each direction.
TONE_WORDS = 8
#: Idle fill of a B channel (G.711 A-law, positive zero), and what all substitutes of the D channel are made of.
IDLE_OCTET, ALL_ONES = 0xD5, 0xFF
#: Frames of the D channel that wait (a power of two), and the octets of the longest (Q.921: 260 and its header).
FRAME_PLACES, FRAME_OCTETS = 64, 272
#: Positions of the two rings of frames.
FRAMES_IN_WRITTEN, FRAMES_IN_READ, FRAMES_OUT_WRITTEN, FRAMES_OUT_READ, FRAME_POSITIONS = 0, 8, 16, 24, 32

#: States of the jitter buffer: nothing comes; the first packets are gathered; packets are taken out in time.
WIRE_IDLE, WIRE_GATHERING, WIRE_FLOWING = 0, 1, 2
#: What the control word of a packet said.
FLAG_L, FLAG_R, FLAG_RDI, FLAG_NO_PAYLOAD = 1, 2, 4, 8

#: Bits of a span's `alarms`.
ALARM_LOF, ALARM_LMFA, ALARM_AIS, ALARM_RAI, ALARM_PACKETS = 1, 2, 4, 8, 16

#: The deframer's search window: three frames and the packet that comes.
BITS_OCTETS = 4096
#: Octets of a frame of the D channel with FCS.
_HDLC_OCTETS = FRAME_OCTETS + 2

#: What a span counts, and `counters` of a span tells under these names.
COUNTERS = (
    "packets_received",
    "packets_sent",
    "packets_lost",
    "packets_late",
    "packets_duplicate",
    "packets_reordered",
    "packets_malformed",
    "send_errors",
    "l_bits",
    "r_bits",
    "rdi_bits",
    "slips",
    "gatherings",
    "frames_received",
    "frames_sent",
    "ticks_missed",
    "d_received",
    "d_sent",
    "d_fcs_errors",
    "d_aborts",
    "d_malformed",
    "d_lost",
    "heard_lost",
    "said_late",
    "said_slips",
    "echo_blocks",
    "echo_disabled",
    "alignments_lost",
    "fas_errors",
    "crc4_errors",
    "e_bits",
)

SPAN = np.dtype(
    [
        # Set before the span is opened.
        ("mode", "i8"),
        ("frames", "i8"),  # in a packet
        ("payload", "i8"),  # octets of a packet
        ("slot_count", "i8"),
        ("slots", "i8", SLOTS),  # that are carried, in ascending order
        ("d_slot", "i8"),  # 0: none
        ("rtp", "i8"),
        ("rtp_payload_type", "i8"),
        ("rtp_ssrc", "i8"),
        ("master", "i8"),
        ("period_ns", "i8"),  # of a packet
        ("depth_ns", "i8"),  # of the jitter buffer; it is filled to half
        ("lead", "i8"),  # octets of a B channel gathered before they are said
        ("loss_enter", "i8"),  # packets lost in a row
        ("loss_leave", "i8"),  # packets in a row without loss
        ("loss_percent", "i8"),  # in a second
        ("crc4", "i8"),
        ("waits", "i8"),  # whether nothing is sent until the far end does
        ("treated", "i8"),  # whether sound of B channels is changed in any way
        ("echo_tail", "i8"),  # samples of the longest echo that is cancelled, 0: none is
        ("gain_heard", "u1", 256),  # what becomes of each octet that comes from the line ...
        ("gain_said", "u1", 256),  # ... and that goes there
        # The clock.
        ("running", "i8"),
        ("next_tick_ns", "i8"),
        ("quiet_ticks", "i8"),  # in a row in which nothing came at all
        ("correction_ppb", "i8"),
        ("integral_ppb", "i8"),
        ("slack_sum_ns", "i8"),  # how long before its turn each packet came
        ("slack_count", "i8"),
        ("window_ticks", "i8"),
        # The jitter buffer.
        ("state", "i8"),
        ("next_sequence", "i8"),
        ("highest_sequence", "i8"),
        ("gathering_from_ns", "i8"),
        ("late_in_row", "i8"),
        ("flags", "i8"),  # of the packet played last
        ("missing_in_row", "i8"),
        ("good_in_row", "i8"),
        ("lossy", "i8"),
        ("loss_ticks", "i8"),
        ("loss_missing", "i8"),
        ("place_sequence", "i8", WIRE_PLACES),
        ("place_size", "i8", WIRE_PLACES),
        ("place_flags", "i8", WIRE_PLACES),
        # Sending.
        ("tx_sequence", "i8"),
        ("tx_frames", "i8"),  # said so far: the clock of the B channels
        ("segments", "i8"),  # whether the socket cuts several packets that are sent as one
        ("output_fill", "i8"),
        # B channels, by timeslot.
        ("slot_port", "i8", SLOTS),
        ("slot_generation", "i8", SLOTS),
        ("slot_line", "i8", SLOTS),
        ("slot_wake", "i8", SLOTS),  # descriptor that wakes the port's packet thread
        ("heard_count", "i8", SLOTS),
        ("heard_sequence", "i8", SLOTS),
        ("heard_timestamp", "i8", SLOTS),
        ("said_flowing", "i8", SLOTS),
        ("said_base", "i8", SLOTS),  # timestamp of what is said at `tx_frames` 0
        ("said_lead", "i8", SLOTS),
        ("said_least", "i8", SLOTS),  # slack in octets since it was looked at last
        ("said_from", "i8", SLOTS),
        # What is done to the sound of B channels, by timeslot.
        ("slot_fresh", "i8", SLOTS),  # another call: what was learned of the last one is to be forgotten
        ("slot_clear", "i8", SLOTS),  # 2100 Hz was heard: nothing is done any more
        ("echo_state", "i8", SLOTS),  # libspeexdsp's, 0: none; kept for the next span of this record
        ("echo_owner", "i8", SLOTS),  # the process that it belongs to (`mediacodecs.handles`)
        ("echo_length", "i8", SLOTS),  # the tail that it was made for
        ("echo_at", "i8", SLOTS),  # frame up to which what we said has been compared
        ("echo_reference", "f8", SLOTS),  # energy of what we said lately
        ("echo_came", "f8", SLOTS),  # energy that came while we spoke alone, and what was left of it
        ("echo_left", "f8", SLOTS),
        ("tones", "i8", 2 * SLOTS * TONE_WORDS),
        # Ports that have been given packets, for the packet loop.
        ("ready_count", "i8"),
        ("ready", "i8", SLOTS),
        ("word", "i8", 1),
        ("alarms", "i8"),
        ("alarms_told", "i8"),
        ("frames_told", "i8"),
        # The D channel: receiver ...
        ("rx_ones", "i8"),
        ("rx_octet", "i8"),
        ("rx_bits", "i8"),
        ("rx_length", "i8"),  # octets so far, -1 outside of frames
        # ... and sender.
        ("tx_length", "i8"),  # octets of the frame being sent, 0: flags
        ("tx_at", "i8"),  # its next bit
        ("tx_ones", "i8"),
        ("tx_flag", "i8"),  # bits of a flag that are left
        # G.704 receiver ...
        ("bits_fill", "i8"),
        ("bits_offset", "i8"),
        ("aligned", "i8"),
        ("fas_next", "i8"),  # whether the next frame has the frame alignment signal
        ("fas_bad", "i8"),  # in a row
        ("nfas_bad", "i8"),
        ("ais_octets", "i8"),
        ("ais_zeros", "i8"),
        ("ais", "i8"),
        ("rai_seen", "i8"),
        ("rai_unseen", "i8"),
        ("rai", "i8"),
        ("multiframe", "i8"),  # 0 searched for, 1 seen once, 2 aligned
        ("multiframe_at", "i8"),  # number of the next frame in it
        ("multiframe_bits", "i8"),  # first bits of the last frames without the signal
        ("multiframe_search", "i8"),  # frames
        ("multiframe_given_up", "i8"),
        ("crc_register", "i8"),
        ("crc_expected", "i8"),  # of the last submultiframe, -1 unknown
        ("crc_received", "i8"),
        ("crc_blocks", "i8"),
        ("crc_bad", "i8"),
        ("e_next", "i8", 2),  # E bits that we send for the far end's submultiframes
        # ... and sender.
        ("tx_frame_at", "i8"),
        ("tx_crc_register", "i8"),
        ("tx_crc", "i8"),
        *((name, "i8") for name in COUNTERS),
        ("frame_positions", "i8", FRAME_POSITIONS),
        ("frames_in_size", "i8", FRAME_PLACES),
        ("frames_out_size", "i8", FRAME_PLACES),
        ("heard", "u1", SLOTS * HEARD_OCTETS),
        ("rx_frame", "u1", _HDLC_OCTETS),
        ("tx_frame", "u1", _HDLC_OCTETS),
        ("frames_in", "u1", FRAME_PLACES * FRAME_OCTETS),
        ("frames_out", "u1", FRAME_PLACES * FRAME_OCTETS),
        ("bits", "u1", BITS_OCTETS),
        ("frame", "u1", SLOTS),
        ("output", "u1", OUTPUT_OCTETS),
        ("handed", "u1", RTP_OCTETS + HEARD_OCTETS),  # the RTP packet being given to a port
        ("last", "u1", WIRE_OCTETS),  # payload played last
        ("said", "u1", SLOTS * SAID_OCTETS),
        ("spoken", "u1", SLOTS * SPOKEN_OCTETS),
        ("samples", "i2", 3 * HEARD_OCTETS),  # of one block: what came, what we had said, what is left
        ("packets", "u1", WIRE_PLACES * WIRE_OCTETS),
    ],
    align=True,
)
