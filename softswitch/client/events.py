"""The event stream as an asynchronous iterator that reconnects and resumes where it was."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 10.0


class EventStream:
    """Iterate over it for events; `position` is the last sequence number seen, `missed` how many were lost.

    `journal` names the start of the switch that the numbers belong to. With `reconnect` a lost connection is taken up
    again, from `position`; without it, iteration ends.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        token: str,
        query: Mapping[str, str],
        since: int | None,
        *,
        reconnect: bool,
    ) -> None:
        self._session = session
        self._url = url
        self._token = token
        self._query = query
        self._reconnect = reconnect
        self.position = since
        self.missed = 0
        self.journal = ""
        self.opened = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        pause = _FIRST_PAUSE_S
        while True:
            try:
                async for event in self._connection():
                    pause = _FIRST_PAUSE_S
                    yield event
            except (aiohttp.ClientConnectionError, TimeoutError):
                if not self._reconnect:
                    raise
            if not self._reconnect:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _connection(self) -> AsyncIterator[dict[str, Any]]:
        encoded = base64.urlsafe_b64encode(self._token.encode()).decode().rstrip("=")
        protocols = ("softswitch", f"bearer.{encoded}")
        query = {**self._query, **({} if self.position is None else {"since": str(self.position)})}
        async with self._session.ws_connect(self._url, params=query, protocols=protocols, heartbeat=30.0) as socket:
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                event: dict[str, Any] = message.json()
                if "seq" in event:
                    self.position = event["seq"]
                    yield event
                else:
                    self._notice(event)

    def _notice(self, notice: Mapping[str, Any]) -> None:
        kind = notice["type"]
        if kind == "stream.opened":
            self.journal = notice["journal"]
            if self.position is None:
                self.position = notice["last"]
            self.opened.set()
        elif kind == "stream.missed":
            self.missed += notice["count"]
        elif kind == "stream.restarted":
            self.position = 0
