"""Recordings by the API: made, paused, fetched, replayed, verified, and what a crash leaves of them."""

from __future__ import annotations

import json
import re
import sqlite3
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from tests.api.conftest import TOKENS, ApiPlan
from tests.api.phone import VIDEO, Phone
from tests.api.test_voice import heard, newest_cdr, originate, post, state
from tests.interop.audio import encode_ulaw, frequency_hz, level_dbm0
from tests.interop.ports import free_port
from tests.interop.rawsip import RawPhone, RtpParty, media_address
from tests.interop.switch import TOKEN, Switch, password_of, running_switch, wait_until
from tests.unit.media.encoders import Picture, encode
from tests.unit.media.talkers import heard as decoded
from tests.unit.media.talkers import tones

RATE = 8000
_RECORDING = """
[recording]
pre_record_s = 10
talkgroups = ["8001"]
minimum_free_mb = 1
group_idle_s = 2
[[talkgroup]]
number = "8001"
[[conference]]
number = "7001"
"""
MakePhone = Callable[..., Phone]


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A switch that keeps ten seconds of every call and records talkgroup 8001."""
    with running_switch(ApiPlan(extra=TOKENS + _RECORDING), tmp_path_factory.mktemp("recorder")) as switch:
        yield switch


@pytest.fixture
def telephone(recorder: Switch) -> Iterator[MakePhone]:
    """Makes registered telephones of that switch."""
    with ExitStack() as stack:

        def make(number: str, **options: Any) -> Phone:
            where = (recorder.plan.address, recorder.plan.sip)
            return stack.enter_context(Phone(where, number, password_of(number), **options))

        yield make
        for row in recorder.calls():
            recorder.http("POST", f"/voice/calls/{row['call_id']}/disconnect")
        recorder.wait_idle()


def tone(hz: float, seconds: float) -> np.ndarray[Any, np.dtype[np.int16]]:
    """A sine."""
    return (8000 * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)).astype(np.int16)


def speak(phone: Phone, hz: float, seconds: float) -> None:
    """Let a telephone say a tone from now on."""
    assert phone.remote_media is not None, f"{phone.number} has no media"
    phone.rtp.send(encode_ulaw(tone(hz, seconds)), phone.remote_media)


def connected(switch: Switch, telephone: MakePhone, **options: Any) -> tuple[str, Phone, Phone]:
    """Two telephones that talk to each other."""
    one, two = telephone("1001"), telephone("1002", **options)
    call = originate(switch, caller="1001", callee="1002")
    wait_until(lambda: state(switch, call) == "active", 5, "both talk")
    wait_until(lambda: one.remote_media and two.remote_media, 5, "both know where to send")
    return call, one, two


def in_group(switch: Switch, parties: list[Phone], number: str) -> list[str]:
    """Let telephones call a group; nobody is given the floor of one in which nobody listens."""
    calls = [originate(switch, caller=party.number, callee=number) for party in parties]
    wait_until(lambda: len(switch.get(f"/groups/{number}")["participants"]) == len(calls), 10, "all are in the group")
    return calls


class VideoCaller(RawPhone):
    """A telephone that calls with sound and pictures."""

    def __enter__(self) -> Self:
        self.sound, self.camera = RtpParty(self.rtp_port), RtpParty(free_port(), 96)
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self.sound.close()
        self.camera.close()

    def sdp(self, payload_types: str = "0 8") -> str:
        return super().sdp(payload_types) + VIDEO.format(port=self.camera.socket.getsockname()[1])

    def call(self, number: str) -> None:
        """Call somebody who answers with both."""
        answer = self.invite(number)
        shown = re.search(r"^m=video (\d+)", answer.body, re.M)
        assert answer.status == 200 and shown and int(shown[1]), f"pictures are agreed: {answer.start} {answer.body}"
        self.remote_sound = media_address(answer.body)
        self.remote_camera = (self.remote_sound[0], int(shown[1]))

    def show(self, pictures: list[Picture]) -> int:
        """Show pictures, 25 a second; returns the packets."""
        count, begin = 0, time.monotonic()
        for number, picture in enumerate(pictures):
            time.sleep(max(begin + number / 25 - time.monotonic(), 0))
            for payload in picture.payloads:
                marker = (payload is picture.payloads[-1]) << 7
                head = struct.pack("!BBHII", 0x80, marker | 96, count, number * 3600, 77)
                self.camera.socket.sendto(head + payload, self.remote_camera)
                count += 1
        return count


def talk_in_group(switch: Switch, party: Phone, call: str, hz: float) -> None:
    """Take the floor of the group, say a tone for more than a second, give it back."""
    wait_until(lambda: party.remote_media is not None, 5, "it knows where to send")
    post(switch, f"/voice/calls/{call}/floor/request", {"party": party.number})
    speak(party, hz, 1.5)
    time.sleep(1.6)
    post(switch, f"/voice/calls/{call}/floor/release", {"party": party.number})
    time.sleep(0.8)


def written(switch: Switch, name: str, body: bytes) -> Path:
    """Something fetched, as a file."""
    path = switch.folder / name
    path.write_bytes(body)
    return path


def recordings_of(switch: Switch, call: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = switch.get(f"/data/recordings?call_id={call}")["items"]
    return rows


def finished(switch: Switch, identifier: str) -> dict[str, Any]:
    wait_until(lambda: switch.get(f"/data/recordings/{identifier}")["state"] != "recording", 5, "it is in the index")
    row: dict[str, Any] = switch.get(f"/data/recordings/{identifier}")
    return row


def fetch(switch: Switch, path: str, **headers: str) -> tuple[int, bytes, str]:
    """Status, body and type of something fetched."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{switch.plan.http}/api/v1{path}", headers={"Authorization": f"Bearer {TOKEN}", **headers}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status, answer.read(), answer.headers["Content-Type"]


@pytest.mark.parametrize("container", ["wav", "ogg", "mka"])
def test_a_call_is_recorded_from_its_past_and_fetched(
    recorder: Switch, telephone: MakePhone, container: str, tmp_path: Path
) -> None:
    call, one, two = connected(recorder, telephone)
    speak(one, 440, 4.0)
    speak(two, 1000, 4.0)
    heard(one, 2.0)
    answer = post(recorder, f"/voice/calls/{call}/record", {"format": container, "include_past_s": 2})
    (identifier,) = answer["recordings"]
    heard(one, 1.5)
    post(recorder, f"/voice/calls/{call}/record", {"action": "stop"})
    row = finished(recorder, identifier)
    assert row["state"] == "complete" and 2.5 < row["seconds"] < 5, row
    status, body, kind = fetch(recorder, f"/data/recordings/{identifier}/media")
    path = tmp_path / f"fetched.{container}"
    path.write_bytes(body)
    samples = decoded(path)
    middle = samples[RATE : 2 * RATE]
    assert abs(frequency_hz(middle[:, 0]) - 440) < 4 and abs(frequency_hz(middle[:, 1]) - 1000) < 4, (
        "each in its channel"
    )
    assert status == 200 and kind.startswith("audio/")
    assert fetch(recorder, f"/data/recordings/{identifier}/media", Range="bytes=4-11")[:2] == (206, body[4:12])
    waveform = recorder.get(f"/data/recordings/{identifier}/waveform?points=50")
    assert len(waveform["channels"]) == 2 and max(waveform["channels"][0]) > 0.2
    post(recorder, f"/voice/calls/{call}/disconnect")
    assert newest_cdr(recorder, call)["recording_ids"] == [identifier], "the record of the call names it"


def test_a_secret_passage_is_not_recorded(recorder: Switch, telephone: MakePhone) -> None:
    call, one, two = connected(recorder, telephone)
    path = f"/voice/calls/{call}/record"
    (identifier,) = post(recorder, path, {"layout": "mixed"})["recordings"]
    speak(one, 440, 1.0)
    heard(two, 0.9)
    time.sleep(0.3)
    post(recorder, path, {"action": "pause"})
    assert recorder.get(f"/data/recordings/{identifier}")["paused"] is True
    speak(one, 1700, 1.0)
    heard(two, 0.9)
    time.sleep(0.3)
    post(recorder, path, {"action": "resume"})
    post(recorder, path, {"action": "mark", "label": "after"})
    speak(one, 600, 1.0)
    heard(two, 0.9)
    post(recorder, f"/voice/calls/{call}/disconnect")
    row = finished(recorder, identifier)
    samples = decoded(recorder.data / "recordings" / row["files"][0]["path"])[:, 0]
    found = {hz for at in range(0, len(samples) - 800, 400) for hz in tones(samples[at : at + 800])}
    assert any(abs(hz - 440) < 20 for hz in found) and any(abs(hz - 600) < 20 for hz in found), found
    assert not any(abs(hz - 1700) < 60 for hz in found), f"the secret was recorded: {found}"
    assert row["details"]["marks"][0]["label"] == "after" and len(row["details"]["pauses"]) == 1


def test_a_recording_is_played_into_a_call_with_seek_pause_and_speed(recorder: Switch, telephone: MakePhone) -> None:
    call, one, two = connected(recorder, telephone)
    (identifier,) = post(recorder, f"/voice/calls/{call}/record", {"layout": "mixed"})["recordings"]
    speak(one, 500, 2.0)
    heard(two, 1.9)
    time.sleep(0.2)
    speak(one, 900, 3.0)
    heard(two, 2.9)
    post(recorder, f"/voice/calls/{call}/record", {"action": "stop"})
    finished(recorder, identifier)
    play = f"/voice/calls/{call}/play"
    post(recorder, play, {"recording_id": identifier, "to": "callee"})
    assert abs(frequency_hz(heard(two, 0.8)[2400:]) - 500) < 10, "from the beginning"
    answer = post(recorder, play, {"action": "seek", "position_s": 3})
    assert answer["playback"]["position_s"] >= 3
    heard(two, 0.2)
    assert abs(frequency_hz(heard(two, 0.5)) - 900) < 10, "from its fourth second"
    assert post(recorder, play, {"action": "pause"})["playback"]["paused"]
    answer = post(recorder, play, {"action": "seek", "position_s": 0.5})
    answer = post(recorder, play, {"action": "resume", "speed": 1.5})
    assert answer["playback"]["speed"] == 1.5
    heard(two, 0.1)
    assert abs(frequency_hz(heard(two, 0.5)) - 500) < 15, "faster at the same pitch"
    post(recorder, play, {"action": "stop"})
    post(recorder, play, {"tone_hz": 700, "to": "caller"})
    heard(one, 0.1)
    assert abs(frequency_hz(heard(one, 0.4)) - 700) < 5
    assert recorder.http("POST", play, {"file": "../../etc/passwd"})[0] == 422, "no file elsewhere is played"
    assert recorder.http("POST", play, {"recording_id": "none"})[0] == 422


def test_a_video_call_is_recorded_with_its_pictures(recorder: Switch, telephone: MakePhone) -> None:
    two = telephone("1002", video=True)
    with VideoCaller(("127.0.0.1", recorder.plan.sip), "1001", password_of("1001")) as one:
        one.call("1002")
        (call,) = recorder.call_ids()
        (identifier,) = post(recorder, f"/voice/calls/{call}/record", {"format": "mkv"})["recordings"]
        one.sound.send(encode_ulaw(tone(440, 3.0)), one.remote_sound)
        shown = one.show(list(encode("H264", range(60), gop=20)))
        wait_until(lambda: len(two.camera.packets) >= shown, 5, "the other one has seen them all")  # type: ignore[union-attr]
        one.bye()
    row = finished(recorder, identifier)
    _, body, kind = fetch(recorder, f"/data/recordings/{identifier}/media")
    assert kind == "video/x-matroska"
    path = written(recorder, "fetched.mkv", body)
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-count_frames", "-of", "csv=p=0"]
    command += ["-show_entries", "stream=codec_name,width,height,nb_read_frames", str(path)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    name, width, height, frames = found.stdout.strip().split(",")
    assert (name, width, height) == ("h264", "320", "240") and not found.stderr
    assert int(frames) == row["details"]["pictures"]["kept"] >= 40, f"from the second key picture at the latest: {row}"
    assert abs(tones(decoded(path)[RATE : 2 * RATE, 0])[0] - 440) < 4, "and what was said"


def test_a_service_is_recorded_with_what_it_says(recorder: Switch, telephone: MakePhone) -> None:
    one = telephone("1001")
    call = originate(recorder, caller="1001", callee="601")
    wait_until(lambda: state(recorder, call) == "active" and one.remote_media, 5, "the tone is heard")
    (identifier,) = post(recorder, f"/voice/calls/{call}/record")["recordings"]
    speak(one, 440, 1.5)
    heard(one, 1.5)
    post(recorder, f"/voice/calls/{call}/disconnect")
    row = finished(recorder, identifier)
    samples = decoded(recorder.data / "recordings" / row["files"][0]["path"])[4000:10000]
    assert abs(tones(samples[:, 0])[0] - 440) < 4 and abs(tones(samples[:, 1])[0] - 1004) < 4


def test_a_talkgroup_is_recorded_burst_by_burst(recorder: Switch, telephone: MakePhone, tmp_path: Path) -> None:
    parties = [telephone(number) for number in ("1001", "1002")]
    calls = in_group(recorder, parties, "8001")
    for party, call, hz in zip(parties, calls, (440, 1000), strict=True):
        talk_in_group(recorder, party, call, hz)
    (row,) = recorder.get("/data/recordings?kind=talkgroup&number=8001")["items"]
    row = finished(recorder, row["id"])
    bursts = recorder.get(f"/data/recordings/{row['id']}/bursts")["items"]
    assert [burst["party"] for burst in bursts] == ["1001", "1002"]
    for burst, hz in zip(bursts, (440, 1000), strict=True):
        _, body, _ = fetch(recorder, f"/data/recordings/{row['id']}/media?burst={burst['id']}")
        path = tmp_path / "burst.wav"
        path.write_bytes(body)
        samples = decoded(path)[:, 0]
        assert abs(tones(samples[RATE // 2 : RATE])[0] - hz) < 6, f"{burst['party']} says {hz} Hz"
    _, body, _ = fetch(recorder, f"/data/recordings/{row['id']}/media?talk=true")
    path.write_bytes(body)
    together = len(decoded(path)) / RATE
    assert abs(together - sum(burst["seconds"] for burst in bursts)) < 0.1 and together < row["seconds"]
    assert recorder.get("/data/recordings?number=1002&kind=talkgroup")["items"], "found by who spoke"


def test_the_definition_of_a_talkgroup_has_it_recorded(recorder: Switch, telephone: MakePhone) -> None:
    """What the API says of a group counts: one is recorded, one is not, and one is by the group that is in it."""
    post(recorder, "/groups", {"number": "8077", "record": True}, 201)
    post(recorder, "/groups", {"number": "8078"}, 201)
    parties = [telephone(number) for number in ("1001", "1002")]
    for number in ("8078", "8077"):
        calls = in_group(recorder, parties, number)
        talk_in_group(recorder, parties[0], calls[0], 440)
        for call in calls:
            post(recorder, f"/voice/calls/{call}/disconnect")
        recorder.wait_idle()
    found = "/data/recordings?kind=talkgroup&number="
    assert not recorder.get(found + "8078")["items"], "nobody wants that one recorded"
    (row,) = recorder.get(found + "8077")["items"]
    row = finished(recorder, row["id"])
    (burst,) = recorder.get(f"/data/recordings/{row['id']}/bursts")["items"]
    assert burst["party"] == "1001" and burst["seconds"] > 0.5, burst
    _, body, _ = fetch(recorder, f"/data/recordings/{row['id']}/media?burst={burst['id']}")
    samples = decoded(written(recorder, "burst.wav", body))[:, 0]
    assert abs(tones(samples[RATE // 4 : 3 * RATE // 4])[0] - 440) < 6, "what was said is heard"


def test_a_conference_is_recorded_on_request(recorder: Switch, telephone: MakePhone) -> None:
    parties = [telephone(number) for number in ("1001", "1002")]
    calls = [originate(recorder, caller=party.number, callee="7001") for party in parties]
    wait_until(lambda: all(state(recorder, call) == "active" for call in calls), 5, "both are in the conference")
    body = {"layout": "separate", "format": "mka"}
    (row,) = post(recorder, "/voice/conferences/7001/record", body)["items"]
    for party, hz in zip(parties, (440, 1000), strict=True):
        speak(party, hz, 2.0)
    heard(parties[0], 2.0)
    post(recorder, "/voice/conferences/7001/record", {"action": "stop"})
    row = finished(recorder, row["id"])
    path = recorder.data / "recordings" / row["files"][0]["path"]
    found = [tones(decoded(path, track)[6000:12000, 0]) for track in (0, 1)]
    assert [hz[0] // 20 for hz in found] == [22, 50], f"a track for each party: {found}"


def test_a_changed_file_shows(recorder: Switch, telephone: MakePhone) -> None:
    call, one, two = connected(recorder, telephone)
    (identifier,) = post(recorder, f"/voice/calls/{call}/record")["recordings"]
    speak(one, 440, 0.5)
    heard(two, 0.4)
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
    speak(one, 440, 0.5)
    heard(two, 0.4)
    post(recorder, f"/voice/calls/{call}/disconnect")
    finished(recorder, identifier)
    request = urllib.request.Request(
        f"http://127.0.0.1:{recorder.plan.http}/api/v1/data/recordings/{identifier}/media",
        headers={"Authorization": "Bearer live-viewer-token"},
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=5)
    fetch(recorder, f"/data/recordings/{identifier}/media")
    noted = [
        (entry["actor"], entry["details"]["status"])
        for entry in recorder.get("/data/audit?limit=1000")["items"]
        if entry["action"].endswith("/media") and entry["subject"] == identifier
    ]
    assert noted == [("guest", 403), ("interop", 200)], noted


@pytest.mark.slow
def test_a_crash_leaves_files_that_can_be_played(tmp_path: Path) -> None:
    switch = Switch(ApiPlan(extra=TOKENS + _RECORDING), tmp_path / "crash")
    switch.start()
    where = (switch.plan.address, switch.plan.sip)
    try:
        with Phone(where, "1001", password_of("1001")) as one, Phone(where, "1002", password_of("1002")) as two:
            one.discard()
            two.discard()
            call = originate(switch, caller="1001", callee="1002")
            wait_until(lambda: state(switch, call) == "active" and one.remote_media, 5, "both talk")
            for container in ("wav", "ogg", "mka"):
                post(switch, f"/voice/calls/{call}/record", {"format": container})
            speak(one, 440, 4.0)
            heard(two, 3.5)
            switch.kill()
            switch.end_workers()
        files = sorted(path for path in (switch.data / "recordings").rglob("*") if path.is_file())
        assert [path.suffix for path in files] == [".mka", ".ogg", ".wav"] or len(files) == 3, files
        for path in files:
            command = ["ffmpeg", "-v", "quiet", "-i", str(path), "-ar", "8000", "-ac", "1", "-f", "s16le", "-"]
            samples = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<i2")
            assert len(samples) > 2 * RATE, f"{path.name} holds {len(samples) / RATE} s"
            assert abs(tones(samples[RATE : 2 * RATE])[0] - 440) < 4, f"{path.name} can be played"
        switch.start()
        wait_until(
            lambda: all(row["state"] != "recording" for row in switch.get("/data/recordings")["items"]),
            10,
            "all are seen",
        )
        rows = switch.get("/data/recordings")["items"]
        assert [row["state"] for row in rows] == ["interrupted"] * 3 and all(row["seconds"] > 2 for row in rows)
        assert post(switch, "/data/recordings/verify", expected=200)["whole"]
        assert len({row["files"][0]["sha256"] for row in rows}) == 3
    finally:
        switch.kill()


def test_the_chain_cannot_be_changed_unseen(recorder: Switch, telephone: MakePhone, tmp_path: Path) -> None:
    call, one, two = connected(recorder, telephone)
    (identifier,) = post(recorder, f"/voice/calls/{call}/record")["recordings"]
    speak(one, 440, 0.5)
    heard(two, 0.4)
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


def test_levels_are_kept(recorder: Switch, telephone: MakePhone) -> None:
    call, one, two = connected(recorder, telephone)
    (identifier,) = post(recorder, f"/voice/calls/{call}/record")["recordings"]
    speak(one, 440, 1.5)
    there = level_dbm0(heard(two, 1.0)[4000:])
    post(recorder, f"/voice/calls/{call}/disconnect")
    row = finished(recorder, identifier)
    samples = decoded(recorder.data / "recordings" / row["files"][0]["path"])[6000:10000, 0]
    assert abs(level_dbm0(samples.astype(float)) - there) < 0.5, "as loud as the other party heard it"
