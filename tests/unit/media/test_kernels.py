"""Single kernels, compiled and as plain Python, against straightforward references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.media.kernels import atomic, clock, feedback, forward, octets, reception
from softswitch.media.layouts.port import PORT
from softswitch.media.layouts.shared import ALAW_TO_ULAW, ULAW_TO_ALAW
from softswitch.media.layouts.worker import POSITIONS


@pytest.fixture(params=["compiled", "python"])
def run(request):
    """Call a kernel compiled or as plain Python."""
    return (lambda kernel: kernel) if request.param == "compiled" else (lambda kernel: kernel.py_func)


def new_port():
    """A port record as `prepare_port` leaves the fields these kernels look at."""
    ports = np.zeros(1, PORT)
    ports[0]["rx_ssrc"] = -1
    return ports[0]


def test_numbers_in_network_order(run):
    packet = np.zeros(8, np.uint8)
    run(octets.put16)(packet, 1, 0xFEDC)
    run(octets.put32)(packet, 3, 0x89ABCDEF)
    assert packet.tobytes() == b"\0\xfe\xdc\x89\xab\xcd\xef\0"
    assert run(octets.get16)(packet, 1) == 0xFEDC
    assert run(octets.get32)(packet, 3) == 0x89ABCDEF


@pytest.mark.parametrize("port", [1, 255, 256, 30000, 65534])
def test_the_rtcp_port_is_one_above(run, port):
    from socket import AF_INET

    from softswitch.media.addresses import decode_address, encode_address

    address, _ = encode_address(("127.0.0.1", port), AF_INET)
    address = address.copy()
    run(octets.raise_port)(address)
    assert decode_address(address) == ("127.0.0.1", port + 1)


@pytest.mark.parametrize(("duration_ns", "hz"), [(0, 8000), (20_000_000, 8000), (125_000, 8000), (10**18, 90000)])
def test_ticks_do_not_overflow(run, duration_ns, hz):
    assert run(clock.ticks)(np.int64(duration_ns), np.int64(hz)) == duration_ns * hz // 10**9


def test_ring_positions(run):
    positions = np.zeros(POSITIONS, np.int64)
    run(atomic.publish)(positions, 8, 1 << 40)
    assert run(atomic.observe)(positions, 8) == 1 << 40
    assert positions.sum() == 1 << 40


def reference_loss(numbers):
    """Lost, duplicates and reordered of extended sequence numbers, the plain way."""
    seen, duplicates, reordered, highest = set(), 0, 0, numbers[0]
    for number in numbers:
        if number in seen:
            duplicates += 1
        elif number < highest:
            reordered += 1
        seen.add(number)
        highest = max(highest, number)
    return highest - numbers[0] + 1 - len(seen), duplicates, reordered


@settings(max_examples=60)
@given(
    start=st.integers(0, 0xFFFF),
    steps=st.lists(st.sampled_from([1, 1, 1, 1, 2, 3, 0, -1, -2]), min_size=1, max_size=120),
)
def test_reception_counts_as_the_plain_way_does(start, steps):
    numbers = [100]
    for step in steps:
        numbers.append(max(numbers[-1] + step, 100))
    for kernel in (reception.track, reception.track.py_func):
        port = new_port()
        for number in numbers:
            kernel(port, 5, (number + start) & 0xFFFF, 160 * number, np.int64(8000), np.int64(20_000_000 * number))
        lost = int(reception.lost_in_stream.py_func(port))
        assert (lost, int(port["duplicates"]), int(port["reordered"])) == reference_loss(numbers)
        assert int(reception.expected_in_stream.py_func(port)) == max(numbers) - 99


def test_jitter_follows_rfc_3550(run):
    port = new_port()
    arrivals_ms = [0, 20, 45, 60, 95, 100, 120, 150]
    jitter, before = 0.0, None
    for number, arrival_ms in enumerate(arrivals_ms):
        run(reception.track)(port, 5, number, 160 * number, np.int64(8000), np.int64(arrival_ms * 1_000_000))
        transit = arrival_ms * 8 - 160 * number
        if before is not None:
            jitter += (abs(transit - before) - jitter) / 16
        before = transit
    assert abs(int(port["jitter_16"]) / 16 - jitter) < 1, "the standard's integer form is a little below"


def test_a_timestamp_wrap_is_no_jitter(run):
    port = new_port()
    for number in range(20):
        timestamp = (0xFFFFFFFF - 800 + 160 * number) & 0xFFFFFFFF
        run(reception.track)(port, 5, number, timestamp, np.int64(8000), np.int64(20_000_000 * number))
    assert port["jitter_16"] == 0


@pytest.mark.parametrize("conversion", [ALAW_TO_ULAW, ULAW_TO_ALAW])
def test_conversion_touches_the_payload_alone(run, conversion):
    packet = np.arange(256).astype(np.uint8)
    run(forward.convert_payload)(packet, 12, 200, conversion)
    assert np.array_equal(packet[:12], np.arange(12))
    assert np.array_equal(packet[200:], np.arange(200, 256))
    assert not np.array_equal(packet[12:200], np.arange(12, 200))


@settings(max_examples=200)
@given(st.binary(min_size=12, max_size=80))
def test_payload_bounds_lie_within_the_packet(data):
    packet = np.frombuffer(data, np.uint8)
    compiled = forward.payload_bounds(packet.copy(), len(packet))
    assert tuple(compiled) == tuple(forward.payload_bounds.py_func(packet, len(packet)))
    begin, end = compiled
    assert (begin, end) == (0, 0) or 12 <= begin <= end <= len(data)


@settings(max_examples=200)
@given(st.binary(max_size=120))
def test_whatever_passes_for_rtcp_fills_the_datagram_exactly(data):
    packet = np.zeros(128, np.uint8)
    packet[: len(data)] = np.frombuffer(data, np.uint8)
    packet[0] = 0x80 | packet[0] & 0x1F
    packet[1] = 192 + packet[1] % 32
    packet[2] = 0
    packet[3] %= 8
    valid = feedback.valid_compound.py_func(packet, len(data))
    assert valid == feedback.valid_compound(packet, len(data))
    at = 0
    while valid and at < len(data):
        at += 4 * (int(packet[at + 2]) << 8 | int(packet[at + 3])) + 4
    assert not valid or at == len(data)
