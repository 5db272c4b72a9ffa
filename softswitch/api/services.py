"""What the API asks of the switch: plain callables that the wiring fills in.

System and voice callables run on the event loop and answer at once; those of stored data are coroutines, because the
database is read on another thread. A callable says that something does not exist with `LookupError`, that a state does
not allow it with `IllegalTransition`, anything else with `Problem`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from softswitch.api.auth import ApiClient, ApiToken, Principal
from softswitch.api.journal import EventJournal
from softswitch.api.webhooks import Webhooks
from softswitch.runtime.ladder_view import CallLadder
from softswitch.runtime.logs import FloodLog
from softswitch.runtime.trace import TraceHub

Row = Mapping[str, Any]
Rows = Callable[[], Iterable[Row]]
Query = Callable[[Mapping[str, Any]], Awaitable[Iterable[Row]]]
#: With something to await when it is not done at once.
CallCommand = Callable[[str, Mapping[str, Any], Principal], Awaitable[None] | None]
Change = Callable[[Mapping[str, Any], Principal], Awaitable[Row]]


@dataclass(frozen=True, slots=True)
class AuditNote:
    """One API request that changed or tried to change something; `status` is the HTTP answer."""

    actor: str
    role: str
    action: str
    subject: str
    source: str
    status: int


def _nothing() -> Iterable[Row]:
    return ()


async def _no_rows(query: Mapping[str, Any]) -> Iterable[Row]:
    return ()


async def _no_row(name: str) -> Row | None:
    return None


def _flood_log() -> FloodLog:
    return FloodLog(logging.getLogger(__name__), time.monotonic)


def _no_note(note: AuditNote) -> None:
    """Nobody keeps an audit."""


@dataclass(slots=True, kw_only=True)
class SubscriberServices:
    """Changing subscribers. `change` and `features` get only the members that were given."""

    add: Callable[[Mapping[str, Any]], Awaitable[Row]]
    change: Callable[[str, Mapping[str, Any]], Awaitable[Row]]
    remove: Callable[[str], Awaitable[None]]
    password: Callable[[str, str | None], Awaitable[Row]]
    features: Callable[[str], Row]
    choose: Callable[[str, Mapping[str, Any]], Awaitable[Row]]


Order = Callable[[str, Mapping[str, Any], Principal], Row]


@dataclass(slots=True, kw_only=True)
class DefinitionServices:
    """Rooms that are laid down by number. `change` gets only the members that were given."""

    create: Change
    definition: Callable[[str], Row]
    change: Callable[[str, Mapping[str, Any], Principal], Awaitable[Row]]
    remove: Callable[[str, Principal], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class GroupServices(DefinitionServices):
    """What is done with talkgroups beyond reading; `orders` are insert, listen, release, mute of a dispatcher."""

    regroup: Callable[[Mapping[str, Any], Principal], Awaitable[Row]]
    patch: Callable[[Mapping[str, Any], Principal], Awaitable[Row]]
    scan_list: Callable[[str], Row]
    set_scan_list: Callable[[str, list[str], Principal], Awaitable[Row]]
    start_call: Order
    calls: Callable[[str], Iterable[Row]]
    running: Callable[[str], Row | None]
    calls_of: Callable[[str], Row]
    include: Order
    end_call: Callable[[str, Principal], None]
    roll_call: Order
    roll_calls: Callable[[str], Iterable[Row]]
    orders: Mapping[str, Order]


#: Carries out an action on channels of a trunk group's span ("": all spans; no channels: all) and answers its row.
TrunkOrders = Callable[[str, str, str, list[int]], Row]


@dataclass(slots=True, kw_only=True)
class ConferenceServices(DefinitionServices):
    """What is done with conferences beyond reading; `order` takes the names of `softswitch.api.conference.ORDERS`.

    `participant` takes a conference, a party, one of change, whisper and remove, and what that needs.
    """

    plans: Callable[[str], Iterable[Row]]
    plan: Callable[[str, str], Row]
    put_plan: Callable[[str, str, Mapping[str, Any], Principal], Awaitable[Row]]
    remove_plan: Callable[[str, str, Principal], Awaitable[None]]
    calls: Callable[[str], Iterable[Row]]
    roll_calls: Callable[[str], Iterable[Row]]
    order: Callable[[str, str, Mapping[str, Any], Principal], Row]
    participant: Callable[[str, str, str, Mapping[str, Any], Principal], None]


@dataclass(slots=True, kw_only=True)
class AmbienceServices:
    """Terminals whose surroundings are listened to."""

    running: Rows
    start: Callable[[Mapping[str, Any], Principal], Row]
    end: Callable[[str, Principal], None]


@dataclass(slots=True, kw_only=True)
class QueueServices(DefinitionServices):
    """Call queues. `agent` takes a queue, an agent, and one of log_in, log_out, pause and unpause."""

    queues: Rows
    agent: Callable[[str, str, str, Principal], None]


@dataclass(slots=True, kw_only=True)
class AccessServices:
    """Attribute rules, departments and tokens.

    `active()` tells whether there are rules at all; `refused(principal, component, action, targets)` why something may
    not be, "" when it may; `resolve(kind, id)` answers the numbers that a call, a leg, a department, a recording, a
    record or a session is about.
    """

    active: Callable[[], bool]
    refused: Callable[[Principal, str, str, list[str]], str]
    resolve: Callable[[str, str], Awaitable[Iterable[str]]]
    rules: Callable[[], Row]
    set_rules: Change
    departments: Rows
    department: Callable[[str], Row]
    put_department: Change
    change_department: Callable[[str, Mapping[str, Any], Principal], Awaitable[Row]]
    remove_department: Callable[[str], Awaitable[None]]
    tree: Callable[[], Row]
    stored_tokens: Rows
    create_token: Change
    revoke_token: Callable[[str], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class BanServices:
    """Sources that are not heard."""

    bans: Rows
    add: Callable[[str, float, str], Row]
    remove: Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class BrowserServices:
    """Sessions of browsers, and those registered to be called. `open`, `offer` wait for the switch's answer."""

    sessions: Rows
    session: Callable[[str], Row | None]
    open: Change
    answer: Callable[[str, Mapping[str, Any]], Awaitable[Row]]
    offer: Callable[[str, Mapping[str, Any]], Awaitable[Row]]
    close: Callable[[str], None]
    register: Callable[[Mapping[str, Any]], Row]
    unregister: Callable[[str, str], None]


@dataclass(slots=True, kw_only=True)
class RecordingServices:
    """What is recorded. `media` answers a file, or the octets of a WAV file made for the occasion."""

    find: Query
    get: Callable[[str], Awaitable[Row | None]]
    bursts: Callable[[str], Awaitable[Iterable[Row]]]
    media: Callable[[str, Mapping[str, Any]], Awaitable[Path | bytes]]
    waveform: Callable[[str, Mapping[str, Any]], Awaitable[Row]]
    remove: Callable[[str, Principal], Awaitable[None]]
    verify: Callable[[], Awaitable[Row]]
    record_room: Callable[[str, str, Mapping[str, Any], Principal], Awaitable[Iterable[Row]]]


@dataclass(slots=True)
class SignallingServices:
    """The SIP messages of calls: as a ladder (call, most messages), and in the pcap format, with media if ordered."""

    ladder: Callable[[str, int], Awaitable[CallLadder]]
    capture: Callable[[str, Mapping[str, Any]], Row]
    capture_file: Callable[[str], Awaitable[bytes]]


@dataclass(slots=True, kw_only=True)
class MessageServices:
    """Short messages."""

    send: Change
    find: Query
    get: Callable[[str], Awaitable[Row | None]]
    cancel: Callable[[str, Principal], Awaitable[Row]]
    conversations: Query


@dataclass(slots=True, kw_only=True)
class LocationServices:
    """Positions, geofences (`put_fence` with an empty id adds one) and subscriptions."""

    report: Callable[[Mapping[str, Any]], Row]
    report_many: Callable[[list[Mapping[str, Any]]], Row]
    newest: Callable[[Mapping[str, Any]], Iterable[Row]]
    position: Callable[[str], Row]
    track: Callable[[str, Mapping[str, Any]], Awaitable[Iterable[Row]]]
    forget: Callable[[str], None]
    fences: Rows
    fence: Callable[[str], Row]
    inside: Callable[[str], Row]
    put_fence: Callable[[str, Mapping[str, Any]], Row]
    remove_fence: Callable[[str], None]
    subscriptions: Rows
    subscribe: Callable[[Mapping[str, Any]], Row]
    unsubscribe: Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class ApiServices:
    """Everything the API needs. Rows are mappings with the fields of the models in `softswitch.api.models`.

    `call_commands` decides which `POST /voice/calls/{id}/<name>` exist: the names must be known to
    `softswitch.api.voice.COMMANDS`. `originate` takes the validated body and the principal and answers the call's row.
    """

    node: str
    version: str
    started_at: float
    tokens: Callable[[], Iterable[ApiToken]]
    clock: Callable[[], float]
    wall: Callable[[], float]
    journal: EventJournal
    trace: TraceHub
    health: Callable[[], Row]
    clients: Callable[[], Iterable[ApiClient]] = tuple
    client_authority: Path | None = None
    map_tiles: Path | None = None
    audit_reads: Callable[[], bool] = bool
    render_metrics: Callable[[], bytes] | None = None
    sip_websocket: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
    registrations: Rows = _nothing
    unregister: Callable[[str, str], int] | None = None
    trunks: Rows = _nothing
    order_trunk: TrunkOrders | None = None
    media: Callable[[], Row] = dict
    bans: BanServices | None = None
    reload: Callable[[], Awaitable[str]] | None = None
    calls: Rows = _nothing
    call: Callable[[str], Row | None] = field(default=lambda identifier: None)
    originate: Callable[[Mapping[str, Any], Principal], Row] | None = None
    call_commands: Mapping[str, CallCommand] = field(default_factory=dict)
    groups: Rows = _nothing
    conferences: Rows = _nothing
    floor: Callable[[str, str, str, Principal], bool] = field(default=lambda leg_id, wish, tier, by: False)
    group_desk: GroupServices | None = None
    ambience: AmbienceServices | None = None
    conference_desk: ConferenceServices | None = None
    queue_desk: QueueServices | None = None
    access: AccessServices | None = None
    sounds: Rows = _nothing
    subscribers: Rows = _nothing
    subscriber: Callable[[str], Row | None] = field(default=lambda number: None)
    edit: SubscriberServices | None = None
    directory: Rows = _nothing
    cdrs: Query = _no_rows
    cdr: Callable[[str], Awaitable[Row | None]] = _no_row
    statistics: Callable[[Mapping[str, Any]], Awaitable[Row]] | None = None
    audit: Query = _no_rows
    recordings: RecordingServices | None = None
    messages: MessageServices | None = None
    locations: LocationServices | None = None
    signalling: SignallingServices | None = None
    record_audit: Callable[[AuditNote], None] = _no_note
    event_types: Rows = _nothing
    webhooks: Webhooks | None = None
    browsers: BrowserServices | None = None
    malformed: FloodLog = field(default_factory=_flood_log)
