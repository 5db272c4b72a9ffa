"""What the packet thread copies for a recorder: what is heard, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from softswitch.media import MediaEngine
from softswitch.media.layouts.tap import TAP_RECEIVED, TAP_SENT
from softswitch.media.recording.tap import Taps


def tapped(engine: MediaEngine) -> list[tuple[int, int, bytes]]:
    """Slot, direction and payload of every packet in the tap."""
    found = []
    for key, packets in Taps(engine.arena, range(1)).empty():
        for head in packets.heads:
            payload = packets.octets[head[8] : head[8] + head[3]].tobytes()
            found.append((key.port, key.direction, payload))
    return found


def gather(engine: MediaEngine, wait_for: Callable[..., Any], count: int) -> list[tuple[int, int, bytes]]:
    """As many packets as come, once there are `count`."""
    found: list[tuple[int, int, bytes]] = []
    wait_for(lambda: len(found) >= count or found.extend(tapped(engine)) or len(found) >= count, f"{count} in the tap")
    return found


def test_a_tapped_port_gives_what_it_receives(engine: MediaEngine, make_leg: Any, wait_for: Any) -> None:
    one, other = make_leg(engine), make_leg(engine)
    engine.connect(one.port, other.port)
    engine.tap(one.port)
    one.phone.send(one.port, b"\x11" * 160)
    other.phone.send(other.port, b"\x22" * 160)
    one.phone.send(one.port, b"\x33" * 1400)
    found = gather(engine, wait_for, 2)
    assert found == [
        (one.port.slot, TAP_RECEIVED, b"\x11" * 160),
        (one.port.slot, TAP_RECEIVED, b"\x33" * 1400),
    ], "only the tapped port's, long packets in one piece"


def test_what_is_held_or_said_without_the_floor_is_not_copied(
    engine: MediaEngine, make_leg: Any, wait_for: Any
) -> None:
    talker, other = make_leg(engine), make_leg(engine)
    room = engine.open_fan_out("group")
    for leg in (talker, other):
        room.join(leg.port)
        engine.tap(leg.port)
    room.talk(talker.port)
    other.phone.send(other.port, b"\x22" * 160)
    talker.phone.send(talker.port, b"\x11" * 160)
    assert gather(engine, wait_for, 1) == [(talker.port.slot, TAP_RECEIVED, b"\x11" * 160)]


def test_what_the_switch_says_is_copied_when_wanted(engine: MediaEngine, make_leg: Any, wait_for: Any) -> None:
    leg = make_leg(engine)
    engine.tap(leg.port, received=False, sent=True)
    engine.tone(leg.port, 440, -10)
    leg.phone.send(leg.port)
    assert {direction for _, direction, _ in gather(engine, wait_for, 3)} == {TAP_SENT}
