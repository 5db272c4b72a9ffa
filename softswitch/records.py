"""What the store is told of the event stream: call detail records and the audit trail of refusals."""

from __future__ import annotations

import logging
from typing import Any

from softswitch.events import AccessRefused, CallOpened, CallRecorded, ConfigurationReloaded, Event
from softswitch.store.errors import StoreError
from softswitch.store.records import CallRecord
from softswitch.store.store import Store

logger = logging.getLogger(__name__)

_COLUMNS = frozenset(
    {
        "call_id",
        "caller",
        "callee",
        "started_at",
        "answered_at",
        "ended_at",
        "disposition",
        "sip_code",
        "q850_cause",
        "released_by",
        "legs",
        "duration_ms",
        "billsec_ms",
    }
)


class Records:
    """Subscribes to the bus and writes. A call in progress is noted too, so that a crash leaves a record of it."""

    types = (CallOpened.type, CallRecorded.type, AccessRefused.type, ConfigurationReloaded.type)

    def __init__(self, store: Store, node: str) -> None:
        self._store = store
        self._node = node

    def on_event(self, event: Event) -> None:
        """Write what one event says; a store that cannot take it is logged, and the call goes on."""
        try:
            if isinstance(event, CallRecorded):
                self._store.close_call(_call_record(event.record, self._node))
            elif isinstance(event, CallOpened):
                self._store.open_call(_call_record(event.record, self._node))
            elif isinstance(event, AccessRefused):
                details = {"method": event.method, "reason": event.reason}
                self._store.add_audit(event.user, "", "access.refused", event.source, details, event.time)
            elif isinstance(event, ConfigurationReloaded):
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


def _call_record(record: dict[str, Any], node: str) -> CallRecord:
    return CallRecord(
        id=record["call_id"],
        node=node,
        caller=record["caller"],
        callee=record["callee"],
        started_at=record["started_at"],
        answered_at=record["answered_at"] or None,
        ended_at=record["ended_at"] or record["started_at"],
        disposition=record["disposition"],
        sip_code=record["sip_code"],
        q850_cause=record["q850_cause"],
        released_by=record["released_by"],
        legs=record["legs"],
        details={name: value for name, value in record.items() if name not in _COLUMNS},
    )
