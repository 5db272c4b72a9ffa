"""Push-to-talk clients that talk by turns, for whoever looks at the switch for the first time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence

from gateways.poc.recognition import System
from gateways.poc.simulator import Simulated, Simulator

_BEFORE_S = 1.0
_TALK_S = 2.0
_PAUSE_S = 1.5


async def demonstrate(
    server: tuple[str, int], domain: str, password: Callable[[str], str], numbers: Sequence[str], group: str
) -> None:
    """Clients of `numbers`, the last of them one of OMA PoC, meet in the chat of `group` and take turns for ever.

    Raises RuntimeError when one of them is refused.
    """
    await asyncio.sleep(_BEFORE_S)
    async with Simulator(server, domain, password) as simulated:
        members = simulated.add(numbers[:-1]) + simulated.add(numbers[-1:], System.POC)
        await simulated.register(members)
        await simulated.join(members, group)
        for member in itertools.cycle(members):
            await _turn(simulated, member)


async def _turn(simulated: Simulator, member: Simulated) -> None:
    simulated.press(member)
    await simulated.until(lambda: member.client.participant.transmitting, _TALK_S)
    await asyncio.sleep(_TALK_S)
    simulated.let_go(member)
    await asyncio.sleep(_PAUSE_S)
