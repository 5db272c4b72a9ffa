"""A packet thread: its descriptors, its wheel, its rings' positions, and what it has counted."""

from __future__ import annotations

import numpy as np

from softswitch.media.layouts.quality import TALLIES
from softswitch.media.layouts.shared import ADDRESS_WORDS
from softswitch.media.layouts.wire import MAXIMUM_SPANS

#: Ring positions, each on a cache line of its own; they only grow.
COMMANDS_WRITTEN, COMMANDS_DONE, EVENTS_WRITTEN, EVENTS_READ, POSITIONS = 0, 8, 16, 24, 32

#: Players are served in turns of 10 ms, each in one of ten slots of 1 ms, so that they do not all send at once.
WHEEL_SLOTS = 10
SLOT_NS = 1_000_000
TICK_NS = WHEEL_SLOTS * SLOT_NS

#: Datagrams that are no media (STUN, DTLS) wait here for the control side, and its own for the packet thread.
PUNT_PLACES = 64
#: The longest of them, in octets.
PUNT_OCTETS = 2048
#: Positions of the punt ring, each on a cache line of its own.
PUNTS_WRITTEN, PUNTS_READ, PUNT_POSITIONS = 0, 8, 16

WORKER = np.dtype(
    [
        ("number", "i8"),
        ("running", "i8"),
        ("thread_id", "i8"),  # the kernel's
        ("turns", "i8"),  # of the loop: they only grow
        ("epoll_fd", "i8"),
        ("command_fd", "i8"),
        ("timer_fd", "i8"),
        ("event_fd", "i8"),
        ("connect_below", "i8"),  # descriptors from here on are for ports, not for their second sockets
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
        ("wheel_ns", "i8"),  # the instant of the next slot
        ("wheel_due_ns", "i8"),  # and of the next that is not empty
        ("wheel", "i8", WHEEL_SLOTS),  # first port of each slot, -1 none
        ("wheel_load", "i8", WHEEL_SLOTS),
        ("players", "i8"),
        ("room_wheel", "i8", WHEEL_SLOTS),
        ("rooms", "i8"),
        ("mixer", "i8"),  # address of the compiled mixer
        ("listener", "i8"),  # and of what listens to ports
        ("renderer", "i8"),  # and of what codes a fan-out's talker anew
        ("span_server", "i8"),  # and of what serves spans
        ("span_timer_fd", "i8"),
        ("spans", "i8"),
        ("span_ports", "i8", MAXIMUM_SPANS),
        ("span_due_ns", "i8"),  # the next tick of any span
        ("span_armed_ns", "i8"),  # what the timer is set to
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
        ("link_frames_missing", "i8"),  # of rooms that are linked: those that came too late for a turn
        ("link_frames_skipped", "i8"),  # and those left out because too many were waiting
        ("commands_done", "i8"),
    ],
    align=True,
)
