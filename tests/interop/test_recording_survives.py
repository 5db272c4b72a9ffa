"""Recorded calls, and somebody is killed in the middle: the switch, the recorder, or a media worker."""

from __future__ import annotations

import os
import signal
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediacodecs.g711 import ALAW_ENCODE
from tests.interop.rawsip import RawPhone, media_address
from tests.interop.switch import Switch, wait_until
from tests.interop.test_media_workers import Callees, Stream, Traffic, _udp, mortal_switch
from tests.unit.media.talkers import heard, tones

CALLS = 12
RATE, HZ = 8000, 500
UNCLAIMED_S = 12
#: 40 ms of a tone whose period ends with the packet.
_TONE = ALAW_ENCODE[((8000 * np.sin(2 * np.pi * HZ * np.arange(320) / RATE)).astype(int) >> 4) + 2048].tobytes()
_EXTRA = """
[recording]
calls = true
minimum_free_mb = 1
"""


class ToneStream(Stream):
    """A party that says a tone, without a break."""

    def send(self) -> None:
        """The next 40 ms."""
        header = struct.pack("!BBHII", 0x80, 8, self.sent & 0xFFFF, self.sent * 320, 99)
        self.source.sendto(header + _TONE, self.to)
        self.sent += 1


class RecordedWorld:
    """A switch with recorded calls between phones of ours; the callers talk."""

    def __init__(self, switch: Switch, stack: ExitStack) -> None:
        self.switch = switch
        self.before: set[str] = set()
        self.before = {row["id"] for row in self.rows()}
        self.files_before: set[Path] = set()
        self.files_before = self.files()
        self.callees = Callees(switch.plan.callee)
        stack.callback(self.callees.close)
        self.phones = [stack.enter_context(RawPhone(("127.0.0.1", switch.plan.trunk))) for _ in range(CALLS)]
        streams: dict[Any, Stream] = {}
        for phone in self.phones:
            sound = _udp(phone.rtp_port)
            stack.callback(sound.close)
            answer = phone.invite("5502", "8")
            assert answer.status == 200, f"the call was refused: {answer.start}"
            streams[self.callees.media[-1]] = ToneStream(sound, media_address(answer.body))
        wait_until(lambda: len(self.rows()) == CALLS, 40, "every call is recorded")
        wait_until(lambda: len(self.files()) == CALLS, 40, "the recorder has begun")
        self.traffic = Traffic(streams)
        wait_until(lambda: self.written_s() > 2, 40, "something is on the disk of each")

    @property
    def sent(self) -> int:
        """Packets that each caller has sent."""
        return next(iter(self.traffic.streams.values())).sent

    def rows(self) -> list[dict[str, Any]]:
        """What the index knows of these calls' recordings."""
        found: list[dict[str, Any]] = self.switch.get("/data/recordings")["items"]
        return [row for row in found if row["id"] not in self.before]

    def complete(self, patience_s: float) -> list[dict[str, Any]]:
        """The rows, once all are."""
        wait_until(lambda: {row["state"] for row in self.rows()} == {"complete"}, patience_s, "all are complete")
        return [self.switch.get(f"/data/recordings/{row['id']}") for row in self.rows()]

    def sound(self, row: dict[str, Any], number: int = 0) -> np.ndarray[Any, np.dtype[np.int16]]:
        """What the caller says in a file of a recording, without the silence around it."""
        samples = heard(self.switch.data / "recordings" / row["files"][number]["path"])[:, 0]
        loud = np.flatnonzero(abs(samples.astype(int)) > 4000)
        return samples[loud[0] : loud[-1] + 1]

    def written_s(self) -> float:
        """How much the shortest file holds, in seconds: 16 bits for each of the two sides."""
        return min(path.stat().st_size for path in self.files()) / (2 * 2 * RATE)

    def files(self) -> set[Path]:
        """The files of these calls."""
        return set((self.switch.data / "recordings").rglob("*.wav")) - self.files_before

    def check_whole(self, rows: list[dict[str, Any]]) -> None:
        """Everything that was sent is there, in one file, without a break."""
        for row in rows:
            assert row["details"]["packets"]["decoded"] == self.sent, f"{self.sent} packets were sent: {row['details']}"
            (_,) = row["files"]
            samples = self.sound(row)
            assert abs(len(samples) - self.sent * 320) <= 320, f"{len(samples)} samples of {self.sent} packets"
            loud = np.flatnonzero(abs(samples.astype(int)) > 4000)
            assert np.diff(loud).max() < 2 * RATE // HZ, "the tone never breaks off"
        assert self.switch.http("POST", "/data/recordings/verify")[1]["whole"], "the chain is whole"


@pytest.fixture(scope="module")
def _mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with mortal_switch(tmp_path_factory.mktemp("switch"), UNCLAIMED_S, _EXTRA) as switch:
        yield switch


@pytest.fixture
def world(_mortal: Switch) -> Iterator[RecordedWorld]:
    """The switch of these tests, with recorded calls."""
    with ExitStack() as stack:
        yield RecordedWorld(_mortal, stack)


def hang_up(world: RecordedWorld) -> None:
    """End every call."""
    statuses = {phone.bye().status for phone in world.phones}
    assert statuses == {200}, f"every call can be hung up: {statuses}"


def test_recordings_go_on_without_the_switch(world: RecordedWorld) -> None:
    """Killed and started again, it finds them, ends them with the ports of their calls, and knows their hashes."""
    helpers = world.switch.helper_pids()
    assert len(helpers) == 1, "one helper records"
    os.kill(world.switch.pid, signal.SIGKILL)
    time.sleep(2)
    world.switch.kill()
    world.switch.start()
    assert world.switch.helper_pids() == helpers, "the same recorder goes on"
    assert {row["state"] for row in world.rows()} == {"recording"}, "and what it records"
    told = f"{CALLS} recordings go on from before"
    wait_until(lambda: told in world.switch.log_text(), 40, "it hears of them from the recorder, and says so")
    world.traffic.stop()
    world.check_whole(world.complete(UNCLAIMED_S + 40))


def test_a_lost_recorder_is_replaced(world: RecordedWorld) -> None:
    """Recordings go on in a further file; the event says so, and what is missing is told."""
    wait_until(lambda: world.written_s() > 4, 40, "there is something to lose")
    (victim,) = world.switch.helper_pids()
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: "another recorder runs" in world.switch.log_text(), 60, "another recorder runs")
    wait_until(lambda: len(world.files()) == 2 * CALLS and world.written_s() > 1.5, 40, "it goes on in further files")
    world.traffic.stop()
    hang_up(world)
    for row in world.complete(40):
        assert len(row["files"]) == 2, f"one file before and one after: {row['files']}"
        for number in (0, 1):
            samples = world.sound(row, number)
            assert len(samples) > RATE and abs(tones(samples[:RATE])[0] - HZ) < 4, "both can be played"
        assert row["details"]["lost_s"] < 1.5, "the taps have kept what came meanwhile"
    events = [event["type"] for event in world.switch.get("/events/journal?limit=1000&types=recording.*")["items"]]
    assert {"recording.recorder_lost", "recording.recorder_started"} <= set(events)


def test_a_lost_worker_does_not_end_a_recording(world: RecordedWorld) -> None:
    """Another worker takes the ports, with their taps, and nothing is missing."""
    victim = sorted(world.switch.worker_pids())[0]
    lost = world.switch.log_text().count("has ended; it had")
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: world.switch.log_text().count("has ended; it had") > lost, 40, "the loss is noticed")
    sent = world.sent
    wait_until(lambda: world.sent > sent + 25, 40, "a second is said to the other worker")
    world.traffic.stop()
    hang_up(world)
    world.check_whole(world.complete(40))
