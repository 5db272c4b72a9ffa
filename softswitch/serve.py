"""Running the switch as a process: sockets, HTTP, signals, reload and a graceful end."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

import uvloop

from softswitch.api.server import ApiServer
from softswitch.app import Application
from softswitch.config.certificate import ensure_certificate
from softswitch.config.errors import ConfigError
from softswitch.config.load import load
from softswitch.config.models import Settings
from softswitch.control import Control
from softswitch.events import ConfigurationReloaded
from softswitch.media import MediaEngine
from softswitch.runtime.supervision import Service, Supervisor
from softswitch.runtime.tasks import TaskOwner

logger = logging.getLogger(__name__)


async def serve(
    settings: Settings,
    data_directory: Path,
    engine: MediaEngine,
    *,
    configuration: Path | None = None,
    ready: Callable[[Application], None] = lambda application: None,
    services: Sequence[Service] = (),
) -> None:
    """Run one node until SIGTERM or SIGINT; `ready` is called when everything listens.

    `configuration` is the file that SIGHUP and the API read again; `services` run beside the switch. Raises OSError
    when a port is taken, StoreError and MediaError when their part cannot start.
    """
    async with TaskOwner() as tasks:
        application = Application(settings, data_directory, engine, tasks)
        reloader = Reloader(application, configuration)
        control = Control(application, reloader.run)
        server = ApiServer(control.services) if settings.http.enabled else None
        supervisor = Supervisor(drain=application.drain, reload=reloader.quietly)
        for service in (Service("loop lag", application.lag.run), *services):
            supervisor.add(service)
        try:
            await application.open()
            control.restore()
            if server is not None:
                await server.start(settings.http.address, settings.http.port, _https(settings, data_directory))
            ready(application)
            await supervisor.run()
        finally:
            if server is not None:
                await server.close()
            await application.close()


def run(
    settings: Settings,
    data_directory: Path,
    engine: MediaEngine,
    *,
    configuration: Path | None = None,
    ready: Callable[[Application], None] = lambda application: None,
    services: Sequence[Service] = (),
) -> None:
    """`serve` on an event loop of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, data_directory, engine, configuration=configuration, ready=ready, services=services))


class Reloader:
    """Reads the configuration again; a broken file is refused and the old configuration stays."""

    def __init__(self, application: Application, path: Path | None) -> None:
        self._application = application
        self._path = path

    async def run(self) -> str:
        """Reload, and say what happened; without a file only the stored subscribers. Raises ConfigError."""
        bus = self._application.bus
        try:
            settings = self._application.settings
            if self._path is not None:
                settings = await asyncio.to_thread(load, self._path)
            later = self._application.reload(settings)
        except (ConfigError, ValueError) as error:
            bus.publish(ConfigurationReloaded(False, str(error)))
            raise
        detail = "; ".join(later) if later else "everything is in force"
        bus.publish(ConfigurationReloaded(True, detail))
        logger.info("configuration reloaded: %s", detail)
        return detail

    async def quietly(self) -> None:
        """Reload for a signal, where nobody waits for an answer."""
        try:
            await self.run()
        except (ConfigError, ValueError) as error:
            logger.error("the configuration was not reloaded: %s", error)


def _https(settings: Settings, data_directory: Path) -> ssl.SSLContext | None:
    http = settings.http
    if not http.certificate:
        return None
    certificate, key = http.certificate, http.private_key
    if certificate == "self-signed":
        pair = ensure_certificate(data_directory, {http.address, "localhost", *settings.local_domains})
        certificate, key = str(pair[0]), str(pair[1])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
