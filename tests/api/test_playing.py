"""Files played into calls: from any place, paused, faster, and of any kind, as the telephone hears it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.api.recording import RATE, MakePhone, connected, finished, say
from tests.api.test_voice import heard, post
from tests.interop.audio import frequency_hz
from tests.interop.switch import Switch, wait_until
from tests.unit.media.test_readers import make


@pytest.fixture
def sounds(recorder: Switch) -> Path:
    """The folder of files that may be played by their names."""
    folder = recorder.data / "sounds"
    folder.mkdir(exist_ok=True)
    return folder


def hears(phone: Any, hz: float, why: str) -> None:
    """Wait until 0.3 s of what comes to a telephone are one tone."""
    found: list[int] = []

    def wanted() -> bool:
        found.append(round(frequency_hz(heard(phone, 0.3))))
        return abs(found[-1] - hz) < 12

    wait_until(wanted, 15, lambda: f"{phone.number} hears {hz:.0f} Hz, {why}, instead of {found}")


def plays(recorder: Switch, path: str, order: dict[str, Any], phone: Any, hz: float, why: str) -> None:
    """Order something short to be played, of which a telephone hears 0.3 s, behind its first 0.2 s."""
    before = len(phone.rtp.octets())
    post(recorder, path, order)
    found = frequency_hz(heard(phone, 0.5, before)[1600:])
    assert abs(found - hz) < 12, f"{why}: {found:.0f} Hz instead of {hz:.0f}"


def test_a_file_is_played_with_seek_pause_and_speed(recorder: Switch, telephone: MakePhone, sounds: Path) -> None:
    """Half a minute of 500 Hz, then one of 900 Hz."""
    make(sounds / "two.wav", "-ar", "8000", first=30, second=60)
    call, one, two = connected(recorder, telephone)
    play = f"/voice/calls/{call}/play"
    post(recorder, play, {"file": "two.wav", "to": "callee"})
    hears(two, 500, "from the beginning")
    answer = post(recorder, play, {"action": "seek", "position_s": 33})
    assert answer["playback"]["position_s"] >= 33
    hears(two, 900, "from a place behind")
    assert post(recorder, play, {"action": "pause"})["playback"]["paused"]

    def silent() -> bool:
        before = len(two.rtp.packets)
        time.sleep(0.3)
        return len(two.rtp.packets) == before

    wait_until(silent, 15, "nothing is heard of what is paused")
    post(recorder, play, {"action": "seek", "position_s": 28})
    before = len(two.rtp.octets())
    answer = post(recorder, play, {"action": "resume", "speed": 2})
    assert answer["playback"]["speed"] == 2
    samples = heard(two, 1.6, before)
    at = next(i for i in range(0, len(samples), 400) if frequency_hz(samples[i : i + 400]) > 700) / RATE
    assert 0.7 < at < 1.3, f"the second tone comes after one second instead of two, not after {at:.2f}"
    post(recorder, play, {"action": "stop"})
    post(recorder, play, {"tone_hz": 700, "to": "caller"})
    hears(one, 700, "and a tone for the other one")
    assert recorder.http("POST", play, {"file": "../../etc/passwd"})[0] == 422, "no file elsewhere is played"
    assert recorder.http("POST", play, {"recording_id": "none"})[0] == 422


def test_any_file_and_any_recording_is_played(recorder: Switch, telephone: MakePhone, sounds: Path) -> None:
    call, one, two = connected(recorder, telephone)
    play = f"/voice/calls/{call}/play"
    recorded = {}
    for container in ("ogg", "mka"):
        (recorded[container],) = post(recorder, f"/voice/calls/{call}/record", {"format": container})["recordings"][-1:]
    say(one, two, 600, 1.0)
    post(recorder, f"/voice/calls/{call}/record", {"action": "stop"})
    for identifier in recorded.values():
        finished(recorder, identifier)
        order = {"recording_id": identifier, "to": "callee", "position_s": 0.2}
        plays(recorder, play, order, two, 600, "what was recorded before")
    for name, options in (("a.mp3", []), ("b.flac", []), ("c.ogg", ["-c:a", "libvorbis"]), ("d.opus", [])):
        make(sounds / name, *options, second=20)
        post(recorder, play, {"file": name, "to": "callee", "position_s": 2.5})
        hears(two, 900, name)
