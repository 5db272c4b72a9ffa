"""Call queues as the API changes and commands them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from softswitch.api.auth import Principal
from softswitch.api.problems import Problem, not_found, wrong_field
from softswitch.api.services import QueueServices, Row
from softswitch.app import Application
from softswitch.calls.queues.definition import QueueDefinition, describe_queue, queue_of
from softswitch.control.storage import flushed
from softswitch.events.queues import QueueChanged


class QueueDesk:
    """Definitions and agents; every order is one mutation and an event."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self.services = QueueServices(
            queues=app.queues.describe,
            definition=self._definition,
            create=self._create,
            change=self._change,
            remove=self._remove,
            agent=self._agent,
        )

    def _definition(self, number: str) -> Row:
        definition = self._app.queues.definitions.get(number)
        if definition is None:
            raise not_found("queue", number)
        return {**describe_queue(definition), "origin": self._app.queues.origin(number)}

    async def _create(self, body: Mapping[str, Any], by: Principal) -> Row:
        if body["number"] in self._app.router.plan.numbers:
            raise Problem(409, f"the number {body['number']} is in use", kind="exists")
        return await self._keep(queue_of(body), "created", by)

    async def _change(self, number: str, given: Mapping[str, Any], by: Principal) -> Row:
        before = dict(self._definition(number))
        before.pop("origin")
        return await self._keep(queue_of({**before, **given}), "changed", by)

    async def _keep(self, definition: QueueDefinition, action: str, by: Principal) -> Row:
        if definition.overflow == definition.number:
            raise wrong_field("overflow", "a queue cannot overflow to itself")
        self._app.driver.call(lambda now: self._app.room_keeper.keep_queue(definition))
        self._app.bus.tell(QueueChanged, definition.number, action, by.name)
        await flushed(self._app)
        return self._definition(definition.number)

    async def _remove(self, number: str, by: Principal) -> None:
        self._definition(number)
        if self._app.queues.origin(number) != "store":
            raise Problem(409, f"queue {number} stands in the configuration", kind="configured")
        self._app.driver.call(lambda now: self._app.room_keeper.forget_queue(number))
        self._app.bus.tell(QueueChanged, number, "removed", by.name)
        await flushed(self._app)

    def _agent(self, number: str, agent: str, action: str, by: Principal) -> None:
        queues = self._app.queues
        orders: dict[str, Callable[..., None]] = {
            "log_in": queues.log_in,
            "log_out": queues.log_out,
            "pause": partial(queues.pause, paused=True),
            "unpause": partial(queues.pause, paused=False),
        }
        if action == "log_in" and agent not in self._app.directory:
            raise wrong_field("agent", f"there is no subscriber {agent}")
        self._app.driver.call(lambda now: orders[action](number, agent, by=by.name))


__all__ = ["QueueDesk"]
