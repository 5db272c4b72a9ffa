"""What a reload would change, and what of it has to wait for a restart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from pydantic import SecretStr

from softswitch.config.base import Section
from softswitch.config.models import Settings

NEEDS_RESTART = frozenset(
    {
        "gateways.e1",
        "gateways.poc",
        "gateways.usrp",
        "node.id",
        "sip.realm",
        "sip.listen",
        "sip.dscp",
        "sip.t1_s",
        "sip.tcp_connections",
        "sip.max_message_octets",
        "rtp.address",
        "rtp.first_port",
        "rtp.last_port",
        "rtp.workers",
        "rtp.gpl_codecs",
        "rtp.isolated",
        "rtp.realtime",
        "rtp.worker_grace_s",
        "rtp.unclaimed_s",
        "http.enabled",
        "http.address",
        "http.port",
        "http.certificate",
        "http.private_key",
        "http.client_authority",
        "http.map_tiles",
        "http.websocket_sip",
        "http.metrics",
        "recording.directory",
        "recording.minimum_free_mb",
        "location.max_devices",
        "storage.path",
        "vocoder",
        "storage.durability",
        "storage.queue",
    }
)
"""Options that are read once, when sockets, threads and files are opened. Everything else is taken over at once."""

_HIDDEN = frozenset({"ha1_md5", "ha1_sha256", "token_sha256", "password", "token", "pin", "secret"})


class Change(NamedTuple):
    """One difference. `path` is an option such as ``sip.max_calls`` or an entry such as ``subscriber.1004``."""

    path: str
    action: Literal["added", "removed", "changed"]
    live: bool
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        values = f": {self.old} → {self.new}" if self.action == "changed" and (self.old or self.new) else ""
        later = "" if self.live else " (takes effect after a restart)"
        return f"{self.path} {self.action}{values}{later}"


def changes(old: Settings, new: Settings) -> list[Change]:
    """Every difference between two configurations, in the order of the sections. Secrets are not told."""
    found: list[Change] = []
    _compare_sections("", old, new, found)
    return found


def _compare_sections(prefix: str, old: Section, new: Section, found: list[Change]) -> None:
    for name, field in type(old).model_fields.items():
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        path = prefix + (field.alias or name)
        if isinstance(before, Section) and isinstance(after, Section):
            _compare_sections(path + ".", before, after, found)
        elif _is_table_array(before) or _is_table_array(after):
            _compare_tables(path, before, after, found)
        else:
            live = is_live(path)
            found.append(Change(path, "changed", live, _shown(name, before), _shown(name, after)))


def is_live(path: str) -> bool:
    """Whether neither the option nor a section around it waits for a restart."""
    parts = path.split(".")
    return not any(".".join(parts[:end]) in NEEDS_RESTART for end in range(1, len(parts) + 1))


def _is_table_array(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], Section)


def _compare_tables(path: str, old: Sequence[Section], new: Sequence[Section], found: list[Change]) -> None:
    live = is_live(path)
    before, after = {_key(entry): entry for entry in old}, {_key(entry): entry for entry in new}
    found.extend(Change(f"{path}.{key}", "removed", live) for key in before if key not in after)
    for key, entry in after.items():
        if key not in before:
            found.append(Change(f"{path}.{key}", "added", live))
        elif entry != before[key]:
            found.append(_changed_entry(f"{path}.{key}", before[key], entry, live))
    if path == "route" and [key for key in after if key in before] != [key for key in before if key in after]:
        found.append(Change("route (order)", "changed", live))


def _changed_entry(path: str, old: Section, new: Section, live: bool) -> Change:
    """One option of the entry by name and values; of several only the entry."""
    names = [name for name in type(new).model_fields if getattr(new, name) != getattr(old, name)]
    if len(names) != 1:
        return Change(path, "changed", live)
    name = names[0]
    return Change(f"{path}.{name}", "changed", live, _shown(name, getattr(old, name)), _shown(name, getattr(new, name)))


def _key(entry: Section) -> str:
    """What names an entry: its number where every entry must have one, else its name."""
    number = type(entry).model_fields.get("number")
    return str(getattr(entry, "number" if number is not None and number.is_required() else "name"))


def _shown(name: str, value: Any) -> str:
    if name in _HIDDEN or isinstance(value, SecretStr):
        return "(hidden)"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return "(none)" if value is None else str(value)
