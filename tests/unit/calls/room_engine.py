"""The media engine without sockets, with rooms: who is in each, and who talks."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from dialplan import Rule
from dialplan import Target as To
from softswitch.calls.conferences.conferences import ConferenceDefinition, Conferences
from softswitch.calls.conferences.gathering import ConferenceCalls
from softswitch.calls.dispatching.invitation import Inviter
from softswitch.calls.dispatching.roll_call import RollCalls
from softswitch.calls.dispatching.supervision import Supervision
from softswitch.calls.leg import Cause
from softswitch.calls.queues.definition import QueueDefinition
from softswitch.calls.queues.queues import Queues
from softswitch.calls.sip.trunk import Trunk
from softswitch.calls.talkgroups.ambience import Ambience
from softswitch.calls.talkgroups.definition import TalkgroupDefinition
from softswitch.calls.talkgroups.group_calls import GroupCalls
from softswitch.calls.talkgroups.regrouping import Regrouping
from softswitch.calls.talkgroups.seat import plain_telephone
from softswitch.calls.talkgroups.talkgroups import Rights, Talkgroups
from softswitch.media import MediaEngine, MediaError, Port
from tests.unit.calls.engine import FakeEngine, FakePort
from tests.unit.calls.phone import Phone, PhoneCall
from tests.unit.calls.world import World


class FakeRoom:
    """A fan-out or a conference; `said` are those who were let talk, in order, None for nobody."""

    def __init__(self, engine: RoomEngine, owner: str) -> None:
        self.engine = engine
        self.owner = owner
        self.members: list[FakePort] = []
        self.talker: FakePort | None = None
        self.second: FakePort | None = None
        self.said: list[str | None] = []
        self.muted: dict[str, bool] = {}
        self.heard_as: dict[str, dict[str, Any]] = {}
        self.whispers: dict[str, str] = {}
        self.links: set[FakeRoom] = set()
        self.playing = ""
        self.closed = False

    def join(self, port: FakePort, *, muted: bool | None = None, **attributes: Any) -> None:
        assert not port.closed
        self.heard_as[port.id] = attributes
        if port in self.members:
            return
        if self.engine.broken:
            raise MediaError("no voice left")
        self.engine.disconnect(port)
        self.members.append(port)
        self.muted[port.id] = bool(muted)

    def adjust(self, port: FakePort, *, muted: bool, **attributes: Any) -> None:
        assert port in self.members
        self.muted[port.id] = muted
        self.heard_as[port.id] = attributes

    def whisper(self, port: FakePort, to: FakePort | None) -> None:
        assert port in self.members and (to is None or to in self.members)
        self.whispers[port.id] = to.id if to is not None else ""

    def link(self, other: FakeRoom) -> None:
        if other in self.links:
            raise ValueError("the rooms have a way to each other already")
        self.links.add(other)
        other.links.add(self)

    def unlink(self, other: FakeRoom) -> None:
        self.links.discard(other)
        other.links.discard(self)

    def play(self, pcm: Any, loop: bool = False) -> int:
        self.playing = f"{len(pcm)} samples"
        return 1

    def stop(self) -> None:
        self.playing = ""

    def leave(self, port: FakePort) -> None:
        if port in self.members:
            self.members.remove(port)
            if self.talker is port:
                self.talker = None

    def talk(self, port: FakePort | None, *, second: FakePort | None = None) -> None:
        self.second = second
        assert port is None or port in self.members, "one who is not in the room is to talk"
        self.talker = port
        self.said.append(port.settings.remote[0] if port is not None and port.settings.remote else None)

    def close(self) -> None:
        self.closed = True
        self.members.clear()
        self.engine.rooms.remove(self)

    def heard(self) -> list[str]:
        """The addresses of those who are not muted in a conference."""
        heard = [port for port in self.members if not self.muted[port.id]]
        return [str(port.settings.remote[0]) for port in heard if port.settings.remote]

    def hosts(self) -> list[str]:
        """The addresses of those inside, in the order they came."""
        return [str(port.settings.remote[0]) for port in self.members if port.settings.remote]

    @property
    def talking(self) -> str | None:
        """The address of the talker."""
        return self.talker.settings.remote[0] if self.talker is not None and self.talker.settings.remote else None


class RoomEngine(FakeEngine):
    """As much of the engine's rooms as calls use."""

    def __init__(self, capacity: int = 1000) -> None:
        super().__init__(capacity)
        self.rooms: list[FakeRoom] = []
        self.extras: dict[str, dict[str, int]] = {}  # what was asked of conferences, by owner
        self.broken = False
        self.without_rooms = False

    def open_conference(
        self, owner: str, rate_hz: int = 8000, *, signals: bool = False, comfort_noise: bool = False
    ) -> FakeRoom:
        self.extras[owner] = {"signals": signals, "comfort_noise": comfort_noise, "rate_hz": rate_hz}
        return self._open(owner)

    def open_fan_out(self, owner: str) -> FakeRoom:
        return self._open(owner)

    def _open(self, owner: str) -> FakeRoom:
        if self.without_rooms:
            raise MediaError("no room left")
        room = FakeRoom(self, owner)
        self.rooms.append(room)
        return room

    def disconnect(self, port: FakePort) -> None:
        super().disconnect(port)
        for room in self.rooms:
            room.leave(port)


class RoomWorld(World):
    """A switch with conference 7001 and talkgroup 8001; 1009 is a dispatcher."""

    def __init__(
        self,
        *,
        conference: ConferenceDefinition | None = None,
        talkgroup: TalkgroupDefinition | None = None,
        talkgroups: tuple[TalkgroupDefinition, ...] = (),
        queues: tuple[QueueDefinition, ...] = (),
        rules: tuple[Rule, ...] = (),
        trunks: tuple[Trunk, ...] = (),
    ) -> None:
        super().__init__(
            engine=RoomEngine(),
            rules=rules,
            trunks=trunks,
            subscribers={"1009": {"roles": frozenset({"dispatcher"})}},
            numbers={definition.number: To("talkgroup") for definition in talkgroups}
            | {definition.number: To("queue") for definition in queues},
        )
        self.router.services = frozenset({"service", "conference", "talkgroup", "queue"})
        engine = cast(MediaEngine, self.engine)
        self.conferences = Conferences(self.exchange, engine, [conference or ConferenceDefinition("7001", "Morning")])
        rights: Rights = lambda number: plain_telephone(dispatcher=number == "1009")  # noqa: E731
        definition = talkgroup or TalkgroupDefinition("8001", "Tunnel", talk_s=30.0)
        self.talkgroups = Talkgroups(self.exchange, engine, [definition, *talkgroups], rights)
        self.exchange.conferences, self.exchange.talkgroups = self.conferences, self.talkgroups
        self.queues = Queues(self.exchange, engine, lambda: np.zeros(8, np.int16), queues)
        self.exchange.queues = self.services.queues = self.queues
        self.services.rooms = {"conference": self.conferences, "talkgroup": self.talkgroups, "queue": self.queues}
        self.inviter = inviter = Inviter(self.exchange, self.domain)
        self.group_calls = GroupCalls(self.exchange, self.talkgroups, inviter, lambda: self.new_id("g"))
        self.roll_calls = RollCalls(self.exchange, inviter, lambda: self.new_id("g"), lambda: self._welcome)
        self.conference_calls = ConferenceCalls(self.exchange, self.conferences, inviter, lambda: self.new_id("c"))
        self.supervision = Supervision(self.exchange, engine, inviter)
        self.ambience = Ambience(self.exchange, self.talkgroups, inviter, lambda: self.new_id("a"))
        self.kept: dict[str, TalkgroupDefinition] = {}
        self.regrouping = Regrouping(
            self.exchange,
            self.talkgroups,
            self.group_calls,
            taken=lambda number: number in self.router.plan.numbers,
            keep=lambda definition: self.kept.update({definition.number: definition}),
            forget=lambda number: self.kept.pop(number, None) and None,
            free=("89001", "89002"),
        )

    def _welcome(self, port: Port) -> Cause | None:
        self.engine.play(cast(FakePort, port), np.zeros(8, np.int16))
        return None

    @property
    def rooms(self) -> list[FakeRoom]:
        return cast(RoomEngine, self.engine).rooms

    @property
    def room(self) -> FakeRoom:
        """The only room in use."""
        assert len(self.rooms) == 1, f"one room is in use, not {len(self.rooms)}"
        return self.rooms[0]

    def floor_events(self) -> list[str]:
        """What was told of floors, without the first time they are idle: type and party."""
        kinds = [event for event in self.events if event.type.startswith("floor.")]
        return [f"{event.type[6:]} {getattr(event, 'party', '')}".strip() for event in kinds][1:]

    def check_empty(self) -> None:
        """See World."""
        super().check_empty()
        assert not self.rooms, "a room is left open"
        assert not self.conferences._rooms and not self.conferences._doors and not self.conferences._seats
        assert not self.talkgroups._groups and not self.talkgroups._seats


def press(call: PhoneCall, key: str) -> None:
    """One key by SIP INFO; the test fails unless it is taken."""
    call.request("INFO", body=f"Signal={key}\r\nDuration=160\r\n".encode(), content_type="application/dtmf-relay")
    assert call.responses[-1].status == 200


def hosts(*phones: Phone) -> list[str]:
    """Their addresses."""
    return [phone.host for phone in phones]
