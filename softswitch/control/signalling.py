"""The SIP messages of a call as ladder and capture, in progress or lately ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from softswitch.api.problems import not_found
from softswitch.api.services import SignallingServices
from softswitch.app import Application
from softswitch.control.history import History
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
        return SignallingServices(self.ladder, self.capture_file)

    async def ladder(self, call_id: str, limit: int) -> CallLadder:
        """The ladder of a call; raises Problem 404 when there is neither the call nor a record of it."""
        dialogs = await self._dialogs(call_id)
        return build_ladder(call_id, await self._messages(dialogs, limit), dialogs)

    async def capture_file(self, call_id: str) -> bytes:
        """The messages of a call in the pcap format; raises Problem 404 when there is no such call."""
        messages = await self._messages(await self._dialogs(call_id), self._app.messages.limits.messages_per_call)
        return await asyncio.to_thread(write_pcap, [_datagram(message) for message in messages])

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


def _datagram(message: TracedMessage) -> Datagram:
    far = (message.remote.host, message.remote.port)
    near = (message.local[0] or ("::" if ":" in far[0] else "0.0.0.0"), message.local[1])
    ends = (far, near) if message.direction == "in" else (near, far)
    return Datagram(message.time, *ends, redact_message(message.data))
