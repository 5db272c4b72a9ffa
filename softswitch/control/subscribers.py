"""Subscribers and the directory: shown, added, changed and removed while the switch runs.

A subscriber of the configuration is changed there and nowhere else; one of the store is changed here. What is answered
is on disk. Passwords are kept as HA1 values only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlite_utils import Database

from softswitch.api.problems import Problem, not_found, wrong_field, wrong_fields
from softswitch.api.services import Row, SubscriberServices
from softswitch.app import Application
from softswitch.config.initialise import new_password
from softswitch.config.models import ha1_pair
from softswitch.config.plan import known_numbers
from softswitch.directory import Subscriber
from softswitch.directory.sources import from_record
from softswitch.directory.subscriber import FEATURES
from softswitch.store import queries
from softswitch.store.errors import StoreError
from softswitch.store.records import SubscriberRecord

_KINDS = ("subscriber", "service", "hunt", "conference", "talkgroup")


class Subscribers:
    """The directory for the API."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self.services = SubscriberServices(
            add=self._add,
            change=self._change,
            remove=self._remove,
            password=self._password,
            features=self._features,
            choose=self._choose,
        )

    # -- rows -------------------------------------------------------------------------------------------------------

    def rows(self) -> Iterable[Row]:
        """Every subscriber."""
        return [self._row(subscriber) for subscriber in self._app.directory]

    def row(self, number: str) -> Row | None:
        """One subscriber."""
        subscriber = self._app.directory.get(number)
        return None if subscriber is None else self._row(subscriber)

    def _row(self, subscriber: Subscriber) -> Row:
        app, number = self._app, subscriber.number
        return {
            "number": number,
            "display_name": subscriber.display_name,
            "roles": sorted(subscriber.roles),
            "class_of_service": subscriber.class_of_service,
            "pickup_group": subscriber.pickup_group,
            "srtp": subscriber.srtp,
            "max_calls": subscriber.max_calls,
            "origin": subscriber.origin,
            "registered": bool(app.registrar.bindings(number, app.now())),
            "calls": app.exchange.active_calls(number),
        }

    def directory(self) -> Iterable[Row]:
        """Every number that exists by itself, with the presence of subscribers."""
        app = self._app
        found: dict[str, Row] = {
            number: {"number": number, "kind": target.kind, "name": ""}
            for number, target in known_numbers(app.settings).items()
            if target.kind in _KINDS
        }
        for service in app.settings.service:
            if service.number in found:
                found[service.number] = {**found[service.number], "name": service.kind}
        for subscriber in app.directory:
            found[subscriber.number] = {
                "number": subscriber.number,
                "kind": "subscriber",
                "name": subscriber.display_name,
                "state": self._presence(subscriber),
            }
        return found.values()

    def _presence(self, subscriber: Subscriber) -> str:
        app = self._app
        if not app.registrar.bindings(subscriber.number, app.now()):
            return "offline"
        if app.exchange.active_calls(subscriber.number):
            return "busy"
        return "do_not_disturb" if subscriber.do_not_disturb else "available"

    # -- subscribers of the store -------------------------------------------------------------------------------------

    async def _add(self, body: Mapping[str, Any]) -> Row:
        number = body["number"]
        if number in self._app.directory:
            raise Problem(409, f"there is a subscriber {number} already", kind="exists")
        if number in known_numbers(self._app.settings):
            raise Problem(409, f"{number} is already a service, group or conference", kind="exists")
        self._check_class(body["class_of_service"])
        made = None if body["password"] else new_password()
        md5, sha256 = ha1_pair(number, self._app.settings.sip.realm, made or body["password"])
        settings = {name: body[name] for name in ("roles", "class_of_service", "pickup_group", "srtp", "max_calls")}
        await self._keep(SubscriberRecord(number, md5, sha256, body["display_name"], settings))
        return {**self._existing(number), **({"password": made} if made else {})}

    async def _change(self, number: str, given: Mapping[str, Any]) -> Row:
        record = await self._record(number)
        self._check_class(given.get("class_of_service", ""))
        settings = {**record.settings, **{name: value for name, value in given.items() if name != "display_name"}}
        await self._keep(
            record._replace(settings=settings, display_name=given.get("display_name", record.display_name))
        )
        return self._existing(number)

    async def _remove(self, number: str) -> None:
        await self._record(number)
        await self._write(queries.delete_subscriber(number))

        def forget(now: float) -> None:
            app = self._app
            app.directory.remove(number)
            self._numbers().pop(number, None)
            app.registrations.dropped(app.registrar.remove(number))

        self._app.driver.call(forget)

    async def _password(self, number: str, password: str | None) -> Row:
        record = await self._record(number)
        made = None if password else new_password()
        md5, sha256 = ha1_pair(number, self._app.settings.sip.realm, made or password or "")
        await self._keep(record._replace(ha1_md5=md5, ha1_sha256=sha256))
        return {"number": number, **({"password": made} if made else {})}

    async def _record(self, number: str) -> SubscriberRecord:
        """The stored record; raises Problem 409 for a subscriber of the configuration."""
        subscriber = self._app.directory.get(number)
        if subscriber is not None and subscriber.origin != "store":
            raise Problem(409, f"{number} stands in the configuration and is changed there", kind="configured")
        for record in await self._read(queries.list_subscribers):
            if record.number == number:
                return record
        raise not_found("subscriber", number)

    async def _keep(self, record: SubscriberRecord) -> None:
        """Store a record, and then let the running switch know it."""
        await self._write(queries.put_subscriber(record, self._app.wall()))

        def know(now: float) -> None:
            self._app.directory.put(from_record(record))
            subscriber = known_numbers(self._app.settings, [record.number])
            self._numbers()[record.number] = subscriber[record.number]

        self._app.driver.call(know)

    def _numbers(self) -> dict[str, Any]:
        """The numbers of the dialplan in force, which its owner may change."""
        numbers = self._app.router.plan.numbers
        assert isinstance(numbers, dict), "the plan of a running switch is made with a dictionary"
        return numbers

    def _check_class(self, name: str) -> None:
        if name and name not in {entry.name for entry in self._app.settings.class_of_service}:
            raise wrong_field("class_of_service", f"there is no class of service {name!r}")

    def _existing(self, number: str) -> Row:
        row = self.row(number)
        if row is None:
            raise not_found("subscriber", number)
        return row

    # -- what subscribers choose --------------------------------------------------------------------------------------

    def _features(self, number: str) -> Row:
        subscriber = self._app.directory.get(number)
        if subscriber is None:
            raise not_found("subscriber", number)
        return {"number": number, **{name: getattr(subscriber, name) for name in FEATURES}}

    async def _choose(self, number: str, given: Mapping[str, Any]) -> Row:
        directory = self._app.directory
        try:
            directory.choose(number, given)
        except ValueError as error:
            raise wrong_fields(given, str(error)) from error
        await self._write(queries.put_features(number, directory.choices_of(number), self._app.wall()))
        return self._features(number)

    # -- the store ----------------------------------------------------------------------------------------------------

    async def _read(self, function: Callable[[Database], list[SubscriberRecord]]) -> list[SubscriberRecord]:
        try:
            return await asyncio.to_thread(self._app.store.read, function)
        except StoreError as error:
            raise Problem(503, "the database does not answer", kind="storage") from error

    async def _write(self, function: Callable[[Database], None]) -> None:
        """Write and wait until it is on disk; raises Problem 503."""
        written: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

        def done(error: BaseException | None) -> None:
            if not written.done():
                written.set_result(error)

        try:
            self._app.store.write(function, done)
            async with asyncio.timeout(10.0):
                error = await written
        except (StoreError, TimeoutError) as failure:
            raise Problem(503, "the database does not answer", kind="storage") from failure
        if error is not None:
            raise Problem(503, "the database refused the change", kind="storage") from error
