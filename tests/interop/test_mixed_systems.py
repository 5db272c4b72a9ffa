"""One talkgroup, four systems: telephones by keys and by voice, MCPTT and PoC clients, a dispatcher at the API.

Every talker has a tone of its own. After each step it is known of every member whose tone it hears, and that it hears
nobody else's.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gateways.poc import tones
from gateways.poc.recognition import System
from gateways.poc.simulator import Simulated, Simulator
from tests.interop import audio
from tests.interop.baresip import Baresip
from tests.interop.namespace import Namespace
from tests.interop.switch import REALM, Plan, Switch, password_of, running_switch, wait_until
from tests.interop.wiretap import WireTap

pytestmark = pytest.mark.needs("baresip", "namespace")

GROUP = "8100"
KEYS, VOICE = "1001", "1002"
MCPTT = [str(number) for number in range(1003, 1023)]
POC = "1023"
#: Tones that no client has: a client's is 400 Hz and 50 Hz more for each.
PHONE_HZ = {KEYS: 2900.0, VOICE: 3200.0}
PORTS = {KEYS: 5600, VOICE: 7600}
SILENT_S, SPEAKS_S = 25.0, 4.0
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
    plan = Plan(address=namespace.near, ipv6=False, extra=MORE)
    with running_switch(plan, tmp_path_factory.mktemp("switch")) as running:
        yield running
        assert not running.faults(), f"faults in the log:\n{running.log_tail()}"


def sound(folder: Path, number: str) -> Path:
    """A telephone's tone: that of 1001 all the time, that of 1002 in syllables for a while, as its voice is its key."""
    time_s = np.arange(int(60 * audio.RATE)) / audio.RATE
    samples = 8000 * np.sin(2 * np.pi * PHONE_HZ[number] * time_s)
    if number == VOICE:
        syllables = (np.sin(2 * np.pi * 3 * time_s) > -0.3) & (time_s > SILENT_S) & (time_s < SILENT_S + SPEAKS_S)
        samples = samples * syllables
    path = folder / f"{number}.wav"
    audio.write_wav(path, samples)
    return path


class Scene:
    """Everybody in the group, and what each of them hears."""

    def __init__(self, switch: Switch, namespace: Namespace, tap: WireTap, simulated: Simulator) -> None:
        self.switch, self._namespace, self._tap, self.simulated = switch, namespace, tap, simulated
        self.clients: list[Simulated] = []

    # -- the dispatcher

    @property
    def row(self) -> dict[str, Any]:
        found: dict[str, Any] = self.switch.get(f"/groups/{GROUP}")
        return found

    def floor(self, wish: str, number: str, **more: object) -> None:
        leg = next(each["leg_id"] for each in self.row["participants"] if each["party"] == number)
        status, answer = self.switch.http("POST", f"/groups/{GROUP}/floor/{wish}", {"leg_id": leg, **more})
        assert status == 202, f"{wish} for {number} was answered {status} {answer}"

    async def talks(self, number: str, seconds: float = 5) -> None:
        """Wait until `number` has the floor, "" for nobody."""
        await asyncio.to_thread(
            wait_until, lambda: self.row["talker"] == number, seconds, f"{number or 'nobody'} talks"
        )

    # -- everybody's ears

    async def everyone_hears(self, talker: str, *, seconds: float = 0.8) -> None:
        """For a while every other member hears `talker` and nobody else; "" for silence."""
        await asyncio.sleep(0.4)  # what was on its way of the talker before has arrived
        for member in self.clients:
            member.heard.clear()
        strange, mark = self.simulated.counters["strange_audio"], self._tap.mark()
        await asyncio.sleep(seconds)
        heard = {m.number: dict(m.heard) for m in self.clients if m.number != talker and m.client.session is not None}
        index = next((m.index for m in self.clients if m.number == talker), None)
        if index is not None:
            wrong = {number: what for number, what in heard.items() if set(what) != {index} or what[index] < 25}
            assert not wrong, f"only {talker} (tone {index}) is to be heard, but: {wrong}"
            assert self.simulated.counters["strange_audio"] == strange, "a sound that no client makes"
        else:
            assert not any(heard.values()), f"no client talks, but {heard} was heard"
        if talker in PHONE_HZ:
            arrived = self.simulated.counters["strange_audio"] - strange
            assert arrived >= 25 * len(heard), f"{arrived} packets of {talker} came to {len(heard)} clients"
        expected = PHONE_HZ.get(talker, 0.0) if index is None else float(tones.hz_of(index))
        for number in PORTS:
            if number != talker:
                self._telephone_hears(number, expected, mark)

    def _telephone_hears(self, number: str, expected: float, mark: dict[tuple[str, int], int]) -> None:
        samples = self._tap.heard(self._namespace.far, PORTS[number] + 1000, PORTS[number] + 1100, since=mark)
        silent = len(samples) < 1600 or audio.level_dbm0(samples) < -40
        if not expected:
            assert silent, f"telephone {number} hears something"
            return
        assert not silent, f"telephone {number} hears nothing, expected {expected} Hz"
        found = audio.frequency_hz(samples)
        assert abs(found - expected) < 8, f"telephone {number} hears {found:.0f} Hz, expected {expected}"


@contextlib.asynccontextmanager
async def scene(switch: Switch, namespace: Namespace, folder: Path) -> AsyncIterator[tuple[Scene, dict[str, Baresip]]]:
    """Both telephones, nineteen MCPTT clients (the twentieth comes late) and the PoC client are in the group."""
    target = (switch.plan.address, switch.plan.sip)
    rules = {"number": GROUP, "members": [*PORTS, *MCPTT, POC], "attributes": {VOICE: {"floor_by": "voice"}}}
    assert switch.http("POST", "/groups", rules)[0] == 201
    with contextlib.ExitStack() as stack:
        tap = stack.enter_context(WireTap(namespace.outside))
        phones = {
            number: stack.enter_context(
                Baresip(
                    namespace,
                    folder / number,
                    number=number,
                    password=password_of(number),
                    switch=target,
                    speech=sound(folder, number),
                    port=PORTS[number],
                )
            )
            for number in PORTS
        }
        for phone in phones.values():
            phone.wait_registered()
        async with Simulator(target, REALM, password_of, host=namespace.near) as simulated:
            here = Scene(switch, namespace, tap, simulated)
            here.clients = simulated.add(MCPTT) + simulated.add([POC], System.POC)
            await simulated.register(here.clients)
            await simulated.join([m for m in here.clients if m.number != MCPTT[-1]], GROUP)
            for phone in phones.values():
                phone.dial(GROUP)
            await asyncio.to_thread(
                wait_until, lambda: len(here.row["participants"]) == 22, 15, "two telephones and twenty clients"
            )
            yield here, phones


async def test_four_systems_share_one_floor(switch: Switch, namespace: Namespace, tmp_path: Path) -> None:
    began = time.monotonic()
    async with scene(switch, namespace, tmp_path) as (here, phones):
        simulated = here.simulated
        first, second, third = here.clients[0], here.clients[1], here.clients[2]
        poc, late = here.clients[-1], here.clients[19]
        await here.everyone_hears("")

        # A client talks; two that press meanwhile, at once, wait and are next in turn.
        simulated.press(first)
        await here.talks(first.number)
        simulated.press(second)
        simulated.press(poc)
        await here.everyone_hears(first.number)
        simulated.let_go(first)
        await here.talks(second.number)
        await here.everyone_hears(second.number)

        # Who comes late hears the present talker within 150 ms of being in.
        late.heard.clear()
        await simulated.join([late], GROUP)
        joined = asyncio.get_running_loop().time()
        assert await simulated.until(lambda: late.heard[second.index] > 0, 2), "the late entrant hears nothing"
        print(f"late entry: {(late.first_heard_at - joined) * 1000:.0f} ms after the answer")
        await here.everyone_hears(second.number)

        # The dispatcher gives the floor to a telephone; the talker is stopped, the waiting PoC client goes on waiting.
        here.floor("force", KEYS)
        await here.talks(KEYS)
        assert await simulated.until(lambda: not simulated.transmitting, 3), "the client that talked was not stopped"
        await here.everyone_hears(KEYS)
        simulated.let_go(second)

        # An emergency comes before everybody.
        here.floor("request", third.number, tier="emergency")
        await here.talks(third.number)
        here.floor("release", third.number)

        # What had waited all the while is next: the PoC client, or the telephone that was put aside for the emergency.
        await asyncio.to_thread(wait_until, lambda: here.row["talker"] in (POC, KEYS), 5, "somebody who waited talks")
        phones[KEYS].command("sndcode", "#")
        await here.talks(POC)
        await here.everyone_hears(POC)

        # The talker leaves in the middle of its burst, and the floor is free.
        simulated.do(poc.client.hang_up)
        await here.talks("")
        await here.everyone_hears("")

        # A telephone that is asked nothing takes the floor by speaking.
        left = SILENT_S + 10 - (time.monotonic() - began)
        await here.talks(VOICE, max(left, 10))
        await here.everyone_hears(VOICE, seconds=1.2)
        await here.talks("", 10)
        assert simulated.most_at_once == 1, "two clients thought that they had the floor"
        assert all(m.client.malformed == 0 for m in here.clients)
        for phone in phones.values():
            phone.command("hangup")
    await asyncio.to_thread(switch.wait_idle)
