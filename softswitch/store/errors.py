"""Errors of the store."""

from __future__ import annotations


class StoreError(RuntimeError):
    """The database cannot be used: damaged, of a newer version, or not writable. The text says what to do."""


class StoreOverloaded(StoreError):
    """More writes wait than the store may hold; the caller answers its peer 503 and carries on."""
