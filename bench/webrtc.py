"""What a browser's call costs: the engine's own ICE, DTLS and SRTP beside aiortc, which ends them in Python.

Browsers (aiortc, in a process that is not measured) call an echo with a tone in µ-law: once that of the switch, by its
API, once one made of aiortc as its authors show it. Told is the processor time of whoever answers: for each call until
it is connected, and for each packet that is echoed. That of a process which only waits is subtracted.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from argparse import ArgumentParser
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from common import Bench, arguments, cpu_seconds, read_line, running
from switch_process import running_switch

_TOKEN = "bench"
_SWITCH = f"""
[[http.token]]
name = "bench"
token = "{_TOKEN}"
role = "admin"
[[subscriber]]
number = "1001"
password = "bench-1001-secret"
[[service]]
number = "600"
kind = "echo"
"""
_SAMPLES = 160

#: Gives the answer to an offer.
Answer = Callable[[str], str]


# -- processes beside the bench, which talk JSON in lines ------------------------------------------------------------


async def _lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _tell(word: str, value: object) -> None:
    print(f"{word}: {json.dumps(value)}", flush=True)


async def echo() -> None:
    """The gateway that aiortc would be: every offer is answered, what comes is sent back."""
    import aiortc

    connections = []
    lines = await _lines()
    _tell("ready", True)
    while line := await lines.readline():
        connection = aiortc.RTCPeerConnection()
        connections.append(connection)
        connection.on("track", connection.addTrack)
        await connection.setRemoteDescription(aiortc.RTCSessionDescription(json.loads(line), "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        _tell("answer", connection.localDescription.sdp)


async def browsers(count: int) -> None:
    """Browsers that call one after the other, then count what comes back whenever they are asked."""
    import aiortc

    counts = [0] * count
    connections, tasks = [], []
    lines = await _lines()

    async def keep(number: int, track: Any) -> None:
        while True:
            await track.recv()
            counts[number] += 1

    for number in range(count):
        connection = aiortc.RTCPeerConnection()
        connections.append(connection)
        connection.addTrack(_tone())
        codecs = aiortc.RTCRtpSender.getCapabilities("audio").codecs
        (transceiver,) = connection.getTransceivers()
        transceiver.setCodecPreferences([codec for codec in codecs if codec.mimeType == "audio/PCMU"])
        connection.on("track", lambda track, number=number: tasks.append(asyncio.create_task(keep(number, track))))
        await connection.setLocalDescription(await connection.createOffer())
        _tell("offer", connection.localDescription.sdp)
        answer = json.loads(await lines.readline())
        await connection.setRemoteDescription(aiortc.RTCSessionDescription(answer, "answer"))
        while connection.connectionState != "connected":  # noqa: ASYNC110 (as a page would)
            await asyncio.sleep(0.02)
        _tell("connected", number)
    while await lines.readline():
        _tell("echoed", sum(counts))


def _tone() -> Any:
    import av
    from aiortc.mediastreams import MediaStreamTrack

    class Tone(MediaStreamTrack):
        kind = "audio"

        def __init__(self) -> None:
            super().__init__()
            self._sent, self._began = 0, time.monotonic()

        async def recv(self) -> av.AudioFrame:
            await asyncio.sleep(max(self._began + self._sent / 8000 - time.monotonic(), 0))
            samples = (8000 * np.sin(np.arange(_SAMPLES) / 3)).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples[np.newaxis], "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 8000, self._sent, Fraction(1, 8000)
            self._sent += _SAMPLES
            return frame

    return Tone()


# -- the bench -------------------------------------------------------------------------------------------------------


def _by_api(http: int) -> Answer:
    def answer(offer: str) -> str:
        request = urllib.request.Request(
            f"http://127.0.0.1:{http}/api/v1/webrtc/sessions",
            json.dumps({"sdp": offer, "caller": "1001", "callee": "600"}).encode(),
            {"Authorization": f"Bearer {_TOKEN}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as reply:
            return str(json.load(reply)["sdp"])

    return answer


def _say(process: subprocess.Popen[str], value: object) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(value) + "\n")
    process.stdin.flush()


def measure(bench: Bench, name: str, pid: int, answer: Answer, calls: int, seconds: float) -> None:
    """Let browsers call whoever gives `answer`s in process `pid`."""
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(2)
    idle = (cpu_seconds(pid) - before) / (time.monotonic() - began)
    with running([sys.executable, __file__, "--browsers", str(calls)]) as load:
        setups = 0.0
        for _ in range(calls):
            offer = json.loads(read_line(load, "offer:"))
            before = cpu_seconds(pid)
            _say(load, answer(offer))
            read_line(load, "connected:", 30)
            setups += cpu_seconds(pid) - before
        time.sleep(1)
        _say(load, "")
        echoed, before, began = int(read_line(load, "echoed:")), cpu_seconds(pid), time.monotonic()
        time.sleep(seconds)
        spent = cpu_seconds(pid) - before - idle * (time.monotonic() - began)
        _say(load, "")
        packets = int(read_line(load, "echoed:")) - echoed
    if packets < calls * seconds * 25:
        bench.fail(f"{name}: {packets} packets came back of {calls * seconds * 50:g}")
    bench.figure(f"{name}_cpu_us_per_packet", spent / max(packets, 1) * 1e6, "us")
    bench.figure(f"{name}_cpu_ms_per_call", setups / calls * 1e3, "ms")


def main() -> int:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--echo", action="store_true", help="be the echo made of aiortc (used by the bench itself)")
    parser.add_argument("--browsers", type=int, default=0, help="be so many browsers (used by the bench itself)")
    options = arguments(__doc__ or "", parser=parser)
    if options.echo or options.browsers:
        asyncio.run(echo() if options.echo else browsers(options.browsers))
        return 0
    bench = Bench("webrtc", json_output=options.json)
    calls, seconds = (10, 5.0) if options.quick else (20, 20.0)
    with running_switch(_SWITCH) as switch:
        measure(bench, "engine", switch.pid, _by_api(switch.http), calls, seconds)
    with running([sys.executable, __file__, "--echo"]) as gateway:
        read_line(gateway, "ready:")

        def answer(offer: str) -> str:
            _say(gateway, offer)
            return str(json.loads(read_line(gateway, "answer:")))

        measure(bench, "aiortc", gateway.pid, answer, calls, seconds)
    for what in ("cpu_us_per_packet", "cpu_ms_per_call"):
        mine, theirs = (bench.figures[f"{name}_{what}"].value for name in ("engine", "aiortc"))
        goal = 1.0 if what == "cpu_us_per_packet" else None
        bench.figure(f"engine_to_aiortc_{what}", mine / max(theirs, 1e-9), "", goal=goal)
    return bench.finish()


if __name__ == "__main__":
    raise SystemExit(main())
