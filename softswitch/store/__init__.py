"""Durable memory: SQLite in WAL mode behind one writer thread with group commit."""

from __future__ import annotations

from softswitch.store.errors import StoreError, StoreOverloaded
from softswitch.store.records import AuditRecord, BindingKey, BindingRecord, CallRecord, SubscriberRecord
from softswitch.store.store import Store

__all__ = [
    "AuditRecord",
    "BindingKey",
    "BindingRecord",
    "CallRecord",
    "Store",
    "StoreError",
    "StoreOverloaded",
    "SubscriberRecord",
]
