"""What the store is told of the event stream: call detail records and the audit trail of refusals."""

from __future__ import annotations

import logging
from typing import Any

from softswitch import events
from softswitch.calls.record import CallRecord
from softswitch.store import queries
from softswitch.store import records as stored
from softswitch.store.errors import StoreError
from softswitch.store.store import Store

logger = logging.getLogger(__name__)


class CallRecords:
    """Subscribes to the bus and writes. A call in progress is noted too, so that a crash leaves a record of it."""

    types = (
        events.CallOpened.type,
        events.CallAnswered.type,
        events.CallRecorded.type,
        events.AccessRefused.type,
        events.ConfigurationReloaded.type,
    )

    def __init__(self, store: Store, node: str) -> None:
        self._store = store
        self._node = node

    def forget_before(self, until: float) -> None:
        """Remove the records of calls that ended before `until` (Unix time)."""
        try:
            self._store.write(queries.delete_cdrs_before(until))
        except StoreError as error:
            logger.error("old call records are not removed: %s", error)

    def on_event(self, event: events.Event) -> None:
        """Write what one event says; a store that cannot take it is logged, and the call goes on."""
        try:
            if isinstance(event, events.CallRecorded) and isinstance(event.record, CallRecord):
                self._store.close_call(_stored(event.record, self._node))
            elif isinstance(event, events.CallOpened | events.CallAnswered) and isinstance(event.record, CallRecord):
                self._store.open_call(_stored(event.record, self._node))
            elif isinstance(event, events.AccessRefused):
                details = {"method": event.method, "reason": event.reason}
                self._store.add_audit(event.user, "", "access.refused", event.source, details, event.time)
            elif isinstance(event, events.ConfigurationReloaded):
                outcome: dict[str, Any] = {"accepted": event.accepted, "detail": event.detail}
                self._store.add_audit("", "", "configuration.reload", "", outcome, event.time)
        except StoreError as error:
            logger.error("not recorded: %s", error, extra={"event": event.type})

    def close_interrupted(self, wall: float) -> int:
        """Turn the calls that the last run left open into records; returns how many."""
        interrupted = self._store.interrupted_calls(wall)
        if interrupted:
            logger.warning("%d calls were cut when the switch last stopped", interrupted)
        return interrupted


def _stored(record: CallRecord, node: str) -> stored.CallRecord:
    """The record as the store keeps it, complete or as far as the call has come."""
    cause = record.cause
    details: dict[str, Any] = {"source": str(record.source), "route": record.route, "emergency": record.emergency}
    if cause is not None:
        details["reason"] = cause.text
    if record.recording_ids:
        details["recording_ids"] = list(record.recording_ids)
    if record.location:
        details["location"] = record.location
    if record.merged_into:
        details["merged_into"] = record.merged_into
    details.update(record.queueing() | record.joining())
    return stored.CallRecord(
        id=record.call_id,
        node=node,
        caller=record.caller,
        callee=record.callee,
        started_at=record.started_at,
        answered_at=record.answered_at or None,
        ended_at=record.ended_at or record.started_at,
        disposition=record.disposition,
        sip_code=cause.status if cause else 0,
        q850_cause=cause.q850 if cause else 0,
        released_by=cause.by if cause else "",
        talkgroup=record.talkgroup,
        legs=[leg.to_dict() for leg in record.legs.values()],
        details=details,
    )
