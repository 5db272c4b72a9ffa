"""Sound files of any kind are read from any place: made here, or by others (here by ffmpeg)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from softswitch.media.playing.sounds import SoundError
from softswitch.media.recording.reader import PcmReader, load_sound, open_file
from tests.unit.media.talkers import RATE, tones

_TWO_TONES = "sine=500:d={first}:r={rate}[a];sine=900:d={second}:r={rate}[b];[a][b]concat=n=2:v=0:a=1,volume=4"


def make(path: Path, *options: str, rate: int = 44100, first: int = 2, second: int = 3) -> Path:
    """Let ffmpeg make a file of two tones: so many seconds of 500 Hz, then of 900 Hz."""
    graph = _TWO_TONES.format(rate=rate, first=first, second=second)
    command = ["ffmpeg", "-v", "error", "-y", "-filter_complex", graph, *options, str(path)]
    subprocess.run(command, check=True)
    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", ["-ar", "8000"]),
        ("b.wav", ["-c:a", "pcm_s24le"]),
        ("c.wav", ["-c:a", "pcm_alaw", "-ar", "8000"]),
        ("d.mp3", ["-b:a", "64k"]),
        ("e.flac", ["-ac", "2"]),
        ("f.ogg", ["-c:a", "libvorbis"]),
        ("g.ogg", ["-c:a", "libopus", "-frame_duration", "20"]),
        ("h.ogg", ["-c:a", "libopus", "-frame_duration", "60"]),
        ("i.mka", ["-c:a", "libopus"]),
        ("j.m4a", ["-c:a", "aac"]),
    ],
)
def test_any_file_is_read_from_any_place(tmp_path: Path, name: str, options: list[str]) -> None:
    reader = open_file(make(tmp_path / name, *options))
    rate = reader.rate_hz
    assert abs(reader.frames / rate - 5.0) < 0.12, f"five seconds, not {reader.frames / rate}"
    for begin, hz in ((0.5, 500), (3.0, 900), (1.2, 500)):
        samples = reader.read(int(begin * rate), int((begin + 0.5) * rate))
        assert len(samples) == rate // 2
        found = tones(samples[:, 0], rate)
        assert found and abs(found[0] - hz) < 6, f"{hz} Hz at {begin} s of {name}, not {found}"
    change = reader.read(int(1.9 * rate), int(2.1 * rate))[:, 0]
    parts = [tones(part, rate)[0] for part in (change[: rate // 20], change[-rate // 20 :])]
    assert abs(parts[0] - 500) < 30 and abs(parts[1] - 900) < 30, "the change is where it is"


def test_a_whole_file_is_an_announcement(tmp_path: Path) -> None:
    samples = load_sound(make(tmp_path / "x.mp3"), RATE)
    assert abs(len(samples) / RATE - 5) < 0.1 and abs(tones(samples[RATE : RATE + 4000])[0] - 500) < 6


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    path.write_bytes(b"no sound at all" * 100)
    with pytest.raises(SoundError):
        open_file(path)


def test_without_pyav_it_is_said_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "x.mp3")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(SoundError, match="pip install av"):
        open_file(path)
    assert isinstance(open_file(make(tmp_path / "x.wav", "-ar", "8000")), PcmReader), "WAV needs nothing"
