"""Durable memory: SQLite in WAL mode behind one writer thread with group commit."""

from __future__ import annotations

from softswitch.store.errors import StoreError, StoreOverloaded
from softswitch.store.records import AuditRecord, BindingRecord, CallRecord, SubscriberRecord
from softswitch.store.store import Store

__all__ = [
    "AuditRecord",
    "BindingRecord",
    "CallRecord",
    "Store",
    "StoreError",
    "StoreOverloaded",
    "SubscriberRecord",
]
