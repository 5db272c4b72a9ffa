"""Checking that what a webhook received came from the switch, whole and lately."""

from __future__ import annotations

import hmac
import json
from typing import Any

from softswitch.api.webhooks import signature


class BadSignature(ValueError):
    """The signature does not fit the body, or is too old."""


def verify_webhook(
    secret: str, header: str, body: bytes, now: float, *, tolerance_s: float = 300.0
) -> list[dict[str, Any]]:
    """The events of a delivery; `header` is Softswitch-Signature, `now` Unix time. Raises BadSignature."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    text = parts.get("t", "")
    if not (text.isascii() and text.isdigit()):
        raise BadSignature("the signature carries no time")
    at = int(text)
    if not hmac.compare_digest(signature(secret, at, body), f"t={at},v1={parts.get('v1', '')}"):
        raise BadSignature("the signature does not fit the body")
    if abs(now - at) > tolerance_s:
        raise BadSignature("the delivery is too old")
    events: list[dict[str, Any]] = json.loads(body)["events"]
    return events
