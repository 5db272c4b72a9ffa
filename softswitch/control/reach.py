"""Whether numbers lead anywhere before something is done with them, and what is told when nobody could be called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from softswitch.api.problems import Problem
from softswitch.app import Application
from softswitch.calls.leg import Cause
from softswitch.calls.routing import Caller

_FORBIDDEN, _NOT_FOUND, _NO_ROOM = 403, 404, 503
#: When to try again, where nothing better is known.
_AGAIN_S = 5


def why_not(app: Application, number: str, caller: Caller) -> str:
    """Why `caller` cannot dial `number`, "" when it can; somebody who is merely away can be dialled."""
    decision = app.router.decide(number, caller)
    refused = decision.refused
    if refused is not None and refused.status != _NOT_FOUND:
        return f"{number}: {refused.reason}"
    return "" if refused is None and decision.stages else f"there is no number {number}"


def unknown_among(app: Application, numbers: Iterable[str]) -> list[str]:
    """Those that the switch itself cannot call, in their order."""
    switch = Caller("")
    return [number for number in numbers if app.directory.get(number) is None and why_not(app, number, switch)]


def registered(app: Application) -> list[str]:
    """The subscribers who have a device there now."""
    return [one.number for one in app.directory if app.registrar.bindings(one.number, app.now())]


def refusal(cause: Cause, field: str) -> Problem:
    """Why a call was not placed: a number that does not exist or may not be called is a fault of the order, whose
    member is `field`; all else is how things stand."""
    members: dict[str, Any] = {"sip_code": cause.status, "q850_cause": cause.q850}
    if cause.status in (_FORBIDDEN, _NOT_FOUND):
        members["errors"] = [{"field": field, "in": "body", "detail": cause.text}]
        return Problem(422, cause.text, kind="not-callable", members=members)
    if cause.status == _NO_ROOM:
        later = {"Retry-After": str(cause.retry_after or _AGAIN_S)}
        return Problem(503, cause.text, kind="no-room", headers=later, members=members)
    return Problem(409, cause.text, kind="party-unavailable", members=members)
