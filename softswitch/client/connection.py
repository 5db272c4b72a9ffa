"""The connection under the client: requests with a token, answers as models, refusals as ApiError."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import aiohttp

from softswitch.api.models import Answer

PREFIX = "/api/v1"
AnswerT = TypeVar("AnswerT", bound=Answer)


class ApiError(Exception):
    """The switch refused: `status` is that of HTTP, `problem` the problem object (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = dict(problem)
        super().__init__(f"{status} {problem.get('detail') or problem.get('title') or ''}".strip())

    @property
    def kind(self) -> str:
        """The problem's short name, such as ``illegal-transition``."""
        return str(self.problem.get("type", "")).rpartition(":")[2]


class Connection:
    """One switch as one principal; an asynchronous context manager."""

    def __init__(self, url: str, token: str, *, timeout_s: float = 10.0) -> None:
        self._url = url.rstrip("/") + PREFIX
        self._token = token
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self._token}"}
        timeout = aiohttp.ClientTimeout(total=self._timeout_s)
        self._session = aiohttp.ClientSession(headers=headers, timeout=timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the client is used inside `async with`")
        return self._session

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Any operation below /api/v1; the decoded answer, None when it has no content."""
        async with self._open.request(method, self._url + path, json=body, params=query, headers=headers) as response:
            text = await response.read()
            try:
                content = json.loads(text) if text else None
            except ValueError:
                content = None
            if response.status >= 400:
                raise ApiError(response.status, content if isinstance(content, dict) else {})
            return content

    async def one(
        self, method: str, path: str, model: type[AnswerT], body: Any = None, headers: Mapping[str, str] | None = None
    ) -> AnswerT:
        return model.model_validate(await self.request(method, path, body, headers=headers))

    async def items(self, path: str, model: type[AnswerT]) -> list[AnswerT]:
        """A whole list, page after page."""
        found: list[AnswerT] = []
        query: dict[str, str] = {}
        while True:
            page = await self.request("GET", path, query=query)
            found += [model.model_validate(item) for item in page["items"]]
            if not page.get("next"):
                return found
            query = {"after": page["next"]}

    async def pages(
        self, path: str, model: type[AnswerT], cursor: str, query: Mapping[str, str]
    ) -> AsyncIterator[AnswerT]:
        place = ""
        while True:
            asked = {name: value for name, value in {**query, cursor: place, "limit": "200"}.items() if value}
            page = await self.request("GET", path, query=asked)
            for item in page["items"]:
                yield model.model_validate(item)
            place = page["next"]
            if not place:
                return

    async def content(self, path: str) -> bytes:
        """What a GET answers that is no JSON, such as a recording."""
        async with self._open.get(self._url + path) as response:
            octets = await response.read()
            if response.status >= 400:
                try:
                    problem = json.loads(octets)
                except ValueError:
                    problem = {}
                raise ApiError(response.status, problem)
            return octets


def part(text: str) -> str:
    """One part of a path."""
    return quote(text, safe="")


__all__ = ["PREFIX", "ApiError", "Connection", "part"]
