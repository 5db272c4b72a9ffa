"""The engine's secured peers: hands what is no media from the packet threads to each port's transport and back."""

from __future__ import annotations

import datetime
import secrets
from typing import TYPE_CHECKING, Any

from softswitch.media.addresses import encode_address
from softswitch.media.layouts.commands import COMMAND_AIM, COMMAND_DATAGRAM
from softswitch.media.notices import MediaEvent, TransportFailed, TransportReady
from softswitch.media.totals import TransportCounters
from softswitch.media.transport import dtls
from softswitch.media.transport.peer_transport import Moved, PeerEvent, PeerTransport, Secured
from softswitch.rtp.ice.agent import answer_keepalive
from softswitch.rtp.ice.stun import is_stun

if TYPE_CHECKING:
    from softswitch.media.engine import MediaEngine
    from softswitch.media.port import Port
    from softswitch.media.workers.packet_thread import PacketThread


class Transports:
    """The transports of one engine's ports; used under the engine's lock."""

    def __init__(self, engine: MediaEngine) -> None:
        self._engine = engine
        self._ports: dict[int, Port] = {}
        self._certificate: dtls.DtlsCertificate | None = None
        self._context: Any = None
        self.counters = TransportCounters()

    @property
    def fingerprint(self) -> tuple[str, bytes]:
        """Hash name and digest of our certificate, made when first needed; raises MediaError without the library."""
        self._prepare()
        assert self._certificate is not None
        return self._certificate.fingerprint

    def open(self, port: Port) -> PeerTransport:
        """The transport of a port, made when first asked for; raises MediaError without the library."""
        if port.transport is None:
            self._prepare()
            port.transport = PeerTransport(self._context, secrets.token_urlsafe)
            self._ports[port.slot] = port
        return port.transport

    def close(self, port: Port) -> None:
        """Say goodbye to the peer of a port that is about to be closed."""
        if port.transport is not None and self._ports.pop(port.slot, None) is not None:
            port.transport.close()
            self._send(port)

    def follow(self, port: Port, now: float) -> list[MediaEvent]:
        """Send what a port's transport has to say, and do what its events ask for."""
        transport = port.transport
        if transport is None:
            return []
        told: list[MediaEvent] = []
        self._send(port)
        while (event := transport.next_event()) is not None:
            told.extend(self._apply(port, event, now))
        return told

    def poll(self, thread: PacketThread, ports: dict[int, Port], now: float) -> list[MediaEvent]:
        """Handle everything that a packet thread has set aside."""
        told: list[MediaEvent] = []
        for slot, generation, source, data in thread.datagrams.taken():
            port = ports.get(slot)
            if port is None or port.generation != generation:
                continue
            if port.transport is None:
                answer = answer_keepalive(data, source)
                if answer is None:
                    self.counters.stun_refused += 1
                    continue
                self.counters.stun_answered += 1
                self._send_one(port, answer, source)
                continue
            before = port.transport.ice.counters.refused
            port.transport.receive_data(data, source, now)
            if is_stun(data):
                refused = port.transport.ice.counters.refused - before
                self.counters.stun_refused += refused
                self.counters.stun_answered += 1 - refused
            told.extend(self.follow(port, now))
        return told

    def handle_timers(self, now: float) -> list[MediaEvent]:
        """Let every transport whose time has come do what it must."""
        told: list[MediaEvent] = []
        for port in list(self._ports.values()):
            due = port.transport.next_timer() if port.transport is not None else None
            if port.transport is not None and due is not None and now >= due:
                port.transport.handle_timer(now)
                told.extend(self.follow(port, now))
        return told

    # -- inside -----------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        if self._context is None:
            self._certificate = dtls.DtlsCertificate.generate(datetime.datetime.now(datetime.UTC))
            self._context = dtls.context(self._certificate)

    def _apply(self, port: Port, event: PeerEvent, now: float) -> list[MediaEvent]:
        if isinstance(event, Secured):
            self.counters.dtls_handshakes += 1
            self._engine.secured(port)
            if event.remote is not None:
                self._aim_all(port, event.remote)
            return [TransportReady(port, event.keys.profile, now)]
        if isinstance(event, Moved):
            self._aim_all(port, event.remote)
            if event.remote is None:
                self.counters.ice_consent_lost += 1
                return [TransportFailed(self._live(port), "the peer no longer checks the path (RFC 7675)", now)]
            return []
        self.counters.dtls_failures += 1
        self.counters.dtls_fingerprint_mismatches += "fingerprint" in event.reason
        return [TransportFailed(self._live(port), event.reason, now)]

    def _live(self, port: Port) -> Port:
        """A port on this transport whose stream has not ended."""
        parked = port.bundle is not None and port.bundle.parked
        return self._engine.bundles.members(port)[parked]

    def _aim_all(self, port: Port, remote: tuple[str, int] | None) -> None:
        for each in self._engine.bundles.members(port):
            self.aim(each, remote)

    def aim(self, port: Port, remote: tuple[str, int] | None) -> None:
        """Let a port send to `remote` and hear nobody else."""
        address, length = encode_address(remote, port.family)
        self._engine.command(port, COMMAND_AIM, {"signalled": address, "signalled_length": length})

    def _send(self, port: Port) -> None:
        assert port.transport is not None
        for data, address in port.transport.data_to_send():
            self._send_one(port, data, address)

    def _send_one(self, port: Port, data: bytes, address: tuple[str, int]) -> None:
        sockaddr, length = encode_address(address, port.family)
        if not length:
            return
        datagrams = port.thread.datagrams
        place = datagrams.put(data)
        fields = {"signalled": sockaddr, "signalled_length": length, "place": place, "octets": len(data)}
        datagrams.posted(self._engine.command(port, COMMAND_DATAGRAM, fields))
