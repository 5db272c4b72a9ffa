"""Phones behind NAT are pinged once a round, each round in steps."""

from __future__ import annotations

from softswitch.calls.sip.keepalive import Keepalive
from softswitch.sip.address import Address
from softswitch.sip.binding import Binding


def binding(number: int, *, nat: bool = True, transport: str = "udp") -> Binding:
    source = Address(transport, "192.0.2.1", 10_000 + number)
    return Binding(str(number), f"sip:{number}@10.0.0.1", source, 1e9, nat=nat, flow=nat)


def pinged(bindings: list[Binding], seconds: float, interval_s: float = 20.0) -> list[int]:
    keepalive = Keepalive(bindings, interval_s)
    ports: list[int] = []
    for step in range(round(seconds * 4)):
        ports += [address.port for address in keepalive.due(100.0 + step / 4, len(bindings))]
    return ports


def test_every_phone_behind_nat_is_pinged_once_a_round() -> None:
    phones = [binding(number) for number in range(500)]
    assert sorted(pinged(phones, 20.0)) == [10_000 + number for number in range(500)], "one round, one ping each"
    assert len(pinged(phones, 40.0)) == 1000, "two rounds, two pings each"


def test_a_round_is_spread_over_its_time() -> None:
    phones = [binding(number) for number in range(500)]
    assert len(pinged(phones, 5.0)) < 200, "a quarter of the time must not ping them all"


def test_phones_in_the_open_and_streams_are_left_alone() -> None:
    assert pinged([binding(1, nat=False), binding(2, transport="tcp")], 30.0) == []


def test_zero_switches_it_off() -> None:
    assert pinged([binding(1)], 30.0, interval_s=0) == []
