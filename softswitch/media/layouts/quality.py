"""What the engine keeps of how a port's peer sounds; part of the records of `softswitch.media.layouts.shared`."""

from __future__ import annotations

from softswitch.rtp.bursts import COUNTS

#: Blocks of extended reports (RFC 3611) that a peer may want, as bits of a port's `extended`.
EXTENDED_VOICE, EXTENDED_STATISTICS = 1, 2

#: Upper ends of the classes by which intervals are tallied; the last class has none.
MOS_CLASSES = (1.5, 2.0, 2.6, 3.1, 3.6, 4.0, 4.2, 4.3)
JITTER_CLASSES_MS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
LOSS_CLASSES = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
CLASSES = 9

#: The octets of the blocks that a peer sends of us, without their heads (RFC 3611 §4.6, §4.7).
VOICE_BLOCK_OCTETS, STATISTICS_BLOCK_OCTETS = 32, 36

#: Fields of a port: losses since the beginning, what the last interval was like, what the peer says of us.
HEARD = [
    ("loss_counts", "i8", COUNTS),  # see softswitch.rtp.bursts
    ("loss_at", "i8"),  # packets of the stream when one was lost last
    ("expected_assessed", "i8"),
    ("received_assessed", "i8"),
    ("duplicates_assessed", "i8"),
    ("runs_assessed", "i8"),
    ("intervals", "i8"),  # in which something came
    ("interval_loss", "f8"),  # share
    ("interval_r", "f8"),
    ("interval_mos", "f8"),  # 0: nothing came
    ("statistics_from", "i8"),  # first extended sequence number of the next statistics block
    ("statistics_lost", "i8"),
    ("statistics_duplicates", "i8"),
    ("last_reference", "i8"),  # middle 32 bits of the peer's reference time, 0 none
    ("last_reference_ns", "i8"),
    ("extended_received", "i8"),
    ("voice_blocks", "i8"),
    ("statistics_blocks", "i8"),
    ("voice_block", "u1", VOICE_BLOCK_OCTETS),
    ("statistics_block", "u1", STATISTICS_BLOCK_OCTETS),
]

#: Fields of a worker: how many intervals of its ports fell into each class, and the sums of what was measured.
TALLIES = [
    ("mos_tally", "i8", CLASSES),
    ("jitter_tally", "i8", CLASSES),
    ("loss_tally", "i8", CLASSES),
    ("mos_sum", "f8"),
    ("jitter_sum", "f8"),
    ("loss_sum", "f8"),
]
