"""`softswitch trace`: the SIP messages of a running switch as they come and go."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time
from argparse import Namespace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from softswitch.cli.client import Switch, unreachable
from softswitch.cli.output import OK, REFUSED, CommandError, write, write_json
from softswitch.runtime.ladder import Ladder, text_of


def trace(arguments: Namespace) -> int:
    """Follow until interrupted, or until --count messages were shown; with --call print or save what is kept of it."""
    if arguments.pcap or arguments.media:
        return _save_call(arguments)
    if arguments.call:
        return _print_call(arguments)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_follow(arguments))
    return OK


def _save_call(arguments: Namespace) -> int:
    """Write the capture of a call; its media are captured first, when so many seconds of them are wanted."""
    if not arguments.call or not arguments.pcap:
        raise CommandError("--pcap FILE and --media SECONDS go with --call, and --media with --pcap")
    switch = Switch.of(arguments)
    path = f"/voice/calls/{quote(arguments.call, safe='')}/capture"
    if arguments.media:
        switch.post(path, {"seconds": arguments.media})
        with contextlib.suppress(KeyboardInterrupt):  # enough, then
            time.sleep(arguments.media)
    octets = switch.content(f"{path}.pcap")
    try:
        Path(arguments.pcap).write_bytes(octets)
    except OSError as error:
        raise CommandError(f"cannot write {arguments.pcap}: {error.strerror}") from None
    write(f"{len(octets)} octets in {arguments.pcap}")
    return OK


def _print_call(arguments: Namespace) -> int:
    found = Switch.of(arguments).get(f"/voice/calls/{quote(arguments.call, safe='')}/ladder")
    if arguments.json:
        write_json(found)
        return OK
    ladder = Ladder(shutil.get_terminal_size((120, 40)).columns, found["parties"])
    write(ladder.heading())
    for message in found["messages"]:
        for line in ladder.add(message):
            write(line)
        if arguments.full:
            write("\n".join(f"      {line}" for line in text_of(message).splitlines()))
    return OK


async def _follow(arguments: Namespace) -> None:
    import aiohttp

    switch = Switch.of(arguments)
    query = {"address": arguments.address, "call_id": arguments.call_id}
    query = {name: value for name, value in query.items() if value}
    url = switch.websocket_url("/system/trace") + (f"?{urlencode(query)}" if query else "")
    headers = {"Authorization": f"Bearer {switch.token}"} if switch.token else {}
    try:
        async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=headers) as socket:
            await _show(socket, arguments)
    except aiohttp.WSServerHandshakeError as error:
        hint = " (give --token or SOFTSWITCH_TOKEN of an admin)" if error.status in (401, 403) else ""
        raise CommandError(f"{switch.url} answered {error.status} {error.message}{hint}", REFUSED) from None
    except (aiohttp.ClientError, OSError) as error:
        raise unreachable(switch.url, error) from None


async def _show(socket: Any, arguments: Namespace) -> None:
    ladder = Ladder(shutil.get_terminal_size((120, 40)).columns)
    shown = 0
    async for frame in socket:
        message = parse(frame.data)
        if message is None or not wanted(message, arguments.find):
            continue
        if arguments.json:
            write_json(message)
        else:
            if message.get("dropped"):
                write(f"… {message['dropped']} messages were left out: the terminal was too slow")
            for line in ladder.add(message):
                write(line)
            if arguments.full:
                write("\n".join(f"      {line}" for line in text_of(message).splitlines()))
        shown += 1
        if arguments.count and shown >= arguments.count:
            return


def parse(data: object) -> dict[str, Any] | None:
    """One message of the stream; None for what is none."""
    if not isinstance(data, str):
        return None
    try:
        message = json.loads(data)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


def wanted(message: dict[str, Any], text: str) -> bool:
    """Whether the message holds `text`, in any case."""
    return not text or text.lower() in text_of(message).lower()
