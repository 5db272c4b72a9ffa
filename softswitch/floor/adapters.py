"""Requests of parties that speak no floor protocol: telephone keys, SIP INFO, API calls.

Each adapter turns what it sees into a `Command`, which `apply` gives to the arbiter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from softswitch.floor.arbiter import Arbiter
from softswitch.floor.causes import Tier
from softswitch.floor.states import FloorError
from softswitch.rtp.telephone_event import DTMF_KEYS

#: The body by which a SIP INFO asks for the floor: the document of `command_of_document`.
FLOOR_MEDIA_TYPE = "application/x-floor-control+json"

_DTMF_RELAY = "application/dtmf-relay"
_DTMF = "application/dtmf"
_NAMED_KEYS = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
_BODY_LIMIT = 1024


class CommandError(ValueError):
    """A body or document that asks for nothing known; the text says what is wrong with it."""


class Action(Enum):
    """What a party wants of the floor."""

    REQUEST = "request"
    RELEASE = "release"
    POSITION = "position"


class Command(NamedTuple):
    """One wish; priority None is what was agreed with the member."""

    action: Action
    tier: Tier = Tier.NORMAL
    priority: int | None = None
    override: bool = False


def apply(command: Command, arbiter: Arbiter, participant: str, now: float) -> None:
    """Let the arbiter decide on a wish of `participant`."""
    if command.action is Action.REQUEST:
        arbiter.request(participant, now, priority=command.priority, tier=command.tier, override=command.override)
    elif command.action is Action.RELEASE:
        arbiter.release(participant, now)
    else:
        arbiter.ask_position(participant, now)


@dataclass(frozen=True, slots=True)
class KeypadSettings:
    """Key sequences; one that is empty is not used. `between` is the longest time between two keys of a sequence."""

    request: str = "*"
    release: str = "#"
    emergency: str = ""
    position: str = ""
    #: the request sequence gives the floor back when it has been asked for before.
    toggle: bool = False
    between: float = 2.0

    def __post_init__(self) -> None:
        sequences = [self.request, self.release, self.emergency, self.position]
        used = [sequence for sequence in sequences if sequence]
        if not self.request or not (self.release or self.toggle):
            raise FloorError("a keypad needs a way to request and one to release")
        if len(set(used)) != len(used) or any(key not in DTMF_KEYS for sequence in used for key in sequence):
            raise FloorError("key sequences must differ and have telephone keys only")


class Keypad:
    """The keys of one telephone. When one sequence begins another, each acts as soon as it is complete."""

    __slots__ = ("_asked", "_commands", "_keys", "_last", "settings")

    def __init__(self, settings: KeypadSettings | None = None) -> None:
        self.settings = settings = settings or KeypadSettings()
        commands = {
            settings.request: Command(Action.REQUEST),
            settings.release: Command(Action.RELEASE),
            settings.emergency: Command(Action.REQUEST, Tier.EMERGENCY),
            settings.position: Command(Action.POSITION),
        }
        self._commands = sorted(
            ((sequence, command) for sequence, command in commands.items() if sequence),
            key=lambda item: -len(item[0]),
        )
        self._keys = ""
        self._last = 0.0
        self._asked = False

    def key(self, key: str, now: float) -> Command | None:
        """A key was pressed; what it completes, if anything."""
        if now - self._last > self.settings.between:
            self._keys = ""
        self._last = now
        longest = len(self._commands[0][0])
        self._keys = (self._keys + key.upper())[-longest:]
        for sequence, command in self._commands:
            if self._keys.endswith(sequence):
                return self._complete(command)
        return None

    def _complete(self, command: Command) -> Command:
        if self.settings.toggle and self._asked and command == Command(Action.REQUEST):
            command = Command(Action.RELEASE)
        if command.action is not Action.POSITION:
            self._asked = command.action is Action.REQUEST
        return command

    def stopped(self) -> None:
        """The party neither has the floor nor waits for it any more (denied, revoked, timed out)."""
        self._asked = False


def key_of_info(content_type: str, body: bytes) -> str | None:
    """The telephone key in the body of a SIP INFO, None when it holds none."""
    kind = content_type.partition(";")[0].strip().lower()
    text = body[:_BODY_LIMIT].decode("utf-8", "replace")
    if kind == _DTMF_RELAY:
        for line in text.splitlines():
            name, _, value = line.partition("=")
            if name.strip().lower() == "signal":
                return _key(value)
        return None
    return _key(text) if kind == _DTMF else None


def _key(text: str) -> str | None:
    text = text.strip().upper()
    text = _NAMED_KEYS.get(text, text)
    return text if len(text) == 1 and text in DTMF_KEYS else None


def command_of_info(content_type: str, body: bytes, keypad: Keypad, now: float) -> Command | None:
    """What a SIP INFO asks for, by a key or by name; None when it is about something else. Raises `CommandError`."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == FLOOR_MEDIA_TYPE:
        if len(body) > _BODY_LIMIT:
            raise CommandError(f"a floor request has at most {_BODY_LIMIT} octets")
        try:
            document = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise CommandError(f"not a JSON document: {error}") from error
        return command_of_document(document)
    key = key_of_info(content_type, body)
    return None if key is None else keypad.key(key, now)


def command_of_document(document: object) -> Command:
    """A wish as the API and JSON bodies write it: `{"action": "request", "tier": "emergency", "priority": 9,
    "override": true}`, all but the action optional. Raises `CommandError`."""
    if not isinstance(document, Mapping):
        raise CommandError("a floor request is an object")
    unknown = [str(name) for name in document if name not in ("action", "tier", "priority", "override")]
    if unknown:
        raise CommandError(f"unknown: {', '.join(sorted(unknown))}")
    try:
        action = Action(document.get("action"))
    except ValueError:
        raise CommandError(f"action is one of {', '.join(action.value for action in Action)}") from None
    tier = document.get("tier", "normal")
    if not isinstance(tier, str) or tier.upper() not in Tier.__members__:
        raise CommandError(f"tier is one of {', '.join(name.lower() for name in Tier.__members__)}")
    priority = document.get("priority")
    if priority is not None and (type(priority) is not int or not 0 <= priority <= 255):
        raise CommandError("priority is a whole number from 0 to 255")
    override = document.get("override", False)
    if not isinstance(override, bool):
        raise CommandError("override is true or false")
    return Command(action, Tier[tier.upper()], priority, override)
