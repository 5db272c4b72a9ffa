"""Recordings by the API: made from their past, paused, with pictures, of rooms by themselves and on request."""

from __future__ import annotations

import subprocess

from tests.api.recording import (
    RATE,
    MakePhone,
    VideoCaller,
    connected,
    fetch,
    finished,
    in_group,
    recorded,
    say,
    sounding,
    speak,
    talk_in_group,
    tone,
    written,
)
from tests.api.test_voice import heard, newest_cdr, originate, post, state
from tests.interop.audio import encode_ulaw, frequency_hz, level_dbm0
from tests.interop.switch import Switch, password_of, wait_until
from tests.unit.media.encoders import encode
from tests.unit.media.talkers import heard as decoded
from tests.unit.media.talkers import tones


def test_a_call_is_recorded_from_its_past_and_fetched(recorder: Switch, telephone: MakePhone) -> None:
    """In every format at once."""
    call, one, two = connected(recorder, telephone)
    speak(one, 440, 60.0)
    speak(two, 1000, 60.0)
    heard(one, 2.2)
    heard(two, 0.2)
    for container in ("wav", "ogg", "mka"):
        post(recorder, f"/voice/calls/{call}/record", {"format": container, "include_past_s": 2})
    (*_, alone) = post(recorder, f"/voice/calls/{call}/record", {"leg_id": "1002"})["recordings"]
    assert recorder.http("POST", f"/voice/calls/{call}/record", {"leg_id": "1009"})[0] in (404, 409, 422)
    heard(one, 1.5)
    post(recorder, f"/voice/calls/{call}/disconnect")
    identifiers = newest_cdr(recorder, call)["recording_ids"]
    assert identifiers[3:] == [alone], "the record of the call names them all"
    (file,) = finished(recorder, alone)["files"]
    samples = decoded(recorder.data / "recordings" / file["path"])
    assert samples.shape[1] == 1 and abs(tones(samples[4000:12000, 0])[0] - 1000) < 4, "the callee alone"
    for identifier, container in zip(identifiers, ("wav", "ogg", "mka"), strict=False):
        row = finished(recorder, identifier)
        assert row["state"] == "complete" and row["seconds"] > 3.2, row
        status, body, kind = fetch(recorder, f"/data/recordings/{identifier}/media")
        samples = decoded(written(recorder, f"fetched.{container}", body))
        assert abs(len(samples) / RATE - row["seconds"]) < 0.3, "as long as is said of it"
        middle = samples[RATE : 2 * RATE]
        assert abs(frequency_hz(middle[:, 0]) - 440) < 4 and abs(frequency_hz(middle[:, 1]) - 1000) < 4, (
            "each in its channel"
        )
        assert status == 200 and kind.startswith("audio/")
        assert fetch(recorder, f"/data/recordings/{identifier}/media", Range="bytes=4-11")[:2] == (206, body[4:12])
        waveform = recorder.get(f"/data/recordings/{identifier}/waveform?points=50")
        assert len(waveform["channels"]) == 2 and max(waveform["channels"][0]) > 0.2


def test_who_is_named_in_the_configuration_is_recorded(recorder: Switch, telephone: MakePhone) -> None:
    telephone("1003")
    telephone("1002")
    call = originate(recorder, caller="1002", callee="1003")
    wait_until(lambda: state(recorder, call) == "active", 40, "both talk")
    wait_until(lambda: recorder.get(f"/voice/calls/{call}")["recordings"], 40, "nobody had to ask for it")
    post(recorder, f"/voice/calls/{call}/disconnect")
    assert recorded(recorder, f"call_id={call}")["started_by"] == "policy"


def test_a_secret_passage_is_not_recorded(recorder: Switch, telephone: MakePhone) -> None:
    call, one, two = connected(recorder, telephone)
    path = f"/voice/calls/{call}/record"
    (identifier,) = post(recorder, path, {"layout": "mixed"})["recordings"]
    say(one, two, 440, 1.0)
    post(recorder, path, {"action": "pause"})
    assert recorder.get(f"/data/recordings/{identifier}")["paused"] is True
    say(one, two, 1700, 1.0)
    post(recorder, path, {"action": "resume"})
    post(recorder, path, {"action": "mark", "label": "after"})
    say(one, two, 600, 1.0)
    post(recorder, f"/voice/calls/{call}/disconnect")
    row = finished(recorder, identifier)
    samples = decoded(recorder.data / "recordings" / row["files"][0]["path"])[:, 0]
    found = {hz for at in range(0, len(samples) - 800, 400) for hz in tones(samples[at : at + 800])}
    assert any(abs(hz - 440) < 20 for hz in found) and any(abs(hz - 600) < 20 for hz in found), found
    assert not any(abs(hz - 1700) < 60 for hz in found), f"the secret was recorded: {found}"
    assert row["details"]["marks"][0]["label"] == "after" and len(row["details"]["pauses"]) == 1


def test_a_video_call_is_recorded_with_its_pictures(recorder: Switch, telephone: MakePhone) -> None:
    two = telephone("1002", video=True)
    with VideoCaller(("127.0.0.1", recorder.plan.sip), "1001", password_of("1001")) as one:
        one.call("1002")
        (call,) = recorder.call_ids()
        (identifier,) = post(recorder, f"/voice/calls/{call}/record", {"format": "mkv"})["recordings"]
        one.sound.send(encode_ulaw(tone(440, 60.0)), one.remote_sound)
        shown = one.show(list(encode("H264", range(60), gop=20)))
        wait_until(lambda: len(two.camera.packets) >= shown, 40, "the other one has seen them all")  # type: ignore[union-attr]
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
    assert abs(tones(sounding(decoded(path)[:, 0]))[0] - 440) < 4, "and what was said"


def test_a_service_is_recorded_with_what_it_says(recorder: Switch, telephone: MakePhone) -> None:
    one = telephone("1001")
    call = originate(recorder, caller="1001", callee="601")
    wait_until(lambda: state(recorder, call) == "active" and one.remote_media, 40, "the tone is heard")
    (identifier,) = post(recorder, f"/voice/calls/{call}/record")["recordings"]
    speak(one, 440, 1.5)
    one.rtp.said()
    post(recorder, f"/voice/calls/{call}/disconnect")
    row = finished(recorder, identifier)
    samples = decoded(recorder.data / "recordings" / row["files"][0]["path"])
    assert abs(tones(sounding(samples[:, 0], 0.75))[0] - 440) < 4
    assert abs(tones(sounding(samples[:, 1], 0.75))[0] - 1004) < 4


def test_a_talkgroup_is_recorded_burst_by_burst(recorder: Switch, telephone: MakePhone) -> None:
    parties = [telephone(number) for number in ("1001", "1002")]
    calls = in_group(recorder, parties, "8001")
    for party, call, hz in zip(parties, calls, (440, 1000), strict=True):
        talk_in_group(recorder, party, call, hz)
    row = recorded(recorder, "kind=talkgroup&number=8001")
    bursts = recorder.get(f"/data/recordings/{row['id']}/bursts")["items"]
    assert [burst["party"] for burst in bursts] == ["1001", "1002"]
    for burst, hz in zip(bursts, (440, 1000), strict=True):
        _, body, _ = fetch(recorder, f"/data/recordings/{row['id']}/media?burst={burst['id']}")
        samples = decoded(written(recorder, "burst.wav", body))[:, 0]
        assert abs(tones(sounding(samples))[0] - hz) < 6, f"{burst['party']} says {hz} Hz"
    _, body, _ = fetch(recorder, f"/data/recordings/{row['id']}/media?talk=true")
    together = len(decoded(written(recorder, "talk.wav", body))) / RATE
    assert abs(together - sum(burst["seconds"] for burst in bursts)) < 0.1 and together < row["seconds"]
    assert recorder.get("/data/recordings?number=1002&kind=talkgroup")["items"], "found by who spoke"


def test_the_definition_of_a_talkgroup_has_it_recorded(recorder: Switch, telephone: MakePhone) -> None:
    """What the API says of a group counts: one is recorded, and one is not."""
    post(recorder, "/groups", {"number": "8077"}, 201)
    status, answer = recorder.http("PATCH", "/groups/8077/definition", {"record": True})
    assert status == 200 and answer["record"] is True, answer
    post(recorder, "/groups", {"number": "8078"}, 201)
    parties = [telephone(number) for number in ("1001", "1002")]
    for number in ("8078", "8077"):
        calls = in_group(recorder, parties, number)
        talk_in_group(recorder, parties[0], calls[0], 440)
        for call in calls:
            post(recorder, f"/voice/calls/{call}/disconnect")
        recorder.wait_idle()
    row = recorded(recorder, "kind=talkgroup&number=8077")
    assert not recorder.get("/data/recordings?kind=talkgroup&number=8078")["items"], "nobody wants that one recorded"
    (burst,) = recorder.get(f"/data/recordings/{row['id']}/bursts")["items"]
    assert burst["party"] == "1001" and burst["seconds"] > 0.5, burst
    _, body, _ = fetch(recorder, f"/data/recordings/{row['id']}/media?burst={burst['id']}")
    samples = decoded(written(recorder, "burst.wav", body))[:, 0]
    assert abs(tones(sounding(samples))[0] - 440) < 6, "what was said is heard"


def test_a_conference_is_recorded_on_request(recorder: Switch, telephone: MakePhone) -> None:
    parties = [telephone(number) for number in ("1001", "1002")]
    calls = [originate(recorder, caller=party.number, callee="7001") for party in parties]
    wait_until(lambda: all(state(recorder, call) == "active" for call in calls), 40, "both are in the conference")
    body = {"layout": "separate", "format": "mka"}
    (row,) = post(recorder, "/voice/conferences/7001/record", body)["items"]
    for party, hz in zip(parties, (440, 1000), strict=True):
        speak(party, hz, 1.5)
    for party in parties:
        party.rtp.said()
    post(recorder, "/voice/conferences/7001/record", {"action": "stop"})
    row = finished(recorder, row["id"])
    path = recorder.data / "recordings" / row["files"][0]["path"]
    found = [tones(sounding(decoded(path, track)[:, 0], 0.75)) for track in (0, 1)]
    assert [hz[0] // 20 for hz in found] == [22, 50], f"a track for each party: {found}"


def test_levels_are_kept(recorder: Switch, telephone: MakePhone) -> None:
    call, one, two = connected(recorder, telephone)
    (identifier,) = post(recorder, f"/voice/calls/{call}/record")["recordings"]
    speak(one, 440, 60.0)
    there = level_dbm0(heard(two, 1.0)[4000:])
    post(recorder, f"/voice/calls/{call}/disconnect")
    row = finished(recorder, identifier)
    samples = sounding(decoded(recorder.data / "recordings" / row["files"][0]["path"])[:, 0])
    assert abs(level_dbm0(samples.astype(float)) - there) < 0.5, "as loud as the other party heard it"
