"""Ambience listening as the API orders it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from softswitch.api.auth import Principal
from softswitch.api.problems import Problem
from softswitch.api.services import AmbienceServices, Row
from softswitch.app import Application
from softswitch.calls.dispatching.operator import Refused, named
from softswitch.calls.talkgroups.ambience import NotListenable
from softswitch.control.reach import refusal
from softswitch.events.groups import DispatcherActed


class AmbienceDesk:
    """Terminals that are listened to; every order is one mutation and an event."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self.services = AmbienceServices(running=self._running, start=self._start, end=self._end)

    def _running(self) -> Iterable[Row]:
        return [listening.describe() for listening in self._app.ambience.running]

    def _start(self, body: Mapping[str, Any], by: Principal) -> Row:
        app, party, listener = self._app, body["party"], body["listener"]
        try:
            listening = app.driver.call(
                lambda now: app.ambience.start(party, listener, by=by.name, max_s=float(body["max_s"]))
            )
        except Refused as error:
            raise refusal(named(error.cause, body[error.field]), error.field) from error
        except NotListenable as error:
            raise Problem(409, str(error), kind="not-supported") from error
        self._told("ambience", party, by)
        return listening.describe()

    def _end(self, identifier: str, by: Principal) -> None:
        app = self._app
        party = next((each.party for each in app.ambience.running if each.id == identifier), "")
        app.driver.call(lambda now: app.ambience.end(identifier))
        self._told("end_ambience", party, by)

    def _told(self, operation: str, party: str, by: Principal) -> None:
        self._app.bus.tell(DispatcherActed, operation, "", "", party, by.name)
