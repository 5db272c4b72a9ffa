"""The SIP messages of a call as ladder, with its media as capture, in progress or lately ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from softswitch.api.problems import Problem, not_found
from softswitch.api.services import Row, SignallingServices
from softswitch.app import Application
from softswitch.control.history import History
from softswitch.observing.captures import CallCapture, TooManyCaptures
from softswitch.runtime.ladder_view import CallLadder, build_ladder
from softswitch.runtime.message_store import of_dialogs
from softswitch.runtime.pcap import Datagram, write_pcap
from softswitch.runtime.redact import redact_message
from softswitch.runtime.trace import TracedMessage

_SIP = "sip_call_id"


class Signalling:
    """Answers what the API asks about the messages of calls."""

    def __init__(self, app: Application, history: History) -> None:
        self._app = app
        self._history = history

    @property
    def services(self) -> SignallingServices:
        """What the API may ask."""
        return SignallingServices(self.ladder, self.capture, self.capture_file)

    async def ladder(self, call_id: str, limit: int) -> CallLadder:
        """The ladder of a call; raises Problem 404 when there is neither the call nor a record of it."""
        dialogs = await self._dialogs(call_id)
        return build_ladder(call_id, await self._messages(dialogs, limit), dialogs)

    def capture(self, call_id: str, body: Mapping[str, Any]) -> Row:
        """Capture the media of a call in progress; raises Problem 404 when there is none, 429 when too many run."""
        app = self._app
        if call_id not in app.exchange.calls:
            raise not_found("call", call_id)
        try:
            capture = app.captures.start(call_id, body["seconds"], app.now())
        except TooManyCaptures as error:
            raise Problem(429, str(error), headers={"Retry-After": "5"}) from error
        until = app.wall() + capture.until - app.now()
        told = {"packets": capture.packets, "lost": capture.lost, "full": capture.full}
        return {"call_id": call_id, "until": until, **told}

    async def capture_file(self, call_id: str) -> bytes:
        """The messages of a call and its captured media in the pcap format; raises Problem 404 for no such call."""
        app = self._app
        messages = await self._messages(await self._dialogs(call_id), app.messages.limits.messages_per_call)
        capture = app.captures.get(call_id, app.now())
        return await asyncio.to_thread(_write, messages, capture, app.wall() - time.monotonic())

    async def _messages(self, dialogs: Mapping[str, str], limit: int) -> list[TracedMessage]:
        store = self._app.messages
        most = min(limit, store.limits.messages_per_call)
        return await asyncio.to_thread(of_dialogs, store.snapshot(), dialogs.keys(), most)

    async def _dialogs(self, call_id: str) -> dict[str, str]:
        """The SIP Call-IDs of a call's legs, and whose they are."""
        call = self._app.exchange.calls.get(call_id)
        if call is not None:
            legs = [leg.to_dict() for leg in call.record.legs.values()]
        else:
            row = await self._history.cdr(call_id)
            if row is None:
                raise not_found("call", call_id)
            legs = row["legs"]
        return {str(leg[_SIP]): str(leg.get("party", "")) for leg in legs if leg.get(_SIP)}


def _write(messages: Sequence[TracedMessage], capture: CallCapture | None, began: float) -> bytes:
    """A capture file; `began` is the UTC time at which the monotonic clock was 0."""
    datagrams = [_datagram(message) for message in messages]
    if capture is not None:
        datagrams += [
            Datagram(began + packet.time, packet.source, packet.destination, packet.payload)
            for packet in capture.datagrams()
        ]
    return write_pcap(sorted(datagrams, key=lambda datagram: datagram.time))


def _datagram(message: TracedMessage) -> Datagram:
    far = (message.remote.host, message.remote.port)
    near = (message.local[0] or ("::" if ":" in far[0] else "0.0.0.0"), message.local[1])
    ends = (far, near) if message.direction == "in" else (near, far)
    return Datagram(message.time, *ends, redact_message(message.data))
