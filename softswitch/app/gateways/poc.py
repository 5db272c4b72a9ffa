"""Push-to-talk over cellular from its configuration."""

from __future__ import annotations

from gateways.poc.gateway import PocGateway
from gateways.poc.settings import PocServerSettings
from softswitch.app.gateway import Gateway
from softswitch.app.node import Node
from softswitch.wiring.room_values import floor_rights


def build(node: Node) -> list[Gateway]:
    """One gateway, if it is enabled."""
    settings, rtp = node.settings.gateways.poc, node.settings.rtp
    if not settings.enabled:
        return []
    host = settings.floor_address or rtp.address
    gateway = PocGateway(
        exchange=node.exchange,
        talkgroups=node.talkgroups,
        registrations=node.registrations,
        directory=node.directory,
        rights=floor_rights(node.directory),
        post=node.driver.post,
        contact=node.agent.contact("", "udp"),
        domain=node.domain,
        new_id=node.ids.next,
        host=host,
        advertised=rtp.advertised_address or host,
        port=settings.floor_port,
        avoid=range(rtp.first_port, rtp.last_port + 1),
        settings=PocServerSettings(
            settings.implicit_affiliation,
            settings.require_settings,
            settings.setup_s,
            settings.ring_s,
            settings.emergency_s,
            settings.keep_alive_s,
        ),
    )
    return [gateway]
