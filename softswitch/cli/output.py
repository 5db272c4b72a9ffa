"""What the commands write: tables for people, one JSON value for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

OK, FAILED, USAGE, UNREACHABLE, REFUSED = 0, 1, 2, 3, 4
"""Exit codes: done; found or met a fault; wrong arguments; no switch there; the switch says no."""


class CommandError(Exception):
    """A command cannot go on; the text is for the person, `status` is the exit code."""

    def __init__(self, text: str, status: int = FAILED) -> None:
        super().__init__(text)
        self.status = status


def write(text: str = "") -> None:
    """One line on standard output."""
    sys.stdout.write(text + "\n")


def complain(text: str) -> None:
    """One line on standard error."""
    sys.stderr.write(text + "\n")


def write_json(value: Any) -> None:
    """One JSON value on standard output."""
    write(json.dumps(value, ensure_ascii=False, default=str))


def write_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table with a title; empty ones say so."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", header_style="bold")
    for place, column in enumerate(columns):
        # The first column names the row: it is what people copy into the next command, so it stays in one piece.
        table.add_column(column, overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*(escape(cell(value)) for value in row))
    console = Console()
    if table.row_count:
        console.print(table)
    else:
        console.print(f"{title}: none")


def cell(value: Any) -> str:
    """A value as a table shows it; times in local time and without date parts nobody needs."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(cell, value)) or "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={cell(item)}" for key, item in value.items())
    text = str(value)
    return _local_time(text) if len(text) >= 20 and text[4:5] == "-" and text[10:11] == "T" else text


def _local_time(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return text
