"""Commands that change something in a running switch, by the typed client: `softswitch calls originate 1001 1002`."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import aiohttp
from pydantic import BaseModel

from softswitch.cli.actions import ACTIONS, fits
from softswitch.cli.client import Switch, unreachable
from softswitch.cli.listings import show
from softswitch.cli.output import FAILED, OK, REFUSED, USAGE, CommandError, cell, write, write_json
from softswitch.client import ApiError, Client

Order = Callable[..., Awaitable[Any]]
#: What people want to see of an answer, as far as it has it.
_SHOWN = (
    "call_id",
    "group_call_id",
    "conference_call_id",
    "id",
    "number",
    "name",
    "state",
    "reason",
    "floor",
    "talker",
    "locked",
    "groups",
    "present",
    "missing",
    "unanswered",
    "unknown",
)
_EVERYBODY = "everybody"
_ROLL_CALL_POLL_S = 0.5


def run(arguments: Namespace) -> int:
    """List, or carry out the action that is named."""
    verb, action, words = arguments.verb, arguments.action, arguments.words
    if action == "list":
        if words:
            raise CommandError(f"softswitch {verb} list takes no further words", USAGE)
        return show(arguments)
    wanted = ACTIONS[verb][action]
    if not fits(wanted, len(words)):
        raise CommandError(f"softswitch {verb} {action} {' '.join(wanted)}", USAGE)
    answer = asyncio.run(_carry_out(Switch.of(arguments), _ORDERS[verb][action], words))
    content = answer.model_dump(mode="json") if isinstance(answer, BaseModel) else answer
    if arguments.json:
        write_json(content if content is not None else {"done": f"{verb} {action}"})
    else:
        write(_line(content) or "done")
    return OK


async def _carry_out(switch: Switch, order: Order, words: list[str]) -> Any:
    try:
        async with Client(switch.url, switch.token) as client:
            return await order(client, *words)
    except ApiError as error:
        hint = " (give --token or SOFTSWITCH_TOKEN)" if error.status == 401 else ""
        raise CommandError(
            f"{switch.url} answered {error}{hint}", REFUSED if error.status in (401, 403) else FAILED
        ) from None
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise unreachable(switch.url, error) from None


def _line(content: Any) -> str:
    found: Mapping[str, Any] = content if isinstance(content, Mapping) else {}
    return ", ".join(f"{name} {cell(found[name])}" for name in _SHOWN if found.get(name) not in (None, "", []))


def _whom(words: Sequence[str]) -> dict[str, Any]:
    """Numbers, or the word that means all who are registered."""
    return {"members": [word for word in words if word != _EVERYBODY], "everybody": _EVERYBODY in words}


async def _leg(client: Client, group: str, party: str) -> str:
    """The leg by which a party is in a talkgroup. Raises CommandError."""
    inside = {each.party: each.leg_id for each in (await client.group(group)).participants}
    if party not in inside:
        present = ", ".join(inside) or "nobody"
        raise CommandError(f"{party} is not in talkgroup {group}; in it: {present}")
    return inside[party]


async def _floor(client: Client, group: str, party: str, wish: str) -> Any:
    return await client.floor(group, wish, await _leg(client, group, party))


async def _member(client: Client, group: str, party: str, order: str, **more: Any) -> Any:
    return await client.order_group(group, order, leg_id=await _leg(client, group, party), **more)


async def _roll_call(client: Client, group: str, members: Sequence[str]) -> Any:
    """Call everybody, wait until it is over, and tell who did not answer."""
    call = await client.group_roll_call(group, **_whom(members))
    while call.state == "running":
        await asyncio.sleep(_ROLL_CALL_POLL_S)
        call = next(each for each in await client.group_roll_calls(group) if each.roll_call_id == call.roll_call_id)
    missing = [each.party for each in call.results if not each.answered]
    return call.model_dump(mode="json") | {"unanswered": missing}


async def _revoke(client: Client, group: str) -> Any:
    talker = (await client.group(group)).talker
    if not talker:
        raise CommandError(f"nobody talks in {group}")
    return await _floor(client, group, talker, "revoke")


async def _start(client: Client, conference: str, plan: str | None = None) -> Any:
    return await client.start_conference(conference, plan)


_ORDERS: dict[str, dict[str, Order]] = {
    "calls": {
        "originate": lambda client, caller, callee: client.originate(caller, callee),
        "disconnect": lambda client, call: client.disconnect(call),
        "force-release": lambda client, call: client.force_release(call),
        "hold": lambda client, call, party="": client.hold(call, party),
        "resume": lambda client, call, party="": client.resume(call, party),
        "transfer": lambda client, call, target, party="": client.transfer(call, target, party),
        "dtmf": lambda client, call, digits: client.dtmf(call, digits),
        "insert": lambda client, call, party: client.supervise(call, party, silent=False),
        "listen": lambda client, call, party: client.supervise(call, party, silent=True),
        "whisper": lambda client, call, dispatcher, party: client.whisper_into(call, dispatcher, party),
        "record": lambda client, call, action="start": client.record_call(call, action),
    },
    "groups": {
        "call": lambda client, group, kind="group", *members: client.call_group(group, kind, **_whom(members)),
        "end": lambda client, group: client.end_group_call(group),
        "request": lambda client, group, party: _floor(client, group, party, "request"),
        "release": lambda client, group, party: _floor(client, group, party, "release"),
        "force": lambda client, group, party: _floor(client, group, party, "force"),
        "revoke": _revoke,
        "regroup": lambda client, *members: client.regroup(**_whom(members)),
        "patch": lambda client, *groups: client.patch_groups(groups),
        "remove": lambda client, group: client.remove_group(group),
        "invite": lambda client, group, *members: client.order_group(group, "invite", **_whom(members)),
        "insert": lambda client, group, party: client.order_group(group, "insert", party=party),
        "listen": lambda client, group, party: client.order_group(group, "listen", party=party),
        "put-out": lambda client, group, party: _member(client, group, party, "release"),
        "mute": lambda client, group, party: _member(client, group, party, "mute", muted=True),
        "unmute": lambda client, group, party: _member(client, group, party, "mute", muted=False),
        "roll-call": lambda client, group, *members: _roll_call(client, group, members),
        "scan": lambda client, party, *groups: client.set_scan_list(party, groups),
    },
    "conferences": {
        "start": _start,
        "invite": lambda client, conference, *members: client.invite_to_conference(conference, members),
        "mute": lambda client, conference: client.order_conference(conference, "mute", muted=True),
        "unmute": lambda client, conference: client.order_conference(conference, "mute", muted=False),
        "lock": lambda client, conference: client.order_conference(conference, "lock", locked=True),
        "unlock": lambda client, conference: client.order_conference(conference, "lock", locked=False),
        "remove": lambda client, conference, party: client.remove_participant(conference, party),
        "end": lambda client, conference: client.order_conference(conference, "end"),
    },
    "queues": {
        "log-in": lambda client, queue, agent: client.log_in(queue, agent),
        "log-out": lambda client, queue, agent: client.log_out(queue, agent),
        "pause": lambda client, queue, agent: client.pause_agent(queue, agent, paused=True),
        "resume": lambda client, queue, agent: client.pause_agent(queue, agent, paused=False),
    },
    "messages": {
        "send": lambda client, text, *recipients: client.send_message(recipients, text),
        "cancel": lambda client, message: client.cancel_message(message),
    },
}
