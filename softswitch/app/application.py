"""The top floor: the gateways, and the life of a node from its first socket to its last."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from pathlib import Path

from gateways.e1.gateway import E1Gateway
from softswitch.app import gateways, past, reloading
from softswitch.app.housekeeping import Housekeeping
from softswitch.app.node import Node
from softswitch.app.node_metrics import watch_node
from softswitch.calls.leg import Cause
from softswitch.config.models import Settings
from softswitch.events.calls import CallRecorded
from softswitch.media import MediaEngine
from softswitch.observing.hep_reports import HepReports
from softswitch.runtime.hep import HepExporter
from softswitch.runtime.tasks import TaskOwner

SHUTTING_DOWN = Cause(503, 41, "the switch is shutting down")
_GOODBYE_S = 0.2
#: Messages and calls are many small objects without cycles that last: looking through them often only costs.
_GARBAGE_THRESHOLDS = (50_000, 20, 50)


class Application(Node):
    """One node of the switch. Made inside a running loop; `open` binds the sockets, `close` ends everything.

    The engine may have begun to start already, or not; it is the node's from now on.
    """

    def __init__(self, settings: Settings, data_directory: Path, engine: MediaEngine, tasks: TaskOwner) -> None:
        super().__init__(settings, data_directory, engine, tasks)
        self._hep: HepExporter | None = None
        self._housekeeping = Housekeeping(self)
        self.gateways = gateways.build(self)
        watch_node(self.metrics, self)

    @property
    def e1(self) -> list[E1Gateway]:
        """The E1 trunk groups."""
        return [gateway for gateway in self.gateways if isinstance(gateway, E1Gateway)]

    async def open(self) -> None:
        """Open storage, media and every listener. Raises OSError, StoreError, MediaError."""
        self.store.start()
        past.restore(self)
        self.engine.start()
        self.media_watch.begin(self.now())
        self.loop.add_reader(self.engine.event_fd, self.media_events.poll)
        await self.media_events.begin_recording()
        await self.vocoders.open()
        self.driver.post(lambda now: self.recordings.start())
        for listen in self.settings.sip.listen:
            await self.listen(listen)
        for gateway in self.gateways:
            await gateway.open()
        self.gateways_open = True
        self._hep = self.hep_exporter()
        if self._hep is not None:
            self.trace.subscribe(self._hep)
            self._report_by(self._hep)
        self.driver.post(self._housekeeping.start)
        self.driver.post(self.trunk_watch.start)
        gc.freeze()
        gc.set_threshold(*_GARBAGE_THRESHOLDS)
        gc.enable()  # whoever has loaded all this may have switched it off meanwhile

    def _report_by(self, exporter: HepExporter) -> None:
        """Let the capture server have reports on calls beside their SIP."""
        quality = self.exchange.media.quality
        self.hep_reports = HepReports(exporter.export, self.exchange.calls.values, quality, self.wall)
        self.bus.subscribe(self.hep_reports.on_event, CallRecorded.type)

    async def drain(self) -> None:
        """End calls politely before the sockets close."""
        self.driver.post(lambda now: self._say_goodbye())
        await asyncio.sleep(_GOODBYE_S)

    def _say_goodbye(self) -> None:
        self.exchange.disconnect_all(SHUTTING_DOWN)
        self.presence.close()
        self.trunk_watch.stop()

    async def close(self) -> None:
        """Close every socket, the engine and the database, in this order."""
        self.driver.stop()
        with contextlib.suppress(ValueError, OSError):
            self.loop.remove_reader(self.engine.event_fd)
        for gateway in self.gateways:
            await gateway.close()
        self.vocoders.close()
        await self.network.close()
        self.locations.flush()
        self.recordings.stop_all()
        await self.media_events.complete_recordings()
        self.engine.close()
        self.store.close()
        if self._hep is not None:
            self._hep.close()

    def reload(self, settings: Settings) -> list[str]:
        """Put `settings` in force as far as that is possible while running; returns what needs a restart.

        Raises ValueError and keeps everything as it was when the dialplan cannot be made.
        """
        return reloading.put_in_force(self, settings)

    def problems(self) -> list[str]:
        """What is wrong now, one sentence each, for the health answer."""
        found = [f"trunk {trunk.name} is down" for trunk in self.trunks.by_name.values() if not trunk.up]
        if self.recordings.storage_full:
            found.append(f"recordings cannot be written: {self.recordings.storage_full}")
        if self.store.failures:
            found.append(f"{self.store.failures} writes to the database failed")
        if self.driver.handler_failures:
            found.append(f"{self.driver.handler_failures} messages could not be handled; the log tells which")
        found += [problem for gateway in self.gateways for problem in gateway.problems()]
        found += self.vocoders.problems()
        found += [f"media worker {w.number} does not run" for w in self.engine.workers() if not w.alive]
        return found
