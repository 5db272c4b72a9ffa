"""The control API's view of the switch: rows and commands, read from the running application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from softswitch.api.auth import ApiToken, Principal
from softswitch.api.journal import EventJournal
from softswitch.api.problems import Problem
from softswitch.api.services import ApiServices, AuditNote, Row
from softswitch.app import Application
from softswitch.calls.call import Call
from softswitch.calls.leg import Cause
from softswitch.calls.machine import legal_methods
from softswitch.runtime.websocket import sip_websocket_handler
from softswitch.sip.causes import status_of_cause
from softswitch.store import queries
from softswitch.store.audit import read as read_audit
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
        http = app.settings.http
        self.services = ApiServices(
            node=app.settings.node.id,
            version=VERSION,
            started_at=app.started_at,
            tokens=self._tokens,
            clock=app.now,
            wall=app.wall,
            journal=self.journal,
            trace=app.trace,
            health=self._health,
            render_metrics=app.metrics.render if http.metrics else None,
            sip_websocket=sip_websocket_handler(app.network, app.now) if http.websocket_sip else None,
            registrations=self._registrations,
            trunks=self._trunks,
            media=self._media,
            reload=reload,
            calls=lambda: [self._row(call) for call in app.exchange.calls.values()],
            call=self._call,
            call_commands={"disconnect": self._disconnect, "force_release": self._disconnect},
            subscribers=self._subscribers,
            cdrs=self._cdrs,
            audit=self._audit,
            record_audit=self._record_audit,
        )

    # -- rows -------------------------------------------------------------------------------------------------------

    def _tokens(self) -> Iterable[ApiToken]:
        return [ApiToken(token.name, token.role, token.token_sha256) for token in self._app.settings.http.token]

    def _health(self) -> Row:
        app = self._app
        return {"calls": len(app.exchange.calls), "registrations": len(app.registrar), "problems": app.problems()}

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

    def _trunks(self) -> Iterable[Row]:
        return [
            {
                "name": trunk.name,
                "state": "up" if trunk.up else "down",
                "calls": trunk.active,
                "max_calls": trunk.max_calls,
            }
            for trunk in self._app.trunks.by_name.values()
        ]

    def _media(self) -> Row:
        return asdict(self._app.engine.statistics())

    def _subscribers(self) -> Iterable[Row]:
        app = self._app
        now = app.now()
        return [
            {
                "number": subscriber.number,
                "display_name": subscriber.display_name,
                "roles": sorted(subscriber.roles),
                "class_of_service": subscriber.class_of_service,
                "registered": bool(app.registrar.bindings(subscriber.number, now)),
            }
            for subscriber in app.directory
        ]

    @staticmethod
    def _row(call: Call) -> Row:
        record = call.record
        legs = [leg.describe() for leg in (call.caller, call.callee) if leg is not None]
        return {
            "call_id": call.id,
            "state": call.machine.state.value,
            "caller": record.caller,
            "callee": record.callee,
            "started_at": record.started_at,
            "answered_at": record.answered_at or None,
            "emergency": record.emergency,
            "legal_methods": [method.value for method in legal_methods(call.machine.state)],
            "legs": legs,
        }

    def _call(self, identifier: str) -> Row | None:
        call = self._app.exchange.calls.get(identifier)
        return self._row(call) if call is not None else None

    # -- commands ---------------------------------------------------------------------------------------------------

    def _disconnect(self, identifier: str, body: Mapping[str, Any], principal: Principal) -> None:
        call = self._app.exchange.calls.get(identifier)
        if call is None:
            raise LookupError(identifier)
        q850 = int(body.get("q850_cause") or 16)
        status = 200 if q850 == 16 else status_of_cause(q850)
        cause = Cause(status, q850, str(body.get("reason") or f"ended by {principal.name}"), "operator")
        self._app.driver.call(lambda now: call.disconnect(cause))

    # -- stored data ------------------------------------------------------------------------------------------------

    async def _cdrs(self, query: Mapping[str, Any]) -> Iterable[Row]:
        wanted = {name: value for name, value in query.items() if value is not None}
        return await self._read(lambda database: queries.find_cdrs(database, **wanted))

    async def _audit(self, query: Mapping[str, Any]) -> Iterable[Row]:
        since, limit = float(query.get("since") or 0.0), int(query.get("limit") or 100)
        return await self._read(lambda database: [entry._asdict() for entry in read_audit(database, since, limit)])

    async def _read(self, function: Callable[[Any], list[Any]]) -> list[Any]:
        try:
            return await asyncio.to_thread(self._app.store.read, function)
        except StoreError as error:
            raise Problem(503, "the database does not answer", kind="storage") from error

    def _record_audit(self, note: AuditNote) -> None:
        details = {"source": note.source, "status": note.status}
        try:
            self._app.store.add_audit(note.actor, note.role, note.action, note.subject, details, self._app.wall())
        except StoreError:
            logger.exception("an API request is missing from the audit", extra={"action": note.action})
