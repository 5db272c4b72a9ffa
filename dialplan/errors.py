"""The error of a dialplan that cannot be used."""

from __future__ import annotations


class DialplanError(ValueError):
    """A rule, pattern, schedule or reference of the dialplan is wrong; the text says which and why."""
