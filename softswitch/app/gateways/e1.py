"""E1 trunks from their configuration: spans with their drivers, lines, trunk groups and gateways."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gateways.e1.alarms import AlarmTimes
from gateways.e1.gateway import E1Gateway, Hold, TrunkSettings
from gateways.e1.line import Line
from gateways.e1.mapping import CauseTable, Numbering
from gateways.e1.q921 import LinkParameters, Side
from gateways.e1.q931 import AccessParameters, NumberingPlan, NumberType
from gateways.e1.q931.elements import AUDIO_3K1, SPEECH
from gateways.e1.simulator import SimulatedExchange
from gateways.e1.span.dahdi import DahdiSpan
from gateways.e1.span.loop import LoopSpan
from gateways.e1.span.pseudowire import PseudowireSpan
from gateways.e1.trunk_group import Selection, TrunkGroup
from gateways.e1.trunk_settings import FloorCarriage
from softswitch.app.gateway import Gateway
from softswitch.app.node import Node
from softswitch.config.e1 import D_SLOT, E1GatewaySettings, E1GroupSettings, E1SpanSettings, split_endpoint
from softswitch.media.pseudowire_settings import Carriage, Crc4, PseudowireSettings, RtpHeader

if TYPE_CHECKING:
    from gateways.e1.span.interface import Span
    from softswitch.calls.exchange import Exchange
    from softswitch.media import MediaEngine
    from softswitch.runtime.metrics import Metrics

_BEARERS = {"speech": SPEECH, "audio_3k1": AUDIO_3K1}


def build(node: Node) -> list[Gateway]:
    """The gateways of all trunk groups, after the exchanges that are simulated for spans of the driver `loop`."""
    settings = node.settings.gateways.e1
    if not settings.enabled:
        return []
    builder = _Builder(settings, node)
    trunks = [builder.gateway(group) for group in settings.groups]
    watch(node.metrics, trunks)
    return [*builder.simulated, *trunks]


class _Builder:
    def __init__(self, settings: E1GatewaySettings, node: Node) -> None:
        self.simulated: list[SimulatedExchange] = []
        self._settings = settings
        self._exchange: Exchange = node.exchange
        self._engine: MediaEngine = node.engine
        self._post = node.driver.post

    def gateway(self, group: E1GroupSettings) -> E1Gateway:
        spans = [span for span in self._settings.span if span.group == group.name]
        usual = Selection.ASCENDING if any(span.side == "network" for span in spans) else Selection.DESCENDING
        trunks = TrunkGroup(
            group.name,
            [],
            Selection(group.selection) if group.selection else usual,
            emergency_preempts=group.emergency_preempts,
        )
        gateway = E1Gateway(group.name, trunks, self._exchange, self._post, trunk_settings(group))
        trunks.lines += [self._line(span, gateway) for span in spans]
        return gateway

    def _line(self, span: E1SpanSettings, gateway: E1Gateway) -> Line:
        side = Side(span.side)
        return Line(
            span.name,
            self._driver(span),
            side,
            deliver=gateway.deliver,
            rearm=gateway.rearm,
            link=LinkParameters(t200=span.timers.t200, t203=span.timers.t203),
            parameters=access_parameters(span),
            slots=span.timeslots,
            alarm_times=AlarmTimes(span.alarm_raise_s, span.alarm_clear_s),
            optional=span.wait,
        )

    def _driver(self, span: E1SpanSettings) -> Span:
        if span.driver in ("cesopsn", "satop"):
            return PseudowireSpan(self._engine, span.name, pseudowire_settings(span))
        if span.driver == "dahdi":
            tail_ms = span.echo_tail_ms if span.echo_cancel else 0
            return DahdiSpan(self._engine, span.name, span.card_span, echo_tail_ms=tail_ms)
        here, there = LoopSpan.pair(self._engine)
        self.simulated.append(
            SimulatedExchange(
                there,
                self._engine,
                now=self._exchange.now,
                later=self._exchange.timers.schedule,
                side=Side(span.side).other,
                overlap=span.overlap in ("send", "both"),
                calls=span.simulated_calls,
            )
        )
        return here


def trunk_settings(group: E1GroupSettings) -> TrunkSettings:
    """How calls through a trunk group are made and taken."""
    return TrunkSettings(
        cause_table=CauseTable(group.cause_table),
        bearer=_BEARERS[group.bearer],
        prefix=group.prefix,
        class_of_service=group.class_of_service or "",
        numbering=Numbering(
            NumberType[group.number_type.upper()],
            NumberType[group.calling_number_type.upper()],
            NumberingPlan[group.number_plan.upper()],
        ),
        send_restricted=group.send_restricted,
        exclusive=group.exclusive,
        user_to_user=group.user_to_user,
        hold=Hold(group.hold),
        floor=FloorCarriage(group.floor),
        tones=group.tones,
        display_encoding="" if group.display == "none" else group.display,
    )


def pseudowire_settings(span: E1SpanSettings) -> PseudowireSettings:
    """What both ends of a span over UDP are told; raises ValueError for what no pseudowire can be."""
    settings = PseudowireSettings(
        local=split_endpoint(span.local),
        remote=split_endpoint(span.remote),
        carriage=Carriage[span.driver.upper()],
        slots=tuple(sorted(span.timeslots | {D_SLOT})),
        d_slot=D_SLOT,
        frames=span.frames_per_packet,
        rtp=RtpHeader[span.rtp.upper()],
        depth_ms=span.jitter_ms,
        master=span.clock == "master",
        waits=span.wait,
        dscp=span.dscp,
        crc4=Crc4[span.crc4.upper()],
        echo_tail_ms=span.echo_tail_ms if span.echo_cancel else 0,
        gain_heard_db=span.gain_rx_db,
        gain_said_db=span.gain_tx_db,
    )
    try:
        settings.check()
    except ValueError as error:
        raise ValueError(f"E1 span {span.name}: {error}") from error
    return settings


def access_parameters(span: E1SpanSettings) -> AccessParameters:
    """Timers and habits of a span's layer 3; what the configuration leaves open is the standard's for the side."""
    layer_3 = span.timers.model_dump(exclude={"t200", "t203"}, exclude_none=True)
    return AccessParameters.of(
        Side(span.side),
        **layer_3,
        overlap_receiving=span.overlap in ("receive", "both"),
        overlap_sending=span.overlap in ("send", "both"),
        restart_at_start=span.restart,
    )


def watch(metrics: Metrics, gateways: list[E1Gateway]) -> None:
    """Show how trunk groups are used and how their spans fare."""
    if not gateways:
        return
    spans = {(gateway.name, line.name): line for gateway in gateways for line in gateway.group.lines}
    metrics.gauge(
        "e1_channels",
        "B channels by what they do: in_use, idle, blocked, faulty.",
        lambda: {(*names, state): n for names, line in spans.items() for state, n in line.usage()},
        ("trunk", "span", "state"),
    )
    metrics.gauge(
        "e1_link_up",
        "Whether the D channel of a span carries messages.",
        lambda: {names: float(line.access.is_up) for names, line in spans.items()},
        ("trunk", "span"),
    )
    metrics.gauge(
        "e1_alarms",
        "Alarms that stand on a span.",
        lambda: {names: len(line.alarms) for names, line in spans.items()},
        ("trunk", "span"),
    )
    metrics.gauge(
        "e1_occupancy",
        "Share of channels in use.",
        lambda: {(g.name,): g.group.occupancy for g in gateways},
        ("trunk",),
    )
    for name, text, attribute in (
        ("asr", "Answer-seizure ratio since the start.", "asr"),
        ("acd_seconds", "Average duration of answered calls.", "acd_s"),
    ):
        metrics.gauge(f"e1_{name}", text, partial(_of_usage, gateways, attribute), ("trunk", "direction"))
    for name in ("attempts", "answered", "refused", "preempted"):
        text = f"Calls since the start: {name}."
        metrics.counter(f"e1_calls_{name}", text, partial(_of_usage, gateways, name), ("trunk", "direction"))
    metrics.counter(
        "e1_counted",
        "What was counted on the data link, in layer 3 and by the span's driver.",
        lambda: {(*names, str(what)): float(n) for names, line in spans.items() for what, n in line.counters().items()},
        ("trunk", "span", "what"),
    )


def _of_usage(gateways: list[E1Gateway], attribute: str) -> dict[tuple[str, ...], float]:
    return {
        (gateway.name, direction): getattr(usage, attribute)
        for gateway in gateways
        for direction, usage in (("out", gateway.group.outgoing), ("in", gateway.group.incoming))
    }


__all__ = ["build", "watch"]
