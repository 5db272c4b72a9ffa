"""Statements of the busy tables, and records in the order of their columns."""

from __future__ import annotations

from softswitch.sip.grammar import readable
from softswitch.store.records import CallRecord
from softswitch.store.text import json_text

PUT_BINDING = "INSERT OR REPLACE INTO bindings VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
DELETE_BINDING = "DELETE FROM bindings WHERE aor = ? AND contact = ?"
INSERT_CALL = "INSERT INTO cdrs VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
OPEN_CALL = "INSERT OR REPLACE INTO open_calls VALUES (?,?,?,?,?,?,?,?)"
CLOSE_CALL = "DELETE FROM open_calls WHERE id = ?"
INSERT_AUDIT = "INSERT INTO audit VALUES (?,?,?,?,?,?,?,?,?)"


def call_row(record: CallRecord) -> tuple[object, ...]:
    """A call detail record in the order of the table's columns."""
    return (
        record.id,
        record.node,
        readable(record.caller),
        readable(record.callee),
        record.started_at,
        record.answered_at,
        record.ended_at,
        record.duration_ms,
        record.billsec_ms,
        record.disposition,
        record.sip_code,
        record.q850_cause,
        record.released_by,
        record.talkgroup,
        json_text(record.legs),
        json_text(record.details),
    )


def open_row(record: CallRecord) -> tuple[object, ...]:
    """A call in progress in the order of the table's columns."""
    return (
        record.id,
        record.node,
        readable(record.caller),
        readable(record.callee),
        record.started_at,
        record.answered_at,
        json_text(record.legs),
        json_text(record.details),
    )
