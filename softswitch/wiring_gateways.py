"""Which gateways a node runs, made from its configuration: one function for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateways.poc.gateway import PocGateway
from gateways.poc.settings import PocServerSettings
from softswitch import wiring, wiring_e1

if TYPE_CHECKING:
    from softswitch.app import Application


class Gateway(Protocol):
    """A gateway as the application sees it."""

    async def open(self) -> None:
        """Take part from now on. Raises OSError."""

    async def close(self) -> None:
        """Let go of every port."""


def build(application: Application) -> list[Gateway]:
    """The gateways that are enabled."""
    found: list[Gateway] = []
    if application.settings.gateways.poc.enabled:
        found.append(_poc(application))
    trunks, simulated = wiring_e1.build(application)
    application.e1 = trunks
    wiring_e1.watch(application.metrics, trunks)
    return [*found, *simulated, *trunks]


def _poc(application: Application) -> PocGateway:
    settings, rtp = application.settings.gateways.poc, application.settings.rtp
    host = settings.floor_address or rtp.address
    return PocGateway(
        exchange=application.exchange,
        talkgroups=application.talkgroups,
        registrations=application.registrations,
        directory=application.directory,
        rights=wiring.floor_rights(application.directory),
        post=lambda work: application.driver.post(work),
        contact=application.agent.contact("", "udp"),
        domain=application.domain,
        new_id=application.ids.next,
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
