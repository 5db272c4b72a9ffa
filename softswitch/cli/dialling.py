"""`softswitch route`: where a call would go, and why."""

from __future__ import annotations

from argparse import Namespace
from datetime import datetime
from typing import TYPE_CHECKING

from softswitch.cli.output import FAILED, OK, USAGE, CommandError, write, write_json
from softswitch.cli.sources import settings_of, stored_subscribers

if TYPE_CHECKING:
    from dialplan import Decision
    from softswitch.config import Settings


def route(arguments: Namespace) -> int:
    """Ask the dialplan without calling anybody; exit code 1 when the call would be refused."""
    from dialplan import RouteQuery
    from softswitch.config import to_plan
    from softswitch.directory import Directory, merge

    settings = settings_of(arguments)
    when = _moment(arguments.time)
    trunk = arguments.trunk or ""
    directory = Directory(merge(settings, stored_subscribers(arguments, settings)))
    caller_class = _class_of_trunk(settings, trunk) if trunk else directory.class_of(arguments.caller)
    query = RouteQuery(arguments.caller, caller_class, arguments.called, trunk, when)
    decision = to_plan(settings, (subscriber.number for subscriber in directory)).route(query, dry_run=True)
    if arguments.json:
        write_json(_as_json(decision))
    else:
        for step in decision.steps:
            write(step)
        write(_conclusion(decision))
    return FAILED if decision.refused else OK


def _moment(text: str | None) -> datetime:
    if not text:
        return datetime.now().astimezone()
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise CommandError(f"{text!r} is no time such as 2026-05-01T08:30", USAGE) from None


def _class_of_trunk(settings: Settings, trunk: str) -> str:
    names = {entry.name: entry.class_of_service for entry in settings.trunk}
    if trunk not in names:
        raise CommandError(f"there is no trunk {trunk!r}; known: {', '.join(names) or 'none'}", USAGE)
    return names[trunk] or ""


def _conclusion(decision: Decision) -> str:
    if decision.refused is not None:
        return f"⇒ refused: {decision.refused.status} {decision.refused.reason}"
    stages = [
        " and ".join(f"{place.kind} {place.value} (as {place.called})" for place in stage) for stage in decision.stages
    ]
    return ("⇒ emergency: " if decision.emergency else "⇒ ") + ", then ".join(stages)


def _as_json(decision: Decision) -> dict[str, object]:
    refused = decision.refused
    return {
        "called": decision.called,
        "caller": decision.caller,
        "emergency": decision.emergency,
        "rule": decision.rule,
        "destinations": [destination._asdict() for destination in decision.destinations],
        "refused": refused._asdict() if refused else None,
        "steps": decision.steps,
    }
