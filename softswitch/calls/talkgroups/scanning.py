"""Which of several groups a terminal hears that scans them."""

from __future__ import annotations

from collections.abc import Sequence

from softswitch.calls.talkgroups.seat import Seat


def best_seat(seats: Sequence[Seat]) -> Seat:
    """Where a party is to hear: the group of highest priority in which somebody talks, else where it called in.

    Who talks itself stays where it talks; of equal groups the one heard now is kept.
    """
    tuned = next(seat for seat in seats if seat.tuned)
    if _talks(tuned):
        return tuned
    busy = [seat for seat in seats if seat.group.arbiter.talkers]
    if not busy:
        return seats[0]
    return max(busy, key=lambda seat: (seat.group.definition.priority, seat is tuned))


def _talks(seat: Seat) -> bool:
    return any(talker.participant == seat.leg.id for talker in seat.group.arbiter.talkers)


__all__ = ["best_seat"]
