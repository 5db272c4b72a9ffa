"""Commands about a running switch as a whole: status, reload."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from softswitch.cli.client import Switch
from softswitch.cli.output import OK, cell, write, write_json, write_table


def status(arguments: Namespace) -> int:
    """Health, trunks, media processes and registrations."""
    switch = Switch.of(arguments)
    health = switch.get("/system/health")
    registrations = switch.rows("/system/registrations")
    trunks = switch.rows("/system/trunks")
    media = switch.get("/system/media")
    if arguments.json:
        write_json({"health": health, "registrations": registrations, "trunks": trunks, "media": media})
        return OK
    write(_headline(health))
    for problem in health.get("problems", ()):
        write(f"  ! {problem}")
    write_table("Trunks", ("name", "state", "calls", "reason"), _pick(trunks, "name", "state", "calls", "reason"))
    write_table("Media", ("process", "pid", "state", "ports", "cpu_s"), _media_processes(media))
    columns = ("number", "contact", "source", "expires", "device")
    write_table(
        "Registrations", columns, _pick(registrations, "number", "contact", "source", "expires_at", "user_agent")
    )
    return OK


def _media_processes(media: dict[str, Any]) -> list[tuple[object, ...]]:
    """The media workers and their helper, which writes recordings."""
    rows: list[tuple[object, ...]] = [
        (f"worker {row.get('number')}", row.get("pid"), _state(row), row.get("ports"), f"{row.get('cpu_s', 0):.1f}")
        for row in media.get("workers", ())
    ]
    helper = media.get("helper")
    if helper:
        rows.append(("helper", helper.get("pid"), _state(helper), "", ""))
    return rows


def _state(process: dict[str, Any]) -> str:
    return "runs" if process.get("alive") else "lost"


def _headline(health: dict[str, Any]) -> str:
    uptime = int(health.get("uptime_s") or 0)
    hours, rest = divmod(uptime, 3600)
    name = f"{health.get('name') or 'softswitch'} (node {health.get('node', '?')})"
    return (
        f"{name}: {health.get('status', 'unknown')}, version {health.get('version', '?')}, "
        f"up {hours} h {rest // 60:02d} min {rest % 60:02d} s, "
        f"{health.get('calls', 0)} calls, {health.get('registrations', 0)} registrations"
    )


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
