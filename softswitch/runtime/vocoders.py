"""Vocoder channels as coroutines, and the pools that calls lease them from.

A plug-in is an entry point of the group `softswitch.vocoders`: a function that takes the configured entry and gives a
`mediacodecs.vocoders.Vocoder`. `dvsi-udp`, `dvsi-serial` and `codec2` are here already.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import Any

import numpy as np

from mediacodecs.codec import Samples
from mediacodecs.states import concealment
from mediacodecs.vocoders import RATES, Rate, Vocoder, VocoderBusy, VocoderLost, VocoderMissed
from mediacodecs.vocoders.dvsi_session import Decoded, DvsiSession, Encoded, Found, Lost, Missed, State
from mediacodecs.vocoders.interface import FRAME_SAMPLES, SAMPLE_RATE
from mediacodecs.vocoders.software import Codec2Vocoder
from softswitch.runtime.vocoder_links import Link, SerialLink, UdpLink

logger = logging.getLogger(__name__)

#: Told when a channel is found (an empty reason) or lost.
StateListener = Callable[[str, bool, str], None]


class DvsiVocoder:
    """One channel of an AMBE-3000 behind a link."""

    def __init__(self, name: str, rate: Rate, listener: StateListener | None = None) -> None:
        self.name, self.bits = name, rate.bits
        self.session = DvsiSession(rate)
        self._listener = listener
        self._link: Link | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._asked: dict[int, asyncio.Future[object]] = {}
        self._concealment = np.zeros(concealment.words(SAMPLE_RATE, 1), np.int64)
        concealment.reset(self._concealment, SAMPLE_RATE, 1)

    @property
    def ready(self) -> bool:
        """Whether the chip answers."""
        return self.session.state in (State.READY, State.RESYNCING)

    def receive(self, packet: bytes) -> None:
        """What the link has brought."""
        self.session.receive_data(packet, self._loop.time())
        self._settle()

    def start(self, link: Link) -> None:
        """Look for the chip behind `link`."""
        self._link = link
        self.session.start(self._loop.time())
        self._settle()

    async def encode(self, samples: Samples) -> bytes:
        """`Vocoder.encode`."""
        answer = await self._ask(self.session.encode(samples, self._loop.time()))
        assert isinstance(answer, bytes)
        return answer

    async def decode(self, frame: bytes | None) -> Samples:
        """`Vocoder.decode`."""
        from mediacodecs import plc  # which loads compiled code: only where there is a vocoder

        samples: Samples = np.zeros(FRAME_SAMPLES, np.int16)
        if frame is not None:
            try:
                answer = await self._ask(self.session.decode(frame, self._loop.time()))
            except VocoderMissed:
                logger.debug("vocoder %s: a frame was missed", self.name)
            else:
                assert isinstance(answer, np.ndarray)
                samples[:] = answer
                plc.heard(self._concealment, samples, FRAME_SAMPLES)
                return samples
        plc.substitute(self._concealment, samples, FRAME_SAMPLES)
        return samples

    def close(self) -> None:
        """`Vocoder.close`: whoever waits is told that the vocoder is lost."""
        if self._timer is not None:
            self._timer.cancel()
        if self._link is not None:
            self._link.close()
        for future in self._asked.values():
            if not future.done():
                future.set_exception(VocoderLost("closed"))
        self._asked.clear()

    async def _ask(self, ticket: int) -> object:
        future = self._asked[ticket] = self._loop.create_future()
        self._settle()
        try:
            return await future
        finally:
            self._asked.pop(ticket, None)

    def _settle(self) -> None:
        while (packet := self.session.data_to_send()) is not None:
            if self._link is not None:
                self._link.send(packet)
        while (event := self.session.next_event()) is not None:
            if isinstance(event, Found):
                self._tell(True, "")
            elif isinstance(event, Lost):
                self._tell(False, event.reason)
            else:
                self._resolve(event)
        if self._timer is not None:
            self._timer.cancel()
        due = self.session.next_timer()
        self._timer = None if due is None else self._loop.call_at(due, self._timed)

    def _resolve(self, event: Encoded | Decoded | Missed) -> None:
        future = self._asked.get(event.ticket)
        if future is None or future.done():
            return
        if isinstance(event, Missed):
            future.set_exception(VocoderMissed(f"{self.name} did not answer in time"))
        else:
            future.set_result(event.frame if isinstance(event, Encoded) else event.samples)

    def _timed(self) -> None:
        self._timer = None
        self.session.handle_timer(self._loop.time())
        self._settle()

    def _tell(self, ready: bool, reason: str) -> None:
        if ready:
            logger.info("vocoder %s is ready (%s)", self.name, self.session.product)
        else:
            logger.warning("vocoder %s is lost: %s", self.name, reason)
        if self._listener is not None:
            self._listener(self.name, ready, reason)


class VocoderPool:
    """The channels of one configured vocoder; each is leased to one talker at a time."""

    def __init__(self, name: str, channels: Sequence[Vocoder]) -> None:
        self.name = name
        self.channels = tuple(channels)
        self.exhausted = 0
        self._leased: set[int] = set()

    @property
    def free(self) -> int:
        """Channels that can be leased now."""
        return sum(self._usable(i) for i in range(len(self.channels)))

    def counts(self) -> dict[str, int]:
        """How many channels answer, how many are leased, how often all were."""
        ready = sum(self._answers(i) for i in range(len(self.channels)))
        return {"ready": ready, "leased": len(self._leased), "exhausted": self.exhausted}

    def lease(self) -> Vocoder:
        """A channel that is ready; raises VocoderLost when none is, VocoderBusy when all those are leased."""
        for i, channel in enumerate(self.channels):
            if self._usable(i):
                self._leased.add(i)
                return channel
        if not self.counts()["ready"]:
            raise VocoderLost(f"vocoder {self.name} does not answer")
        self.exhausted += 1
        raise VocoderBusy(f"all {len(self.channels)} channels of vocoder {self.name} are in use")

    def give_back(self, channel: Vocoder) -> None:
        """End a lease; a second time does nothing."""
        self._leased.discard(self.channels.index(channel))

    def close(self) -> None:
        """Close every channel."""
        for channel in self.channels:
            channel.close()

    def _usable(self, index: int) -> bool:
        return index not in self._leased and self._answers(index)

    def _answers(self, index: int) -> bool:
        return bool(getattr(self.channels[index], "ready", True))


async def open_pool(settings: Any, listener: StateListener | None = None) -> VocoderPool:
    """The pool of a `[[vocoder]]` entry, which begins to look for its chips.

    Raises OSError for a device or host that there is not, CodecUnavailable without libcodec2, ValueError for a kind
    that nobody has brought along.
    """
    channels: list[Vocoder] = []
    for number in range(settings.channels):
        name = settings.name if settings.channels == 1 else f"{settings.name}/{number + 1}"
        if settings.kind in ("dvsi-udp", "dvsi-serial"):
            chip = DvsiVocoder(name, RATES[settings.rate], listener)
            if settings.kind == "dvsi-udp":
                chip.start(await UdpLink.open(settings.address, settings.port + number, chip.receive))
            else:
                chip.start(SerialLink(settings.devices[number], settings.baud, chip.receive))
            channels.append(chip)
        elif settings.kind == "codec2":
            channels.append(Codec2Vocoder())
        else:
            channels.append(_plug_in(settings.kind)(settings))
    return VocoderPool(settings.name, channels)


def _plug_in(kind: str) -> Callable[[Any], Vocoder]:
    found = entry_points(group="softswitch.vocoders", name=kind)
    if not found:
        raise ValueError(
            f"no vocoder of kind {kind!r}: there are dvsi-udp, dvsi-serial, codec2 and what packages bring"
        )
    maker: Callable[[Any], Vocoder] = next(iter(found)).load()
    return maker
