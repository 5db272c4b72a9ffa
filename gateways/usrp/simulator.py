"""A node of radios, as AllStarLink or DVSwitch runs one: says what it is told, keeps what it hears, or repeats it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from gateways.usrp.link import FRAME_S, Keyed, Link, LinkEvent, Named, Unkeyed, Voice
from gateways.usrp.packet import VOICE_OCTETS, TalkerInfo
from softswitch.runtime.udp import UdpListener, listen_udp
from softswitch.sip.address import Address

#: The longest that a parrot repeats, in frames.
_LONGEST = 500


@dataclass(slots=True)
class Transmission:
    """What the node transmitted for one talker: 20 ms of little-endian samples in each of `frames`."""

    talker: TalkerInfo
    frames: list[bytes] = field(default_factory=list)
    over: bool = False


class SimulatedNode:
    """One node at `local` whose other end is `remote`. A `parrot` says again whatever it has heard."""

    def __init__(self, local: tuple[str, int], remote: tuple[str, int], *, parrot: str = "") -> None:
        self.transmissions: list[Transmission] = []
        self._local = local
        self._remote = remote
        self._parrot = parrot
        self._link = Link(missed_frames=25)
        self._talker = TalkerInfo("")
        self._listener: UdpListener | None = None
        self._clock: asyncio.Task[None] | None = None
        self._saying: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Take part. Raises OSError."""
        self._listener = await listen_udp("radio node", *self._local, self._received)
        self._clock = asyncio.create_task(self._tick())

    async def close(self) -> None:
        """Fall silent for good."""
        for task in (self._saying, self._clock):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        if self._listener is not None:
            await self._listener.close()

    async def say(self, callsign: str, samples: bytes) -> None:
        """Key up, talk at the pace of speech, let go. `samples`: 16-bit, 8 kHz, little-endian."""
        loop = asyncio.get_running_loop()
        self._link.begin(TalkerInfo(callsign))
        begun = loop.time()
        try:
            for number, at in enumerate(range(0, len(samples) - VOICE_OCTETS + 1, VOICE_OCTETS)):
                self._link.voice(samples[at : at + VOICE_OCTETS])
                self._flush()
                await asyncio.sleep(begun + (number + 1) * FRAME_S - loop.time())
        finally:
            self._link.stop()
            self._flush()

    def _received(self, data: bytes, source: Address) -> None:
        self._link.receive_data(data, asyncio.get_running_loop().time())
        self._settle()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(FRAME_S)
            self._link.handle_timer(asyncio.get_running_loop().time())
            self._settle()

    def _settle(self) -> None:
        while (event := self._link.next_event()) is not None:
            self._on(event)
        self._flush()

    def _on(self, event: LinkEvent) -> None:
        if isinstance(event, Named):
            self._talker = event.info
        elif isinstance(event, Keyed):
            self.transmissions.append(Transmission(self._talker))
        elif isinstance(event, Voice):
            self.transmissions[-1].frames.append(event.samples)
        elif isinstance(event, Unkeyed):
            self.transmissions[-1].over = True
            if self._parrot:
                heard = b"".join(self.transmissions.pop().frames[:_LONGEST])
                self._saying = asyncio.create_task(self.say(self._parrot, heard))

    def _flush(self) -> None:
        for data in self._link.data_to_send():
            if self._listener is not None:
                self._listener.send(data, Address("udp", *self._remote, self._listener.name))


async def parrot(local: tuple[str, int], remote: tuple[str, int], callsign: str) -> None:
    """Run a node that repeats what it hears, until cancelled. Raises OSError."""
    node = SimulatedNode(local, remote, parrot=callsign)
    await node.open()
    try:
        await asyncio.Event().wait()
    finally:
        await node.close()


__all__ = ["SimulatedNode", "Transmission", "parrot"]
