"""A port: one RTP endpoint, what it was told, what it has learnt and counted."""

from __future__ import annotations

from softswitch.media.layouts.quality import HEARD
from softswitch.media.layouts.settings import BUNDLING, FORMATS, KEYPAD, MEMBERSHIP, PLAYBACK, ROUTES, SIGNALLED
from softswitch.media.layouts.shared import ADDRESS, offset_of, whole_lines
from softswitch.media.layouts.srtp import KEYS_OCTETS, STREAM_STATE

# What packets touch lies together, a paragraph a cache line: a thousand ports are more than the fastest caches hold.
PORT = whole_lines(
    [
        # Looked at for every packet ...
        ("state", "i8"),
        ("generation", "i8"),
        ("rtp_fd", "i8"),  # of one with a line: what wakes the thread that serves it
        ("kind", "i8"),
        ("latched", "i8"),
        ("ipv6", "i8"),
        ("receive", "i8"),
        ("srtp_profile", "i8"),
        # ... looked at and written for every packet sent ...
        ("remote", *ADDRESS),  # where ours go
        ("remote_length", "i4"),
        ("send", "i4"),
        ("connected_fd", "i4"),  # a second socket that is connected to the peer, -1 none
        ("playing", "i8"),
        ("keying", "i4"),
        ("captured", "i4"),  # whether its packets are copied for a capture
        ("key_fence", "i8"),  # the forwarded sequence number at which telephone-events were put in last, -1 none
        #
        ("feeder", "i8"),
        ("feeder_ssrc", "i8"),
        ("feeder_sequence", "i8"),
        ("sequence_offset", "i8"),
        ("timestamp_offset", "i8"),
        ("marker_pending", "i8"),
        ("tx_ssrc", "i8"),
        ("tx_sequence", "i8"),
        #
        ("tx_timestamp", "i8"),
        ("tx_ns", "i8"),
        ("tx_clock", "i8"),
        ("packets_sent", "i8"),
        ("octets_sent", "i8"),
        ("payload_octets_sent", "i8"),
        ("line_offset", "i8"),  # octets from `remote` to the port's line, if it has one; the same in every process
        ("send_errors", "i8"),
        # As a member of a room.
        ("member_next", "i8"),
        ("member_previous", "i8"),
        *MEMBERSHIP,  # a line and a half
        # ... and for every packet received (RFC 3550 appendix A).
        ("peer", "i8"),
        ("ear", "i8"),  # voice by which the port is listened to, NO_VOICE: it is not
        ("tap", "i4"),  # TAP_… bits: what is copied for a recorder, for a capture
        ("timed_out", "i4"),
        ("hushed", "i4"),  # a key is heard whose sound is not to be passed on
        ("last_format", "i4"),  # number of the format of the last packet
        #
        ("last_received_ns", "i8"),
        ("packets_received", "i8"),
        ("octets_received", "i8"),
        ("rx_ssrc", "i8"),
        ("highest_sequence", "i8"),
        ("window", "i8"),  # of the last 32 sequence numbers, which have come
        ("rx_in_stream", "i8"),
        ("rx_timestamp", "i8"),
        #
        ("rx_clock", "i8"),
        ("transit", "i8"),
        ("jitter_16", "i8"),  # jitter in timestamp units, times 16
        ("rtcp_length", "i4"),
        ("source", *ADDRESS),  # where the peer's packets come from, once latched
        ("speaking", "i8"),
        #
        *ROUTES,
        *FORMATS,
        # The rest is for rarer moments.
        ("worker", "i8"),
        ("connect_at", "i8"),  # packets sent when it is worth one
        ("rtcp_fd", "i8"),
        ("latch_version", "i8"),
        ("route_extensions", "i8"),  # whether the peer's header extensions go along
        ("rtcp", *ADDRESS),
        ("refused", *ADDRESS),  # the source before a change of the signalled address, for a moment
        ("stranger", *ADDRESS),  # where the last packet came from that was dropped for its source
        ("refused_until_ns", "i8"),
        ("latch_silence_ns", "i8"),
        ("timeout_from_ns", "i8"),
        *SIGNALLED,
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
        ("malformed", "i8"),
        ("ignored", "i8"),
        ("punts_from_ns", "i8"),
        ("punts", "i8"),  # since then
        # RTCP.
        ("next_report_ns", "i8"),
        ("packets_at_report", "i8"),
        ("last_sr", "i8"),
        ("last_sr_ns", "i8"),
        ("rtcp_sent", "i8"),
        ("rtcp_received", "i8"),
        *BUNDLING,
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
        *PLAYBACK,
        # Pressing keys.
        ("keys_done", "i8"),
        ("key_elapsed_ms", "i8"),
        ("key_tx_timestamp", "i8"),
        *KEYPAD,
        # Securing; what it adds to a packet touches this only where it is used.
        *STREAM_STATE,
        ("srtp_keys", "u1", KEYS_OCTETS),
        ("wire", "i8"),  # number of the line or the span
        # What the port belongs to, for whoever finds it after a restart.
        ("local_port", "i8"),
        ("owner", "u1", 64),
    ]
)

#: The beginning of the record is what a packet sent needs; then comes membership, then what one received needs.
SENDING_OCTETS, MEMBER_OCTETS = offset_of(PORT, "member_next"), offset_of(PORT, "peer")
RECEIVING_AT = offset_of(PORT, "deliver_convert")
RECEIVING_OCTETS = offset_of(PORT, "clock") - RECEIVING_AT
