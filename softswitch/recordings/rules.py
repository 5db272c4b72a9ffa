"""What is recorded by itself: by the configuration, and by the definitions of talkgroups.

Calls, rooms and floors know nothing of recordings: what happens to them is learnt from events. The recording of a
talkgroup begins when somebody is granted the floor and ends when nobody has had it for a while; what each talker says
is a burst.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from softswitch import events
from softswitch.calls.call import Call
from softswitch.recordings.bursts import Bursts
from softswitch.recordings.policy import Policy
from softswitch.recordings.scene import CALL, CONFERENCE, TALKGROUP, Running, Scene
from softswitch.recordings.stage import Stage
from softswitch.recordings.takes import Takes
from softswitch.recordings.wish import BY_RULE, Wish

if TYPE_CHECKING:
    from softswitch.calls.exchange import Exchange

#: The recording of a talkgroup begins so much before the floor was granted.
_FIRST_SYLLABLE_S = 0.3


class Rules:
    """Follows events. `record_call` begins the recording of a call as if somebody had asked for it."""

    def __init__(
        self,
        exchange: Exchange,
        stage: Stage,
        takes: Takes,
        bursts: Bursts,
        policy: Callable[[], Policy],
        record_call: Callable[[Call, Wish], str],
    ) -> None:
        self._exchange = exchange
        self._stage = stage
        self._takes = takes
        self._bursts = bursts
        self._policy = policy
        self._record_call = record_call
        self._idle_since: dict[str, float] = {}

    def follow(self, bus: events.EventBus) -> None:
        """Subscribe to what happens to calls, rooms and floors."""
        bus.on(events.CallAnswered, self._call_answered)
        bus.on(events.CallRecorded, self._call_over)
        bus.on(events.LegStateChanged, self._leg_moved)
        bus.on(events.ConferenceJoined, self._conference_joined)
        bus.on(events.ConferenceLeft, self._conference_left)
        bus.on(events.GroupJoined, self._group_joined)
        bus.on(events.GroupLeft, self._group_left)
        bus.on(events.FloorGranted, self._granted)
        bus.on(events.FloorIdle, self._idle)

    def wants_room(self, kind: str, number: str) -> bool:
        """Whether a conference or talkgroup is recorded: by the configuration, by its own definition, or because a
        group is patched into it that is."""
        groups = self._exchange.talkgroups
        definition = groups.book.definitions.get(number) if kind == TALKGROUP and groups is not None else None
        if definition is not None:
            patched = definition.groups if definition.kind == "patch" else ()
            if definition.record or any(self.wants_room(TALKGROUP, each) for each in patched if each != number):
                return True
        return self._policy().wants_room(kind, number)

    def look(self, now: float) -> None:
        """End the recordings of talkgroups that have fallen silent."""
        for group, since in list(self._idle_since.items()):
            if now - since >= self._policy().group_idle_s:
                del self._idle_since[group]
                for identifier, running in self._recordings(group):
                    if running.by == BY_RULE:
                        self._takes.stop(identifier)

    # -- calls ------------------------------------------------------------------------------------------------------

    def _call_answered(self, event: events.CallAnswered) -> None:
        call = self._exchange.calls.get(event.call_id)
        if call is None:
            return
        if self._policy().wants_call(call):
            self._record_call(call, Wish(by=BY_RULE))
        elif self._policy().pre_record_s > 0:
            self._stage.call(call)

    def _call_over(self, event: events.CallRecorded) -> None:
        self._close(self._stage.scenes.get(f"{CALL} {event.call_id}"))

    def _leg_moved(self, event: events.LegStateChanged) -> None:
        self._stage.follow(self._stage.scenes.get(f"{CALL} {event.call_id}"))

    def _close(self, scene: Scene | None) -> None:
        if scene is not None:
            for identifier in list(scene.recordings):
                self._takes.stop(identifier)
            self._stage.clear(scene)

    # -- rooms ------------------------------------------------------------------------------------------------------

    def _conference_joined(self, event: events.ConferenceJoined) -> None:
        heard = self._stage.joined(CONFERENCE, event.conference, event)
        if heard and self.wants_room(CONFERENCE, event.conference):
            scene = self._stage.room(CONFERENCE, event.conference)
            if not scene.recordings:
                self._takes.begin(scene, Wish(by=BY_RULE))

    def _conference_left(self, event: events.ConferenceLeft) -> None:
        self._left(CONFERENCE, event.conference, event.leg_id)

    def _group_joined(self, event: events.GroupJoined) -> None:
        self._stage.joined(TALKGROUP, event.group, event)
        if self.wants_room(TALKGROUP, event.group):
            self._stage.room(TALKGROUP, event.group)

    def _group_left(self, event: events.GroupLeft) -> None:
        self._left(TALKGROUP, event.group, event.leg_id)

    def _left(self, kind: str, number: str, leg_id: str) -> None:
        self._stage.left(kind, number, leg_id)
        if not self._stage.is_used(kind, number):
            self._close(self._stage.scenes.get(f"{kind} {number}"))

    def _granted(self, event: events.FloorGranted) -> None:
        group = event.group
        if not self._stage.is_used(TALKGROUP, group):
            return
        self._idle_since.pop(group, None)
        if not self._recordings(group) and self.wants_room(TALKGROUP, group):
            self._takes.begin(self._stage.room(TALKGROUP, group), Wish(past_s=_FIRST_SYLLABLE_S, by=BY_RULE))
        for _, running in self._recordings(group):
            self._bursts.open(running, event, self._exchange.wall())

    def _idle(self, event: events.FloorIdle) -> None:
        group = event.group
        self._idle_since[group] = self._exchange.now()
        for identifier, running in self._recordings(group):
            self._bursts.close(identifier, self._exchange.wall(), running)

    def _recordings(self, group: str) -> list[tuple[str, Running]]:
        scene = self._stage.scenes.get(f"{TALKGROUP} {group}")
        return [] if scene is None else list(scene.recordings.items())
