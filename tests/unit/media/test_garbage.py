"""Whatever comes to a port is told apart and counted, and never more than that."""

from __future__ import annotations

import random

import pytest


@pytest.mark.parametrize(
    ("datagram", "counter"),
    [
        (b"", "malformed"),
        (b"\x80", "malformed"),
        (b"\x80\x08" + bytes(9), "malformed"),
        (b"\x8f\x08" + bytes(20), "malformed"),  # fifteen CSRC that are not there
        (b"\x16\xfe\xfd" + bytes(40), "ignored"),  # DTLS
        (b"\x40\x00" + bytes(20), "ignored"),  # TURN channel data
        (b"\xc0\x08" + bytes(20), "malformed"),
        (b"\x05\x08" + bytes(20), "malformed"),
        (b"\xff" * 30, "malformed"),
        (bytes([0x80, 8]) + bytes(5000), "malformed"),
    ],
)
def test_what_is_no_rtp_is_told_apart(engine, make_leg, wait_for, datagram, counter):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.rtp.sendto(datagram, one.port.local)
    wait_for(lambda: getattr(one.port.counters(), counter) == 1, f"one datagram counted as {counter}")
    assert not one.port.counters().latched, "no garbage may latch the port"
    assert other.phone.silent(0.02)


def test_what_looks_like_stun_and_is_none_is_counted(engine, make_leg, wait_for):
    one = make_leg(engine)
    one.phone.rtp.sendto(b"\x00\x01" + bytes(18), one.port.local)  # RFC 3489: no cookie yet

    def refused():
        engine.poll()
        return engine.statistics().stun_refused

    wait_for(lambda: refused() == 1, "one datagram refused")
    assert not one.port.counters().latched, "no garbage may latch the port"


def test_a_flood_of_random_datagrams_is_survived_and_accounted_for(engine, make_leg, wait_for):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    generator = random.Random(7)

    def accounted():
        c = one.port.counters()
        return c.packets_received + c.rtcp_received + c.malformed + c.ignored + c.dropped_payload_type

    for size in range(300):
        datagram = bytearray(generator.randbytes(size))
        if size > 2 and size % 2:
            datagram[0] = 0x80 | datagram[0] & 0x3F  # looks like RTP
            datagram[1] = generator.choice([8, 0x88, 200, 201, 206])
        one.phone.rtp.sendto(datagram, one.port.local)
        if size % 20 == 0:
            one.phone.send_rtcp(one.port, datagram)
            sent = size + 1  # no more at once than the socket's buffer holds
            wait_for(lambda sent=sent: accounted() >= sent, f"{sent} datagrams counted somewhere")
    assert engine.statistics().ports_open == 2
    other.phone.send(other.port, b"alive")
    wait_for(lambda: other.port.counters().packets_received == 1, "the packet thread is alive")
