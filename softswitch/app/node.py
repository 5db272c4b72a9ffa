"""The floor of the network: sockets, the driver of the SIP stack, and what watches the running switch."""

from __future__ import annotations

import random
import time
from pathlib import Path

from gateways.webrtc import WebRtcGateway
from softswitch.app.desks import Desks
from softswitch.app.gateway import Gateway
from softswitch.app.media_events import MediaEvents
from softswitch.calls.call import Call
from softswitch.calls.dispatching.operator import parties
from softswitch.calls.leg import Leg
from softswitch.config.models import ListenSettings, Settings
from softswitch.events import VocoderState
from softswitch.media import MediaEngine, Port
from softswitch.observing.captures import CallCaptures
from softswitch.observing.correlation import Correlation
from softswitch.observing.hep_reports import HepReports
from softswitch.observing.media_metrics import watch_media
from softswitch.observing.media_watch import MediaWatch
from softswitch.observing.quality_watch import QualityWatch
from softswitch.runtime.driver import SipDriver
from softswitch.runtime.hep import HepExporter
from softswitch.runtime.lag import LagMonitor
from softswitch.runtime.logs import CorrelatingFilter
from softswitch.runtime.network import SipNetwork
from softswitch.runtime.resolver import Resolver, ResolverSettings
from softswitch.runtime.tasks import TaskOwner
from softswitch.runtime.vocoder_bank import VocoderBank
from softswitch.sip.address import Address
from softswitch.sip.events import Event
from softswitch.wiring import kept_values, quality_values, sip_values


class Node(Desks):
    """Everything but the gateways; `gateways` are filled in by the floor above."""

    def __init__(self, settings: Settings, data_directory: Path, engine: MediaEngine, tasks: TaskOwner) -> None:
        super().__init__(settings, data_directory, engine)
        self.gateways: list[Gateway] = []
        self.gateways_open = False
        self.hep_reports: HepReports | None = None
        self.metrics.watch_events(self.bus)
        self.webrtc = WebRtcGateway(self.exchange, self.ids.next, lambda work: self.driver.post(lambda now: work()))
        self.exchange.add_sdp_gateway("webrtc", self.webrtc)
        self.router.gateway_devices = self.webrtc.devices
        self._build_network(tasks)
        self._watch_network()
        self._watch_media()
        self.vocoders = VocoderBank(settings.vocoder, lambda *state: self.bus.publish(VocoderState(*state)))

    def _build_network(self, tasks: TaskOwner) -> None:
        self.resolver = Resolver(ResolverSettings(), random=random.random, clock=self.now)
        sip = self.settings.sip
        self.network = SipNetwork(
            tasks, limits=sip_values.stream_limits(sip), dscp=sip.dscp, server_name=self.resolver.server_name
        )
        self.network.use_client_tls(sip_values.outgoing_tls(sip))
        self.network.on_closed = self._connection_closed
        self.correlation = Correlation(self.exchange, self.dispatch.handle)
        CorrelatingFilter.correlate = self.correlation.about
        self.driver: SipDriver[Event] = SipDriver(
            self.agent,
            self.correlation.handle,
            network=self.network,
            tasks=tasks,
            resolver=self.resolver,
            guard=self.guard,
            trace=self.trace,
            counters=self.agent.counters,
            begins=self.engine.hold_bells,
            ends=self.engine.ring_bells,
        )

    def _watch_network(self) -> None:
        self.lag = LagMonitor(self.overload.note_lag, self.metrics.loop_lag.observe)
        self.metrics.watch_counters(self.agent.counters)
        self.metrics.watch_driver(self.driver)
        self.metrics.watch_network(self.network)
        self.metrics.watch_guard(self.guard, self.now)
        self.metrics.watch_overload(self.overload)

    def _watch_media(self) -> None:
        self.media_watch = MediaWatch(self.engine, self.bus, self.settings.rtp.unclaimed_s)
        self.quality_watch = QualityWatch(
            self.engine, self.bus, quality_values.quality_limits(self.settings), self._party_of, time.monotonic_ns
        )
        self.captures = CallCaptures(self.engine, self._ports_of, kept_values.capture_limits(self.settings))
        watch_media(self.metrics, self.engine, self.quality_watch, self.media_watch)
        self.media_events = MediaEvents(
            self.engine,
            self.driver,
            self.exchange,
            self.media_watch,
            self.playbacks,
            self.recorder,
            self.recordings,
        )

    def _party_of(self, port: Port) -> tuple[Call, Leg] | None:
        """The call and the leg that a port serves."""
        leg = self.exchange.media.leg_of(port)
        call = self.exchange.call_of(leg) if leg is not None else None
        return (call, leg) if call is not None and leg is not None else None

    def _ports_of(self, call_id: str) -> list[Port]:
        """The ports of all parties to a call, none when it is over."""
        call = self.exchange.calls.get(call_id)
        legs = parties(call) if call is not None else []
        return [port for leg in legs for port in self.exchange.media.ports(leg)]

    def _connection_closed(self, address: Address) -> None:
        self.driver.post(lambda now: self.registrations.dropped(self.registrar.connection_closed(address, now)))

    async def listen(self, listen: ListenSettings) -> None:
        """Open one listener. Raises OSError."""
        if listen.transport == "udp":
            await self.network.listen_udp(listen.name, listen.address, listen.port)
        elif listen.transport == "tcp":
            await self.network.listen_tcp(listen.name, listen.address, listen.port)
        else:
            contexts = sip_values.tls_contexts(listen, self.data_directory, self.settings.local_domains)
            await self.network.listen_tls(listen.name, listen.address, listen.port, contexts)

    def hep_exporter(self) -> HepExporter | None:
        """What sends copies of all signalling away, when that is wanted."""
        hep = self.settings.hep
        if not hep.enabled:
            return None
        key = hep.password.get_secret_value() if hep.password else ""
        return HepExporter(hep.host, hep.port, agent=hep.agent_id, key=key)
