"""Commands that show a list of a running switch: calls, talkgroups, conferences, queues, messages."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from softswitch.cli.client import Switch
from softswitch.cli.output import OK, write_json, write_table

Row = Mapping[str, Any]


class Listing(NamedTuple):
    """Where a list is and what is shown of each row, by the title of its column."""

    path: str
    title: str
    columns: Mapping[str, Callable[[Row], Any]]


def _member(name: str) -> Callable[[Row], Any]:
    return lambda row: row.get(name)


LISTINGS = {
    "calls": Listing(
        "/voice/calls",
        "Calls",
        {
            "call": _member("call_id"),
            "state": _member("state"),
            "caller": _member("caller"),
            "callee": _member("callee"),
            "since": lambda row: row.get("answered_at") or row.get("started_at"),
            "legs": lambda row: [f"{leg.get('party') or '?'} {leg.get('state', '')}" for leg in row.get("legs", ())],
        },
    ),
    "groups": Listing(
        "/groups",
        "Talkgroups",
        {
            **{name: _member(name) for name in ("number", "name", "floor", "talker", "members")},
            "participants": lambda row: [each.get("party") for each in row.get("participants", ())],
        },
    ),
    "conferences": Listing(
        "/voice/conferences",
        "Conferences",
        {
            **{name: _member(name) for name in ("number", "name", "locked", "plans")},
            "participants": lambda row: [each.get("party") for each in row.get("participants", ())],
        },
    ),
    "queues": Listing(
        "/voice/queues",
        "Queues",
        {
            "number": _member("number"),
            "name": _member("name"),
            "waiting": lambda row: [f"{each['party']} {each.get('waited_s', 0):.0f} s" for each in row["waiting"]],
            "agents": lambda row: [f"{each['number']} {each.get('state', '')}" for each in row["agents"]],
            "answered": lambda row: row.get("statistics", {}).get("answered"),
        },
    ),
    "messages": Listing(
        "/sms/messages?limit=50",
        "Messages",
        {
            "message": _member("id"),
            "sent": _member("created_at"),
            "sender": _member("sender"),
            "text": _member("text"),
            "deliveries": lambda row: [f"{each['recipient']} {each['state']}" for each in row.get("deliveries", ())],
        },
    ),
}


def show(arguments: Namespace) -> int:
    """Show the list that belongs to the verb."""
    listing = LISTINGS[arguments.verb]
    switch = Switch.of(arguments)
    # A list that is asked for with a limit is long: its newest rows are enough.
    rows = switch.get(listing.path)["items"] if "?" in listing.path else switch.rows(listing.path)
    if arguments.json:
        write_json(rows)
        return OK
    table = [[show(row) for show in listing.columns.values()] for row in rows]
    write_table(listing.title, tuple(listing.columns), table)
    return OK
