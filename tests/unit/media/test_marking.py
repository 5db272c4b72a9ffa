"""How the packets of ports are marked for the network, as their peers see it (IP_RECVTOS, IPV6_RECVTCLASS)."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from softswitch.media import PCMA, PortSettings, StreamFormat
from softswitch.media.pseudowire_settings import PseudowireSettings
from softswitch.media.wires.wires import _bind

from .stage import HOST

_EF, _AF41 = 46, 34
_H264 = StreamFormat(96, "H264", 90000)
#: More than a port sends before it gets its second socket (`kernels/connected.py`).
_MANY = 30


@pytest.fixture(params=[HOST, "::1"], ids=["IPv4", "IPv6"])
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _watch(plain: socket.socket) -> None:
    """Have the socket tell of each datagram how it was marked."""
    if plain.family == socket.AF_INET6:
        plain.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
    else:
        plain.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)


def _mark(stage: Any, plain: socket.socket) -> int:
    """The code point of the next datagram."""
    found: list[int] = []

    def look() -> bool:
        try:
            _, ancillary, _, _ = plain.recvmsg(2048, 64, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        found.extend(value[0] >> 2 for *_, value in ancillary)
        return True

    stage.eventually(look, "a datagram")
    assert len(found) == 1, "the system tells of one mark"
    return found[0]


@pytest.fixture
def open_marked(make_phone, host):
    """Open a port that marks what it sends, for a phone that sees it."""

    def make(engine, dscp, **settings):
        phone = make_phone(host)
        _watch(phone.rtp)
        _watch(phone.rtcp)
        port = engine.open_port("call", address=host, dscp=dscp)
        port.configure(PortSettings(**({"remote": phone.address, "formats": (PCMA,)} | settings)))
        return phone, port

    return make


@pytest.mark.parametrize("dscp", [_EF, 0])
def test_every_packet_is_marked_by_either_socket_and_reports_too(
    stage, mode, make_engine, make_leg, open_marked, host, dscp
):
    engine = make_engine(report_interval_s=0.2)
    talker = make_leg(engine, host=host)
    phone, port = open_marked(engine, dscp)
    engine.connect(talker.port, port)
    phone.send(port)
    talker.phone.receive()
    for _ in range(_MANY):
        talker.phone.send(talker.port)
        assert _mark(stage, phone.rtp) == dscp
    stage.eventually(lambda: engine.arena.ports[port.slot]["connected_fd"] >= 0, "the second socket")
    talker.phone.send(talker.port)
    assert _mark(stage, phone.rtp) == dscp
    assert _mark(stage, phone.rtcp) == dscp


def test_streams_of_one_address_are_marked_each_in_its_way(stage, mode, make_engine, open_marked):
    engine = make_engine()
    phone, sound = open_marked(engine, _EF, rtcp_mux=True)
    pictures = engine.open_bundled_port(sound, "call", dscp=_AF41)
    pictures.configure(PortSettings(remote=phone.address, formats=(_H264,), rtcp_mux=True))
    for port, number, dscp in ((sound, 8, _EF), (pictures, 96, _AF41)):
        engine.echo(port)
        phone.send(port, payload_type=number)
        assert _mark(stage, phone.rtp) == dscp


def test_packets_of_a_span_are_marked(stage, make_phone, host):
    phone = make_phone(host)
    _watch(phone.rtp)
    pair, _ = _bind(PseudowireSettings((host, 0), phone.address, dscp=_EF), phone.rtp.family)
    with socket.socket(fileno=pair.rtp_fd) as bound:
        bound.sendto(b"span", phone.address)
        assert _mark(stage, phone.rtp) == _EF
