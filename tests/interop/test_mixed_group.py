"""The issue's mixed group: four systems and a dispatcher share one floor, and each listener hears the right talker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from softswitch.floor import Tier
from tests.interop.mixed_group import GROUP, KEYS, PATIENCE_S, POC, VOICE, MixedGroup, mixed_group, silence, sound
from tests.interop.namespace import Namespace
from tests.interop.switch import Plan, Switch, password_of, running_switch

pytestmark = pytest.mark.needs("baresip", "namespace")

MORE = "".join(
    f'[[subscriber]]\nnumber = "{number}"\npassword = "{password_of(str(number))}"\n' for number in range(1020, 1024)
)


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    """A network of its own: baresip does not use loopback."""
    with Namespace() as made:
        yield made


@pytest.fixture(scope="module")
def switch(namespace: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A switch on this machine's side of that network."""
    plan = Plan(address=namespace.near, ipv6=False, extra=MORE, workers=2)
    with running_switch(plan, tmp_path_factory.mktemp("switch")) as running:
        yield running


async def test_four_systems_share_one_floor(switch: Switch, namespace: Namespace, tmp_path: Path) -> None:
    async with mixed_group(switch, namespace, tmp_path) as group:
        await group.everyone_hears("")
        await _collisions_and_queue(group)
        await _late_entry(group)
        await _dispatcher_and_emergency(group)
        await _leaving_in_the_middle(group)
        await _voice_as_key(group, tmp_path)
        simulated = group.simulated
        assert simulated.most_at_once == 1, "two clients thought that they had the floor"
        assert all(m.client.malformed == 0 for m in group.clients)
        assert switch.http("DELETE", f"/groups/{GROUP}/calls")[0] == 204
        for phone in group.phones.values():
            await asyncio.to_thread(phone.wait_event, "CALL_CLOSED")
        gone = await simulated.until(lambda: all(m.client.session is None for m in group.clients), PATIENCE_S)
        assert gone, "the end of the call was not told to every client"
        await _ambience(group, tmp_path)
    await asyncio.to_thread(switch.wait_idle)


async def _collisions_and_queue(group: MixedGroup) -> None:
    """A client talks; those who press meanwhile, two at once and a telephone by its key, wait and come in turn."""
    first, second, poc = group.clients[0], group.clients[1], group.clients[-1]
    group.simulated.press(first)
    await group.talks(first.number)
    group.simulated.press(second)
    await group.waits(second.number)
    group.simulated.press(poc)
    group.phones[KEYS].command("sndcode", "*")
    await group.waits(poc.number)
    await group.waits(KEYS)
    await group.everyone_hears(first.number)
    group.simulated.let_go(first)
    await group.talks(second.number)
    await group.everyone_hears(second.number)


async def _late_entry(group: MixedGroup) -> None:
    """Who comes late hears the present talker."""
    second, late = group.clients[1], group.clients[19]
    await group.simulated.join([late], GROUP)
    joined = asyncio.get_running_loop().time()
    heard = await group.simulated.until(lambda: late.heard[second.index] > 0, PATIENCE_S)
    assert heard, "the late entrant hears nothing"
    print(f"late entry: {(late.first_heard_at - joined) * 1000:.0f} ms after the answer")
    await group.everyone_hears(second.number)


async def _dispatcher_and_emergency(group: MixedGroup) -> None:
    """The dispatcher gives the floor to a telephone; an emergency takes it from there; then the queue goes on."""
    simulated, second, third = group.simulated, group.clients[1], group.clients[2]
    group.floor("force", KEYS)
    await group.talks(KEYS)
    stopped = await simulated.until(lambda: not simulated.transmitting, PATIENCE_S)
    assert stopped, "the client that talked was not stopped"
    await group.everyone_hears(KEYS)
    simulated.let_go(second)
    simulated.press(third, Tier.EMERGENCY)
    await group.talks(third.number)
    await group.everyone_hears(third.number)
    simulated.let_go(third)
    await group.talks(POC, KEYS)
    group.phones[KEYS].command("sndcode", "#")
    await group.talks(POC)
    await group.everyone_hears(POC)


async def _leaving_in_the_middle(group: MixedGroup) -> None:
    """The talker leaves in the middle of its burst, and the floor is free."""
    group.simulated.do(group.clients[-1].client.hang_up)
    await group.talks("")
    await group.everyone_hears("")


async def _voice_as_key(group: MixedGroup, folder: Path) -> None:
    """A telephone that is asked nothing takes the floor by speaking, and gives it back by falling silent."""
    phone = group.phones[VOICE]
    phone.says(sound(folder, VOICE))
    await group.talks(VOICE)
    await group.everyone_hears(VOICE)
    phone.says(silence(folder))
    await group.talks("")


async def _ambience(group: MixedGroup, folder: Path) -> None:
    """The dispatcher's telephone hears the surroundings of an MCPTT client, and then those of another telephone."""
    client = group.clients[0]
    group.phones[VOICE].says(sound(folder, VOICE))
    for party in (client.number, VOICE):
        client.heard.clear()
        mark = group.mark()
        status, row = group.switch.http("POST", "/voice/ambience", {"party": party, "listener": KEYS})
        assert status == 201, f"listening to {party} was answered {status} {row}"
        await group.telephone_hears(KEYS, party)
        assert not client.heard and group.silent(VOICE, mark), "the terminal hears something"
        (running,) = group.switch.rows("/voice/ambience")
        assert running["state"] == "heard" and running["ambience_id"] == row["ambience_id"]
        assert group.switch.http("DELETE", f"/voice/ambience/{row['ambience_id']}")[0] == 204
        await asyncio.to_thread(group.switch.wait_idle)
    status, problem = group.switch.http("POST", "/voice/ambience", {"party": POC, "listener": KEYS})
    assert (status, problem["type"].rpartition(":")[2]) == (409, "not-supported"), (
        f"OMA PoC has no such service: {problem}"
    )
