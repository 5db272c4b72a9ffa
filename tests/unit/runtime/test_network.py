"""UDP, TCP and TLS over loopback sockets: delivery, reuse, failure, limits."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import os
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from softswitch.rtp.ice.stun import BINDING, REQUEST, StunMessage
from softswitch.runtime.network import SipNetwork
from softswitch.runtime.tasks import TaskOwner
from softswitch.runtime.tcp import StreamConnection, StreamLimits
from softswitch.runtime.tls import TlsContexts, TlsSettings
from softswitch.sip.address import Address
from tests.waiting import PATIENCE_S, becomes, eventually, sockets_closed

MESSAGE = b"OPTIONS sip:a SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 2\r\n\r\nhi"


class Node:
    """A network whose arrivals, failures and closings can be awaited."""

    def __init__(self, tasks: TaskOwner, **options: object) -> None:
        patient = {"limits": StreamLimits(connect=PATIENCE_S)}
        self.network = SipNetwork(tasks, **(patient | options))  # type: ignore[arg-type]
        self.arrived: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()
        self.failed: asyncio.Queue[Address] = asyncio.Queue()
        self.closed: asyncio.Queue[Address] = asyncio.Queue()
        self.network.receiver = lambda data, source: self.arrived.put_nowait((data, source))
        self.network.on_failure = self.failed.put_nowait
        self.network.on_closed = self.closed.put_nowait

    async def next(self) -> tuple[bytes, Address]:
        return await asyncio.wait_for(self.arrived.get(), PATIENCE_S)


class Nodes:
    """Makes nodes and closes them."""

    def __init__(self, tasks: TaskOwner) -> None:
        self.tasks = tasks
        self.made: list[Node] = []

    def __call__(self, **options: object) -> Node:
        self.made.append(Node(self.tasks, **options))
        return self.made[-1]


@pytest.fixture
async def nodes() -> AsyncIterator[Nodes]:
    async with sockets_closed(), TaskOwner() as tasks:
        made = Nodes(tasks)
        yield made
        for node in made.made:
            await node.network.close()


def certificate(directory: Path, name: str, *, host: str = "switch.example") -> TlsSettings:
    """A self-signed certificate for `host` and 127.0.0.1 as settings that trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = directory / f"{name}.pem", directory / f"{name}.key"
    certificate_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return TlsSettings(certificate_path, key_path, certificate_path)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_datagram_reaches_the_other_side_and_back(nodes: Nodes, host: str) -> None:
    left, right = nodes(), nodes()
    left_at = await left.network.listen_udp("west", host, 0)
    right_at = await right.network.listen_udp("east", host, 0)
    left.network.send(MESSAGE, Address("udp", *right_at))
    data, source = await right.next()
    assert (data, source) == (MESSAGE, Address("udp", *left_at, "east"))
    right.network.send(b"answer", source)
    assert (await left.next())[0] == b"answer"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_what_is_sent_is_marked(nodes: Nodes, host: str) -> None:
    left, right = nodes(dscp=24), nodes()
    left_at = await left.network.listen_udp("udp", host, 0)
    family, level, option, wish = (
        (socket.AF_INET6, socket.IPPROTO_IPV6, socket.IPV6_TCLASS, socket.IPV6_RECVTCLASS)
        if ":" in host
        else (socket.AF_INET, socket.IPPROTO_IP, socket.IP_TOS, socket.IP_RECVTOS)
    )
    with socket.socket(family, socket.SOCK_DGRAM) as phone:
        phone.settimeout(PATIENCE_S)
        phone.setsockopt(level, wish, 1)
        phone.bind((host, 0))
        left.network.send(MESSAGE, Address("udp", *phone.getsockname()[:2]))
        _, ancillary, _, source = phone.recvmsg(2000, 64)
    assert source[:2] == left_at
    assert [value[0] for *_, value in ancillary] == [24 << 2], "the code point stands beside the two bits of ECN"
    right_at = await right.network.listen_tcp("tcp", host, 0)
    left.network.send(MESSAGE, Address("tcp", *right_at))
    await right.next()
    (opened,) = (each for each in left.network._connections.values())
    assert isinstance(opened, StreamConnection) and opened._transport is not None
    with socket.socket(fileno=os.dup(opened._transport.get_extra_info("socket").fileno())) as connected:
        assert connected.getsockopt(level, option) == 24 << 2


async def test_keepalives_are_not_messages(nodes: Nodes) -> None:
    node = nodes()
    at = await node.network.listen_udp("udp", "127.0.0.1", 0)
    asked = StunMessage(REQUEST, BINDING, b"twelve octet").serialize()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.settimeout(PATIENCE_S)
        phone.bind(("127.0.0.1", 0))
        for data in (b"\r\n\r\n", b"\0\0\0\0", b"", asked, b"\1\2\3", MESSAGE):
            phone.sendto(data, at)
        arrived = [(await node.next())[0], (await node.next())[0]]
        answer = StunMessage.parse(phone.recv(1500))
        assert answer.mapped_address == phone.getsockname(), "the phone learns where it is seen"
    assert arrived == [b"\1\2\3", MESSAGE], "neither line ends nor STUN are SIP, anything else is for the parser"
    assert node.network.keepalives == 4


async def test_source_addresses_are_shared_objects(nodes: Nodes) -> None:
    left, right = nodes(), nodes()
    await left.network.listen_udp("udp", "127.0.0.1", 0)
    right_at = await right.network.listen_udp("udp", "127.0.0.1", 0)
    for _ in range(2):
        left.network.send(b"x", Address("udp", *right_at))
    assert (await right.next())[1] is (await right.next())[1]


async def test_datagram_without_a_usable_listener_fails(nodes: Nodes) -> None:
    node = nodes()
    await node.network.listen_udp("udp", "127.0.0.1", 0)
    node.network.send(b"x", Address("udp", "::1", 5060))
    assert node.failed.get_nowait() == Address("udp", "::1", 5060)


async def test_datagram_too_long_for_udp_fails(nodes: Nodes) -> None:
    node = nodes()
    await node.network.listen_udp("udp", "127.0.0.1", 0)
    target = Address("udp", "127.0.0.1", 9, "udp")
    node.network.send(b"x" * 70_000, target)
    assert node.failed.get_nowait() == target
    assert node.network.unsendable == 1


async def test_flood_in_one_turn_is_all_delivered(nodes: Nodes) -> None:
    node = nodes()
    at = await node.network.listen_udp("udp", "127.0.0.1", 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for index in range(200):
            sender.sendto(str(index).encode(), at)
    assert [(await node.next())[0] for _ in range(200)] == [str(index).encode() for index in range(200)]


async def test_stream_is_opened_once_and_answered_over_itself(nodes: Nodes) -> None:
    left, right = nodes(), nodes()
    at = await right.network.listen_tcp("tcp", "127.0.0.1", 0)
    target = Address("tcp", *at)
    for _ in range(3):
        left.network.send(MESSAGE, target)
    sources = [(await right.next()) for _ in range(3)]
    assert [data for data, _ in sources] == [MESSAGE] * 3
    assert len({source.connection for _, source in sources}) == 1, "three messages, one connection"
    right.network.send(b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", sources[0][1])
    answer, source = await left.next()
    assert answer.startswith(b"SIP/2.0 200")
    assert source[:3] == target[:3] and source.connection
    assert (left.network.connections, right.network.connections) == (1, 1)
    left.network.send(MESSAGE, target)
    await right.next()
    assert right.network.connections == 1


async def test_new_request_reuses_the_connection_the_peer_opened(nodes: Nodes) -> None:
    left, right = nodes(), nodes()
    at = await right.network.listen_tcp("tcp", "127.0.0.1", 0)
    left.network.send(MESSAGE, Address("tcp", *at))
    _, source = await right.next()
    right.network.send(MESSAGE, Address("tcp", source.host, source.port))
    assert (await left.next())[0] == MESSAGE


async def test_message_in_pieces_and_pings(nodes: Nodes) -> None:
    node = nodes()
    at = await node.network.listen_tcp("tcp", "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*at)
    for octet in MESSAGE:
        writer.write(bytes((octet,)))
        await writer.drain()
    assert (await node.next())[0] == MESSAGE
    writer.write(b"\r\n\r\n")
    assert await asyncio.wait_for(reader.readexactly(2), PATIENCE_S) == b"\r\n"
    writer.close()
    await writer.wait_closed()
    assert (await asyncio.wait_for(node.closed.get(), PATIENCE_S)).transport == "tcp"
    assert node.network.connections == 0


async def test_unframeable_stream_is_closed(nodes: Nodes) -> None:
    node = nodes()
    at = await node.network.listen_tcp("tcp", "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*at)
    writer.write(MESSAGE + b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 99999999\r\n\r\n")
    assert (await node.next())[0] == MESSAGE, "what was whole before is delivered"
    assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
    assert node.network.unframeable == 1
    writer.close()
    await writer.wait_closed()


async def test_refused_connection_fails_every_waiting_address(nodes: Nodes) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        target = Address("tcp", *unused.getsockname())
        node = nodes()
        node.network.send(MESSAGE, target)
        node.network.send(MESSAGE, target._replace(listener="x"))
        failed = [await asyncio.wait_for(node.failed.get(), PATIENCE_S) for _ in range(2)]
    assert failed == [target, target._replace(listener="x")]


async def test_messages_waiting_for_a_connection_are_bounded(nodes: Nodes) -> None:
    node = nodes(limits=StreamLimits(waiting_messages=2))
    other = nodes()
    target = Address("tcp", *await other.network.listen_tcp("tcp", "127.0.0.1", 0))
    for _ in range(3):
        node.network.send(MESSAGE, target)
    assert node.failed.qsize() == 1
    assert [(await other.next())[0] for _ in range(2)] == [MESSAGE] * 2


async def test_connections_of_one_source_are_bounded(nodes: Nodes) -> None:
    node = nodes(limits=StreamLimits(connections_per_source=1))
    at = await node.network.listen_tcp("tcp", "127.0.0.1", 0)
    _, first = await asyncio.open_connection(*at)
    first.write(MESSAGE)
    await node.next()
    reader, second = await asyncio.open_connection(*at)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), PATIENCE_S)
    assert node.network.refused_connections == 1
    for writer in (first, second):
        writer.close()
    await first.wait_closed()


@pytest.mark.parametrize(
    ("whole", "begun", "after", "reason"),
    [
        (b"", b"", 29.0, ""),
        (b"", b"", 31.0, "no message"),
        (b"", b"OPTIONS sip:a SIP/2.0\r\n", 14.0, ""),
        (b"", b"OPTIONS sip:a SIP/2.0\r\n", 16.0, "message not completed"),
        (MESSAGE, b"OPTIONS", 16.0, "message not completed"),
        (MESSAGE, b"", 99.0, ""),
        (MESSAGE, b"", 101.0, "idle"),
    ],
)
async def test_overdue_connections_say_why(nodes: Nodes, whole: bytes, begun: bytes, after: float, reason: str) -> None:
    now = [1000.0]
    node = nodes(limits=StreamLimits(idle=100), clock=lambda: now[0])
    at = await node.network.listen_tcp("tcp", "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*at)
    writer.write(whole + begun)
    await eventually(lambda: node.network.connections, "the connection")
    connection = node.network.connection(1)
    assert isinstance(connection, StreamConnection)
    await becomes(lambda: (node.arrived.qsize(), connection._framer.pending), (bool(whole), len(begun)))
    assert connection.overdue(now[0] + after) == reason
    now[0] += after
    node.network._close_overdue()
    assert node.network.overdue_connections == (1 if reason else 0)
    writer.close()
    await writer.wait_closed()


async def test_slow_reader_is_cut(nodes: Nodes) -> None:
    node = nodes(limits=StreamLimits(write_buffer_octets=1000))
    at = await node.network.listen_tcp("tcp", "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*at)
    writer.write(MESSAGE)
    _, source = await node.next()
    for _ in range(5000):  # however much the kernel is willing to keep
        node.network.send(b"x" * 60_000, source)
        if not node.failed.empty():
            break
    assert node.failed.get_nowait() == source
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_tls_both_ways_with_the_domain_checked(nodes: Nodes, tmp_path: Path) -> None:
    settings = certificate(tmp_path, "server")
    server, client = nodes(), nodes(server_name=lambda address: "switch.example")
    at = await server.network.listen_tls("tls", "127.0.0.1", 0, TlsContexts(settings))
    client.network.use_client_tls(TlsContexts(TlsSettings(authorities=settings.authorities)))
    client.network.send(MESSAGE, Address("tls", *at))
    data, source = await server.next()
    assert (data, source.transport, source.secure) == (MESSAGE, "tls", True)
    server.network.send(MESSAGE, source)
    assert (await client.next())[0] == MESSAGE


async def test_certificate_for_another_domain_is_refused(nodes: Nodes, tmp_path: Path) -> None:
    settings = certificate(tmp_path, "server")
    server, client = nodes(), nodes(server_name=lambda address: "other.example")
    target = Address("tls", *await server.network.listen_tls("tls", "127.0.0.1", 0, TlsContexts(settings)))
    client.network.use_client_tls(TlsContexts(TlsSettings(authorities=settings.authorities)))
    client.network.send(MESSAGE, target)
    assert await asyncio.wait_for(client.failed.get(), PATIENCE_S) == target
    assert server.arrived.empty()


async def test_client_certificate_is_required_and_known(nodes: Nodes, tmp_path: Path) -> None:
    server_settings, client_settings = certificate(tmp_path, "server"), certificate(tmp_path, "client")
    strict = TlsSettings(server_settings.certificate, server_settings.private_key, client_settings.certificate, True)
    server = nodes()
    at = await server.network.listen_tls("tls", "127.0.0.1", 0, TlsContexts(strict))
    known = nodes(server_name=lambda address: "switch.example")
    known.network.use_client_tls(
        TlsContexts(TlsSettings(client_settings.certificate, client_settings.private_key, server_settings.certificate))
    )
    known.network.send(MESSAGE, Address("tls", *at))
    _, source = await server.next()
    connection = server.network.connection(source.connection)
    assert isinstance(connection, StreamConnection)
    peer = connection.peer_certificate
    assert peer is not None and peer["subject"] == ((("commonName", "client"),),)


async def test_without_tls_settings_the_authorities_of_the_system_hold(nodes: Nodes, tmp_path: Path) -> None:
    server, client = nodes(), nodes(server_name=lambda address: "switch.example")
    contexts = TlsContexts(certificate(tmp_path, "server"))
    target = Address("tls", *await server.network.listen_tls("tls", "127.0.0.1", 0, contexts))
    client.network.send(MESSAGE, target)
    assert await asyncio.wait_for(client.failed.get(), PATIENCE_S) == target, (
        "a certificate nobody vouches for is refused"
    )
    assert server.arrived.empty()


def test_tls_refuses_old_versions_and_reloads(tmp_path: Path) -> None:
    settings = certificate(tmp_path, "server")
    contexts = TlsContexts(settings)
    assert contexts.server is not None
    assert contexts.server.minimum_version is ssl.TLSVersion.TLSv1_2
    contexts.reload()
    assert settings.certificate is not None
    settings.certificate.write_text("broken")
    with pytest.raises(ssl.SSLError):
        contexts.reload()


def test_requiring_certificates_without_authorities_is_refused(tmp_path: Path) -> None:
    settings = certificate(tmp_path, "server")
    with pytest.raises(ValueError, match="authorities"):
        TlsContexts(TlsSettings(settings.certificate, settings.private_key, None, True))


async def test_local_address_prefers_the_named_listener(nodes: Nodes) -> None:
    node = nodes()
    first = await node.network.listen_udp("a", "127.0.0.1", 0)
    second = await node.network.listen_udp("b", "127.0.0.1", 0)
    assert node.network.local_address("udp", "b") == second
    assert node.network.local_address("udp") == first
    assert node.network.local_address("tcp") is None
    assert ipaddress.ip_address(first[0]).is_loopback
