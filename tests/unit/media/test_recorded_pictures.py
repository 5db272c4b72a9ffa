"""Pictures beside the sound of a recording, from the tap to Matroska files that ffmpeg decodes picture by picture."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from softswitch.media.recording import requests
from softswitch.media.recording.h265 import H265Assembler
from softswitch.media.recording.parameter_sets import picture_size, read_h265_set
from softswitch.media.recording.picture_codecs import H264Assembler, Vp8Assembler
from tests.unit.media.encoders import HEIGHT, WIDTH, encode
from tests.unit.media.talkers import RATE, Studio, heard, tones

SECOND = 25  # pictures


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """A recorder that writes into a folder of this test."""
    return Studio(tmp_path)


def pictures(path: Path) -> list[dict[str, Any]]:
    """Every track of pictures of a file with the times (s) of all that ffmpeg decodes; fails when it complains."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_streams", "-show_frames", "-of", "json"]
    done = subprocess.run([*command, str(path)], capture_output=True, check=False)
    assert done.returncode == 0 and not done.stderr, f"ffmpeg cannot decode {path}: {done.stderr.decode()}"
    found = json.loads(done.stdout)
    for stream in found["streams"]:
        frames = [frame for frame in found["frames"] if frame["stream_index"] == stream["index"]]
        stream["times"] = [float(frame["pts_time"]) for frame in frames]
    return list(found["streams"])


@pytest.mark.parametrize(("encoding", "name"), [("H264", "h264"), ("H265", "hevc"), ("VP8", "vp8")])
def test_pictures_lie_beside_the_sound(studio: Studio, encoding: str, name: str) -> None:
    caller = studio.talker(440)
    camera = studio.camera(encoding, encode(encoding, range(2 * SECOND)))
    studio.start("r", [(caller, "caller"), (camera, "caller")], "mkv")
    studio.talk(2.0)
    told = studio.stop("r")
    (file,) = told["files"]
    (track,) = pictures(Path(file["path"]))
    assert (track["codec_name"], track["width"], track["height"]) == (name, WIDTH, HEIGHT)
    assert len(track["times"]) == 2 * SECOND, f"every picture is decoded, not {len(track['times'])}"
    assert told["pictures"] == {"kept": 2 * SECOND, "lost": 0}
    steps = {round(b - a, 2) for a, b in zip(track["times"], track["times"][1:], strict=False)}
    assert steps == {0.04} and track["times"][0] < 0.05, "each at its time"
    assert tones(heard(Path(file["path"]))[RATE // 2 : RATE, 0])[0] == 440, "and what was said is heard"


def test_it_begins_with_a_key_picture_which_is_asked_for(studio: Studio) -> None:
    camera = studio.camera("H264", encode("H264", range(3 * SECOND), keys=[50]))
    caller = studio.talker(440)
    studio.talk(1.0)
    studio.start("r", [(caller, "caller"), (camera, "caller")], "mkv")
    studio.talk(2.0)
    asked = [notice for notice in studio.notices if notice["notice"] == requests.WANTED]
    assert asked and asked[0]["source"] == camera.source, "the camera is asked"
    (file,) = studio.stop("r")["files"]
    (track,) = pictures(Path(file["path"]))
    assert len(track["times"]) == 25 and abs(track["times"][0] - 1.0) < 0.06, "from the key picture on"


def test_after_a_loss_it_goes_on_with_the_next_key_picture(studio: Studio) -> None:
    caller = studio.talker(440)
    camera = studio.camera("VP8", encode("VP8", range(3 * SECOND), gop=25))
    studio.start("r", [(caller, "caller"), (camera, "caller")], "mkv")
    studio.talk(0.4)
    camera.lose.add(camera._sent + 3)
    studio.talk(2.6)
    told = studio.stop("r")
    (track,) = pictures(Path(told["files"][0]["path"]))
    gap = max(b - a for a, b in zip(track["times"], track["times"][1:], strict=False))
    assert told["pictures"]["lost"] in (1, 2) and 0.3 < gap < 1.1, f"nothing that cannot be decoded: {gap}"
    assert len(track["times"]) == told["pictures"]["kept"] > SECOND


def test_packets_that_come_late_are_waited_for(studio: Studio) -> None:
    caller = studio.talker(440)
    camera = studio.camera("H264", encode("H264", range(2 * SECOND)))
    camera.late |= {5, 6, 20, 41}
    studio.start("r", [(caller, "caller"), (camera, "caller")], "mkv")
    studio.talk(2.0)
    told = studio.stop("r")
    assert told["pictures"] == {"kept": 2 * SECOND, "lost": 0}
    assert len(pictures(Path(told["files"][0]["path"]))[0]["times"]) == 2 * SECOND


def test_nothing_is_seen_of_a_pause(studio: Studio) -> None:
    caller = studio.talker(440)
    camera = studio.camera("H264", encode("H264", range(3 * SECOND), keys=[55]))
    studio.start("r", [(caller, "caller"), (camera, "caller")], "mkv")
    studio.talk(1.0)
    studio.ask(requests.PAUSE, id="r")
    studio.talk(1.0)
    studio.ask(requests.RESUME, id="r")
    studio.talk(1.0)
    told = studio.stop("r")
    (track,) = pictures(Path(told["files"][0]["path"]))
    times = [at for at in track["times"] if at < 1.0]
    assert 24 <= len(times) <= 26, f"a second before the pause: {times}"
    assert len(track["times"]) - len(times) == 20, "and the twenty from the key picture on"


def test_two_cameras_and_one_that_joins_later_have_tracks_of_their_own(studio: Studio) -> None:
    one, other = studio.talker(440), studio.talker(1000)
    first = studio.camera("H264", encode("H264", range(2 * SECOND)))
    studio.start("r", [(one, "caller"), (other, "callee"), (first, "caller")], "mkv")
    studio.talk(1.0)
    second = studio.camera("VP8", encode("VP8", range(SECOND)))
    studio.ask(requests.BIND, id="r", source=second.source, lane="callee")
    studio.talk(1.0)
    (file,) = studio.stop("r")["files"]
    found = {track["codec_name"]: track for track in pictures(Path(file["path"]))}
    assert len(found["h264"]["times"]) == 2 * SECOND and len(found["vp8"]["times"]) == SECOND
    assert {track["tags"]["title"] for track in found.values()} == {"caller", "callee"}, "named by the party"


def test_a_file_that_is_not_complete_can_be_played(studio: Studio) -> None:
    caller = studio.talker(440)
    camera = studio.camera("H264", encode("H264", range(2 * SECOND)))
    studio.start("r", [(caller, "caller"), (camera, "caller")], "mkv")
    studio.talk(2.0)
    path = studio.folder / "r.mkv"
    (track,) = pictures(path)
    assert len(track["times"]) > SECOND * 3 // 4, "all that is older than the hold"
    cut = studio.folder / "cut.mkv"
    cut.write_bytes(path.read_bytes()[:-700])
    command = ["ffmpeg", "-v", "quiet", "-i", str(cut), "-f", "framemd5", "-map", "0:v", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n0,") > SECOND // 3, "also when the last cluster was cut off"


def test_other_formats_leave_pictures_out(studio: Studio) -> None:
    caller = studio.talker(440)
    camera = studio.camera("H264", encode("H264", range(SECOND)))
    studio.start("r", [(caller, "caller"), (camera, "caller")], "mka")
    studio.talk(1.0)
    (file,) = studio.stop("r")["files"]
    assert pictures(Path(file["path"])) == []


@pytest.mark.parametrize("make", [H264Assembler, H265Assembler, Vp8Assembler])
@given(payloads=st.lists(st.binary(max_size=40), max_size=8), fmtp=st.text(max_size=40))
def test_whatever_arrives_is_a_picture_or_none(make: Any, payloads: list[bytes], fmtp: str) -> None:
    assembler = make(f"sprop-parameter-sets={fmtp};sprop-sps={fmtp}")
    for payload in payloads:
        assembler.add(payload)
    taken = assembler.take()
    assert taken is None or taken.data, "a picture has octets"
    if make is not Vp8Assembler and taken is not None:
        units = list(lengthwise(taken.data))
        assert all(units) and all(unit in b"".join(payloads) or len(unit) > 1 for unit in units), f"units: {units}"
    assert assembler.take() is None, "a picture is taken once"


def lengthwise(data: bytes) -> Iterator[bytes]:
    """The units that stand behind their lengths in four octets; fails when the last one is cut."""
    while data:
        size = int.from_bytes(data[:4], "big")
        assert len(data) >= 4 + size, f"a unit of {size} octets, of which {len(data) - 4} are there"
        yield data[4 : 4 + size]
        data = data[4 + size :]


@given(st.binary(max_size=60), st.integers(0, 255))
@example(b"\xff" * 20, 0x67)
def test_the_size_is_read_from_parameter_sets_alone(content: bytes, head: int) -> None:
    size = picture_size(bytes([head]) + content)
    if head & 0x1F == 7:
        assert size is None or 0 < min(size) <= max(size) <= 16384, f"{size} is no size of a picture"
    else:
        assert size is None, f"a unit of kind {head & 0x1F} is no sequence parameter set and has no size, not {size}"


@given(st.binary(max_size=60))
@example(b"\x01" + b"\xff" * 30)
def test_a_sequence_set_of_h265_is_read_or_refused(content: bytes) -> None:
    found = read_h265_set(b"\x42\x01" + content)
    assert found is None or (0 < min(found.size) <= max(found.size) <= 16384 and len(found.profile) == 12)
    assert read_h265_set(b"\x40\x01" + content) is None, "a video parameter set is no sequence's"


def test_parameter_sets_of_h265_may_stand_in_the_description() -> None:
    units = [unit for picture in encode("H265", range(1)) for unit in picture.payloads]
    sets = {name: next(u for u in units if u[0] >> 1 == kind) for name, kind in (("vps", 32), ("sps", 33), ("pps", 34))}
    fmtp = ";".join(f"sprop-{name}={base64.b64encode(unit).decode()}" for name, unit in sets.items())
    assembler = H265Assembler(fmtp)
    for unit in units:
        if unit[0] >> 1 not in (32, 33, 34):
            assembler.add(unit)
    taken = assembler.take()
    assert taken is not None and taken.key and (taken.width, taken.height) == (WIDTH, HEIGHT)
    assert all(unit in taken.private for unit in sets.values()), "the track is described by them"
