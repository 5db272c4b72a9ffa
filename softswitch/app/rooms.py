"""The floor of what the switch answers by itself, and of what dispatchers do with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from softswitch.app.switchboard import Switchboard
from softswitch.calls.conferences.conferences import Conferences
from softswitch.calls.conferences.gathering import ConferenceCalls
from softswitch.calls.dispatching.invitation import Inviter
from softswitch.calls.dispatching.roll_call import RollCalls
from softswitch.calls.dispatching.supervision import Supervision
from softswitch.calls.leg import Cause
from softswitch.calls.queues.queues import Queues
from softswitch.calls.services.parking import Parking
from softswitch.calls.services.pickup import Pickup
from softswitch.calls.services.services import Services
from softswitch.calls.talkgroups.ambience import Ambience
from softswitch.calls.talkgroups.far_groups import FarGroups, TrunkFloor
from softswitch.calls.talkgroups.group_calls import GroupCalls
from softswitch.calls.talkgroups.regrouping import Regrouping
from softswitch.calls.talkgroups.talkgroups import Talkgroups
from softswitch.config.models import Settings
from softswitch.events.conferences import ConferenceRollCallEnded
from softswitch.keeping.rooms import RoomKeeper
from softswitch.media import MediaEngine, MediaError, Port
from softswitch.media.playing.hold import hold_music
from softswitch.media.playing.sounds import announcement
from softswitch.media.recording.reader import load_sound
from softswitch.wiring import room_values

#: Numbers of temporary talkgroups and patches for which none is given.
TEMPORARY_GROUPS = range(89001, 90000)


class Rooms(Switchboard):
    """Services, conferences, talkgroups and queues; group calls, temporary groups, roll-calls, supervision of calls."""

    def __init__(self, settings: Settings, data_directory: Path, engine: MediaEngine) -> None:
        super().__init__(settings, data_directory, engine)
        exchange, engine = self.exchange, self.engine
        parking = Parking(exchange, engine, hold_music)
        pickup = Pickup(self.directory, exchange.ringing_calls)
        self.services = Services(room_values.services(settings), engine, _sound, parking, pickup)
        exchange.services = self.services
        self.conferences = Conferences(exchange, engine, room_values.conferences(settings))
        rights = room_values.floor_rights(self.directory)
        self.talkgroups = Talkgroups(exchange, engine, room_values.talkgroups(settings), rights)
        exchange.conferences, exchange.talkgroups = self.conferences, self.talkgroups
        self.queues = Queues(exchange, engine, hold_music, room_values.queues(settings))
        exchange.queues = self.services.queues = self.queues
        self.services.rooms = {"conference": self.conferences, "talkgroup": self.talkgroups, "queue": self.queues}
        self.room_keeper = RoomKeeper(self.store, self.router, self.talkgroups, self.conferences, self.queues)
        self._build_dispatching()

    def _build_dispatching(self) -> None:
        exchange, new_id = self.exchange, self.ids.next
        inviter = Inviter(exchange, self.domain)
        self.inviter = inviter
        self.group_calls = GroupCalls(exchange, self.talkgroups, inviter, new_id)
        self.roll_calls = RollCalls(exchange, inviter, new_id, lambda: self._play_announcement)
        self.supervision = Supervision(exchange, self.engine, inviter)
        self.ambience = Ambience(exchange, self.talkgroups, inviter, new_id)
        self.conference_calls = ConferenceCalls(exchange, self.conferences, inviter, new_id)
        self.conference_roll_calls = RollCalls(
            exchange, inviter, new_id, lambda: self._play_announcement, ConferenceRollCallEnded
        )
        FarGroups(TrunkFloor(exchange).reach).follow(self.bus)
        self.regrouping = Regrouping(
            exchange,
            self.talkgroups,
            self.group_calls,
            taken=lambda number: number in self.router.plan.numbers,
            keep=self.room_keeper.keep_group,
            forget=self.room_keeper.forget_group,
            free=(str(number) for number in TEMPORARY_GROUPS),
        )

    def _play_announcement(self, port: Port) -> Cause | None:
        try:
            self.engine.play(port, announcement())
        except MediaError as error:
            return Cause(488, 88, str(error))
        return None


def _sound(file: Path | None) -> NDArray[np.int16]:
    return announcement() if file is None else load_sound(file, 8000)
