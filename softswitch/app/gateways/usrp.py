"""Radios of USRP from their configuration."""

from __future__ import annotations

from gateways.usrp.gateway import UsrpGateway
from gateways.usrp.settings import RadioSettings
from softswitch.app.gateway import Gateway
from softswitch.app.node import Node
from softswitch.config import usrp
from softswitch.config.e1 import split_endpoint
from softswitch.runtime.metrics import Metrics


def build(node: Node) -> list[Gateway]:
    """The gateway of all radios, when there are any."""
    settings = node.settings.gateways.usrp
    if not (settings.enabled and settings.radio):
        return []
    radios = [radio_settings(radio) for radio in settings.radio]
    gateway = UsrpGateway(radios, node.exchange, node.engine, node.driver.post)
    _watch(node.metrics, gateway)
    return [gateway]


def radio_settings(radio: usrp.RadioSettings) -> RadioSettings:
    """One radio as its gateway knows it."""
    return RadioSettings(
        radio.name,
        radio.number,
        split_endpoint(radio.local),
        split_endpoint(radio.remote),
        radio.talkgroup or "",
        radio.class_of_service or "",
        radio.usrp_talkgroup,
        radio.missed_frames,
        radio.keep_alive_s,
    )


def _watch(metrics: Metrics, gateway: UsrpGateway) -> None:
    metrics.gauge(
        "usrp_keyed",
        "Whether a radio's key is down, or we transmit to it.",
        lambda: {
            (station.settings.name, way): float(on)
            for station in gateway.stations
            for way, on in (("in", station.link.keyed), ("out", station.link.transmitting))
        },
        ("radio", "direction"),
    )
    metrics.counter(
        "usrp_packets",
        "Packets of a radio's link: received, sent, malformed, dropped and others.",
        lambda: {
            (station.settings.name, what): float(count)
            for station in gateway.stations
            for what, count in station.link.counters.items()
        },
        ("radio", "what"),
    )


__all__ = ["build"]
