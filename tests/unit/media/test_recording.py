"""Recordings, from the tap to files that ffmpeg reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from softswitch.media import StreamFormat
from softswitch.media.recording import requests, speech
from softswitch.media.recording.reader import open_file
from tests.unit.media.talkers import MS, RATE, Studio, heard, streams, tones


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """A recorder that writes into a folder of this test."""
    return Studio(tmp_path)


def near(found: list[int], wanted: list[int]) -> bool:
    """Whether the tones are those that were sent, within 3 Hz."""
    return len(found) == len(wanted) and all(abs(f - w) <= 3 for f, w in zip(found, wanted, strict=True))


@pytest.mark.parametrize("container", ["wav", "ogg", "mka"])
def test_a_stereo_recording_has_the_caller_left_and_the_callee_right(studio: Studio, container: str) -> None:
    caller, callee = studio.talker(440), studio.talker(1000)
    studio.start("r", [(caller, "caller"), (callee, "callee")], container)
    studio.talk(3.0)
    told = studio.stop("r")
    (file,) = told["files"]
    samples = heard(Path(file["path"]))
    assert abs(len(samples) - 3 * RATE) < 400, f"three seconds were recorded, not {len(samples) / RATE}"
    left, right = tones(samples[RATE : 2 * RATE, 0]), tones(samples[RATE : 2 * RATE, 1])
    assert near(left, [440]) and near(right, [1000]), f"440 Hz left and 1000 Hz right, not {left} and {right}"
    assert Path(file["path"]).stat().st_mode & 0o777 == 0o600, "nobody else may read a recording"
    assert file["sha256"] == hashlib.sha256(Path(file["path"]).read_bytes()).hexdigest()


@pytest.mark.parametrize("container", ["wav", "ogg", "mka"])
def test_a_mixed_recording_has_both_in_one_channel(studio: Studio, container: str) -> None:
    caller, callee = studio.talker(440), studio.talker(1000)
    studio.start("r", [(caller, "caller"), (callee, "callee")], container, "mixed")
    studio.talk(2.0)
    (file,) = studio.stop("r")["files"]
    samples = heard(Path(file["path"]))
    assert samples.shape[1] == 1 and near(tones(samples[RATE // 2 : 3 * RATE // 2, 0]), [440, 1000])


def test_separate_tracks_are_files_or_tracks_of_one_matroska_file(studio: Studio) -> None:
    caller, callee = studio.talker(440), studio.talker(1000)
    for name in ("wav", "mka"):
        studio.start(name, [(caller, "caller"), (callee, "callee")], name, "separate")
    studio.talk(2.0)
    files = studio.stop("wav")["files"]
    found = {file["lane"]: tones(heard(Path(file["path"]))[4000:12000, 0]) for file in files}
    assert near(found["caller"], [440]) and near(found["callee"], [1000]), found
    (file,) = studio.stop("mka")["files"]
    path = Path(file["path"])
    assert streams(path) == ["1", "1"], "two tracks of one channel"
    assert [tones(heard(path, track)[4000:12000, 0])[0] // 10 for track in (0, 1)] == [44, 100]


def test_a_recording_may_begin_in_the_past(studio: Studio) -> None:
    caller = studio.talker(440, keep_s=10.0)
    studio.talk(15.0)
    studio.start("r", [(caller, "caller")], layout="mixed", past_s=8.0)
    studio.talk(2.0)
    (file,) = studio.stop("r")["files"]
    samples = heard(Path(file["path"]))[:, 0]
    assert abs(len(samples) / RATE - 10.0) < 0.3, f"eight seconds of the past and two more, not {len(samples) / RATE}"
    assert near(tones(samples[:RATE]), [440]), "the past is heard"


def test_no_more_of_the_past_is_kept_than_was_asked_for(studio: Studio) -> None:
    caller = studio.talker(440, keep_s=3.0)
    studio.talk(10.0)
    studio.start("r", [(caller, "caller")], layout="mixed", past_s=30.0)
    studio.talk(1.0)
    seconds = studio.stop("r")["seconds"]
    assert 3.8 < seconds < 4.5, f"three seconds of the past and one more, not {seconds}"


def test_what_is_said_in_a_pause_is_nowhere(studio: Studio) -> None:
    caller = studio.talker(440, keep_s=20.0)
    studio.start("r", [(caller, "caller")], layout="mixed")
    studio.talk(2.0)
    studio.ask(requests.PAUSE, id="r")
    caller._hz = 1700  # the secret
    studio.talk(2.0)
    caller._hz = 440
    studio.ask(requests.RESUME, id="r")
    studio.talk(2.0)
    studio.start("after", [(caller, "caller")], layout="mixed", past_s=20.0)
    told, after = studio.stop("r"), studio.stop("after")
    samples = heard(Path(told["files"][0]["path"]))[:, 0]
    assert abs(len(samples) / RATE - 3.9) < 0.1, f"a pause is left out: {len(samples) / RATE} s"
    assert told["pauses"] == [[pytest.approx(2.0, abs=0.02), pytest.approx(2.1, abs=0.02)]]
    for name, pcm in (("r", samples), ("after", heard(Path(after["files"][0]["path"]))[:, 0])):
        for at in range(0, len(pcm) - RATE // 4, RATE // 4):
            found = tones(pcm[at : at + RATE // 4])
            assert not any(abs(hz - 1700) < 60 for hz in found), f"the secret is in {name} at {at / RATE} s: {found}"


def test_a_lost_packet_is_concealed_and_a_silence_stays_silent(studio: Studio) -> None:
    caller = studio.talker(440)
    studio.start("r", [(caller, "caller")], layout="mixed")
    studio.talk(1.0)
    studio.talk(0.02, caller)
    studio.talk(1.0)
    studio.talk(1.0, caller)
    studio.talk(1.0)
    told = studio.stop("r")
    samples = heard(Path(told["files"][0]["path"]))[:, 0]
    assert told["packets"]["concealed"] == 1
    assert abs(samples[RATE : RATE + 160].astype(int)).max() > 4000, "the lost packet is made up for"
    assert abs(samples[int(2.2 * RATE) : int(2.9 * RATE)].astype(int)).max() == 0, "nobody spoke for a second"


def test_what_a_busy_machine_hears_late_lies_where_it_belongs(studio: Studio) -> None:
    """Packets wait at their socket while their thread has no turn, and the recorder goes on."""
    caller = studio.talker(440)
    studio.start("r", [(caller, "caller")], layout="mixed")
    studio.talk(2.0)
    packet, waiting = caller.packet, []
    caller.packet = lambda payload, **header: waiting.append((payload, caller.sequence, caller.timestamp))  # type: ignore[method-assign]
    studio.talk(0.9)
    caller.packet = packet  # type: ignore[method-assign]
    for payload, sequence, timestamp in waiting:
        packet(payload, sequence=sequence, timestamp=timestamp)
    studio.talk(2.0)
    told = studio.stop("r")
    loud = np.flatnonzero(abs(heard(Path(told["files"][0]["path"]))[:, 0].astype(int)) > 4000)
    assert told["packets"]["late"] == 0 and np.diff(loud).max() < 2 * RATE // 440, "the tone never breaks off"


def test_packets_out_of_order_lie_where_they_belong(studio: Studio) -> None:
    caller = studio.talker(440)
    studio.start("r", [(caller, "caller")], layout="mixed")
    packet, kept = caller.packet, []

    def swapped(payload: bytes, **header: int) -> None:
        kept.append((payload, caller.sequence, caller.timestamp))
        if len(kept) == 2:
            for later, sequence, timestamp in reversed(kept):
                packet(later, sequence=sequence, timestamp=timestamp)
            kept.clear()

    caller.packet = swapped  # type: ignore[method-assign]
    studio.talk(2.0)
    told = studio.stop("r")
    samples = heard(Path(told["files"][0]["path"]))[:, 0]
    assert near(tones(samples[RATE // 2 : RATE * 3 // 2]), [440]), "an unbroken tone"


def test_another_codec_gives_the_recording_its_rate(studio: Studio) -> None:
    wide, narrow = studio.talker(5000, form=StreamFormat(9, "G722", 8000)), studio.talker(1000)
    studio.start("r", [(wide, "caller"), (narrow, "callee")])
    studio.talk(2.0)
    told = studio.stop("r")
    assert told["rate_hz"] == 16000
    reader = open_file(Path(told["files"][0]["path"]))
    samples = reader.read(8000, 24000)
    assert near(tones(samples[:, 0], 16000), [5000]) and near(tones(samples[:, 1], 16000), [1000])


def test_a_full_disk_stops_the_writing_and_room_lets_it_go_on(tmp_path: Path) -> None:
    studio = Studio(tmp_path, minimum_free_mb=100)
    caller = studio.talker(440)
    studio.start("r", [(caller, "caller")], layout="mixed")
    studio.talk(3.0)
    studio.free_octets = 50 << 20
    studio.talk(3.0)
    assert [n["notice"] for n in studio.notices].count(requests.FULL) == 1, "told once"
    studio.free_octets = 400 << 20
    studio.talk(3.0)
    told = studio.stop("r")
    assert requests.ROOM in [n["notice"] for n in studio.notices]
    first, second = (heard(Path(file["path"]))[:, 0] for file in told["files"])
    assert near(tones(first[:RATE]), [440]) and near(tones(second[:RATE]), [440]), "both files can be played"
    assert 2.0 < told["lost_s"] < 4.5, f"what was lost is said: {told['lost_s']}"


def test_a_tap_that_nobody_empties_loses_packets_and_counts_them(studio: Studio) -> None:
    caller = studio.talker(440)
    for _ in range(4):
        caller.packet(bytes(160))
    positions = studio.scratch[0]["tap_positions"]
    positions[0] += 32765
    caller.packet(bytes(160))
    assert positions[16] == 1 and studio.recorder.lost == 1


def test_clocks_that_differ_do_not_part_the_channels(studio: Studio) -> None:
    caller = studio.talker(440)
    studio.start("r", [(caller, "caller")], layout="mixed")
    for _ in range(600):  # a clock that is 0.5 % slow: 0.3 s in a minute
        studio.talk(0.1)
        studio.now_ns += MS // 2
        studio.recorder.step()
    told = studio.stop("r")
    samples = heard(Path(told["files"][0]["path"]))[:, 0]
    assert abs(len(samples) / RATE - 60.3) < 0.2 and told["packets"]["late"] < 5, told["packets"]
    assert abs(samples[-RATE // 2 : -RATE // 4].astype(int)).max() > 4000, "what was said last is at the end"


@pytest.mark.parametrize("layout", ["mixed", "stereo"])
def test_who_spoke_when_is_told(studio: Studio, layout: str) -> None:
    caller, callee = studio.talker(440), studio.talker(1000)
    studio.start("r", [(caller, "caller"), (callee, "callee")], layout=layout)
    studio.talk(1.0, callee)
    studio.talk(1.0, caller)
    studio.talk(1.0, caller, callee)
    studio.talk(0.5, callee)
    told = studio.stop("r")["speech"]
    hangover = pytest.approx(0.3, abs=0.15)  # what was made up for the next packet, and the detector's
    assert [[begin for begin, _ in told[lane]] for lane in ("caller", "callee")] == [
        [pytest.approx(0, abs=0.1), pytest.approx(3, abs=0.1)],
        [pytest.approx(1, abs=0.1)],
    ]
    assert told["caller"][0][1] - 1.0 == hangover and told["callee"][0][1] - 2.0 == hangover


def test_no_more_spans_are_kept_than_have_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "_MOST_SPANS", 3)
    spans = speech.SpeechSpans(RATE)
    loud = np.tile(np.array([8000, -8000], np.int32), RATE // 8)
    for second in range(6):
        spans.hear("caller", loud, second * RATE)
        spans.hear("caller", np.zeros(RATE * 3 // 4, np.int32), second * RATE + RATE // 4)
    spans.hear("callee", loud, 6 * RATE)
    told = spans.describe()
    assert [span[0] for span in told["caller"]] == [0, 1, 2] and told["caller"][2][1] > 5, "the last is drawn out"
    assert told["callee"] == []
