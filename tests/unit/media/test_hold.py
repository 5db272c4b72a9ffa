"""Directions: sendonly, recvonly, inactive, and back."""

from __future__ import annotations

from softswitch.media import PCMA, PortSettings, RtpResumed, RtpTimeout


def settings(leg, **changes):
    return PortSettings(**({"remote": leg.phone.address, "formats": (PCMA,)} | changes))


def test_a_port_that_does_not_receive_drops_and_counts(engine, make_leg, wait_for):
    one, other = make_leg(engine, receive=False), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    wait_for(lambda: one.port.counters().dropped_direction == 1, "a packet dropped on hold")
    assert other.phone.silent()
    other.phone.send(other.port, b"still heard")
    assert one.phone.receive().payload == b"still heard"


def test_a_port_that_does_not_send_stays_silent(engine, make_leg, wait_for):
    one, other = make_leg(engine), make_leg(engine, send=False)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    wait_for(lambda: one.port.counters().dropped_direction == 1, "a packet nobody may have")
    assert other.phone.silent()


def test_resuming_goes_on_without_a_gap_in_the_numbers(engine, make_leg, wait_for):
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    one.phone.send(one.port)
    before = other.phone.receive()
    other.port.configure(settings(other, send=False))
    for _ in range(5):
        one.phone.send(one.port)
    wait_for(lambda: one.port.counters().dropped_direction == 5, "five packets held back")
    other.port.configure(settings(other))
    one.phone.send(one.port)
    after = other.phone.receive()
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 6 * 160
    assert after.marker


def test_silence_is_told_once_and_so_is_its_end(engine, make_leg, next_event):
    leg = make_leg(engine, timeout_s=0.1)
    event = next_event(engine, RtpTimeout)
    assert event.port is leg.port
    assert event.silent_s >= 0.1
    leg.phone.send(leg.port)
    assert next_event(engine, RtpResumed).port is leg.port
    assert next_event(engine, RtpTimeout).silent_s >= 0.1, "a second silence is told again"
    assert engine.statistics().timeouts == 2


def test_silence_on_hold_is_no_timeout(mode, make_engine, make_leg, next_event):
    engine = make_engine()
    held = make_leg(engine, timeout_s=0.05, receive=False)
    watched = make_leg(engine, timeout_s=0.1)
    assert next_event(engine, RtpTimeout).port is watched.port
    assert held.port.counters().packets_received == 0


def test_the_event_descriptor_becomes_readable(engine, make_leg, stage):
    import select

    assert not select.select([engine.event_fd], [], [], 0)[0]
    leg = make_leg(engine)
    leg.phone.send(leg.port)
    stage.settle()
    assert select.select([engine.event_fd], [], [], 0)[0], "an event must wake who watches event_fd"
    assert engine.poll()
    assert not select.select([engine.event_fd], [], [], 0)[0], "poll() takes the wake-up back"
