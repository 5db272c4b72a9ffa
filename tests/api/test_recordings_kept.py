"""Recordings as they are kept: what changes shows, crashes and a full disk spoil nothing, the oldest go."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.api.conftest import RECORDING, TOKENS, ApiPlan
from tests.api.phone import Phone
from tests.api.recording import RATE, MakePhone, connected, fetch, finished, say, sounding, speak
from tests.api.test_voice import heard, originate, post, state
from tests.interop.audio import frequency_hz
from tests.interop.switch import Switch, password_of, wait_until
from tests.unit.media.talkers import heard as decoded
from tests.unit.media.talkers import tones

_MEGABYTE = 1 << 20


def test_a_changed_file_shows(recorder: Switch, telephone: MakePhone) -> None:
    call, one, two = connected(recorder, telephone)
    (identifier,) = post(recorder, f"/voice/calls/{call}/record")["recordings"]
    say(one, two, 440, 0.5)
    post(recorder, f"/voice/calls/{call}/disconnect")
    row = finished(recorder, identifier)
    assert post(recorder, "/data/recordings/verify", expected=200)["whole"], "nothing is wrong yet"
    path = recorder.data / "recordings" / row["files"][0]["path"]
    octets = bytearray(path.read_bytes())
    octets[len(octets) // 2] ^= 1
    path.write_bytes(octets)
    answer = post(recorder, "/data/recordings/verify", expected=200)
    assert [finding["recording"] for finding in answer["findings"] if finding["kind"] == "changed"] == [identifier]
    command = [str(Path(sys.executable).with_name("softswitch")), "recordings", "verify", "--json"]
    command += ["--data", str(recorder.data), "--config", str(recorder.config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and json.loads(done.stdout)["findings"][0]["recording"] == identifier
    assert recorder.http("DELETE", f"/data/recordings/{identifier}")[0] == 204
    assert not path.exists(), "its file is gone"
    assert post(recorder, "/data/recordings/verify", expected=200)["whole"], "what was removed is not missed"
    entries = recorder.get("/data/audit?limit=1000")["items"]
    assert any(entry["action"] == "DELETE /data/recordings/{id}" for entry in entries), "and the audit knows who"


def test_only_dispatchers_listen_and_it_is_audited(recorder: Switch, telephone: MakePhone) -> None:
    call, one, two = connected(recorder, telephone)
    (identifier,) = post(recorder, f"/voice/calls/{call}/record")["recordings"]
    say(one, two, 440, 0.5)
    post(recorder, f"/voice/calls/{call}/disconnect")
    finished(recorder, identifier)
    request = urllib.request.Request(
        f"http://127.0.0.1:{recorder.plan.http}/api/v1/data/recordings/{identifier}/media",
        headers={"Authorization": "Bearer live-viewer-token"},
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=40)
    fetch(recorder, f"/data/recordings/{identifier}/media")
    noted = [
        (entry["actor"], entry["details"]["status"])
        for entry in recorder.get("/data/audit?limit=1000")["items"]
        if entry["action"].endswith("/media") and entry["subject"] == identifier
    ]
    assert noted == [("guest", 403), ("interop", 200)], noted


def test_the_chain_cannot_be_changed_unseen(recorder: Switch, telephone: MakePhone, tmp_path: Path) -> None:
    call, one, two = connected(recorder, telephone)
    (identifier,) = post(recorder, f"/voice/calls/{call}/record")["recordings"]
    say(one, two, 440, 0.5)
    post(recorder, f"/voice/calls/{call}/disconnect")
    finished(recorder, identifier)
    copy = tmp_path / "copy.db"
    with sqlite3.connect(next(recorder.data.glob("*.db"))) as source, sqlite3.connect(copy) as target:
        source.backup(target)
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            target.execute("UPDATE recording_chain SET content = '{}' WHERE sequence = 1")
        target.execute("DROP TRIGGER recording_chain_no_update")
        target.execute("UPDATE recording_chain SET content = '{}' WHERE sequence = 1")
        from softswitch.recordings.verification import verify

        report = verify(target, recorder.data / "recordings")
    assert any(finding.kind == "chain" for finding in report.findings), "a changed link shows"


def played(path: Path) -> np.ndarray[Any, np.dtype[np.int16]]:
    """The sound of a file as far as it goes, int16[n]."""
    command = ["ffmpeg", "-v", "quiet", "-i", str(path), "-ar", "8000", "-ac", "1", "-f", "s16le", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=False).stdout, "<i2")


@pytest.mark.slow
def test_a_crash_leaves_files_that_can_be_played(tmp_path: Path) -> None:
    switch = Switch(ApiPlan(extra=TOKENS + RECORDING), tmp_path / "crash")
    switch.start()
    where = (switch.plan.address, switch.plan.sip)
    try:
        with Phone(where, "1001", password_of("1001")) as one, Phone(where, "1002", password_of("1002")) as two:
            one.discard()
            two.discard()
            call = originate(switch, caller="1001", callee="1002")
            wait_until(lambda: state(switch, call) == "active" and one.remote_media, 40, "both talk")
            for container in ("wav", "ogg", "mka"):
                post(switch, f"/voice/calls/{call}/record", {"format": container})
            speak(one, 440, 60.0)
            files: list[Path] = []

            def written() -> bool:
                files[:] = sorted(path for path in (switch.data / "recordings").rglob("*") if path.is_file())
                return len(files) == 3 and all(len(played(path)) > 2 * RATE for path in files)

            wait_until(written, 40, "more than two seconds are on the disk in every format")
            switch.kill()
            switch.end_workers()
        for path in files:
            samples = played(path)
            assert len(samples) > 2 * RATE, f"{path.name} holds {len(samples) / RATE} s"
            assert abs(tones(sounding(samples))[0] - 440) < 4, f"{path.name} can be played"
        switch.start()
        wait_until(
            lambda: all(row["state"] != "recording" for row in switch.get("/data/recordings")["items"]),
            40,
            "all are seen",
        )
        rows = switch.get("/data/recordings")["items"]
        assert [row["state"] for row in rows] == ["interrupted"] * 3 and all(row["seconds"] > 2 for row in rows)
        assert post(switch, "/data/recordings/verify", expected=200)["whole"]
        assert len({row["files"][0]["sha256"] for row in rows}) == 3
    finally:
        switch.kill()


def alarms(switch: Switch) -> list[str]:
    """Those of the storage so far."""
    return [event["type"] for event in switch.get("/events/journal?limit=1000&types=storage.*")["items"]]


def test_a_full_disk_stops_recordings_and_no_call(recorder: Switch, telephone: MakePhone) -> None:
    """One alarm and its end; what was recorded before can be played, and it goes on when there is room again."""
    folder = recorder.data / "recordings"
    if not folder.is_mount():
        pytest.skip("a small disk can be mounted by root alone")
    call, one, two = connected(recorder, telephone)
    (identifier,) = post(recorder, f"/voice/calls/{call}/record", {"layout": "mixed"})["recordings"]
    speak(one, 440, 170.0)
    heard(two, 1.5)
    ballast = folder / "ballast"
    with ballast.open("wb") as file, contextlib.suppress(OSError):
        while file.write(bytes(_MEGABYTE)):
            file.flush()
    wait_until(lambda: alarms(recorder) == ["storage.full"], 40, "the alarm is raised")
    assert any("cannot be written" in each for each in recorder.get("/system/health")["problems"])
    assert abs(frequency_hz(heard(two, 0.5)) - 440) < 4, "the call goes on"
    assert state(recorder, call) == "active"
    ballast.unlink()
    wait_until(lambda: alarms(recorder) == ["storage.full", "storage.available"], 40, "and is over")
    heard(two, 1.5)
    post(recorder, f"/voice/calls/{call}/disconnect")
    row = finished(recorder, identifier)
    assert len(row["files"]) == 2 and row["details"]["lost_s"] > 0, f"it went on in a further file: {row}"
    for file in row["files"]:
        samples = decoded(folder / file["path"])[:, 0]
        assert abs(tones(samples[-RATE // 2 :])[0] - 440) < 6, "both can be played to their ends"
    assert alarms(recorder) == ["storage.full", "storage.available"], "each is told once"
    assert post(recorder, "/data/recordings/verify", expected=200)["whole"]


def test_the_oldest_go_when_all_are_too_large(recorder: Switch, telephone: MakePhone) -> None:
    for _ in range(2):
        call, one, two = connected(recorder, telephone)
        (identifier,) = post(recorder, f"/voice/calls/{call}/record")["recordings"]
        say(one, two, 440, 0.5)
        post(recorder, f"/voice/calls/{call}/disconnect")
        row = finished(recorder, identifier)
        one.register(0)
        two.register(0)
    before = recorder.config.read_text()
    size = f"max_gigabytes = {(row['octets'] + 10) / 1e9:.9f}"
    recorder.config.write_text(before.replace("[recording]", f"[recording]\n{size}"))
    recorder.reload()
    try:
        wait_until(lambda: len(recorder.get("/data/recordings")["items"]) == 1, 40, "only the newest is left")
    finally:
        recorder.config.write_text(before)
        recorder.reload()
    (left,) = recorder.get("/data/recordings")["items"]
    assert left["id"] == identifier
    files = lambda: [path for path in (recorder.data / "recordings").rglob("*") if path.is_file()]  # noqa: E731
    wait_until(lambda: len(files()) == 1, 40, "no file is left but that of the newest")
    assert post(recorder, "/data/recordings/verify", expected=200)["whole"], "the chain tells of the others"
    removed = lambda: recorder.get("/events/journal?limit=1000&types=recording.removed")["items"]  # noqa: E731
    wait_until(lambda: "size" in {event["reason"] for event in removed()}, 40, "what is removed is told of")
