"""HEP3 export: the worked example octet for octet, IPv6, secrets, correlation, and a real socket."""

from __future__ import annotations

import socket

import pytest

from softswitch.runtime.hep import Capture, HepExporter, call_id_of, encode_hep3
from softswitch.runtime.trace import TracedMessage
from softswitch.sip.address import Address

WORKED_EXAMPLE = (
    bytes.fromhex(
        "48455033 008f  0000 0001 0007 02  0000 0002 0007 11  0000 0003 000a 0a000001  0000 0004 000a 0a000002"
        "0000 0007 0008 13c4  0000 0008 0008 13c4  0000 0009 000a 6553f100  0000 000a 000a 0003d090"
        "0000 000b 0007 01  0000 000c 000a 000007d1  0000 0011 000a 63314068  0000 000f 0028"
    )
    + b"OPTIONS sip:p@10.0.0.2 SIP/2.0\r\n\r\n"
)

EXAMPLE = Capture(
    time=1_700_000_000.25,
    protocol=17,
    source=("10.0.0.1", 5060),
    destination=("10.0.0.2", 5060),
    payload=b"OPTIONS sip:p@10.0.0.2 SIP/2.0\r\n\r\n",
    agent=2001,
    correlation="c1@h",
)


def chunks(datagram: bytes) -> dict[int, bytes]:
    assert datagram[:4] == b"HEP3"
    assert int.from_bytes(datagram[4:6]) == len(datagram)
    found, at = {}, 6
    while at < len(datagram):
        length = int.from_bytes(datagram[at + 4 : at + 6])
        found[int.from_bytes(datagram[at + 2 : at + 4])] = datagram[at + 6 : at + length]
        at += length
    return found


def test_worked_example_octet_for_octet() -> None:
    datagram = encode_hep3(EXAMPLE)
    assert len(datagram) == 143
    assert datagram == WORKED_EXAMPLE


def test_ipv6_uses_its_own_chunks() -> None:
    found = chunks(
        encode_hep3(Capture(time=1.0, protocol=6, source=("2001:db8::1", 1), destination=("::1", 2), payload=b"x"))
    )
    assert found[1] == b"\x0a"
    assert found[5] == socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    assert found[6] == socket.inet_pton(socket.AF_INET6, "::1")
    assert 3 not in found and 4 not in found


def test_mixed_families_are_mapped() -> None:
    found = chunks(
        encode_hep3(Capture(time=1.0, protocol=6, source=("10.0.0.1", 1), destination=("::1", 2), payload=b""))
    )
    assert found[5] == socket.inet_pton(socket.AF_INET6, "::ffff:10.0.0.1")


def test_key_chunk_when_configured() -> None:
    capture = Capture(
        time=1.0, protocol=17, source=("1.1.1.1", 1), destination=("2.2.2.2", 2), payload=b"x", key="secret"
    )
    assert chunks(encode_hep3(capture))[14] == b"secret"


@pytest.mark.parametrize(
    ("data", "call_id"),
    [
        (b"INVITE sip:a SIP/2.0\r\nCall-ID: abc@host\r\n\r\n", "abc@host"),
        (b"INVITE sip:a SIP/2.0\r\ncall-id :  abc \r\nVia: x\r\n\r\n", "abc"),
        (b"INVITE sip:a SIP/2.0\r\nIn-Reply-To: no\r\ni: short\r\n\r\n", "short"),
        (b"INVITE sip:a SIP/2.0\r\nVia: x\r\n\r\nCall-ID: body", ""),
        (b"", ""),
    ],
)
def test_call_id_is_found_without_parsing(data: bytes, call_id: str) -> None:
    assert call_id_of(data) == call_id


def test_exporter_sends_and_redacts() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        collector.settimeout(20)
        exporter = HepExporter("127.0.0.1", collector.getsockname()[1], agent=7)
        data = b'REGISTER sip:s SIP/2.0\r\nCall-ID: c\r\nAuthorization: Digest response="deadbeef"\r\n\r\n'
        remote = Address("tcp", "127.0.0.9", 40000, "tcp", 3)
        exporter(TracedMessage(1_700_000_000.5, "in", remote, ("127.0.0.1", 5060), data))
        exporter.close()
        found = chunks(collector.recv(65536))
    assert exporter.sent == 1
    assert found[2] == b"\x06"
    assert found[3] == socket.inet_aton("127.0.0.9") and found[7] == (40000).to_bytes(2)
    assert found[4] == socket.inet_aton("127.0.0.1") and found[8] == (5060).to_bytes(2)
    assert found[17] == b"c"
    assert b"deadbeef" not in found[15]
    assert len(found[15]) == len(data)


def test_exporter_drops_what_does_not_fit() -> None:
    exporter = HepExporter("127.0.0.1", 9)
    exporter(TracedMessage(1.0, "out", Address("udp", "127.0.0.1", 1), ("127.0.0.1", 5060), b"x" * 65_500))
    exporter(TracedMessage(1.0, "out", Address("udp", "not-an-address", 1), ("127.0.0.1", 5060), b"x"))
    exporter.close()
    assert (exporter.sent, exporter.dropped) == (0, 2)
