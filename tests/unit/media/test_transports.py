"""A port whose peer is found by ICE and secured by DTLS: nothing but the proven peer is heard, and only with keys."""

from __future__ import annotations

import datetime
import secrets
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from softswitch.media import PCMA, MediaEngine, Port, PortSettings, RemoteTransport, TransportFailed, TransportReady
from softswitch.media.transport.dtls import DtlsCertificate, DtlsTransport, context
from softswitch.rtp.ice.stun import (
    BINDING,
    ICE_CONTROLLING,
    PRIORITY,
    REQUEST,
    SUCCESS,
    USE_CANDIDATE,
    USERNAME,
    StunMessage,
    is_stun,
)

from .stage import HOST, Stage

pytest.importorskip("OpenSSL")
CERTIFICATE = DtlsCertificate.generate(datetime.datetime.now(datetime.UTC))
SETTINGS = PortSettings(formats=(PCMA,), rtcp_mux=True)


class Driver:
    """Polls the engine while something else waits, as the switch does by the event descriptor."""

    def __init__(self, engine: MediaEngine, stage: Stage) -> None:
        self.engine, self.stage = engine, stage
        self.events: list[object] = []

    def told(self, kind: type) -> list[object]:
        """The events of a kind so far."""
        self.events.extend(self.engine.poll())
        return [event for event in self.events if isinstance(event, kind)]

    def received(self, source: socket.socket) -> bytes:
        """The next datagram that comes to a socket; fails the test when none comes."""

        def look() -> bytes:
            self.told(object)
            try:
                return source.recv(2048, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return b""

        return bytes(self.stage.eventually(look, "a datagram for the browser"))


class Browser:
    """A full ICE agent's least: checks one address, nominates it, and opens DTLS from there."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.ufrag = secrets.token_hex(4)

    def remote(self, fingerprint: tuple[str, bytes] = CERTIFICATE.fingerprint) -> RemoteTransport:
        return RemoteTransport(self.ufrag, "peer-password-of-22-chars", (fingerprint,), False)

    def check(self, port: Port, *, password: str = "") -> StunMessage:
        assert port.transport is not None
        ice = port.transport.ice
        name = f"{ice.ufrag}:{self.ufrag}".encode()
        attributes = [(USERNAME, name), (PRIORITY, bytes(4)), (ICE_CONTROLLING, bytes(8)), (USE_CANDIDATE, b"")]
        request = StunMessage(REQUEST, BINDING, secrets.token_bytes(12), attributes)
        self.socket.sendto(request.serialize(password or ice.password), port.local)
        while True:
            data = self.driver.received(self.socket)
            if is_stun(data):
                return StunMessage.parse(data)

    def shake(self, port: Port, fingerprint: tuple[str, bytes]) -> DtlsTransport:
        """Shake hands until there are keys, or it has failed."""
        dtls = DtlsTransport(context(CERTIFICATE), client=True, fingerprints=[fingerprint])
        dtls.start()
        self._send(dtls, port)
        while dtls.keys is None and not dtls.failed:
            dtls.receive_datagram(self.driver.received(self.socket))
            self._send(dtls, port)
        return dtls

    def _send(self, dtls: DtlsTransport, port: Port) -> None:
        for datagram in dtls.datagrams_to_send():
            self.socket.sendto(datagram, port.local)


@pytest.fixture
def driver(engine: MediaEngine, stage: Stage) -> Driver:
    return Driver(engine, stage)


Wait = Callable[..., Any]
MakeBrowser = Callable[[], Browser]


@pytest.fixture
def make_browser(driver: Driver) -> Iterator[MakeBrowser]:
    """Makes browsers whose sockets are closed when the test ends."""
    made: list[Browser] = []

    def make() -> Browser:
        made.append(Browser(driver))
        return made[-1]

    yield make
    for browser in made:
        browser.socket.close()


def secured(engine: MediaEngine, browser: Browser, **remote: tuple[str, bytes]) -> Port:
    port = engine.open_port("browser", rtcp_mux=True)
    port.open_transport()
    port.meet(browser.remote(**remote))
    port.configure(SETTINGS)
    return port


def test_a_browser_gets_keys_and_its_address_is_taken(
    engine: MediaEngine, driver: Driver, make_browser: MakeBrowser, wait_for: Wait
) -> None:
    browser = make_browser()
    port = secured(engine, browser)
    answer = browser.check(port)
    assert (answer.message_class, answer.mapped_address) == (SUCCESS, browser.socket.getsockname())
    dtls = browser.shake(port, engine.fingerprint)
    assert dtls.keys is not None, f"the handshake should come to keys, it said {dtls.failed!r}"
    wait_for(lambda: driver.told(TransportReady), "the keys are told of")
    assert port.transport is not None
    assert port.transport.keys is not None
    assert port.transport.keys.remote_master_key == dtls.keys.local_master_key
    wait_for(lambda: port.counters().remote == browser.socket.getsockname(), "media goes to the checked address")
    assert engine.statistics().dtls_handshakes == 1


def test_plain_media_is_not_believed(
    engine: MediaEngine, driver: Driver, make_browser: MakeBrowser, wait_for: Wait
) -> None:
    browser = make_browser()
    port = secured(engine, browser)
    browser.check(port)
    browser.socket.sendto(b"\x80\x08" + bytes(170), port.local)
    browser.check(port)  # answered after the packet was looked at
    assert port.counters().packets_received == 0
    assert port.counters().remote == ("", 0), "nothing is sent to a peer that is not secured yet"


def test_another_certificate_is_refused_and_counted(
    engine: MediaEngine, driver: Driver, make_browser: MakeBrowser, wait_for: Wait
) -> None:
    browser = make_browser()
    port = secured(engine, browser, fingerprint=("sha-256", bytes(32)))
    browser.check(port)
    browser.shake(port, engine.fingerprint)
    wait_for(lambda: driver.told(TransportFailed), "the failure is told of")
    assert engine.statistics().dtls_fingerprint_mismatches == 1
    assert port.counters().remote == ("", 0), "nothing may be sent to a peer that is not the one signalled"


def test_dtls_from_elsewhere_than_the_checked_address_is_left_alone(
    engine: MediaEngine, driver: Driver, make_browser: MakeBrowser, wait_for: Wait
) -> None:
    browser, stranger = make_browser(), make_browser()
    port = secured(engine, browser)
    browser.check(port)
    assert stranger.check(port, password="guessed").error_code == 401
    hello = DtlsTransport(context(CERTIFICATE), client=True, fingerprints=[])
    hello.start()
    for datagram in hello.datagrams_to_send():
        stranger.socket.sendto(datagram, port.local)
    assert browser.shake(port, engine.fingerprint).keys is not None
    assert engine.statistics().stun_refused == 1


def test_a_peer_that_moves_keeps_its_keys(
    engine: MediaEngine, driver: Driver, make_browser: MakeBrowser, wait_for: Wait
) -> None:
    browser = make_browser()
    port = secured(engine, browser)
    browser.check(port)
    browser.shake(port, engine.fingerprint)
    wait_for(lambda: port.counters().remote == browser.socket.getsockname(), "media goes to the checked address")
    assert port.transport is not None
    before, keys = port.transport.ice.ufrag, port.transport.keys
    moved = make_browser()
    port.meet(moved.remote())
    assert port.transport.ice.ufrag != before, "new credentials of the peer restart ICE (RFC 8445 §9)"
    moved.check(port)
    wait_for(lambda: port.counters().remote == moved.socket.getsockname(), "media follows the peer")
    assert port.transport.keys == keys


def test_a_flood_is_not_all_handed_over(engine: MediaEngine, wait_for: Wait) -> None:
    port = engine.open_port("plain")
    port.configure(SETTINGS)
    octets = StunMessage(REQUEST, BINDING, bytes(12)).serialize()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(200):
            sender.sendto(octets, port.local)
    wait_for(lambda: port.counters().ignored > 100, "the flood is counted")
    engine.poll()
    assert 0 < engine.statistics().stun_answered <= 64
