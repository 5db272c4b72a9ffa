"""Streams on one address: each packet gets to the port of its stream, reports to all, and closing disturbs nobody."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from softswitch.media import PCMA, PCMU, MediaEngine, MediaError, Port, PortSettings, StreamFormat
from softswitch.media.transport import steering
from tests.unit.media.conftest import Leg, Phone
from tests.unit.media.stage import HOST

VP8 = StreamFormat(98, "VP8", 90000)
SOUND, PICTURES = (PCMA,), (VP8,)
Make = Callable[..., Any]


def bundled(engine: MediaEngine, phone: Phone, *lines: dict[str, Any]) -> list[Port]:
    """Ports on one address for a phone, as their settings in `lines` say."""
    first = engine.open_port("call", address=phone.address[0], rtcp_mux=True)
    ports = [first, *(engine.open_bundled_port(first, "call") for _ in lines[1:])]
    for port, line in zip(ports, lines, strict=True):
        port.configure(PortSettings(**{"remote": phone.address, "rtcp_mux": True, **line}))
    return ports


def joined(engine: MediaEngine, make_leg: Make, ports: list[Port]) -> list[Leg]:
    """Somebody to talk to for each port, with the same formats."""
    legs = [make_leg(engine, host=ports[0].local[0], formats=port.settings.formats) for port in ports]
    for port, leg in zip(ports, legs, strict=True):
        engine.connect(port, leg.port)
    return legs


@pytest.mark.parametrize("host", [HOST, "::1"], ids=["IPv4", "IPv6"])
def test_each_stream_has_its_port_and_all_are_answered_from_one_address(
    engine: MediaEngine, make_leg: Make, make_phone: Make, host: str
) -> None:
    phone = make_phone(host)
    ports = bundled(engine, phone, {"formats": SOUND}, {"formats": (PCMU,)})
    legs = joined(engine, make_leg, ports)
    assert ports[0].local == ports[1].local
    for turn in range(20):
        for payload_type, ssrc, leg in ((8, 1, legs[0]), (0, 2, legs[1])):
            phone.send(ports[0], bytes([turn]) * 160, payload_type, ssrc=ssrc, sequence=turn, timestamp=160 * turn)
            assert leg.phone.receive().payload == bytes([turn]) * 160, f"packet {turn} of payload type {payload_type}"
    for port, leg in zip(ports, legs, strict=True):
        leg.phone.send(leg.port, payload_type=port.settings.formats[0].payload_type)
        back = phone.receive()
        assert (back.ssrc, back.source) == (port.ssrc, port.local)
    assert [port.counters().dropped_payload_type for port in ports] == [0, 0], "nothing came to the wrong port"


def test_streams_of_one_payload_type_are_known_by_their_sources(
    make_engine: Make, make_leg: Make, make_phone: Make
) -> None:
    engine, phone = make_engine(), make_phone()
    lines = ({"formats": SOUND, "sources": (number,)} for number in (71, 72, 73))
    ports = bundled(engine, phone, *lines)
    legs = joined(engine, make_leg, ports)
    for number, leg in zip((71, 72, 73), legs, strict=True):
        phone.send(ports[0], bytes([number]) * 160, ssrc=number)
        assert leg.phone.receive().payload == bytes([number]) * 160


def test_requests_reach_the_source_of_the_stream_they_name(
    engine: MediaEngine, make_leg: Make, make_phone: Make, wait_for: Make
) -> None:
    phone = make_phone()
    ports = bundled(engine, phone, {"formats": PICTURES, "sources": (1,)}, {"formats": PICTURES, "sources": (2,)})
    joined(engine, make_leg, ports)
    for number, port in enumerate(ports, 1):
        phone.send(port, b"\x10\x00\x9d\x01\x2a", 98, ssrc=number)
    wait_for(lambda: all(port.counters().packets_received for port in ports), "both streams are latched")
    request = struct.pack(">BBHII", 0x81, 206, 2, 2, ports[1].ssrc)
    phone.rtp.sendto(request, ports[0].local)
    wait_for(lambda: ports[1].counters().feedback_received, "the request is heard by the port that it names")
    report = struct.pack(">BBHIIIIII", 0x80, 200, 6, 1, 9, 9, 9, 9, 9)
    phone.rtp.sendto(report, ports[0].local)
    wait_for(lambda: [port.counters().rtcp_received for port in ports] == [2, 2], "all hear of all RTCP")
    assert ports[0].counters().feedback_received == 0, "nobody asked for this stream"
    times = [engine.arena.ports[port.slot]["last_sr_ns"] > 0 for port in ports]
    assert times == [True, False], "the sender's report is about the first stream"


def test_the_address_stays_until_the_last_stream_ends(
    make_engine: Make, make_leg: Make, make_phone: Make, wait_for: Make
) -> None:
    engine, phone = make_engine(), make_phone()
    ports = bundled(engine, phone, {"formats": SOUND}, {"formats": (PCMU,)})
    legs = joined(engine, make_leg, ports)
    ports[0].close()
    phone.send(ports[1], b"\x01" * 160, 0, ssrc=2)
    assert legs[1].phone.receive().payload == b"\x01" * 160
    phone.send(ports[1], payload_type=8, ssrc=1)
    assert legs[0].phone.silent(), "the line that was closed says nothing any more"
    again = engine.open_bundled_port(ports[1], "call")
    again.configure(PortSettings(remote=phone.address, rtcp_mux=True, formats=SOUND))
    engine.connect(again, legs[0].port)
    phone.send(again, b"\x02" * 160, 8, ssrc=3)
    assert legs[0].phone.receive().payload == b"\x02" * 160, "a line that comes back is heard again"
    for port in (ports[1], again):
        port.close()
    assert ports[0].closed, "the last takes the address along"
    wait_for(lambda: engine.statistics().ports_open == len(legs), "only those of the others are open")


def test_one_of_three_ends_and_the_others_go_on(
    make_engine: Make, make_leg: Make, make_phone: Make, wait_for: Make
) -> None:
    engine, phone = make_engine(threads=2), make_phone()
    gsm = StreamFormat(3, "GSM", 8000)
    ports = bundled(engine, phone, {"formats": SOUND}, {"formats": (PCMU,)}, {"formats": (gsm,)})
    legs = joined(engine, make_leg, ports)
    for port, leg in zip(ports[1:], legs[1:], strict=True):  # to another packet thread, both
        engine.disconnect(port)
        for each in (port, leg.port):
            engine.serve_by(each, next(t for t in engine._crew.threads if t is not ports[0].thread))
        engine.connect(port, leg.port)
    ports[1].close()
    wait_for(lambda: engine.statistics() and not engine.bundles._leaving, "its socket is closed")
    for index, payload_type in ((0, 8), (2, 3)):
        phone.send(ports[0], bytes([index]) * 33, payload_type, ssrc=index)
        assert legs[index].phone.receive().payload == bytes([index]) * 33


def test_nothing_is_left_of_bundles_that_are_closed(make_engine: Make, wait_for: Make) -> None:
    engine = make_engine()
    before = len(os.listdir("/proc/self/fd"))
    for turn in range(50):
        first = engine.open_port("call", rtcp_mux=True)
        ports = [first, *(engine.open_bundled_port(first, "call") for _ in range(3))]
        with pytest.raises(MediaError):
            engine.open_bundled_port(first, "call")
        for port in ports if turn % 2 else reversed(ports):
            port.close()
    engine.settle()
    assert engine.statistics().ports_open == 0
    assert len(os.listdir("/proc/self/fd")) <= before, "every socket is given back"


@pytest.fixture
def group() -> Iterator[list[socket.socket]]:
    """Three sockets on one address, for streams of payload types 8, 0, 96 (of source 5 as well) and 97."""
    first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    first.bind(("127.0.0.1", 0))
    made = [first, *(steering.join(first.fileno()) for _ in range(2))]
    streams = [steering.Stream((4,), (8,)), steering.Stream((), (0,)), steering.Stream((5, 6), (96, 97))]
    steering.steer(first.fileno(), streams)
    for each in made:
        each.setblocking(False)
    yield made
    for each in made:
        each.close()


def rtp(payload_type: int, ssrc: int = 1, first: int = 0x80) -> bytes:
    return struct.pack(">BBHII", first, payload_type, 1, 2, ssrc) + b"sound"


@pytest.mark.parametrize(
    ("datagram", "number"),
    [
        (rtp(8), 0),
        (rtp(0), 1),
        (rtp(0x80), 1),
        (rtp(97), 2),
        (rtp(96 | 0x80, first=0x90), 2),
        (rtp(0, ssrc=5), 2),
        (rtp(97, ssrc=4), 0),
        (rtp(13), 0),
        (rtp(200), 0),
        (rtp(223, ssrc=5), 0),
        (rtp(72, ssrc=5), 2),
        (rtp(0)[:11], 0),
        (b"\x80", 0),
        (b"", 0),
        (b"\x00\x01" + bytes(18), 0),
        (b"\x16\xfe\xfd" + bytes(40), 0),
        (rtp(0, first=0xC0), 0),
    ],
)
def test_the_kernel_chooses_by_source_then_by_payload_type(
    group: list[socket.socket], datagram: bytes, number: int
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(datagram, group[0].getsockname())
    found = []
    for index, each in enumerate(group):
        try:
            found.append((index, each.recv(100)))
        except BlockingIOError:
            continue
    assert found == [(number, datagram)], f"expected socket {number} to have {datagram.hex()}"
