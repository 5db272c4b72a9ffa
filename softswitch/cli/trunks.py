"""Trunks and E1 spans of a running switch, and what an operator does with channels."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from softswitch.cli.client import Switch
from softswitch.cli.output import OK, CommandError, write, write_json, write_table
from softswitch.config.e1 import parse_slots


def trunks(arguments: Namespace) -> int:
    """List trunks, or carry out an action on channels of a trunk group."""
    switch = Switch.of(arguments)
    if arguments.action == "list":
        return _list(switch.rows("/system/trunks"), json=arguments.json)
    if not arguments.trunk:
        raise CommandError(f"{arguments.action} which trunk group?")
    try:
        channels = list(parse_slots(arguments.channels)) if arguments.channels else []
    except ValueError as error:
        raise CommandError(str(error)) from None
    body = {"action": arguments.action, "span": arguments.span, "channels": channels}
    row = switch.post(f"/system/trunks/{arguments.trunk}/channels", body)
    return _list([row], json=arguments.json)


def _list(rows: list[dict[str, Any]], *, json: bool) -> int:
    if json:
        write_json(rows)
        return OK
    names = ("name", "kind", "state", "calls", "max_calls", "reason")
    write_table("Trunks", names, [[row.get(name) for name in names] for row in rows])
    spans = [
        (
            f"{row['name']}/{span['span']}",
            span["side"],
            span["link"],
            f"{len(span['in_use'])}/{span['channels']}",
            ",".join(map(str, span["blocked"])),
            ",".join(map(str, span["faulty"])),
            ",".join(map(str, span["restarting"])),
            ", ".join(span["alarms"]) or span["last_error"],
        )
        for row in rows
        for span in row.get("spans", ())
    ]
    if spans:
        write("")
        write_table("E1 spans", ("span", "side", "link", "in use", "blocked", "faulty", "restarting", "alarms"), spans)
    return OK
