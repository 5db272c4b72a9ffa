"""Golden octets of E1 framing and HDLC, and pseudowire packets as tshark reads them."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from softswitch.media.kernels.wire import g704, hdlc
from softswitch.media.layouts.wire import SPAN
from softswitch.media.pseudowire_settings import Carriage, Crc4, PseudowireSettings, prepare_span

from .wire_pair import WirePair, use_plain_wire

#: Timeslot 0 of frames 0 to 31, all others D5, Sa and E bits 1: osmocom's framer aligns to it.
_TS0 = bytes.fromhex("1b5f1b5f1bdf1b5f9bdf9bdf9bdf9bdf9b5f9b5f9bdf1b5f9bdf9bdf9bdf9bdf")


def new_span(**changes: Any) -> Any:
    spans = np.zeros(1, SPAN)
    here = ("127.0.0.1", 5070)
    prepare_span(spans, 0, PseudowireSettings(local=here, remote=here, **changes))
    return spans[0]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """All as Python functions."""
    use_plain_wire(monkeypatch)


@pytest.mark.parametrize(
    ("frame", "check"),
    [
        ("00017f", "6454"),
        ("000173", "089e"),
        ("02017f", "dce1"),
        ("020173", "b02b"),
        ("000153", "0abf"),
        ("00011f", "6237"),
        ("02010101", "2597"),
    ],
)
def test_frame_check_sequences(frame: str, check: str) -> None:
    octets = np.frombuffer(bytes.fromhex(frame), np.uint8)
    assert int(hdlc.frame_check(octets, len(octets))).to_bytes(2, "little").hex() == check


def test_crc4_of_a_submultiframe() -> None:
    register = 0
    for _ in range(256):
        register = g704.crc4(register, 0xD5)
    assert register == 3


def test_timeslot_0_of_two_multiframes() -> None:
    span = new_span(carriage=Carriage.SATOP, d_slot=0)
    span["multiframe"], span["e_next"][:] = 2, 1
    sent = np.zeros(32 * 32, np.uint8)
    for frame in range(32):
        g704.send_frame(span, sent, 32 * frame, frame & 7, False)
    assert sent[::32].tobytes().hex() == _TS0.hex()
    assert set(sent.reshape(32, 32)[:, 1:].ravel()) == {0xD5}


@pytest.mark.parametrize("shift", [0, 1, 7, 8, 100, 255])
def test_the_vector_is_aligned_to_at_any_bit(shift: int) -> None:
    span = new_span(carriage=Carriage.SATOP, d_slot=0, crc4=Crc4.ON)
    stream = b"".join(_TS0[n : n + 1] + b"\xd5" * 31 for n in range(16, 32)) * 8
    bits = "0" * shift + "".join(f"{octet:08b}" for octet in stream)
    octets = np.array([int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8)], np.uint8)
    for at in range(0, len(octets) - 256, 256):
        g704.receive_bits(span, np.zeros(1), np.zeros(1), 0, octets, at, 256, 0)
    assert span["aligned"] == 1 and span["bits_offset"] == shift
    assert span["multiframe"] == 2, "no CRC-4 multiframe alignment"
    assert span["fas_errors"] == 0 and span["alignments_lost"] == 0


def test_all_ones_are_the_alarm_indication_signal() -> None:
    span = new_span(carriage=Carriage.SATOP)
    ones = np.full(256, 0xFF, np.uint8)
    for _ in range(4):
        g704.receive_bits(span, np.zeros(1), np.zeros(1), 0, ones, 0, 256, 0)
    assert span["ais"] == 1 and span["aligned"] == 0


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.lists(st.binary(min_size=3, max_size=60), min_size=1, max_size=8))
def test_hdlc_gives_back_every_frame(frames: list[bytes]) -> None:
    span = new_span()
    positions = span["frame_positions"]
    for number, frame in enumerate(frames):
        span["frames_out"][272 * number :][: len(frame)] = np.frombuffer(frame, np.uint8)
        span["frames_out_size"][number] = len(frame)
    positions[16] = len(frames)
    for _ in range(2 * sum(len(frame) + 6 for frame in frames)):
        hdlc.receive_octet(span, hdlc.send_octet(span))
    got = [
        span["frames_in"][272 * number :][: int(span["frames_in_size"][number])].tobytes()
        for number in range(int(positions[0]))
    ]
    assert got == frames


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(octets=st.binary(max_size=400))
def test_hdlc_takes_anything(octets: bytes) -> None:
    span = new_span()
    for octet in octets:
        hdlc.receive_octet(span, octet)
    assert span["rx_length"] <= 274


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("carriage", list(Carriage), ids=lambda carriage: carriage.name.lower())
def test_tshark_reads_the_packets(monkeypatch: pytest.MonkeyPatch, carriage: Carriage, tmp_path: Path) -> None:
    both = PseudowireSettings(local=("127.0.0.1", 1), remote=("127.0.0.1", 2), carriage=carriage)
    pair = WirePair(monkeypatch, both, both)
    pair.run(0.05)
    capture = tmp_path / "wire.pcap"
    capture.write_bytes(_pcap(pair.one.sent))
    dissector, octets = ("pwcesopsn", 248) if carriage is Carriage.CESOPSN else ("pwsatopcw", 256)
    asked = ["tshark", "-r", str(capture), "-d", f"udp.port==49152,{dissector}"]
    lines = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    assert len(lines) == len(pair.one.sent)
    assert all(f"TDM octets:{octets}" in line and "alformed" not in line for line in lines), lines[:3]


def _pcap(datagrams: list[bytes]) -> bytes:
    """A capture of raw IP."""
    chance = random.Random(1)
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101)
    for number, datagram in enumerate(datagrams):
        total = 28 + len(datagram)
        here = b"\x7f\0\0\1"
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, total, chance.randrange(65536), 0, 64, 17, 0, here, here)
        udp = struct.pack(">HHHH", 49153, 49152, 8 + len(datagram), 0)
        out += struct.pack("<IIII", 0, number * 1000, total, total) + ip + udp + datagram
    return out
