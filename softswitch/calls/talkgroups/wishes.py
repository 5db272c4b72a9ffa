"""What the parties in talkgroups want of the floor, by keys, by voice, by floor control, by SIP INFO or by an API."""

from __future__ import annotations

import logging
from collections.abc import Callable

from softswitch.calls.leg import Information, Leg
from softswitch.calls.rooms import RoomHost
from softswitch.calls.talkgroups.book import TalkgroupBook
from softswitch.calls.talkgroups.seat import Seat
from softswitch.events import DigitReceived, Event
from softswitch.floor.adapters import FLOOR_MEDIA_TYPE, Action, Command, CommandError, Keypad, command_of_info

logger = logging.getLogger(__name__)

_NO_KEYS = Keypad()
#: How long a member whose floor follows its voice keeps it while it says nothing, in seconds.
VOICE_HANG_S = 1.0


class Wishes:
    """Takes every wish to the group that its party hears: `seat_of(leg id)`."""

    def __init__(self, host: RoomHost, book: TalkgroupBook, seat_of: Callable[[str], Seat | None]) -> None:
        self._host = host
        self._book = book
        self._seat_of = seat_of
        host.bus.subscribe(self._on_digit, DigitReceived.type)

    def _on_digit(self, event: Event) -> None:
        if isinstance(event, DigitReceived):
            seat = self._seat_of(event.leg_id)
            if seat is not None and self.floor_by(seat) == "keys":
                seat.group.key(seat, event.digit)

    def floor_by(self, seat: Seat) -> str:
        """What a party asks for the floor by: "keys" or "voice"."""
        member = self._book.members(seat.group.definition).get(seat.number)
        return member.floor_by if member is not None else "keys"

    def voice_heard(self, leg_id: str, *, speaking: bool) -> None:
        """Somebody began or ended speaking: a request of a member whose floor follows its voice.

        What it says counts until it has been silent for a while, so that a breath does not cost the floor.
        """
        seat = self._seat_of(leg_id)
        if seat is None or self.floor_by(seat) != "voice":
            return
        if seat.hang_over is not None:
            seat.hang_over.cancel()
            seat.hang_over = None
            if speaking:
                return  # it has the floor, or waits for it, still
        if speaking:
            seat.group.command(seat, Command(Action.REQUEST))
        else:
            at = self._host.now() + VOICE_HANG_S
            seat.hang_over = self._host.timers.schedule(at, lambda now: self._fell_silent(seat))

    def _fell_silent(self, seat: Seat) -> None:
        seat.hang_over = None
        if seat.leg.id in seat.group.seats:
            seat.group.command(seat, Command(Action.RELEASE))

    def receive_floor(self, leg_id: str, data: bytes) -> None:
        """A terminal with a floor link sent one datagram of floor control; one that is in no group is passed over."""
        seat = self._seat_of(leg_id)
        if seat is not None:
            seat.group.receive_floor(seat, data)

    def receive_information(self, leg: Leg, information: Information) -> bool:
        """A party asks for the floor by a document in a SIP INFO; False when it is something else."""
        seat = self._seat_of(leg.id)
        if seat is None or information.content_type.partition(";")[0].strip().lower() != FLOOR_MEDIA_TYPE:
            return False
        try:
            command = command_of_info(information.content_type, information.body, _NO_KEYS, self._host.now())
        except CommandError as error:
            logger.info("a floor request of %s is refused: %s", seat.number, error)
            information.refuse(400)
            return True
        information.accept()
        if command is not None:
            seat.group.command(seat, command)
        return True

    def command(self, leg_id: str, command: Command, *, forced: bool = False) -> bool:
        """Carry out a wish of a party, as an API brings it; False when the party is in no talkgroup."""
        seat = self._seat_of(leg_id)
        if seat is None:
            return False
        seat.group.command(seat, command, forced=forced)
        return True

    def revoke(self, leg_id: str) -> bool:
        """Take the floor from a party; False when it does not have it."""
        seat = self._seat_of(leg_id)
        return seat is not None and seat.group.revoke(leg_id)
