"""What the control side works out by itself: ways, clips, tones, sounds, addresses, memory, commands."""

from __future__ import annotations

import io
import os
import socket
import struct
import subprocess
import sys
import wave

import numpy as np
import pytest

from softswitch.media import PCMA, PCMU, MediaError, NotTranscodable, PortSettings, StreamFormat, warm_up, warmup
from softswitch.media.addresses import decode_address, encode_address
from softswitch.media.commands import CommandRing
from softswitch.media.layouts.commands import COMMAND
from softswitch.media.layouts.shared import ALAW_TO_ULAW, COPY, ULAW_TO_ALAW, UNMAPPED
from softswitch.media.layouts.worker import COMMANDS_DONE, POSITIONS
from softswitch.media.memory import Arena
from softswitch.media.playing import sounds, tones
from softswitch.media.playing.clips import ClipStore
from softswitch.media.playing.playback import playable_format
from softswitch.media.playing.resample import resample
from softswitch.media.routing import find_route
from softswitch.media.totals import TransportCounters, collect

G722 = StreamFormat(9, "G722", 8000)
EVENT = StreamFormat(101, "telephone-event", 8000)


@pytest.mark.parametrize(
    ("source", "target", "payload_types", "conversions"),
    [
        ((PCMA,), (PCMA,), (8,), (COPY,)),
        ((PCMA,), (PCMU,), (0,), (ALAW_TO_ULAW,)),
        ((PCMU,), (PCMA, EVENT), (8,), (ULAW_TO_ALAW,)),
        ((PCMA, EVENT), (PCMA,), (8, UNMAPPED), (COPY, COPY)),
        ((PCMA, G722), (PCMU,), (0, UNMAPPED), (ALAW_TO_ULAW, COPY)),
        ((G722, EVENT), (StreamFormat(9, "g722", 8000), StreamFormat(96, "TELEPHONE-EVENT", 8000)), (9, 96), (0, 0)),
        ((StreamFormat(13, "CN", 8000), PCMA), (PCMA,), (UNMAPPED, 8), (COPY, COPY)),
        ((), (PCMA,), (), ()),
        ((PCMA,), (), (UNMAPPED,), (COPY,)),
    ],
)
def test_ways_between_formats(source, target, payload_types, conversions):
    route = find_route(PortSettings(formats=source), PortSettings(formats=target))
    assert (route.payload_types, route.conversions) == (payload_types, conversions)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((G722,), (PCMU,)),
        ((PCMA, EVENT), (G722, EVENT)),
        ((StreamFormat(96, "L16", 8000),), (StreamFormat(96, "L16", 16000),)),
        ((StreamFormat(96, "PCMA", 16000),), (PCMU,)),
    ],
)
def test_no_way_between_formats(source, target):
    with pytest.raises(NotTranscodable):
        find_route(PortSettings(formats=source), PortSettings(formats=target))


def test_the_telephone_event_of_the_settings_is_a_format():
    settings = PortSettings(formats=(PCMA,), telephone_event=96)
    assert [entry.payload_type for entry in settings.receivable] == [8, 96]
    assert PortSettings(formats=(PCMA, EVENT), telephone_event=101).receivable == (PCMA, EVENT)
    assert find_route(settings, PortSettings(formats=(PCMA, EVENT))).payload_types == (8, 101)


def test_what_is_played_into():
    assert playable_format(PortSettings(formats=(G722, EVENT, PCMU, PCMA)))[0] == G722, "the preferred one"
    assert playable_format(PortSettings(formats=(StreamFormat(96, "H264", 90000), EVENT, PCMU)))[0] == PCMU, (
        "the first that is sound"
    )
    assert playable_format(PortSettings(formats=(PCMU, PCMA), send_format=PCMA))[0] == PCMA
    with pytest.raises(NotTranscodable, match="no format"):
        playable_format(PortSettings())


def test_equal_clips_are_kept_once_and_unused_ones_make_room():
    store = ClipStore(np.zeros(1000, np.int16))
    first, second = store.hold(np.ones(400, np.int16)), store.hold(np.ones(400, np.int16))
    assert first is second
    other = store.hold(np.full(600, 2, np.int16))
    assert (first.offset, other.offset) == (0, 400)
    with pytest.raises(MediaError, match="no room"):
        store.hold(np.full(300, 3, np.int16))
    store.release(first)
    with pytest.raises(MediaError, match="no room"):
        store.hold(np.full(300, 3, np.int16))
    store.release(second)
    third = store.hold(np.full(300, 3, np.int16))
    assert third.offset == 0
    assert store.hold(np.full(100, 4, np.int16)).offset == 300, "the hole between two clips is used"


@pytest.mark.parametrize("hz", [1004, 450, 440.5, 697, 1633, 3999, 999.97])
def test_a_sine_has_whole_periods_and_its_level(hz):
    samples = tones.sine(hz, -16)
    periods = round(len(samples) * hz / 8000)
    assert abs(periods / len(samples) * 8000 - hz) < 1e-4, f"{periods} periods in {len(samples)} samples"
    assert abs(tones.level_dbm0(samples) + 16) < 0.01
    assert len(samples) <= 80000


def test_levels():
    assert tones.level_dbm0(np.zeros(10, np.int16)) == -np.inf
    assert tones.level_dbm0(np.zeros(0, np.int16)) == -np.inf
    assert abs(tones.level_dbm0(tones.sine(1000, 3.14)) - 3.14) < 0.01


@pytest.mark.parametrize(
    ("tone", "length_s", "sounding_s"),
    [(tones.RINGBACK, 5.0, 1.0), (tones.BUSY, 0.7, 0.35), (tones.CONGESTION, 1.4, 0.7), (tones.DIAL, 1.0, 1.0)],
)
def test_cadences_of_call_progress(tone, length_s, sounding_s):
    samples = tones.cadence(tone)
    assert len(samples) == round(8000 * length_s)
    sounding = samples[: round(8000 * sounding_s)]
    assert abs(tones.level_dbm0(sounding) + 10) < 0.02
    assert not samples[len(sounding) :].any()
    assert np.argmax(np.abs(np.fft.rfft(sounding))) * 8000 / len(sounding) == pytest.approx(450, abs=2)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(8000, 16000), (8000, 44100), (8000, 48000), (48000, 8000)])
def test_resampling_keeps_a_tone(from_hz, to_hz):
    signal = np.rint(20000 * np.sin(2 * np.pi * 1000 / from_hz * np.arange(from_hz // 4))).astype(np.int16)
    heard = resample(signal, from_hz, to_hz)
    assert len(heard) == to_hz // 4
    expected = 20000 * np.sin(2 * np.pi * 1000 / to_hz * np.arange(len(heard)))
    middle = slice(len(heard) // 4, -len(heard) // 4)
    error = 10 * np.log10(np.mean((heard - expected)[middle] ** 2) / np.mean(expected**2))
    assert error < -80, f"noise {error:.1f} dB"


def test_resampling_down_removes_what_does_not_fit():
    whistle = np.rint(20000 * np.sin(2 * np.pi * 6000 / 48000 * np.arange(12000))).astype(np.int16)
    assert np.abs(resample(whistle, 48000, 8000)[200:-200]).max() < 20


def test_the_announcement_is_speech_of_some_seconds():
    samples = sounds.announcement()
    assert 10 < len(samples) / 8000 < 30
    assert -25 < tones.level_dbm0(samples) < -12
    assert samples is sounds.announcement(), "it is read once"


def wav(kind, channels, rate, bits, payload, extra=b""):
    """The octets of a WAV file."""
    layout = (
        struct.pack("<HHIIHH", kind, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits) + extra
    )
    chunks = b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"fmt " + struct.pack("<I", len(layout)) + layout
    chunks += b"data" + struct.pack("<I", len(payload)) + payload
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def test_wav_files_of_every_readable_kind():
    pcm = np.array([1000, -1000, 3000, -3000], np.int16)
    assert np.array_equal(sounds.read_wav(wav(1, 1, 8000, 16, pcm.tobytes())), pcm)
    assert sounds.read_wav(wav(1, 2, 8000, 16, pcm.tobytes())).tolist() == [0, 0]
    extensible = wav(0xFFFE, 1, 8000, 16, pcm.tobytes(), struct.pack("<HHIH", 22, 16, 4, 1) + bytes(14))
    assert np.array_equal(sounds.read_wav(extensible), pcm)
    assert sounds.read_wav(wav(6, 1, 8000, 8, b"\xd5\x55")).tolist() == [8, -8]
    assert sounds.read_wav(wav(7, 1, 8000, 8, b"\xff\x00")).tolist() == [0, -32124]
    assert len(sounds.read_wav(wav(1, 1, 16000, 16, bytes(3200)))) == 800
    made = io.BytesIO()
    with wave.open(made, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(pcm.tobytes())
    assert np.array_equal(sounds.read_wav(made.getvalue()), pcm)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a file of sound at all",
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd",
        wav(1, 0, 8000, 16, b""),
        wav(1, 1, 0, 16, b""),
        wav(1, 1, 8000, 24, bytes(6)),
        wav(85, 1, 8000, 16, bytes(6)),
    ],
)
def test_what_is_no_playable_wav_is_told(data):
    with pytest.raises(sounds.SoundError):
        sounds.read_wav(data)


@pytest.mark.parametrize(
    ("address", "family"),
    [(("127.0.0.1", 30000), socket.AF_INET), (("::1", 5), socket.AF_INET6), (("fe80::1%1", 9), socket.AF_INET6)],
)
def test_addresses_as_the_kernel_writes_them(address, family):
    words, length = encode_address(address, family)
    assert length == (16 if family == socket.AF_INET else 28)
    assert decode_address(words) == (address[0].partition("%")[0], address[1])
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        if "%" not in address[0]:
            probe.connect(decode_address(words))


def test_no_address():
    assert decode_address(encode_address(None, socket.AF_INET)[0]) == ("", 0)


def test_memory_is_seen_from_elsewhere():
    arena = Arena.create(ports=3, workers=2, commands=4, events=4, samples=100)
    other = Arena.attach(arena.descriptor)
    arena.ports[2]["packets_sent"] = 77
    other.clips[99] = -5
    other.positions[1][8] = 6
    assert other.ports[2]["packets_sent"] == 77
    assert (arena.clips[99], arena.positions[1][8], arena.positions[0][8]) == (-5, 6, 0)
    assert other.ports.ctypes.data % 4096 == 0
    arena.close()
    other.close()
    arena.close()


def test_memory_of_another_layout_is_refused():
    arena = Arena.create(ports=1, workers=1, commands=1, events=1, samples=1)
    arena.header["version"] += 1
    with pytest.raises(MediaError, match="layout"):
        Arena.attach(arena.descriptor)
    arena.header["magic"] = 0
    with pytest.raises(MediaError, match="no memory"):
        Arena.attach(arena.descriptor)
    arena.close()


def test_totals_of_nothing():
    arena = Arena.create(ports=1, workers=1, commands=1, events=1, samples=1)
    totals = collect(arena, ports_open=0, ports_free=1, ports_quarantined=0, transports=TransportCounters())
    assert (totals.packets_received, totals.lost, totals.packet_threads) == (0, 0, 1)
    arena.close()


def test_a_held_ring_wakes_its_thread_once_for_all_that_was_posted_and_before_it_is_waited_for():
    positions, wake = np.zeros(POSITIONS, np.int64), os.eventfd(0, os.EFD_NONBLOCK)
    ring = CommandRing(np.zeros(8, COMMAND), positions, wake)
    ring.hold()
    ring.ring()
    with pytest.raises(BlockingIOError):  # nothing was posted
        os.eventfd_read(wake)
    ring.hold()
    for operation in range(3):
        ring.post({"operation": operation})
    with pytest.raises(BlockingIOError):
        os.eventfd_read(wake)
    ring.ring()
    assert os.eventfd_read(wake) == 1
    ring.hold()
    positions[COMMANDS_DONE] = ring.post({"operation": 3})
    ring.wait(4)
    assert os.eventfd_read(wake) == 1, "who waits wakes the thread first"
    os.close(wake)


def test_a_full_command_ring_waits_for_the_thread_and_gives_up_on_a_dead_one(monkeypatch):
    from softswitch.media import commands

    monkeypatch.setattr(commands, "_PATIENCE_S", 0.01)
    positions, wake = np.zeros(POSITIONS, np.int64), os.eventfd(0)
    records = np.zeros(2, COMMAND)
    ring = CommandRing(records, positions, wake)
    assert ring.post({"operation": 1}, {"operation": 2}) == 2
    with pytest.raises(MediaError, match="does not answer"):
        ring.post({"operation": 3})
    positions[COMMANDS_DONE] = 1
    assert ring.post({"operation": 3}) == 3
    assert records["operation"].tolist() == [3, 2]
    assert os.eventfd_read(wake) == 2
    os.close(wake)


def test_importing_the_package_does_not_load_numba():
    code = """
import sys, mediacodecs, softswitch.media, softswitch.media.workers.worker_main, softswitch.media.workers.helper_main
assert "softswitch.media.engine" not in sys.modules, "the media processes load nothing of the control side"
softswitch.media.can_transcode("opus", 48000), softswitch.media.PortSettings
assert "numba" not in sys.modules, "the control side loads nothing of the packet threads"
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=100, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_warming_up_tells_what_it_does():
    lines = []
    seconds = warm_up(lines.append)
    assert lines[-1] == f"media: ready in {seconds:.1f} s"


def test_what_is_noted_as_compiled_is_not_compiled_again(monkeypatch, tmp_path):
    class Compiling:
        """The process that compiles."""

        stdout = ("media: preparing all\n",)

        def __init__(self, command, **options):
            started.append(command)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            warmup._note().touch()

    started, lines = [], []
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(warmup.subprocess, "Popen", Compiling)
    warmup.prepare(lines.append)
    warmup.prepare(lines.append)
    assert (len(started), lines) == (1, ["media: preparing all"])
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    warmup.prepare(lines.append)
    assert len(started) == 2, "what is compiled for another processor is other code"
