"""The floor of calls: where they lead, their media, and the exchange that joins them."""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

from softswitch.app.foundations import Foundations
from softswitch.calls.exchange import Exchange
from softswitch.calls.media.path import MediaPath
from softswitch.calls.routing import Router
from softswitch.config.models import Settings
from softswitch.config.plan import to_plan
from softswitch.media import MediaEngine
from softswitch.wiring import room_values


class Switchboard(Foundations):
    """Telephones can call each other from here on."""

    def __init__(self, settings: Settings, data_directory: Path, engine: MediaEngine) -> None:
        super().__init__(settings, data_directory, engine)
        self.router = Router(
            to_plan(settings),
            self.directory,
            self.registrar,
            self.trunks,
            self.now,
            lambda: datetime.now().astimezone(),
            lambda number: self.exchange.active_calls(number),
            ring_s=settings.sip.invite_timeout_s,
            services=frozenset({"service", "conference", "talkgroup", "queue"}),
        )
        self.exchange = Exchange(
            agent=self.agent,
            timers=self.timers,
            media=self._media_path(),
            router=self.router,
            access=self.access,
            trunks=self.trunks,
            bus=self.bus,
            now=self.now,
            wall=self.wall,
            new_id=self.ids.next,
            domain=self.domain,
            settings=room_values.call_settings(settings),
            admit=lambda emergency: self.overload.admit("call", self.now(), emergency=emergency),
        )

    def _media_path(self) -> MediaPath:
        return MediaPath(
            self.engine,
            terms=room_values.media_terms(self.settings.rtp),
            address6="::1" if self.settings.loopback_only else None,
            session_id=lambda: secrets.randbits(52),
            random=secrets.token_bytes,
        )
