"""Telephone-events (RFC 4733): each key is told once, whatever becomes of its packets."""

from __future__ import annotations

from softswitch.media import PCMA, KeyPressed, StreamFormat

EVENTS = (PCMA, StreamFormat(101, "telephone-event", 8000))


def press(leg, event: int, timestamp: int, packets: int = 4, **header) -> None:
    for number in range(packets):
        payload = bytes([event, 0x80 if number == packets - 1 else 0, 0, 160])
        leg.phone.send(leg.port, payload, 101, timestamp=timestamp, **header)


def test_a_key_is_told_once_however_many_packets_carry_it(engine, make_leg, next_event, wait_for):
    leg = make_leg(engine, formats=EVENTS)
    press(leg, 10, 8000)
    press(leg, 11, 9600)
    seen: list[int] = []

    def told() -> bool:
        seen.extend(event.event for event in engine.poll() if isinstance(event, KeyPressed))
        return len(seen) >= 2

    wait_for(told, "two keys are told")
    assert seen == [10, 11], f"star and hash were pressed, told were {seen}"


def test_a_key_is_told_when_its_first_packets_are_lost(engine, make_leg, next_event):
    leg = make_leg(engine, formats=EVENTS)
    press(leg, 5, 4000, packets=1)
    assert next_event(engine, KeyPressed).event == 5


def test_a_header_extension_before_the_event_is_stepped_over(engine, make_leg, next_event):
    leg = make_leg(engine, formats=EVENTS)
    press(leg, 7, 4000, first=0x90, extra=bytes.fromhex("bede000110aa0000"))
    assert next_event(engine, KeyPressed).event == 7


def test_an_event_that_was_cut_short_is_no_key(engine, make_leg, wait_for):
    leg = make_leg(engine, formats=EVENTS)
    leg.phone.send(leg.port, b"\x05", 101)
    press(leg, 6, 9999)
    seen: list[int] = []

    def told() -> bool:
        seen.extend(event.event for event in engine.poll() if isinstance(event, KeyPressed))
        return bool(seen)

    wait_for(told, "the whole event is told")
    assert seen == [6]
