"""Push-to-talk clients on real sockets: who hears whom, floor control on the wire, and what is lost on the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateways.poc import tones
from gateways.poc.demonstration import demonstrate
from gateways.poc.recognition import System
from gateways.poc.simulator import Shim, Simulated, Simulator
from softswitch.floor.participant_events import ParticipantSettings
from tests.interop.rawsip import RawPhone, RtpParty, media_address
from tests.interop.sipp_runner import Sipp
from tests.interop.switch import REALM, Plan, Switch, password_of, running_switch
from tests.interop.test_rooms import Party

GROUPS = """
[[talkgroup]]
number = "8001"
[[talkgroup]]
number = "8002"
talk_s = 2
[[talkgroup]]
number = "8003"
members = ["1001"]
[[subscriber]]
number = "1029"  # never registers
password = "nobody-knows-it"
"""
PATIENCE_S = 40
NUMBERS = [str(number) for number in range(1001, 1020)]


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A switch with talkgroups."""
    with running_switch(Plan(extra=GROUPS, workers=2), tmp_path_factory.mktemp("poc")) as running:
        yield running
        assert not running.faults(), f"faults in the log:\n{running.log_tail()}"


def simulator(switch: Switch, **options: object) -> Simulator:
    """Clients of the switch."""
    return Simulator(("127.0.0.1", switch.plan.sip), REALM, password_of, **options)  # type: ignore[arg-type]


async def in_group(simulated: Simulator, members: list[Simulated], group: str = "8001") -> None:
    """Registered members in a group."""
    await simulated.register(members)
    await simulated.join(members, group)


async def leave(simulated: Simulator) -> None:
    """Everybody hangs up."""
    for member in simulated.members.values():
        simulated.do(member.client.hang_up)
    gone = await simulated.until(lambda: all(m.client.session is None for m in simulated.members.values()), PATIENCE_S)
    assert gone, "somebody could not leave"


def heard_by(members: list[Simulated], talker: Simulated) -> dict[str, int]:
    """How many packets of a talker each of the others has heard."""
    return {m.number: m.heard[talker.index % tones.TONES] for m in members if m is not talker}


async def test_each_listener_hears_the_talker_and_nobody_else(switch: Switch) -> None:
    async with simulator(switch) as simulated:
        members = simulated.add(NUMBERS[:18]) + simulated.add(NUMBERS[18:], System.POC)
        await in_group(simulated, members)
        for talker in (members[0], members[7], members[18]):
            simulated.press(talker)
            assert await simulated.until(lambda: talker.client.participant.transmitting, PATIENCE_S), "nobody talks"  # noqa: B023
            assert simulated.transmitting == [talker.number]
            for packets in (1, 20):  # behind the first nothing of the talker before is under way any more
                for member in members:
                    member.heard.clear()
                all_hear = lambda: min(heard_by(members, talker).values()) >= packets  # noqa: B023, E731
                heard = await simulated.until(all_hear, PATIENCE_S)
                assert heard, f"{talker.number} is not heard by all: {heard_by(members, talker)}"
            simulated.let_go(talker)
            assert await simulated.until(lambda: not simulated.transmitting, PATIENCE_S)
            others = {m.number: dict(m.heard) for m in members if set(m.heard) - {talker.index}}
            assert not others, f"somebody else than {talker.number} was heard: {others}"
        assert members[0].client.malformed == 0 and not simulated.counters["strange_audio"]
        await leave(simulated)


async def test_two_who_press_at_once_talk_one_after_the_other(switch: Switch) -> None:
    async with simulator(switch) as simulated:
        members = simulated.add(NUMBERS[:4])
        await in_group(simulated, members)
        simulated.press(members[0])
        simulated.press(members[1])
        assert await simulated.until(lambda: len(simulated.transmitting) == 1, PATIENCE_S)
        first = simulated.members[simulated.transmitting[0]]
        second = members[1] if first is members[0] else members[0]
        simulated.let_go(first)
        assert await simulated.until(lambda: simulated.transmitting == [second.number], PATIENCE_S), "it is next"
        simulated.let_go(second)
        assert await simulated.until(lambda: not simulated.transmitting, PATIENCE_S)
        await leave(simulated)


async def test_a_late_entrant_hears_the_present_talker_at_once(switch: Switch) -> None:
    async with simulator(switch) as simulated:
        members = simulated.add(NUMBERS[:4])
        await simulated.register(members)
        await simulated.join(members[:3], "8001")
        simulated.press(members[0])
        assert await simulated.until(lambda: members[1].heard[members[0].index] > 5, PATIENCE_S)
        late = members[3]
        await simulated.join([late], "8001")
        assert await simulated.until(lambda: late.heard[members[0].index] > 0, PATIENCE_S), "it hears nothing"
        talker = (f"sip:1001@{switch.plan.address}",)
        assert await simulated.until(lambda: late.client.participant.talkers == talker, PATIENCE_S), "it knows nobody"
        await leave(simulated)


async def test_with_lost_and_doubled_floor_control_nobody_is_stuck(switch: Switch) -> None:
    """20 % of the floor messages are lost and 10 % come twice, in both encodings: one talker at any time, an answer for
    every request.
    """
    shim = Shim(drop=0.2, duplicate=0.1, seed=20)
    quick = ParticipantSettings(t100=0.3, c100=8, t101=0.3, c101=8, t104=0.3, c104=8, queue_poll=0.5)
    async with simulator(switch, participant=quick, shim=shim) as simulated:
        members = simulated.add(NUMBERS[:6]) + simulated.add(NUMBERS[6:12], System.POC)
        await in_group(simulated, members)
        for turn in range(24):
            chosen = [members[turn % 12], members[(turn * 5 + 1) % 12]]
            asked = {member.number: len(member.events) for member in chosen}
            for member in chosen:
                simulated.press(member)
            assert await simulated.until(lambda: bool(simulated.transmitting), PATIENCE_S), f"turn {turn}: nobody talks"
            for number in simulated.transmitting:
                simulated.let_go(simulated.members[number])
            answered = await simulated.until(
                lambda: all(len(m.events) > asked[m.number] for m in chosen),  # noqa: B023
                PATIENCE_S,
            )
            assert answered, f"turn {turn}: somebody was told nothing of the request"
            for member in chosen:
                simulated.let_go(member)
            idle = await simulated.until(
                lambda: all(m.client.participant.state.name == "NO_PERMISSION" for m in members), PATIENCE_S
            )
            states = {m.number: m.client.participant.state.name for m in members}
            assert idle, f"turn {turn}: somebody is stuck: {states}"
        assert simulated.most_at_once == 1, f"{simulated.most_at_once} talked at once"
        assert shim.dropped > 30 and shim.doubled > 15, f"{shim}: the shim did not do its work"
        await leave(simulated)


async def test_the_demonstration_talks_by_turns(switch: Switch) -> None:
    """The clients of `softswitch demo` join their group and somebody listening there hears two of them."""
    server = ("127.0.0.1", switch.plan.sip)
    shown = asyncio.create_task(demonstrate(server, REALM, password_of, NUMBERS[4:9], "8002"))
    async with simulator(switch) as simulated:
        (listener,) = simulated.add(["1001"])
        await in_group(simulated, [listener], "8002")
        heard = await simulated.until(lambda: len(listener.heard) >= 2, PATIENCE_S)
        assert heard, f"heard only {dict(listener.heard)}"
        await leave(simulated)
    shown.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await shown


@pytest.mark.needs("sipp")
@pytest.mark.parametrize(
    "scenario",
    [
        "uac_mcptt_chat",
        "uac_mcptt_rejected_400",
        "uac_mcptt_rejected_403_116",
        "uac_mcptt_rejected_403_145",
        "uac_mcptt_rejected_404_113",
        "uac_mcptt_rejected_480",
        "uac_mcptt_rejected_488",
    ],
)
def test_refusals_as_the_standard_names_them(scenario: str, switch: Switch, tmp_path: Path) -> None:
    target = f"{switch.plan.address}:{switch.plan.trunk}"
    Sipp(scenario, tmp_path, "-key", "user", "1002", target).wait()


async def test_telephones_clients_and_a_dispatcher_share_a_group(switch: Switch) -> None:
    """Two telephones with keys, clients of both systems and an operator over the API: each talker is heard by all."""
    async with simulator(switch) as simulated:
        members = simulated.add(NUMBERS[:16]) + simulated.add(NUMBERS[16:17], System.POC)
        await in_group(simulated, members)
        with contextlib.ExitStack() as stack:
            phone = stack.enter_context(RawPhone(("127.0.0.1", switch.plan.sip), "1018", password_of("1018")))
            rtp = stack.enter_context(RtpParty(phone.rtp_port, 8))
            answer = await asyncio.to_thread(phone.invite, "8001", "8")
            assert answer.status == 200, answer.start
            rtp.send(tones.payload_of(17) * 1500, media_address(answer.body))
            party = Party(phone, rtp)
            await asyncio.to_thread(party.press, "*")
            assert await simulated.until(lambda: all(m.heard[17] > 5 for m in members), PATIENCE_S), "it is not heard"
            told = await simulated.until(lambda: members[0].client.participant.talkers == ("tel:1018",), PATIENCE_S)
            assert told, f"a telephone talks, clients are told {members[0].client.participant.talkers}"
            await asyncio.to_thread(party.press, "#")
            simulated.press(members[16])
            assert await simulated.until(lambda: simulated.transmitting == ["1017"], PATIENCE_S), "the PoC client waits"
            before = len(rtp.packets)
            assert await simulated.until(lambda: len(rtp.packets) > before + 10, PATIENCE_S), "it hears nothing"
            assert all(packet[12:] == tones.payload_of(16) for packet in rtp.packets[before + 2 :]), "somebody else"
            inside = {row["party"]: row["leg_id"] for row in switch.get("/groups/8001")["participants"]}
            status, _ = switch.http("POST", "/groups/8001/floor/revoke", {"leg_id": inside["1017"]})
            assert status < 300, f"the dispatcher's revoke is answered {status}"
            assert await simulated.until(lambda: not simulated.transmitting, PATIENCE_S), "the talker was not stopped"
            await asyncio.to_thread(phone.bye)
        await leave(simulated)
