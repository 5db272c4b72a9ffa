"""One talkgroup of telephones, MCPTT clients and a PoC client: everybody in it, and what each of them hears.

Every talker has a tone of its own. Nothing here is timed: it is waited until a talker is heard, and then looked at what
came besides.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np

from gateways.poc import tones
from gateways.poc.recognition import System
from gateways.poc.simulator import Simulated, Simulator
from tests.interop import audio
from tests.interop.baresip import Baresip
from tests.interop.namespace import Namespace
from tests.interop.switch import REALM, Switch, password_of, wait_until
from tests.interop.wiretap import WireTap

GROUP = "8100"
#: A telephone that asks by its keys, and one whose voice is its key.
KEYS, VOICE = "1001", "1002"
MCPTT = [str(number) for number in range(1003, 1023)]
POC = "1023"
#: Tones that no client has: a client's is a multiple of 50 Hz.
_PHONE_HZ = {KEYS: 2925.0, VOICE: 3225.0}
_PORTS = {KEYS: 5600, VOICE: 7600}
#: A loaded machine may take its time; what is waited for comes, or never does.
PATIENCE_S = 40.0
_ENOUGH_PACKETS = 25
_ENOUGH_SAMPLES = _ENOUGH_PACKETS * 160
_SILENCE_S = 0.6


def sound(folder: Path, number: str) -> Path:
    """A telephone's tone; that of 1002 in syllables, as people speak."""
    time_s = np.arange(int(120 * audio.RATE)) / audio.RATE
    samples = 8000 * np.sin(2 * np.pi * _PHONE_HZ[number] * time_s)
    if number == VOICE:
        samples = samples * (np.sin(2 * np.pi * 3 * time_s) > -0.3)
    path = folder / f"{number}.wav"
    audio.write_wav(path, samples)
    return path


def silence(folder: Path) -> Path:
    """What a telephone says that says nothing."""
    path = folder / "silence.wav"
    audio.write_wav(path, np.zeros(int(120 * audio.RATE)))
    return path


class MixedGroup:
    """Everybody in the group: `clients` are those of MCPTT and, the last one, that of PoC."""

    def __init__(self, switch: Switch, namespace: Namespace, tap: WireTap, simulated: Simulator) -> None:
        self.switch, self._namespace, self._tap, self.simulated = switch, namespace, tap, simulated
        self.clients: list[Simulated] = []
        self.phones: dict[str, Baresip] = {}

    # -- the dispatcher

    @property
    def row(self) -> dict[str, Any]:
        """The group, as the API shows it."""
        found: dict[str, Any] = self.switch.get(f"/groups/{GROUP}")
        return found

    def floor(self, wish: str, number: str, **more: object) -> None:
        """The dispatcher does something about a participant's floor."""
        leg = next(each["leg_id"] for each in self.row["participants"] if each["party"] == number)
        status, answer = self.switch.http("POST", f"/groups/{GROUP}/floor/{wish}", {"leg_id": leg, **more})
        assert status == 202, f"{wish} for {number} was answered {status} {answer}"

    async def talks(self, *numbers: str) -> None:
        """Wait until one of `numbers` has the floor, "" for nobody."""
        words = " or ".join(number or "nobody" for number in numbers)
        await asyncio.to_thread(wait_until, lambda: self.row["talker"] in numbers, PATIENCE_S, f"{words} talks")

    async def waits(self, number: str) -> None:
        """Wait until a participant waits for the floor."""

        def waiting() -> bool:
            return any(each["party"] == number and each["floor"] == "waiting" for each in self.row["participants"])

        await asyncio.to_thread(wait_until, waiting, PATIENCE_S, f"{number} waits for the floor")

    async def inside(self, count: int) -> None:
        """Wait until so many are in the group."""
        await asyncio.to_thread(
            wait_until, lambda: len(self.row["participants"]) == count, PATIENCE_S, f"{count} are in the group"
        )

    # -- everybody's ears

    async def everyone_hears(self, talker: str) -> None:
        """Every other member hears `talker` and nobody else; "" for silence."""
        if not talker:
            await self._nobody_is_heard()
            return
        await self._hears(talker, 3)  # what was on its way of the talker before has arrived by then
        for member in self.clients:
            member.heard.clear()
        strange = self.simulated.counters["strange_audio"]
        await self._hears(talker, _ENOUGH_PACKETS)
        allowed = {self._index(talker)} - {None}
        for member in self._listeners(talker):
            assert set(member.heard) <= allowed, f"{member.number} hears {dict(member.heard)}, not {talker} alone"
        if talker not in _PHONE_HZ:
            assert self.simulated.counters["strange_audio"] == strange, "a sound that no client makes"
        for number in _PORTS:
            if number != talker:
                await self.telephone_hears(number, talker)

    async def _hears(self, talker: str, packets: int) -> None:
        """Wait until every listening client has heard so many packets of the talker from now on."""
        index, counters = self._index(talker), self.simulated.counters
        listeners = self._listeners(talker)
        before = {m.number: m.heard[index] for m in listeners} if index is not None else {}
        strange = counters["strange_audio"]

        def heard() -> bool:
            if index is None:  # a telephone's tone is none of the simulator's: it is counted for all together
                return counters["strange_audio"] - strange >= packets * len(listeners)
            return all(m.heard[index] - before[m.number] >= packets for m in listeners)

        if not await self.simulated.until(heard, PATIENCE_S):
            told = {m.number: dict(m.heard) for m in listeners}
            raise AssertionError(f"{talker} (tone {index}) is not heard by all: {told}, {dict(counters)}")

    def _index(self, talker: str) -> int | None:
        return next((m.index for m in self.clients if m.number == talker), None)

    def _listeners(self, talker: str) -> list[Simulated]:
        return [m for m in self.clients if m.number != talker and m.client.session is not None]

    async def _nobody_is_heard(self) -> None:
        def sounds() -> int:
            return sum(m.heard.total() for m in self.clients) + self.simulated.counters["strange_audio"]

        async def quiet() -> bool:
            before, mark = sounds(), self._tap.mark()
            await asyncio.sleep(_SILENCE_S)
            return sounds() == before and all(self._loud(number, mark) is None for number in _PORTS)

        for _ in range(10):  # what was on its way when the talker ended is still heard
            if await quiet():
                return
        raise AssertionError(f"somebody is heard: { ({m.number: dict(m.heard) for m in self.clients}) }")

    def silent(self, number: str, since: dict[tuple[str, int], int]) -> bool:
        """Whether a telephone has been sent nothing that can be heard since the mark."""
        return self._loud(number, since) is None

    def mark(self) -> dict[tuple[str, int], int]:
        """Where everything that is sent to telephones stands now."""
        return self._tap.mark()

    def _loud(self, number: str, mark: dict[tuple[str, int], int]) -> audio.Samples | None:
        """What a telephone was sent since the mark, None for silence."""
        samples = self._tap.heard(self._namespace.far, _PORTS[number] + 1000, _PORTS[number] + 1100, since=mark)
        return None if not len(samples) or audio.level_dbm0(samples) < -40 else samples

    async def telephone_hears(self, number: str, talker: str) -> None:
        """From now on a telephone hears the tone of `talker`."""
        index, mark = self._index(talker), self._tap.mark()
        expected = _PHONE_HZ[talker] if index is None else float(tones.hz_of(index))

        def enough() -> bool:
            samples = self._loud(number, mark)
            return samples is not None and len(samples) >= _ENOUGH_SAMPLES

        assert await self.simulated.until(enough, PATIENCE_S), f"telephone {number} hears nothing of {talker}"
        samples = self._loud(number, mark)
        assert samples is not None
        found = audio.frequency_hz(samples)
        assert abs(found - expected) < 8, f"telephone {number} hears {found:.0f} Hz, expected {expected}"


@contextlib.asynccontextmanager
async def mixed_group(switch: Switch, namespace: Namespace, folder: Path) -> AsyncIterator[MixedGroup]:
    """Nineteen MCPTT clients (the twentieth comes late) and the PoC client join; the dispatcher calls the telephones,
    which answer by themselves, and the call starts when everybody is there."""
    target = (switch.plan.address, switch.plan.sip)
    rules = {"number": GROUP, "members": [KEYS, VOICE, *MCPTT, POC], "attributes": {VOICE: {"floor_by": "voice"}}}
    assert switch.http("POST", "/groups", rules)[0] == 201
    speech = {KEYS: sound(folder, KEYS), VOICE: silence(folder)}
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
                    speech=speech[number],
                    port=port,
                )
            )
            for number, port in _PORTS.items()
        }
        for phone in phones.values():
            phone.wait_registered()
        async with Simulator(target, REALM, password_of, host=namespace.near) as simulated:
            group = MixedGroup(switch, namespace, tap, simulated)
            group.phones = phones
            group.clients = simulated.add(MCPTT) + simulated.add([POC], System.POC)
            await simulated.register(group.clients)
            await simulated.join([m for m in group.clients if m.number != MCPTT[-1]], GROUP)
            order = {"members": [KEYS, VOICE], "acknowledged": 22}
            status, answer = switch.http("POST", f"/groups/{GROUP}/calls", order)
            assert status == 201, f"the call of the group was answered {status} {answer}"
            await group.inside(22)
            await asyncio.to_thread(
                wait_until,
                lambda: (group.row["call"] or {}).get("state") == "active",
                PATIENCE_S,
                "the call starts, as all have answered",
            )
            yield group
