"""Keys that a phone tells: by INFO, in the two bodies the field uses and no RFC defines, or in RTP (RFC 4733)."""

from __future__ import annotations

from typing import NamedTuple

_KEYS = frozenset("0123456789*#ABCD!")
#: Length of a key press where none is told, in milliseconds.
USUAL_MS = 160
_EVENTS = "0123456789*#ABCD!"
_LONGEST_MS = 10_000


class Key(NamedTuple):
    """One key, `!` for hook flash, and how long it was pressed in milliseconds."""

    digit: str
    duration_ms: int


def pressed_key(content_type: str, body: bytes) -> Key | None:
    """The key in an application/dtmf-relay body (``Signal=5`` and ``Duration=160``) or an application/dtmf one."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in ("application/dtmf-relay", "application/dtmf") or len(body) > 256:
        return None
    text = body.decode("ascii", "replace")
    if kind == "application/dtmf":
        return _key(text, "")
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        values.setdefault(name.strip().lower(), value.strip())
    return _key(values.get("signal", ""), values.get("duration", ""))


def _key(signal: str, duration: str) -> Key | None:
    digit = signal.strip().upper()
    if digit in ("10", "11", "16"):
        digit = {"10": "*", "11": "#", "16": "!"}[digit]
    if digit not in _KEYS:
        return None
    usable = duration.isascii() and duration.isdigit() and len(duration) < 6
    return Key(digit, min(int(duration), _LONGEST_MS) if usable else USUAL_MS)


def digit_of_event(event: int) -> str:
    """The key of a telephone-event number (RFC 4733 §3.2), "" for events that are no keys."""
    return _EVENTS[event] if 0 <= event < len(_EVENTS) else ""
