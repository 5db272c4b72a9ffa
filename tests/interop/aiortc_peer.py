"""An independent WebRTC peer (aiortc): sends a tone, keeps what it hears, and speaks to the API as a browser would."""

from __future__ import annotations

import asyncio
import fractions
import time
from collections.abc import Sequence
from typing import Any

import aiortc
import av
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from tests.interop.audio import Samples, frequency_hz

RATE = 48_000
_FRAME = 960


class ToneTrack(MediaStreamTrack):
    """A sine in frames of 20 ms, in real time."""

    kind = "audio"

    def __init__(self, hz: float, amplitude: int = 8000) -> None:
        super().__init__()
        self._hz, self._amplitude = hz, amplitude
        self._sent, self._began = 0, time.monotonic()

    async def recv(self) -> av.AudioFrame:
        await asyncio.sleep(max(self._began + self._sent / RATE - time.monotonic(), 0))
        at = (np.arange(_FRAME) + self._sent) / RATE
        samples = (self._amplitude * np.sin(2 * np.pi * self._hz * at)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent, fractions.Fraction(1, RATE)
        self._sent += _FRAME
        return frame


class GreyTrack(MediaStreamTrack):
    """Small pictures of one shade of grey, five a second."""

    kind = "video"

    def __init__(self, shade: int) -> None:
        super().__init__()
        self._shade, self._sent = shade, 0

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(0.2)
        frame = av.VideoFrame.from_ndarray(np.full((64, 64), self._shade, np.uint8), "gray").reformat(format="yuv420p")
        frame.pts, frame.time_base = self._sent * 18_000, fractions.Fraction(1, 90_000)
        self._sent += 1
        return frame


class RtcPeer:
    """One peer connection with a tone; `heard` is what came back, at 8 kHz.

    With `shades` it shows pictures as well, a line for each in one bundle with the tone; `seen` are the shades of the
    last that came back.
    """

    def __init__(self, hz: float = 440.0, *shades: int) -> None:
        # By its default policy aiortc leaves the third line of a bundle on a transport that it has closed.
        policy = aiortc.RTCConfiguration(bundlePolicy=aiortc.RTCBundlePolicy.MAX_COMPAT)
        self.connection = aiortc.RTCPeerConnection(policy)
        self.connection.addTrack(ToneTrack(hz))
        for shade in shades:
            self.connection.addTrack(GreyTrack(shade))
        self.seen: list[float] = []
        self._frames: list[Samples] = []
        self._listeners: list[asyncio.Task[None]] = []
        self.connection.on("track", self._listen)

    def _listen(self, track: MediaStreamTrack) -> None:
        kept = self._keep(track) if track.kind == "audio" else self._look(track)
        self._listeners.append(asyncio.ensure_future(kept))

    async def _look(self, track: MediaStreamTrack) -> None:
        line = len(self.seen)
        self.seen.append(-1.0)
        try:
            while True:
                received = await track.recv()
                assert isinstance(received, av.VideoFrame)
                self.seen[line] = float(received.to_ndarray(format="gray").mean())
        except MediaStreamError:
            return

    async def _keep(self, track: MediaStreamTrack) -> None:
        resampler = av.AudioResampler("s16", "mono", 8000)
        try:
            while True:
                received = await track.recv()
                assert isinstance(received, av.AudioFrame)
                for frame in resampler.resample(received):
                    self._frames.append(frame.to_ndarray()[0].astype(np.float64))
        except MediaStreamError:
            return

    @property
    def heard(self) -> Samples:
        """Everything heard so far."""
        return np.concatenate(self._frames) if self._frames else np.zeros(0)

    async def hear(self, seconds: float, timeout_s: float = 40.0) -> Samples:
        """What is heard from now on for so long; fails when it does not come."""
        begin = len(self.heard)
        async with asyncio.timeout(timeout_s):
            while len(self.heard) - begin < seconds * 8000:  # noqa: ASYNC110 (frames come by themselves)
                await asyncio.sleep(0.05)
        return self.heard[begin:]

    async def hears(self, hz: float, timeout_s: float = 40.0) -> None:
        """Wait until a second of what is heard is a tone of `hz`; fails with what is heard when it is another."""
        found: list[float] = []
        try:
            async with asyncio.timeout(timeout_s):
                while not found or abs(found[-1] - hz) > 1:
                    found.append(round(frequency_hz(await self.hear(1.0)), 1))
        except TimeoutError:
            raise AssertionError(f"expected a tone of {hz} Hz, heard {found}") from None

    async def see(self, *shades: int, timeout_s: float = 40.0) -> None:
        """Wait for pictures of those shades of grey, one a line; fails with what is seen when they do not come."""
        try:
            async with asyncio.timeout(timeout_s):
                while not _alike(self.seen, shades):  # noqa: ASYNC110 (pictures come by themselves)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"expected pictures of shades {shades}, the last ones have {self.seen}") from None

    async def offer(self) -> str:
        """A complete offer with candidates."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def apply(self, sdp: str, kind: str = "answer") -> None:
        """Take the switch's description."""
        await self.connection.setRemoteDescription(aiortc.RTCSessionDescription(sdp, kind))

    async def answer(self, offer: str) -> str:
        """The answer to the switch's offer."""
        await self.apply(offer, "offer")
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return self.connection.localDescription.sdp

    async def connected(self, timeout_s: float = 40.0) -> None:
        """Wait for ICE and DTLS; fails with the states otherwise."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.connection.connectionState != "connected":  # noqa: ASYNC110 (as a browser's page would)
                    await asyncio.sleep(0.02)
        except TimeoutError:
            ice, dtls = self.connection.iceConnectionState, self.connection.connectionState
            raise AssertionError(f"expected a connection, ICE is {ice} and the connection {dtls}") from None

    async def close(self) -> None:
        """End the connection."""
        await self.connection.close()
        for listener in self._listeners:
            listener.cancel()


def _alike(seen: Sequence[float], shades: Sequence[int]) -> bool:
    return len(seen) == len(shades) and all(abs(one - other) <= 8 for one, other in zip(seen, shades, strict=True))


def payload(sdp: str, caller: str, callee: str, **more: Any) -> dict[str, Any]:
    """The body of POST /webrtc/sessions."""
    return {"sdp": sdp, "type": "offer", "caller": caller, "callee": callee, **more}
