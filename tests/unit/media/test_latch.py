"""Symmetric RTP: the source is learnt once and then locked."""

from __future__ import annotations

import pytest

from softswitch.media import PCMA, Latched, PortSettings


def test_packets_go_to_the_signalled_address_before_anything_was_received(engine, make_leg):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    assert other.phone.receive()
    assert not other.port.counters().latched


def test_packets_go_to_where_packets_come_from(engine, make_leg, make_phone, next_event):
    behind_nat = make_phone()
    one = make_leg(engine, remote=("127.0.0.1", 9))  # what it signals is of no use
    other = make_leg(engine)
    engine.connect(one.port, other.port)
    behind_nat.send(one.port)
    other.phone.receive()
    other.phone.send(other.port, b"back")
    assert behind_nat.receive().payload == b"back"
    event = next_event(engine, Latched)
    assert (event.port, event.remote) in ((one.port, behind_nat.address), (other.port, other.phone.address))
    assert one.port.counters().remote == behind_nat.address


def test_nothing_signalled_at_all_latches_too(engine, make_leg):
    leg = make_leg(engine, remote=None)
    engine.echo(leg.port)
    leg.phone.send(leg.port, b"here I am")
    assert leg.phone.receive().payload == b"here I am"


def test_a_second_source_is_dropped_and_counted(engine, make_leg, make_phone, wait_for):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    other.phone.receive()
    intruder = make_phone()
    for _ in range(3):
        intruder.send(one.port, b"intruder")
    wait_for(lambda: one.port.counters().dropped_source == 3, "three packets of another source dropped")
    assert other.phone.silent()
    other.phone.send(other.port, b"secret")
    assert one.phone.receive().payload == b"secret"
    assert intruder.silent(), "the media must not be led to the intruder"


def test_an_intruder_who_was_first_gives_way_to_the_signalled_address(engine, make_leg, make_phone):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    intruder = make_phone()
    intruder.send(one.port, b"intruder")
    other.phone.receive()
    one.phone.send(one.port, b"owner")
    assert other.phone.receive().payload == b"owner"
    other.phone.send(other.port, b"secret")
    assert one.phone.receive().payload == b"secret"
    assert intruder.silent()
    intruder.send(one.port, b"again")
    assert other.phone.silent(), "once the signalled address has spoken nobody else gets in"


def test_after_silence_a_new_source_is_let_in(mode, make_engine, make_leg, make_phone, wait_for):
    engine = make_engine(latch_silence_s=0.05)
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    other.phone.receive()
    moved = make_phone()
    wait_for(lambda: moved.send(one.port, b"moved") or one.port.counters().source_changes == 1, "the new source let in")
    assert one.port.counters().remote == moved.address


def test_silence_on_hold_lets_nobody_in(mode, make_engine, make_leg, make_phone, wait_for):
    engine = make_engine(latch_silence_s=0.01)
    leg = make_leg(engine)
    leg.phone.send(leg.port)
    wait_for(lambda: leg.port.counters().latched, "the port latched")
    leg.port.configure(PortSettings(remote=leg.phone.address, formats=(PCMA,), receive=False))
    leg.phone.send(leg.port)
    wait_for(lambda: leg.port.counters().packets_received == 2, "the phone's last packet")
    assert leg.phone.silent(0.02), "nothing is sent to the phone, for more silence than would let a source in"
    make_phone().send(leg.port)
    wait_for(lambda: leg.port.counters().dropped_source == 1, "the intruder dropped")


def test_configuring_opens_the_latch(engine, make_leg, make_phone):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    other.phone.receive()
    moved = make_phone()
    one.port.configure(PortSettings(remote=moved.address, formats=(PCMA,)))
    other.phone.send(other.port, b"follow")
    assert moved.receive().payload == b"follow", "a new signalled address is used at once"
    moved.send(one.port, b"moved")
    assert other.phone.receive().payload == b"moved"


def test_late_packets_of_the_address_that_was_left_do_not_latch_again(engine, make_leg, make_phone, wait_for):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    other.phone.receive()
    moved = make_phone()
    one.port.configure(PortSettings(remote=moved.address, formats=(PCMA,)))
    one.phone.send(one.port, b"late")
    wait_for(lambda: one.port.counters().dropped_source == 1, "the late packet dropped")
    other.phone.send(other.port, b"follow")
    assert moved.receive().payload == b"follow"


def test_configuring_with_the_same_address_keeps_what_was_learnt(engine, make_leg, make_phone):
    behind_nat = make_phone()
    one, other = make_leg(engine, remote=("127.0.0.1", 9)), make_leg(engine)
    engine.connect(one.port, other.port)
    behind_nat.send(one.port)
    other.phone.receive()
    one.port.configure(PortSettings(remote=("127.0.0.1", 9), formats=(PCMA,), receive=False))
    other.phone.send(other.port, b"music on hold")
    assert behind_nat.receive().payload == b"music on hold"


def test_without_symmetric_rtp_packets_go_where_it_was_signalled(engine, make_leg, make_phone, wait_for):
    speaks_from_elsewhere = make_phone()
    one, other = make_leg(engine, symmetric=False), make_leg(engine)
    engine.connect(one.port, other.port)
    speaks_from_elsewhere.send(one.port, b"same host, other port")
    assert other.phone.receive().payload == b"same host, other port"
    other.phone.send(other.port, b"back")
    assert one.phone.receive().payload == b"back"


def test_without_symmetric_rtp_another_host_is_refused(engine, make_leg, wait_for):
    leg = make_leg(engine, symmetric=False, remote=("127.0.0.2", 4000))
    leg.phone.send(leg.port)
    wait_for(lambda: leg.port.counters().dropped_source == 1, "a packet of another host dropped")


@pytest.mark.parametrize("remote", [("0.0.0.0", 4000), ("127.0.0.1", 0), None])
def test_an_address_that_means_nowhere_gets_nothing(engine, make_leg, wait_for, remote):
    one, other = make_leg(engine), make_leg(engine, remote=remote)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    wait_for(lambda: one.port.counters().dropped_direction == 1, "a packet that cannot be sent is counted")
    assert other.port.counters().remote == ("", 0)


@pytest.mark.parametrize("remote", [("::1", 4000), ("example.com", 4000), ("127.0.0.1", 70000)])
def test_an_address_of_another_kind_is_refused(engine, make_leg, remote):
    leg = make_leg(engine)
    with pytest.raises(ValueError):
        leg.port.configure(PortSettings(remote=remote, formats=(PCMA,)))
