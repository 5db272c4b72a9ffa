"""Recordings on a clock of the test, of calls and rooms that are no more than what recordings look at."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from softswitch.calls.leg import Party
from softswitch.calls.talkgroups.definition import TalkgroupDefinition
from softswitch.events import CallAnswered, CallRecorded, EventBus, FloorGranted, FloorIdle, GroupJoined
from softswitch.media import PCMA, StreamFormat
from softswitch.media.layouts.tap import TAP_RECEIVED
from softswitch.recordings.policy import Policy
from softswitch.recordings.service import Recordings


class House:
    """`asked` is what the recorder was asked, `beeps` the ports that were played something."""

    def __init__(self, policy: Policy) -> None:
        self.now = 100.0
        self._slots = itertools.count()
        self.asked: list[dict[str, Any]] = []
        self.beeps: list[Any] = []
        self.cameras: dict[str, Any] = {}  # ports of pictures, by number
        self.calls: dict[str, Any] = {}
        self.definitions: dict[str, TalkgroupDefinition] = {}
        self.bursts: list[dict[str, Any]] = []
        self.bus = EventBus(self.wall)
        exchange = SimpleNamespace(
            bus=self.bus,
            calls=self.calls,
            now=lambda: self.now,
            wall=self.wall,
            talkgroups=SimpleNamespace(book=SimpleNamespace(definitions=self.definitions)),
            media=SimpleNamespace(picture_port=lambda leg: self.cameras.get(leg.party.number)),
            timers=SimpleNamespace(schedule=lambda at, action: setattr(self, "_look", action)),
        )
        engine = SimpleNamespace(
            tap=lambda port, *, received, sent: None,
            adopt=lambda: (),
            play=lambda port, samples: self.beeps.append(port),
        )
        index = SimpleNamespace(
            directory=Path("/nowhere"),
            begin=lambda scene, running: None,
            burst=self.bursts.append,
            keep_house=lambda now: None,
        )
        ids = iter(f"r{number}" for number in range(1, 1000))
        self.recordings = Recordings(
            cast(Any, exchange), cast(Any, engine), cast(Any, index), self.ask, lambda: next(ids), policy
        )
        self.recordings.follow(self.bus)
        self.recordings.start()

    def wall(self) -> float:
        """Seconds since the epoch."""
        return 1_780_000_000.0 + self.now

    def ask(self, request: Any) -> None:
        """What the recorder would be asked."""
        self.asked.append(dict(request))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(round(seconds * 2)):
            self.now += 0.5
            self._look(self.now)

    def call(self, caller: str, callee: str, *, inbound: str = "", outbound: str = "") -> str:
        """A call is answered; `inbound` and `outbound` are trunks."""
        legs = [self._leg(caller, inbound), self._leg(callee, outbound)]
        number = f"c{len(self.calls)}"
        record = SimpleNamespace(caller=caller, callee=callee, recording_ids=[])
        self.calls[number] = SimpleNamespace(
            id=number, caller=legs[0], callee=legs[1], record=record, port_of=lambda leg: leg.port
        )
        self.bus.tell(CallAnswered, number, record)
        return number

    def hang_up(self, call: str) -> None:
        """A call is over."""
        self.bus.tell(CallRecorded, call, self.calls.pop(call).record)

    def join(self, group: str, *numbers: str) -> None:
        """Telephones call a talkgroup."""
        for number in numbers:
            leg = self._leg(number, "")
            self.calls[f"in {leg.id}"] = SimpleNamespace(caller=leg, callee=None, port_of=lambda leg: leg.port)
            self.bus.tell(GroupJoined, group, f"in {leg.id}", leg.id, number, 1)

    def grant(self, group: str, party: str) -> None:
        """A member may talk."""
        self.bus.tell(FloorGranted, group, f"in leg-{party}", f"leg-{party}", party, 60, 4, "normal", 0.0, "")

    def idle(self, group: str) -> None:
        """Nobody talks any more."""
        self.bus.tell(FloorIdle, group)

    @property
    def running(self) -> list[str]:
        """What is recorded now: the numbers of callers and rooms."""
        return [row["caller"] or row["room"] for row in self.recordings.describe()]

    def camera(self, number: str) -> tuple[int, int, int]:
        """A telephone has a camera from now on; the key of its source."""
        pictures = SimpleNamespace(receivable=(StreamFormat(96, "H264", 90000),), sendable=())
        slot = next(self._slots)
        self.cameras[number] = SimpleNamespace(slot=slot, generation=1, closed=False, settings=pictures)
        return slot, 1, TAP_RECEIVED

    def _leg(self, number: str, trunk: str) -> Any:
        settings = SimpleNamespace(receivable=(PCMA,), sendable=(PCMA,))
        port = SimpleNamespace(
            slot=next(self._slots), generation=1, closed=False, settings=settings, playback=None, party=number
        )
        return SimpleNamespace(id=f"leg-{number}", party=Party(number), trunk=trunk, port=port)
