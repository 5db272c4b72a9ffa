"""A port that sends gets a second socket, connected to its peer; nobody sees a difference but the clock."""

from __future__ import annotations

import gc
import os
import socket

import pytest

from softswitch.media import PCMA, PortSettings

from .stage import HOST

_ENOUGH = 30


@pytest.fixture
def host() -> str:
    return HOST


@pytest.fixture
def pair(host, mode, make_engine, make_leg, wait_for):
    """Two legs that talk to each other, and the engine: the second one's port has its second socket."""
    engine = make_engine(latch_silence_s=0.05)
    one, other = make_leg(engine, host=host), make_leg(engine, host=host)
    engine.connect(one.port, other.port)
    other.phone.send(other.port)
    one.phone.receive()
    for _ in range(_ENOUGH):
        one.phone.send(one.port)
        other.phone.receive()
    wait_for(lambda: _connected(engine, other.port), "the second socket of a port that has sent a while")
    return engine, one, other


def _connected(engine, port) -> bool:
    return bool(engine.arena.ports[port.slot]["connected_fd"] >= 0)


@pytest.mark.parametrize("host", [HOST, "::1"], ids=["IPv4", "IPv6"])
def test_packets_go_on_from_the_same_address_both_ways(pair):
    _, one, other = pair
    one.phone.send(one.port, b"there")
    heard = other.phone.receive()
    assert (heard.payload, heard.source) == (b"there", other.port.local)
    other.phone.send(other.port, b"back")
    assert one.phone.receive().payload == b"back", "what comes to the second socket is heard"


def test_a_peer_that_has_moved_is_heard_and_followed(pair, make_phone, wait_for):
    engine, one, other = pair
    moved = make_phone()
    wait_for(
        lambda: moved.send(other.port, b"moved") or other.port.counters().source_changes == 1,
        "the new source let in although a socket is connected to the old one",
    )
    one.phone.send(one.port, b"there")
    assert moved.receive().payload == b"there"
    assert not _connected(engine, other.port), "the socket connected to the old address is closed"


def test_a_new_signalled_address_is_followed(pair, make_phone):
    _, one, other = pair
    elsewhere = make_phone()
    other.port.configure(PortSettings(remote=elsewhere.address, formats=(PCMA,)))
    one.phone.send(one.port, b"there")
    assert elsewhere.receive().payload == b"there"


def test_a_peer_that_was_away_for_a_moment_hears_again(pair, wait_for):
    """What comes back by ICMP meanwhile ends up as an error on the connected socket, which must not stop us."""
    _, one, other = pair
    address = other.phone.address
    other.phone.rtp.close()
    before = other.port.counters().packets_sent
    for _ in range(5):
        one.phone.send(one.port)
    wait_for(lambda: other.port.counters().packets_sent == before + 5, "five packets sent to nobody")
    other.phone.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.phone.rtp.bind(address)
    one.phone.send(one.port, b"again")
    assert other.phone.receive().payload == b"again", "the very next packet"
    assert other.port.counters().send_errors == 0


def test_nobody_else_can_take_the_address(pair):
    _, _, other = pair
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        with pytest.raises(OSError, match="in use"):
            thief.bind(other.port.local)


def test_a_companion_can_still_join_its_address(pair):
    engine, one, other = pair
    companion = engine.open_bundled_port(other.port, "call")
    assert companion.local == other.port.local
    one.phone.send(one.port, b"there")
    assert other.phone.receive().payload == b"there"


@pytest.mark.parametrize("host", [HOST, "::1"], ids=["IPv4", "IPv6"])
def test_a_closed_port_leaves_no_descriptor(pair, wait_for):
    _, one, other = pair
    address = other.port.local
    gc.collect()  # what earlier tests have left is not counted
    before = len(os.listdir("/proc/self/fd"))
    other.port.close()
    one.port.close()
    wait_for(
        lambda: len(os.listdir("/proc/self/fd")) <= before - 5,
        "closed: two sockets of each port, and the second one of the port that sent",
    )
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM) as next_owner:
        next_owner.bind(address)
