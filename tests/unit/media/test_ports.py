"""Opening and closing: even and odd pairs, exhaustion, quarantine, and nothing left behind."""

from __future__ import annotations

import gc
import os
import socket
import time

import pytest

from softswitch.media import PCMA, MediaEngine, MediaError, PortClosed, PortSettings, PortsExhausted
from softswitch.media.allocation import PortAllocator

from .stage import HOST


def open_descriptors():
    """How many there are, but for those of garbage that earlier tests have left."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_rtp_is_even_and_rtcp_the_next(make_engine):
    engine = make_engine()
    port = engine.open_port("call")
    host, number = port.local
    assert (host, number % 2, port.rtcp_port) == (HOST, 0, number + 1)
    assert 20000 <= number < 25000
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, pytest.raises(OSError):
        probe.bind((HOST, number + 1))


def test_the_advertised_address_is_told_and_the_own_one_bound(make_engine):
    engine = make_engine(advertised="203.0.113.7")
    assert engine.open_port("call").local[0] == "203.0.113.7"
    assert engine.open_port("call", address="127.0.0.2").local[0] == "127.0.0.2"
    assert engine.open_port("call", address="127.0.0.2", advertised="198.51.100.1").local[0] == "198.51.100.1"


def test_running_out_of_ports_is_a_clear_error_and_closing_helps(make_engine, wait_for):
    engine = make_engine(first_port=21000, last_port=21009, quarantine_s=0.05)
    ports = [engine.open_port("call") for _ in range(5)]
    assert len({port.local for port in ports}) == 5
    with pytest.raises(PortsExhausted, match="5"):
        engine.open_port("call")
    ports[0].close()

    def again():
        try:
            return engine.open_port("next call")
        except PortsExhausted:
            return None

    assert wait_for(again, "the closed port used again").local == ports[0].local


def test_the_engines_capacity_is_a_bound(make_engine):
    engine = make_engine(capacity=2)
    engine.open_port("a")
    engine.open_port("b")
    with pytest.raises(PortsExhausted, match="2"):
        engine.open_port("c")


def test_a_closed_port_is_not_used_again_before_its_time():
    allocator = PortAllocator(21100, 21103, quarantine_s=3.0)
    first, second = (allocator.bind(HOST, 0.0, rtcp=True) for _ in range(2))
    for pair in (first, second):
        os.close(pair.rtp_fd)
        os.close(pair.rtcp_fd)
    allocator.release(first.port, 10.0)
    with pytest.raises(PortsExhausted, match="1 of them were closed"):
        allocator.bind(HOST, 12.9, rtcp=False)
    assert (allocator.quarantined(12.9), allocator.quarantined(13.0)) == (1, 0)
    again = allocator.bind(HOST, 13.0, rtcp=False)
    assert (again.port, again.rtcp_fd) == (first.port, -1)
    os.close(again.rtp_fd)


def test_ports_go_round_before_one_is_used_twice():
    allocator = PortAllocator(21200, 21299, quarantine_s=0.0, start=7)
    seen = []
    for _ in range(50):
        pair = allocator.bind(HOST, 0.0, rtcp=False)
        os.close(pair.rtp_fd)
        allocator.release(pair.port, 0.0)
        seen.append(pair.port)
    assert len(set(seen)) == 50
    assert seen[0] == 21214


def test_a_port_somebody_else_holds_is_skipped():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, 21301))  # the RTCP half alone
        allocator = PortAllocator(21300, 21303, quarantine_s=0.0)
        pair = allocator.bind(HOST, 0.0, rtcp=True)
        assert pair.port == 21302
        os.close(pair.rtp_fd)
        os.close(pair.rtcp_fd)


@pytest.mark.parametrize(("first", "last"), [(0, 0), (40000, 40000), (40001, 40002), (65000, 70000)])
def test_a_range_without_a_pair_is_refused(first, last):
    with pytest.raises(MediaError, match="no pair"):
        PortAllocator(first, last, quarantine_s=0)


def test_an_address_that_is_not_ours_is_a_clear_error(make_engine):
    with pytest.raises(MediaError, match=r"203\.0\.113\.9"):
        make_engine().open_port("call", address="203.0.113.9")


def test_two_thousand_calls_leave_no_descriptor_and_no_clip_behind(make_engine, wait_for):
    engine = make_engine(quarantine_s=0.0)
    engine.poll()
    before = open_descriptors()
    for number in range(1000):
        one, other = engine.open_port(f"call {number}"), engine.open_port(f"call {number}")
        for port in (one, other):
            port.configure(PortSettings(remote=(HOST, 50000), formats=(PCMA,)))
        engine.connect(one, other)
        if number % 10 == 0:
            engine.tone(one, 450, -10)
        one.close()
        other.close()
    # Fewer, when some that an earlier test had left were closed meanwhile.
    wait_for(lambda: engine.statistics() and open_descriptors() <= before, "every descriptor given back")
    statistics = engine.statistics()
    assert (statistics.ports_open, statistics.players) == (0, 0)


def test_statistics_keep_what_closed_ports_have_counted(make_engine, make_leg, wait_for):
    engine = make_engine()
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    for number in (1, 2, 4):
        one.phone.send(one.port, sequence=number)
        other.phone.receive()
    running = engine.statistics()
    one.port.close()
    other.port.close()
    wait_for(lambda: engine.statistics().ports_open == 0, "both ports closed")
    closed = engine.statistics()
    assert (running.packets_received, running.packets_sent, running.lost) == (3, 3, 1)
    wait_for(lambda: engine.statistics().packets_sent == 3, "closed ports' packets counted")
    assert (closed.packets_received, closed.lost) == (3, 1)


def test_a_closed_port_keeps_its_counters_and_refuses_work(make_engine, make_leg):
    engine = make_engine()
    leg = make_leg(engine)
    engine.echo(leg.port)
    leg.phone.send(leg.port)
    leg.phone.receive()
    leg.port.close()
    leg.port.close()
    assert leg.port.counters().packets_sent == 1
    with pytest.raises(PortClosed):
        leg.port.configure(PortSettings())
    with pytest.raises(PortClosed):
        engine.echo(leg.port)


def test_closing_one_side_leaves_the_other_open_and_silent(make_engine, make_leg, wait_for):
    engine = make_engine()
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.port.close()
    assert other.port.peer is None
    other.phone.send(other.port)
    wait_for(lambda: other.port.counters().dropped_unrouted == 1, "nobody to send it to")


def test_a_port_is_found_by_its_id_until_it_is_closed(make_engine):
    engine = make_engine()
    port = engine.open_port("call")
    assert engine.port(port.id) is port
    port.close()
    with pytest.raises(KeyError):
        engine.port(port.id)


def test_an_engine_that_does_not_run_says_so():
    engine = MediaEngine()
    with pytest.raises(MediaError, match="does not run"):
        engine.open_port("call")
    assert engine.poll() == []
    engine.close()


def test_the_context_manager_starts_and_closes():
    before = open_descriptors()
    with MediaEngine(address=HOST, first_port=20000, last_port=20099) as engine:
        engine.open_port("call")
        assert engine.healthy
        with pytest.raises(MediaError, match="running"):
            engine.start()
    assert not engine.healthy
    assert open_descriptors() <= before, "every descriptor is given back"
    engine.close()


def test_the_packet_thread_goes_by_the_clock_of_the_wall(make_leg):
    """Everywhere else the test turns the loop: here it wakes by itself, for packets and for what it plays."""
    with MediaEngine(address=HOST, first_port=20000, last_port=20099) as engine:
        leg = make_leg(engine)
        engine.echo(leg.port)
        leg.phone.send(leg.port, b"\x12" * 160)
        assert leg.phone.receive().payload == b"\x12" * 160
        began = time.monotonic()
        engine.tone(leg.port, 1004, -16)
        for _ in range(4):
            leg.phone.receive()
        assert time.monotonic() - began > 0.03, "four packets of 20 ms are not sent at once"


def test_formats_are_checked():
    from softswitch.media import StreamFormat

    with pytest.raises(ValueError, match="payload type"):
        StreamFormat(128, "PCMA", 8000)
    with pytest.raises(ValueError, match="clock"):
        StreamFormat(8, "PCMA", 0)
    with pytest.raises(ValueError, match="room"):
        PortSettings(formats=tuple(StreamFormat(number, "X", 8000) for number in range(33)))
