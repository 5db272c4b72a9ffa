"""The simulated exchange as a program of its own, at the far end of a CESoPSN span, for the demonstration and tests.

    python -m gateways.e1.far_exchange --local 127.0.0.1:5071 --remote 127.0.0.1:5070 --call 8001 --call 1001

It is the network's side and the clock's master, has the numbers of `gateways.e1.simulator`, and calls those named by
`--call` in turn. It ends when its input does.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence

from gateways.e1.q921 import Side
from gateways.e1.simulator import SimulatedExchange
from gateways.e1.span.pseudowire import PseudowireSpan
from softswitch.media import MediaEngine
from softswitch.media.pseudowire_settings import PseudowireSettings

#: Where the engine would open RTP ports; none are, but it wants to know.
_FIRST_PORT, _LAST_PORT = 52_000, 52_099
#: Of the jitter buffer: the other end of a demonstration runs on the same machine, which may be busy.
_DEPTH_MS = 40


def _endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def command(local: str, remote: str, calls: Sequence[str] = ()) -> list[str]:
    """How to start this program: its own address with port, that of the far end, and whom to call."""
    words = [sys.executable, "-m", "gateways.e1.far_exchange", "--local", local, "--remote", remote]
    return words + [word for number in calls for word in ("--call", number)]


async def run(local: tuple[str, int], remote: tuple[str, int], calls: Sequence[str]) -> None:
    """Be the exchange until standard input ends. Raises MediaError when the port is taken."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin, ended.set)

    def later(at: float, action: Callable[[float], None]) -> object:
        return loop.call_at(at, lambda: action(loop.time()))

    with MediaEngine(first_port=_FIRST_PORT, last_port=_LAST_PORT) as engine:
        loop.add_reader(engine.event_fd, lambda: list(engine.poll()))
        span = PseudowireSpan(
            engine, "far", PseudowireSettings(local=local, remote=remote, master=True, depth_ms=_DEPTH_MS)
        )
        exchange = SimulatedExchange(span, engine, now=loop.time, later=later, side=Side.NETWORK, calls=calls)
        await exchange.open()
        await ended.wait()
        await exchange.close()
        loop.remove_reader(engine.event_fd)


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--local", type=_endpoint, required=True, help="where packets of the span are received")
    parser.add_argument("--remote", type=_endpoint, required=True, help="where they go")
    parser.add_argument("--call", action="append", default=[], help="a number to be called now and then")
    options = parser.parse_args()
    asyncio.run(run(options.local, options.remote, options.call))


if __name__ == "__main__":
    main()
