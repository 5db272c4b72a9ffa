"""Push-to-talk clients: a thousand of them register, join one group and hear its talker.

Every client is a real SIP user agent with floor control of its own (`gateways.poc.simulator`); the switch is a process
by itself. CPU and memory are those of the switch alone.
"""

from __future__ import annotations

import asyncio
import statistics
import time

from common import Bench, arguments, cpu_seconds, resident_bytes
from switch_process import SwitchUnderTest, running_switch

from gateways.poc.simulator import Simulator

_GROUP = "8001"
_FIRST = 20000
_GRANTS = 40
_LATE = 20


def _configuration(members: int) -> str:
    subscribers = "".join(
        f'[[subscriber]]\nnumber = "{_FIRST + index}"\npassword = "bench-{_FIRST + index}-secret"\n'
        for index in range(members)
    )
    return f'[[talkgroup]]\nnumber = "{_GROUP}"\n[security]\ndigest_algorithms = ["MD5"]\n{subscribers}'


async def _measure(bench: Bench, switch: SwitchUnderTest, members: int) -> None:
    async with Simulator(("127.0.0.1", switch.sip), "softswitch", lambda number: f"bench-{number}-secret") as simulated:
        clients = simulated.add(str(_FIRST + index) for index in range(members))
        await simulated.register(clients)
        memory, cpu, began = resident_bytes(switch.pid), cpu_seconds(switch.pid), time.monotonic()
        await simulated.join(clients, _GROUP)
        spent = time.monotonic() - began
        bench.figure("joins_per_s", members / spent, "1/s", better="more")
        bench.figure("cpu_ms_per_join", (cpu_seconds(switch.pid) - cpu) * 1000 / members, "ms")
        bench.figure("bytes_per_member", (resident_bytes(switch.pid) - memory) / members, "octets")
        talker = clients[0]
        simulated.press(talker)
        heard = await simulated.until(lambda: all(sum(client.heard.values()) for client in clients[1:]), 20)
        if not heard:
            deaf = sum(not sum(client.heard.values()) for client in clients[1:])
            bench.fail(f"{deaf} of {members} members heard nothing")
            return
        last = max(client.first_heard_at for client in clients[1:])
        bench.figure("all_hear_ms", (last - talker.pressed_at) * 1000, "ms")
        simulated.let_go(talker)
        await asyncio.sleep(0.5)
        await _grants(bench, simulated)
        await _late(bench, simulated)


async def _late(bench: Bench, simulated: Simulator) -> None:
    """How long it takes from joining while somebody talks to the first packet of the talker (KPI 4 of TS 22.179)."""
    talker, *others = simulated.members.values()
    simulated.press(talker)
    await simulated.until(lambda: talker.client.participant.transmitting, 5)
    waited = []
    for client in others[:_LATE]:
        simulated.do(client.client.hang_up)
        await simulated.until(lambda: client.client.session is None, 5)  # noqa: B023
        client.heard.clear()
        began = time.monotonic()
        await simulated.join([client], _GROUP)
        if not await simulated.until(lambda: bool(client.heard), 5):  # noqa: B023
            bench.fail("a late entrant heard nothing")
            return
        waited.append((client.first_heard_at - began) * 1000)
    bench.figure("late_entry_p50_ms", statistics.median(waited), "ms")
    bench.figure("late_entry_max_ms", max(waited), "ms", goal=150)
    simulated.let_go(talker)


async def _grants(bench: Bench, simulated: Simulator) -> None:
    """How long the floor takes from the key to the grant, everybody being told who talks."""
    clients = list(simulated.members.values())
    waited = []
    for turn in range(_GRANTS):
        client = clients[turn * 7 % len(clients)]
        client.granted_at = 0.0
        simulated.press(client)
        if not await simulated.until(lambda: client.granted_at > 0, 5):  # noqa: B023
            bench.fail("a request was not granted")
            return
        waited.append((client.granted_at - client.pressed_at) * 1000)
        simulated.let_go(client)
        await asyncio.sleep(0.1)
    bench.figure("grant_p50_ms", statistics.median(waited), "ms")
    bench.figure("grant_p99_ms", sorted(waited)[int(len(waited) * 0.99)], "ms")


def main() -> int:
    """Run the bench."""
    options = arguments("push-to-talk clients in one group")
    members = 200 if options.quick else 1000
    bench = Bench("poc", json_output=options.json)
    with running_switch(_configuration(members)) as switch:
        asyncio.run(_measure(bench, switch, members))
    return bench.finish()


if __name__ == "__main__":
    raise SystemExit(main())
