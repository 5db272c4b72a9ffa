"""Commands about a running switch: status, calls, groups, reload."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from softswitch.cli.client import Switch
from softswitch.cli.output import OK, cell, write, write_json, write_table


def status(arguments: Namespace) -> int:
    """Health, trunks and registrations."""
    switch = Switch.of(arguments)
    health = switch.get("/system/health")
    registrations = switch.rows("/system/registrations")
    trunks = switch.rows("/system/trunks")
    if arguments.json:
        write_json({"health": health, "registrations": registrations, "trunks": trunks})
        return OK
    write(_headline(health))
    for problem in health.get("problems", ()):
        write(f"  ! {problem}")
    write_table("Trunks", ("name", "state", "calls", "reason"), _pick(trunks, "name", "state", "calls", "reason"))
    columns = ("number", "contact", "source", "expires", "device")
    write_table(
        "Registrations", columns, _pick(registrations, "number", "contact", "source", "expires_at", "user_agent")
    )
    return OK


def _headline(health: dict[str, Any]) -> str:
    uptime = int(health.get("uptime_s") or 0)
    hours, rest = divmod(uptime, 3600)
    return (
        f"{health.get('node', 'switch')}: {health.get('status', 'unknown')}, version {health.get('version', '?')}, "
        f"up {hours} h {rest // 60:02d} min {rest % 60:02d} s, "
        f"{health.get('calls', 0)} calls, {health.get('registrations', 0)} registrations"
    )


def calls(arguments: Namespace) -> int:
    """Calls in progress."""
    rows = Switch.of(arguments).rows("/voice/calls")
    if arguments.json:
        write_json(rows)
        return OK
    columns = ("call", "state", "caller", "callee", "since", "legs")
    table = [
        (
            row.get("call_id") or row.get("id"),
            row.get("state"),
            row.get("caller"),
            row.get("callee"),
            row.get("answered_at") or row.get("started_at"),
            [f"{leg.get('party') or '?'} {leg.get('state', '')}".strip() for leg in row.get("legs", ())],
        )
        for row in rows
    ]
    write_table("Calls", columns, table)
    return OK


def groups(arguments: Namespace) -> int:
    """Talkgroups and their members."""
    rows = Switch.of(arguments).rows("/groups")
    if arguments.json:
        write_json(rows)
        return OK
    write_table("Talkgroups", ("number", "name", "floor", "members"), _pick(rows, "number", "name", "floor", "members"))
    return OK


def conferences(arguments: Namespace) -> int:
    """Conferences and who is in them."""
    rows = Switch.of(arguments).rows("/voice/conferences")
    if arguments.json:
        write_json(rows)
        return OK
    table = [
        (
            row.get("number"),
            row.get("name"),
            row.get("locked"),
            row.get("plans"),
            [each.get("party") for each in row.get("participants", ())],
        )
        for row in rows
    ]
    write_table("Conferences", ("number", "name", "locked", "plans", "participants"), table)
    return OK


def queues(arguments: Namespace) -> int:
    """Call queues: who waits, and what agents do."""
    rows = Switch.of(arguments).rows("/voice/queues")
    if arguments.json:
        write_json(rows)
        return OK
    table = [
        (
            row.get("number"),
            row.get("name"),
            [f"{each.get('party')} {each.get('waited_s', 0):.0f} s" for each in row.get("waiting", ())],
            [f"{each.get('number')} {each.get('state', '')}" for each in row.get("agents", ())],
            row.get("statistics", {}).get("answered"),
        )
        for row in rows
    ]
    write_table("Queues", ("number", "name", "waiting", "agents", "answered"), table)
    return OK


def reload(arguments: Namespace) -> int:
    """Read the configuration again; a broken one is refused and the old one stays."""
    answer = Switch.of(arguments).post("/system/reload")
    if arguments.json:
        write_json(answer)
    else:
        detail = answer.get("detail", "") if isinstance(answer, dict) else cell(answer)
        write(detail or "the configuration is in force")
    return OK


def _pick(rows: list[dict[str, Any]], *names: str) -> list[list[Any]]:
    return [[row.get(name) for name in names] for row in rows]
