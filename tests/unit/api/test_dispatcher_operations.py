"""What dispatchers do to talkgroups and calls: each is kept from viewers, stands in the audit, and is an event.

The table names every changing operation of these components; one that is added and does not stand here fails. Real
desks carry the orders out on calls of telephones in memory, behind the real HTTP server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import aiohttp
import pytest

from softswitch.api.operations import PREFIX
from softswitch.api.server import ApiServer, every_operation
from softswitch.api.services import ApiServices, AuditNote
from softswitch.app import Application
from softswitch.calls.talkgroups.definition import TalkgroupDefinition, plain_members
from softswitch.control.ambience import AmbienceDesk
from softswitch.control.calls import CallControl
from softswitch.control.groups import GroupDesk
from softswitch.events import Event
from tests.unit.api.conftest import TOKENS, as_role, quiet_services
from tests.unit.api.everything import everything
from tests.unit.calls.phone import PhoneCall
from tests.unit.calls.room_engine import RoomWorld


class Case(NamedTuple):
    """A request, and the event that tells of it: its type and `operation`, "" where the event has none."""

    body: dict[str, Any]
    event: str = "group.dispatcher_acted"
    operation: str = ""


#: `{leg}` is the leg of 1001, who talks in group 8001; `{call}` a call of 1003 and 1004.
CASES = {
    "POST /groups": Case({"number": "8500"}, "group.changed"),
    "PATCH /groups/{id}/definition": Case({"talk_s": 20}, "group.changed"),
    "POST /groups/regroup": Case({"members": ["1005"]}, "group.regrouped"),
    "POST /groups/patch": Case({"groups": ["8001"]}, "group.patched"),
    "DELETE /groups/{id}": Case({}, "group.changed"),
    "PUT /groups/scan_lists/{number}": Case({"groups": ["8001"]}, operation="scan_list"),
    "POST /groups/{id}/calls": Case({}, operation="call"),
    "DELETE /groups/{id}/calls": Case({}, operation="end_call"),
    "POST /groups/{id}/invite": Case({"members": ["1005"]}, operation="invite"),
    "POST /groups/{id}/roll_call": Case({"members": ["1005"]}, operation="roll_call"),
    "POST /groups/{id}/insert": Case({"party": "1005"}, operation="insert"),
    "POST /groups/{id}/listen": Case({"party": "1005"}, operation="listen"),
    "POST /groups/{id}/release": Case({"leg_id": "{leg}"}, operation="release"),
    "POST /groups/{id}/mute": Case({"leg_id": "{leg}"}, operation="mute"),
    **{
        f"POST /groups/{{id}}/floor/{wish}": Case({"leg_id": "{leg}"}, operation=f"{wish}_floor")
        for wish in ("request", "release", "revoke", "force")
    },
    "POST /voice/ambience": Case({"party": "1005", "listener": "1009"}, operation="ambience"),
    "DELETE /voice/ambience/{id}": Case({}, operation="end_ambience"),
    "POST /voice/calls/{id}/insert": Case({"party": "1009"}, operation="insert"),
    "POST /voice/calls/{id}/listen": Case({"party": "1009"}, operation="listen"),
    "POST /voice/calls/{id}/whisper": Case({"party": "1009", "to": "1003"}, operation="whisper"),
    "POST /voice/calls/{id}/force_release": Case({}, operation="force_release"),
}
#: Recordings have events of their own (`recording.started`, …).
ELSEWHERE = {"POST /groups/{id}/record"}
#: What takes a dispatcher's right among the orders to calls; the others are told by the call's own events.
SUPERVISION = frozenset({"insert", "listen", "whisper", "force_release"})


class Desk:
    """A switch in memory with a talkgroup in which 1001 talks and a call of two, as the API commands it."""

    def __init__(self) -> None:
        groups = (TalkgroupDefinition("8001", members=plain_members(["1001", "1002"])), TalkgroupDefinition("8400"))
        self.world = RoomWorld(talkgroup=groups[0], talkgroups=groups[1:])
        self.events: list[Event] = []
        self.notes: list[AuditNote] = []
        self.leg, self.call = self._talk_in_group(), self._call_of_two()
        self.world.bus.subscribe(self.events.append)

    def _talk_in_group(self) -> str:
        one, two = self.world.phones("1001", "1002")
        for phone in (one, two):
            phone.call("8001")
        self.world.settle()
        group = self.world.talkgroups.in_use("8001")
        assert group is not None
        leg = next(leg for leg, seat in group.seats.items() if seat.number == "1001")
        group.arbiter.request(leg, self.world.now)
        group._settle()
        return leg

    def _call_of_two(self) -> str:
        three, four, *_ = self.world.phones("1003", "1004", "1005", "1009")
        four.on_call = PhoneCall.answer
        three.call("1004")
        self.world.settle()
        return next(call.id for call in self.world.exchange.calls.values() if call.record.callee == "1004")

    def services(self) -> ApiServices:
        """What the API is given."""
        world = self.world
        names = ("talkgroups", "group_calls", "roll_calls", "regrouping", "inviter", "supervision", "ambience")
        store = SimpleNamespace(write=lambda work: None, flush=lambda patience: None)
        nothing = SimpleNamespace(of_call=lambda call: [], state=lambda call: None)
        app = SimpleNamespace(
            **{name: getattr(world, name) for name in names},
            bus=world.bus,
            exchange=world.exchange,
            router=world.router,
            directory=world.directory,
            registrar=world.registrar,
            now=lambda: world.now,
            ids=SimpleNamespace(next=lambda: world.new_id("x")),
            driver=SimpleNamespace(call=self._carry_out),
            store=store,
            recordings=nothing,
            playbacks=nothing,
            settings=SimpleNamespace(service=[]),
        )
        made, real = quiet_services(), cast(Application, app)
        desk, calls = GroupDesk(real), CallControl(real)
        made.group_desk, made.floor, made.ambience = desk.services, desk.floor, AmbienceDesk(real).services
        made.groups, made.call, made.calls, made.call_commands = (
            world.talkgroups.describe, calls.row, calls.rows, calls.commands
        )  # fmt: skip
        made.record_audit = self.notes.append
        return made

    def _carry_out(self, work: Callable[[float], Any]) -> Any:
        try:
            return work(self.world.now)
        finally:
            self.world.settle()


@pytest.fixture
async def desk() -> AsyncIterator[tuple[Desk, aiohttp.ClientSession]]:
    """The switch, and a session with its API."""
    made = Desk()
    server = ApiServer(made.services())
    host, port = await server.start("127.0.0.1", 0)
    async with aiohttp.ClientSession(f"http://{host}:{port}", timeout=aiohttp.ClientTimeout(20)) as session:
        yield made, session
    await server.close()


def test_every_operation_on_groups_and_supervision_stands_in_the_table() -> None:
    operations = [each for each in every_operation(everything()) if each.changes]
    mine = {
        f"{each.method} {each.path}"
        for each in operations
        if each.component == "group"
        or each.path.startswith("/voice/ambience")
        or (each.path.startswith("/voice/calls/") and each.path.rpartition("/")[2] in SUPERVISION)
    }
    assert mine - ELSEWHERE == set(CASES), "an operation is missing here, or is no more"


@pytest.mark.parametrize("name", CASES)
async def test_an_operation_is_kept_from_viewers_audited_and_an_event(
    desk: tuple[Desk, aiohttp.ClientSession], name: str
) -> None:
    made, session = desk
    case = CASES[name]
    method, _, path = name.partition(" ")
    subject = await _subject(made, session, name)
    url = PREFIX + path.replace("{id}", subject).replace("{number}", "1005")
    body = {key: made.leg if value == "{leg}" else value for key, value in case.body.items()}
    made.events.clear()
    async with session.request(method, url, json=body, headers=as_role("viewer")) as refused:
        assert refused.status == 403, f"{name} as a viewer: {refused.status}"
    assert not made.events, "nothing has happened"
    async with session.request(method, url, json=body, headers=as_role("admin")) as answer:
        assert answer.status < 300, f"{name} answered {answer.status} {await answer.text()}"
    assert [(note.actor, note.action, note.status // 100) for note in made.notes[-2:]] == [
        ("viewer", name, 4),
        ("admin", name, 2),
    ]
    told = [event for event in made.events if event.type == case.event]
    operations = [getattr(event, "operation", "") for event in told]
    assert told and (not case.operation or case.operation in operations), f"{name} is no event: {made.events}"
    assert {getattr(event, "by", "admin") for event in told} == {TOKENS[2].name}, "the event says who did it"


async def _subject(made: Desk, session: aiohttp.ClientSession, name: str) -> str:
    """What the path is about."""
    if "/voice/calls/" in name:
        return made.call
    if name.startswith("DELETE /voice/ambience"):
        order = {"party": "1005", "listener": "1009"}
        async with session.post(f"{PREFIX}/voice/ambience", json=order, headers=as_role("dispatcher")) as answer:
            return str((await answer.json())["ambience_id"])
    if name in ("DELETE /groups/{id}", "PATCH /groups/{id}/definition"):
        async with session.post(f"{PREFIX}/groups", json={"number": "8600"}, headers=as_role("admin")) as answer:
            assert answer.status == 201
        return "8600"
    return "8001"
