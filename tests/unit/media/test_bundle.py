"""Streams on one address: each packet gets to the port of its stream, reports to all, and closing disturbs nobody."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from softswitch.media import PCMA, PCMU, MediaEngine, MediaError, Name, Port, PortSettings, StreamFormat
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


def named(mid: str, identifier: int = 4) -> dict[str, Any]:
    """Header fields of a packet that says whose it is (RFC 8285 §4.2), as `Phone.send` takes them."""
    element = Name(identifier, mid).element
    padded = element + bytes(-len(element) % 4)
    return {"first": 0x90, "extra": struct.pack(">HH", 0xBEDE, len(padded) // 4) + padded}


def test_streams_that_name_their_line_are_known_by_the_sources_that_did(
    engine: MediaEngine, make_leg: Make, make_phone: Make, wait_for: Make
) -> None:
    phone = make_phone()
    lines = ({"formats": SOUND, "name": Name(4, mid)} for mid in ("0", "zwei", "2"))
    ports = bundled(engine, phone, *lines)
    legs = joined(engine, make_leg, ports)
    for turn in range(2):  # a sender that begins anew says it again
        for number, mid in enumerate(("0", "zwei", "2")):
            source, heard = 100 * turn + number, legs[number].phone
            phone.send(ports[0], b"named", ssrc=source, sequence=turn, timestamp=1, **named(mid))
            assert heard.receive().payload == b"named", "the name went no further, since it is nobody else's"
            wait_for(partial(_learnt, engine, ports[number], source), "the source is learnt")
            phone.send(ports[0], b"more", ssrc=source, sequence=turn + 1, timestamp=2)
            assert heard.receive().payload == b"more", "a packet that bears no name any more"
    phone.send(ports[0], b"moved", ssrc=2, **named("zwei"))
    assert legs[1].phone.receive().payload == b"moved", "a name counts for more than what was learnt"
    wait_for(lambda: _learnt(engine, ports[1], 2), "it is the source of another line now")
    assert not _learnt(engine, ports[2], 2)
    assert [port.counters().dropped_payload_type for port in ports] == [0, 0, 0]


def _learnt(engine: MediaEngine, port: Port, source: int) -> bool:
    """Whether a source is known to be a port's, now that all has been heard of."""
    engine.poll()
    assert port.bundle is not None
    return source in port.bundle.heard.get(port, ())


def test_of_many_sources_the_latest_are_kept(
    make_engine: Make, make_leg: Make, make_phone: Make, wait_for: Make
) -> None:
    engine, phone = make_engine(), make_phone()
    ports = bundled(engine, phone, *({"formats": SOUND, "name": Name(4, mid)} for mid in "01"))
    joined(engine, make_leg, ports)
    for source in range(100):
        phone.send(ports[0], ssrc=source, **named("1"))
    wait_for(lambda: ports[1].counters().packets_received == 100, "all came to the second line")
    wait_for(lambda: _learnt(engine, ports[1], 63), "the last of those that are told, which are not all")
    assert [source for source in range(100) if _learnt(engine, ports[1], source)] == [60, 61, 62, 63]


def test_a_source_that_cannot_be_learnt_ends_nothing(
    make_engine: Make, make_leg: Make, make_phone: Make, wait_for: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, phone = make_engine(), make_phone()
    ports = bundled(engine, phone, *({"formats": SOUND, "name": Name(4, mid)} for mid in "01"))
    legs = joined(engine, make_leg, ports)

    def refuse(*_: object) -> None:
        raise OSError(12, "no memory")

    with monkeypatch.context() as full:
        full.setattr("softswitch.media.transport.bundle.steer", refuse)
        for turn in range(2):
            phone.send(ports[0], bytes([turn]), ssrc=5, **named("1"))
            assert legs[1].phone.receive().payload == bytes([turn])
            wait_for(partial(_learnt, engine, ports[1], 5), "all that has happened is looked at")


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
    streams = [
        steering.Stream((4,), (8,), Name(1, "a")),
        steering.Stream((), (0,), Name(1, "abcdefghijklmnop")),
        steering.Stream((5, 6), (96, 97), Name(1, "ab")),
    ]
    steering.steer(first.fileno(), streams)
    for each in made:
        each.setblocking(False)
    yield made
    for each in made:
        each.close()


def rtp(payload_type: int, ssrc: int = 1, first: int = 0x80, more: bytes = b"") -> bytes:
    return struct.pack(">BBHII", first, payload_type, 1, 2, ssrc) + more + b"sound"


def extended(*elements: bytes, profile: int = 0xBEDE, sources: int = 0, payload_type: int = 13) -> bytes:
    """A packet of no stream's payload type with header extensions, and contributing sources before them."""
    octets = b"".join(elements)
    octets += bytes(-len(octets) % 4)
    extension = struct.pack(">HH", profile, len(octets) // 4) + octets
    return rtp(payload_type, first=0x90 | sources, more=bytes(4 * sources) + extension)


LEVEL = b"\x20\x7f"  # another element


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
        (extended(b"\x11ab"), 2),
        (extended(b"\x11ab", sources=3), 2),
        (extended(b"\x1fabcdefghijklmnop", payload_type=97), 1),
        (extended(b"\x1fabcdefghijklmnoq"), 0),
        (extended(b"\x10a", payload_type=97), 0),
        (extended(b"\x10b", payload_type=97), 2),
        (extended(b"\x21ab"), 0),
        (extended(LEVEL, b"\0", b"\x11ab"), 2),
        (extended(LEVEL, LEVEL, LEVEL, b"\x11ab"), 2),
        (extended(LEVEL, LEVEL, LEVEL, LEVEL, b"\x11ab"), 0),
        (extended(b"\x11ab", profile=0x1000), 0),
        (extended() + b"\x11ab", 0),
        (extended(LEVEL) + b"\x11ab", 0),
        (extended(b"\x11ab")[:17], 0),
        (extended(b"\x11ab", sources=15)[:70], 0),
    ],
)
def test_the_kernel_chooses_by_name_then_by_source_then_by_payload_type(
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
