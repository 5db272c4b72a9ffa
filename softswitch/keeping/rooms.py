"""Talkgroups, conferences and queues that were made while running: dialled as long as they exist, and kept on disk."""

from __future__ import annotations

import logging
from collections.abc import Container

from dialplan import Plan, Target
from softswitch.calls.conferences.conferences import Conferences
from softswitch.calls.conferences.definition import ConferenceDefinition, conference_of, describe_conference
from softswitch.calls.queues.definition import QueueDefinition, describe_queue, queue_of
from softswitch.calls.queues.queues import Queues
from softswitch.calls.routing import Router
from softswitch.calls.talkgroups.definition import TalkgroupDefinition, definition_of, describe_definition
from softswitch.calls.talkgroups.regrouping import Regrouping
from softswitch.calls.talkgroups.talkgroups import Talkgroups
from softswitch.store.documents import delete_document, list_documents, put_document
from softswitch.store.store import Store
from softswitch.store.talkgroups import delete_talkgroup, list_scan_lists, list_talkgroups, put_talkgroup

logger = logging.getLogger(__name__)


class RoomKeeper:
    """The durable memory of rooms, and their numbers in the dialplan."""

    def __init__(
        self, store: Store, router: Router, talkgroups: Talkgroups, conferences: Conferences, queues: Queues
    ) -> None:
        self._store = store
        self._router = router
        self._talkgroups = talkgroups
        self._conferences = conferences
        self._queues = queues

    def keep_group(self, definition: TalkgroupDefinition) -> None:
        """A talkgroup was made or changed: it can be dialled, and outlasts this process."""
        number = definition.number
        self.dial(self._router.plan)
        self._store.write(put_talkgroup(number, describe_definition(definition)))

    def forget_group(self, number: str) -> None:
        """A talkgroup was given up."""
        self._not_dialled(number, self._talkgroups.book.definitions)
        self._store.write(delete_talkgroup(number))

    def keep_conference(self, definition: ConferenceDefinition) -> None:
        """A conference was made or changed: it can be dialled, and outlasts this process."""
        self._conferences.put(definition)
        self.dial(self._router.plan)
        self._store.write(put_document("conferences", definition.number, describe_conference(definition)))

    def forget_conference(self, number: str) -> None:
        """A conference was given up; raises LookupError when it stands in no store."""
        self._conferences.remove(number)
        self._not_dialled(number, self._conferences.definitions)
        self._store.write(delete_document("conferences", number))

    def keep_queue(self, definition: QueueDefinition) -> None:
        """A queue was made or changed: it can be dialled, and outlasts this process."""
        self._queues.put(definition)
        self.dial(self._router.plan)
        self._store.write(put_document("queues", definition.number, describe_queue(definition)))

    def forget_queue(self, number: str) -> None:
        """A queue was given up; raises LookupError when it stands in no store."""
        self._queues.remove(number)
        self._not_dialled(number, self._queues.definitions)
        self._store.write(delete_document("queues", number))

    def dial(self, plan: Plan) -> Plan:
        """Let rooms that stand in no configuration be dialled."""
        numbers = plan.numbers
        assert isinstance(numbers, dict), "the plan of a running switch is made with a dictionary"
        for kind, definitions in (
            ("talkgroup", self._talkgroups.book.definitions),
            ("conference", self._conferences.definitions),
            ("queue", self._queues.definitions),
        ):
            for number in definitions:
                numbers.setdefault(number, Target(kind))
        return plan

    def load(self, regrouping: Regrouping) -> None:
        """Take in what the last run left. Raises StoreError."""
        definitions = []
        for document in self._store.read(list_talkgroups):
            try:
                definitions.append(definition_of(document))
            except (KeyError, TypeError, ValueError):
                logger.exception("a stored talkgroup cannot be read")
        regrouping.restore(definitions)
        for document in self._store.read(list_documents("conferences")):
            self._conferences.put(conference_of(document))
        for document in self._store.read(list_documents("queues")):
            self._queues.put(queue_of(document))
        self._talkgroups.scan_lists.update(self._store.read(list_scan_lists))

    def _not_dialled(self, number: str, left: Container[str]) -> None:
        """Let a number lead nowhere unless it is `left` in the configuration."""
        numbers = self._router.plan.numbers
        if number not in left and isinstance(numbers, dict):
            numbers.pop(number, None)
