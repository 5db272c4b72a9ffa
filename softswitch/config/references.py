"""What one section says about another: names that lead nowhere, duplicates, ports that collide.

The checks read the plain document and not the validated models, so that they still speak when something else in the
file is wrong; a value of a wrong type is skipped here and reported by the models.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dialplan import DialplanError, Pattern
from softswitch.config.base import GATEWAY_NAMES, split_target
from softswitch.config.errors import KeyPath

Report = Callable[[KeyPath, str, str], None]
Document = dict[str, Any]

_WILDCARDS = {"0.0.0.0", "::"}
_NUMBERED = ("subscriber", "service", "hunt_group", "conference", "talkgroup", "queue")
_NAMED = ("trunk", "route", "hunt_group", "class_of_service", "schedule", "vocoder")
_REFERENCES = (
    ("subscriber", "class_of_service", "class_of_service"),
    ("trunk", "class_of_service", "class_of_service"),
    ("route", "caller_class", "class_of_service"),
    ("route", "source_trunk", "trunk"),
    ("route", "schedule", "schedule"),
)
_TARGETS = {
    "trunk": ("trunk", "name"),
    "hunt": ("hunt_group", "name"),
    "service": ("service", "number"),
    "conference": ("conference", "number"),
    "talkgroup": ("talkgroup", "number"),
    "queue": ("queue", "number"),
}
_TITLES = {"class_of_service": "class of service", "hunt_group": "hunt group"}


def nearest(word: str, choices: Iterable[str]) -> str:
    """The choice that looks most like `word`, or nothing."""
    return next(iter(difflib.get_close_matches(word, list(choices), n=1, cutoff=0.5)), "")


def entries(document: Document, *keys: str) -> list[tuple[KeyPath, Document]]:
    """Tables of an array of tables with their key paths; what is not a table is left out."""
    found: Any = document
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list):
        return []
    return [((*keys, index), entry) for index, entry in enumerate(found) if isinstance(entry, dict)]


def _texts(document: Document, section: str, key: str) -> set[str]:
    return {entry[key] for _, entry in entries(document, section) if isinstance(entry.get(key), str)}


def check_references(document: Document, report: Report) -> None:
    """Report every name that leads nowhere, every duplicate and every collision of ports."""
    for section, key, target in _REFERENCES:
        known = _texts(document, target, "name")
        if key == "source_trunk":
            known |= _e1_groups(document)
        for path, entry in entries(document, section):
            _expect((*path, key), entry.get(key), target, known, report)
    _check_e1(document, report)
    _check_radios(document, report)
    _check_targets(document, report)
    _check_trunk_listeners(document, report)
    _check_members(document, report)
    _check_tokens(document, report)
    _check_duplicates(document, report)
    _check_ports(document, report)
    _check_tls(document, report)


def _e1_groups(document: Document) -> set[str]:
    """The trunk groups of E1 spans, which routes name like gateways."""
    spans = [entry.get("group", "e1") for _, entry in entries(document, "gateways", "e1", "span")]
    return {name for name in spans if isinstance(name, str)}


def _check_e1(document: Document, report: Report) -> None:
    used, classes = _e1_groups(document), _texts(document, "class_of_service", "name")
    for path, entry in entries(document, "gateways", "e1", "group"):
        name = entry.get("name", "e1")
        if isinstance(name, str) and name not in used:
            report((*path, "name"), f"no span belongs to the trunk group '{name}'", nearest(name, used))
        _expect((*path, "class_of_service"), entry.get("class_of_service"), "class_of_service", classes, report)


def _check_radios(document: Document, report: Report) -> None:
    groups, classes = _texts(document, "talkgroup", "number"), _texts(document, "class_of_service", "name")
    radios = entries(document, "gateways", "usrp", "radio")
    for path, entry in radios:
        _expect((*path, "talkgroup"), entry.get("talkgroup"), "talkgroup", groups, report)
        _expect((*path, "class_of_service"), entry.get("class_of_service"), "class_of_service", classes, report)
    for key in ("name", "number"):
        _unique(((path, entry, "radio") for path, entry in radios), key, report)


def _expect(path: KeyPath, name: Any, section: str, known: set[str], report: Report) -> None:
    if isinstance(name, str) and name not in known:
        report(path, f"there is no {_TITLES.get(section, section)} '{name}'", nearest(name, known))


def _check_targets(document: Document, report: Report) -> None:
    targets = [((*path, "to"), entry.get("to")) for path, entry in entries(document, "route")]
    emergency = document.get("emergency")
    if isinstance(emergency, dict):
        targets.append((("emergency", "route"), emergency.get("route")))
    for path, target in targets:
        if not isinstance(target, str):
            continue
        kind, names = split_target(target)
        for name in names:
            if kind == "gateway":
                _expect(path, name, "gateway", set(GATEWAY_NAMES) | _e1_groups(document), report)
            elif kind in ("number", "subscriber"):
                _expect_reachable(document, path, name, report)
            elif kind in _TARGETS:
                section, key = _TARGETS[kind]
                _expect(path, name, section, _texts(document, section, key), report)


def _listeners(document: Document) -> list[tuple[KeyPath, Document]]:
    listed = entries(document, "sip", "listen")
    if listed:
        return listed
    return [(("sip", "listen"), {"name": name, "transport": name}) for name in ("udp", "tcp")]


def _check_trunk_listeners(document: Document, report: Report) -> None:
    transports = {
        entry["name"]: entry.get("transport", "udp")
        for _, entry in _listeners(document)
        if isinstance(entry.get("name"), str)
    }
    for path, entry in entries(document, "trunk"):
        listener = entry.get("listener")
        _expect((*path, "listener"), listener, "listener", set(transports), report)
        transport = entry.get("transport", "udp")
        spoken = transports.get(listener, transport) if isinstance(listener, str) else transport
        if spoken != transport and {spoken, transport} <= {"udp", "tcp", "tls"}:
            text = f"listener '{listener}' speaks {spoken}, but the trunk's transport is {transport}"
            report((*path, "listener"), text, "")


def _check_members(document: Document, report: Report) -> None:
    subscribers = _texts(document, "subscriber", "number")
    for path, entry in entries(document, "hunt_group"):
        for index, member in enumerate(_list(entry.get("members"))):
            _expect_reachable(document, (*path, "members", index), member, report)
    for path, entry in entries(document, "talkgroup"):
        for index, member in enumerate(_list(entry.get("members"))):
            _expect((*path, "members", index), member, "subscriber", subscribers, report)


def _check_tokens(document: Document, report: Report) -> None:
    subscribers = _texts(document, "subscriber", "number")
    for path, entry in entries(document, "http", "token"):
        _expect((*path, "number"), entry.get("number"), "subscriber", subscribers, report)


def _expect_reachable(document: Document, path: KeyPath, number: Any, report: Report) -> None:
    known = set().union(*(_texts(document, section, "number") for section in _NUMBERED))
    if isinstance(number, str) and number not in known and not _routed(document, number):
        report(path, f"nothing has the number '{number}'", nearest(number, known))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _routed(document: Document, number: str) -> bool:
    """Whether some route takes the number, so that a hunt group may ring a telephone outside."""
    for _, entry in entries(document, "route"):
        prefix, pattern = entry.get("prefix"), entry.get("pattern")
        if isinstance(prefix, str) and number.startswith(prefix):
            return True
        if isinstance(pattern, str) and _matches(pattern, number):
            return True
    return False


def _matches(pattern: str, number: str) -> bool:
    try:
        return Pattern(pattern).matches(number)
    except DialplanError:
        return False


def _check_duplicates(document: Document, report: Report) -> None:
    for section in _NAMED:
        _unique(((path, entry, section) for path, entry in entries(document, section)), "name", report)
    _unique(((path, entry, "listener") for path, entry in _listeners(document)), "name", report)
    _unique(((path, entry, "token") for path, entry in entries(document, "http", "token")), "name", report)
    numbered = ((path, entry, section) for section in _NUMBERED for path, entry in entries(document, section))
    _unique(numbered, "number", report)


def _unique(items: Iterable[tuple[KeyPath, Document, str]], key: str, report: Report) -> None:
    seen: dict[str, str] = {}
    for path, entry, section in items:
        value = entry.get(key)
        if not isinstance(value, str):
            continue
        title = _TITLES.get(section, section)
        if value in seen:
            report((*path, key), f"'{value}' is already taken by a {seen[value]}", "")
        else:
            seen[value] = title


def _sockets(document: Document) -> Iterator[tuple[KeyPath, str, str, int, str]]:
    """Key path, udp|tcp, address, port and title of every listening socket."""
    for path, entry in _listeners(document):
        kind = "udp" if entry.get("transport", "udp") == "udp" else "tcp"
        yield path, kind, entry.get("address", "127.0.0.1"), entry.get("port", 5060), f"listener '{entry.get('name')}'"
    http = document.get("http", {})
    if isinstance(http, dict) and http.get("enabled", True):
        yield ("http", "port"), "tcp", http.get("address", "127.0.0.1"), http.get("port", 8080), "the HTTP interface"
    for path, entry in entries(document, "gateways", "e1", "span"):
        if entry.get("driver", "cesopsn") in ("cesopsn", "satop"):
            yield from _endpoint(path, entry, "127.0.0.1:5070", "span")
    for path, entry in entries(document, "gateways", "usrp", "radio"):
        yield from _endpoint(path, entry, "", "radio")


def _endpoint(path: KeyPath, entry: Document, default: str, title: str) -> Iterator[tuple[KeyPath, str, str, int, str]]:
    host, _, port = str(entry.get("local", default)).rpartition(":")
    if port.isascii() and port.isdigit():
        yield (*path, "local"), "udp", host.strip("[]"), int(port), f"{title} '{entry.get('name')}'"


def _overlap(first: str, second: str) -> bool:
    if first == second:
        return True
    return bool({first, second} & _WILDCARDS) and (":" in first) == (":" in second)


def _check_ports(document: Document, report: Report) -> None:
    seen: list[tuple[str, str, int, str]] = []
    rtp = document.get("rtp", {})
    rtp = rtp if isinstance(rtp, dict) else {}
    first, last = rtp.get("first_port", 30000), rtp.get("last_port", 39999)
    media_address = rtp.get("address", "127.0.0.1")
    for path, kind, address, port, title in _sockets(document):
        if not isinstance(address, str) or not isinstance(port, int):
            continue
        for other_kind, other_address, other_port, other_title in seen:
            if (kind, port) == (other_kind, other_port) and _overlap(address, other_address):
                report(path, f"{title} and {other_title} both want {kind} port {port} of {address}", "")
        seen.append((kind, address, port, title))
        in_range = isinstance(first, int) and isinstance(last, int) and first <= port <= last
        if kind == "udp" and in_range and isinstance(media_address, str) and _overlap(address, media_address):
            report(path, f"{title} uses port {port} inside the media range {first}–{last}", "")


def _check_tls(document: Document, report: Report) -> None:
    for path, entry in _listeners(document):
        certificate, key = entry.get("certificate"), entry.get("private_key")
        if entry.get("transport") == "tls":
            if certificate is None:
                report(path, "a tls listener needs certificate (a PEM file, or 'self-signed')", "")
            elif certificate != "self-signed" and key is None:
                report(path, "certificate is given without private_key", "")
        elif certificate is not None or key is not None:
            report(path, f"certificate and private_key belong to tls, not to {entry.get('transport', 'udp')}", "")
    http = document.get("http")
    if not isinstance(http, dict) or http.get("certificate") == "self-signed":
        return
    if (http.get("certificate") is None) != (http.get("private_key") is None):
        report(("http",), "certificate and private_key go together", "")
