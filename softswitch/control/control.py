"""Fills `ApiServices` from the application: the one place where the API and the switch meet."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from softswitch.api.auth import ApiClient, ApiToken
from softswitch.api.journal import EventJournal
from softswitch.api.services import ApiServices, AuditNote, Row
from softswitch.api.webhooks import Webhooks, WebhookSettings
from softswitch.app import Application
from softswitch.control import event_types
from softswitch.control.access import AccessDesk
from softswitch.control.ambience import AmbienceDesk
from softswitch.control.bans import Bans
from softswitch.control.browsers import Browsers
from softswitch.control.calls import CallControl
from softswitch.control.conferences import ConferenceDesk
from softswitch.control.groups import GroupDesk
from softswitch.control.history import History
from softswitch.control.locations import LocationControl
from softswitch.control.messages import MessageControl
from softswitch.control.queues import QueueDesk
from softswitch.control.recordings import RecordingControl
from softswitch.control.signalling import Signalling
from softswitch.control.subscribers import Subscribers
from softswitch.control.trunks import TrunkDesk
from softswitch.control.webhooks import StoredWebhooks
from softswitch.events import ConfigurationReloaded, Event
from softswitch.runtime.websocket import sip_websocket_handler
from softswitch.store.errors import StoreError
from softswitch.version import VERSION

logger = logging.getLogger(__name__)

Reload = Callable[[], Awaitable[str]]


class Control:
    """Answers the API from the application; commands are mutations and go through the SIP driver."""

    def __init__(self, app: Application, reload: Reload) -> None:
        self._app = app
        self.journal = EventJournal(f"{app.settings.node.id}-{app.started_at:.0f}")
        app.bus.subscribe(self.journal.append)
        app.metrics.gauge("event_journal_entries", "Events that clients may still resume from.", self._journalled)
        app.metrics.gauge(
            "event_lag", "Events that the slowest live client is behind the newest one.", lambda: self.journal.lag
        )
        app.bus.subscribe(self._on_reload, ConfigurationReloaded.type)
        stored = StoredWebhooks(app.store)
        self._webhooks = Webhooks(
            self.journal, app.wall, node=app.settings.node.id, saved=stored.save, load=stored.load
        )
        self._configure_webhooks()
        calls, subscribers, history, bans = CallControl(app), Subscribers(app), History(app), Bans(app)
        groups, trunks = GroupDesk(app), TrunkDesk(app)
        self._access = AccessDesk(app)
        http = app.settings.http
        self.services = ApiServices(
            node=app.settings.node.id,
            version=VERSION,
            started_at=app.started_at,
            tokens=self._tokens,
            clients=self._clients,
            client_authority=Path(http.client_authority) if http.client_authority else None,
            map_tiles=Path(http.map_tiles) if http.map_tiles else None,
            audit_reads=lambda: self._app.settings.http.audit_reads,
            clock=app.now,
            wall=app.wall,
            journal=self.journal,
            trace=app.trace,
            health=self._health,
            render_metrics=app.metrics.render if http.metrics else None,
            sip_websocket=sip_websocket_handler(app.network, app.now) if http.websocket_sip else None,
            registrations=self._registrations,
            unregister=self._unregister,
            trunks=trunks.rows,
            order_trunk=trunks.order,
            media=self._media,
            bans=bans.services,
            reload=reload,
            calls=calls.rows,
            call=calls.row,
            originate=calls.originate,
            call_commands=calls.commands,
            sounds=calls.sounds,
            groups=app.talkgroups.describe,
            conferences=app.conferences.describe,
            floor=groups.floor,
            group_desk=groups.services,
            ambience=AmbienceDesk(app).services,
            conference_desk=ConferenceDesk(app, calls.sound).services,
            queue_desk=QueueDesk(app).services,
            access=self._access.services,
            subscribers=subscribers.rows,
            subscriber=subscribers.row,
            edit=subscribers.services,
            directory=subscribers.directory,
            cdrs=history.cdrs,
            cdr=history.cdr,
            statistics=history.statistics,
            audit=history.audit,
            recordings=RecordingControl(app).services,
            messages=MessageControl(app).services,
            locations=LocationControl(app).services,
            signalling=Signalling(app, history).services,
            record_audit=self._record_audit,
            event_types=event_types.rows,
            webhooks=self._webhooks,
            browsers=Browsers(app).services,
        )
        malformed = self.services.malformed
        app.metrics.counter("http_malformed", "Requests that were no HTTP.", lambda: malformed.total)

    def restore(self) -> None:
        """Take in what outlived the last run; the application is open."""
        self._access.restore()

    def _media(self) -> Row:
        """What the media engine has done, and how it sounds now."""
        app = self._app
        return {
            **asdict(app.engine.statistics()),
            "jitter_buffer_ms": round(app.engine.rooms.mean_depth_ms(), 1),
            "degraded": app.quality_watch.degraded,
            "one_way": app.quality_watch.one_way,
            "workers": [asdict(worker) for worker in app.engine.workers()],
            "helper": asdict(app.engine.helper()),
            "vocoders": app.vocoders.describe(),
        }

    def _journalled(self) -> float:
        return float(self.journal.last - self.journal.oldest + 1)

    # -- rows -------------------------------------------------------------------------------------------------------

    def _tokens(self) -> Iterable[ApiToken]:
        return [
            ApiToken(
                token.name,
                token.role,
                token.token_sha256,
                token.expires.timestamp() if token.expires is not None else 0.0,
                token.scopes,
                token.number or "",
            )
            for token in self._app.settings.http.token
        ] + self._access.tokens

    def _clients(self) -> Iterable[ApiClient]:
        return [
            ApiClient(client.name, client.role, client.common_name or client.name, client.scopes)
            for client in self._app.settings.http.client
        ]

    def _health(self) -> Row:
        app = self._app
        return {
            "name": app.settings.node.name,
            "calls": len(app.exchange.calls),
            "registrations": len(app.registrar),
            "problems": app.problems(),
        }

    def _registrations(self) -> Iterable[Row]:
        return [
            {
                "number": binding.aor,
                "contact": binding.contact,
                "expires_at": binding.expires_at,
                "source": str(binding.source),
                "user_agent": binding.user_agent,
                "q": binding.q,
            }
            for binding in self._app.registrar
        ]

    def _unregister(self, number: str, contact: str) -> int:
        app = self._app

        def remove(now: float) -> int:
            changes = app.registrar.remove(number, contact or None)
            app.registrations.dropped(changes)
            return len(changes)

        return app.driver.call(remove)

    # -- reload and audit -------------------------------------------------------------------------------------------

    def _on_reload(self, event: Event) -> None:
        if isinstance(event, ConfigurationReloaded) and event.accepted:
            self._configure_webhooks()

    def _configure_webhooks(self) -> None:
        self._webhooks.configure(
            [
                WebhookSettings(
                    hook.name,
                    hook.url,
                    hook.secret.get_secret_value(),
                    ",".join(hook.types),
                    ",".join(hook.components),
                    ",".join(hook.ids),
                    "configuration",
                )
                for hook in self._app.settings.http.webhook
            ],
            "configuration",
        )

    def _record_audit(self, note: AuditNote) -> None:
        details = {"source": note.source, "status": note.status}
        try:
            self._app.store.add_audit(note.actor, note.role, note.action, note.subject, details, self._app.wall())
        except StoreError:
            logger.exception("an API request is missing from the audit", extra={"action": note.action})
