"""How an operation is declared, checked and answered: authorise, validate, call the service, encode, audit.

A component's module declares `Operation`s; the server routes them and the OpenAPI document describes them, both from
the same object, so that neither can say what the other does not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, ValidationError

from softswitch.api.auth import Authenticator, Principal, require
from softswitch.api.idempotency import IdempotencyKeys
from softswitch.api.models import Answer, NoContent
from softswitch.api.paging import KEYS, PageQuery, page_of
from softswitch.api.problems import Handler, Problem, illegal_transition, invalid
from softswitch.api.services import AccessServices, ApiServices, AuditNote
from softswitch.api.targets import action_of, kinds_of, named_in, targets_of
from softswitch.calls.machine import IllegalTransition
from softswitch.roles import Role

PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler gets: path parameters, validated query and body, and who asks.

    `given` names the members that the body really had.
    """

    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    principal: Principal
    given: frozenset[str] = frozenset()


Reply = Mapping[str, Any] | Iterable[Mapping[str, Any]] | None
OperationHandler = Callable[[Context], Awaitable[Reply]]
StreamHandler = Callable[[web.Request, Mapping[str, Any], Principal], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path below `/api/v1`.

    With `many` the handler answers rows. With `cursor` it answers one page of them, and the cursor of the next one is
    the last row's member of that name; other lists are cut into pages by `page_key`. A `stream` takes the request
    itself (a WebSocket) instead of `handler`. `current` answers the resource as it is, for If-Match; with it, or with
    `tagged`, the answer carries an ETag. `location` is the path of what a POST has made. `sensitive` reading is audited
    as well. `for_subscribers`: who stands for a subscriber needs no role, and the handler sees to it that it acts as
    that one. `kinds` are the media types of what a `stream` answers with 200.
    """

    method: str
    path: str
    summary: str
    component: str
    role: Role
    handler: OperationHandler | None = None
    stream: StreamHandler | None = None
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: type[Answer] = NoContent
    many: bool = False
    cursor: str = ""
    status: int = 200
    current: OperationHandler | None = None
    tagged: bool = False
    location: str = ""
    sensitive: bool = False
    for_subscribers: bool = False
    kinds: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The operation's id in the OpenAPI document."""
        words = self.path.replace("{", "").replace("}", "").strip("/").split("/")
        return "_".join((self.method.lower(), *words))

    @property
    def page_key(self) -> tuple[str, ...]:
        """The members that a page of this list goes by, () when it is no list or makes its pages itself."""
        whole = self.many and self.method == "GET" and self.query is None and not self.cursor
        return KEYS.get(self.answer, ()) if whole else ()

    @property
    def asks(self) -> type[BaseModel] | None:
        """What the query may hold."""
        return PageQuery if self.page_key else self.query

    @property
    def paged(self) -> bool:
        """Whether an answer may be followed by another page."""
        return bool(self.cursor or self.page_key)

    @property
    def changes(self) -> bool:
        """Whether it is more than reading."""
        return self.method != "GET"

    @property
    def idempotent_by_key(self) -> bool:
        """Whether Idempotency-Key is understood."""
        return self.method == "POST"


class Router:
    """Makes aiohttp handlers of operations; what they share is here."""

    def __init__(self, services: ApiServices, authenticator: Authenticator) -> None:
        self._services = services
        self._authenticator = authenticator
        self._keys = IdempotencyKeys(services.clock)

    def handler(self, operation: Operation) -> Handler:
        """The handler of one operation."""

        async def handle(request: web.Request) -> web.StreamResponse:
            principal = self._authenticator.authenticate(request)
            status = 500
            try:
                allowed = operation.for_subscribers
                require(principal, operation.role, operation.component, for_subscribers=allowed)
                await self._judge_path(operation, request, principal)
                query = _parse_query(operation, request)
                if operation.stream is not None:
                    streamed = await operation.stream(request, query, principal)
                    status = streamed.status
                    return streamed
                response = await self._respond(operation, request, query, principal)
                status = response.status
                return response
            except Problem as problem:
                status = problem.status
                raise
            except LookupError as error:
                status = 404
                raise _no_such(error) from error
            finally:
                if operation.changes or operation.sensitive or self._services.audit_reads():
                    self._audit(operation, request, principal, status)

        return handle

    async def _judge_path(self, operation: Operation, request: web.Request, principal: Principal) -> None:
        """Raise Problem 403 when the attribute rules keep what the path is about from this principal."""
        access = self._services.access
        if access is not None and access.active():
            targets = await targets_of(request.match_info, kinds_of(operation.path), access.resolve)
            self._judge(access, operation, principal, targets)

    async def _judge_body(self, operation: Operation, body: Mapping[str, Any], principal: Principal) -> None:
        access = self._services.access
        named = named_in(body) if access is not None and access.active() else []
        if access is not None and named:
            targets = [number for each in named for number in await access.resolve("party", each)]
            self._judge(access, operation, principal, targets)

    @staticmethod
    def _judge(access: AccessServices, operation: Operation, principal: Principal, targets: list[str]) -> None:
        action = action_of(operation.method, operation.path)
        refusal = access.refused(principal, operation.component, action, targets)
        if refusal:
            raise Problem(403, refusal, kind="not-permitted")

    def _audit(self, operation: Operation, request: web.Request, principal: Principal, status: int) -> None:
        subject = next(iter(request.match_info.values()), request.path)
        action = f"{operation.method} {operation.path}"
        self._services.record_audit(
            AuditNote(principal.name, principal.role, action, subject, request.remote or "", status)
        )

    async def _respond(
        self, operation: Operation, request: web.Request, query: Mapping[str, Any], principal: Principal
    ) -> web.Response:
        text = await request.read()
        key = request.headers.get("Idempotency-Key", "") if operation.idempotent_by_key else ""
        if not key:
            return await self._carry_out(operation, request, query, principal, text)
        known = self._keys.begin(principal.name, request.path, key, text)
        if known is not None:
            headers = {**known.headers, "Idempotency-Replayed": "true"}
            return _json(known.body, known.status, headers)
        answer: tuple[int, bytes, dict[str, str]] | None = None
        try:
            response = await self._carry_out(operation, request, query, principal, text)
            kept = {name: response.headers[name] for name in ("Location", "ETag") if name in response.headers}
            answer = response.status, bytes(response.body or b""), kept  # type: ignore[arg-type]  # bytes of ours
            return response
        finally:
            self._keys.finish(principal.name, request.path, key, answer)

    async def _carry_out(
        self,
        operation: Operation,
        request: web.Request,
        query: Mapping[str, Any],
        principal: Principal,
        text: bytes,
    ) -> web.Response:
        body, given = _parse_body(operation, request, text)
        await self._judge_body(operation, body, principal)
        context = Context(request.match_info, query, body, principal, given)
        if operation.current is not None and "If-Match" in request.headers:
            row = await _ask(operation.current, context)
            _check_match(request.headers["If-Match"], _tag(encode(operation.answer, row)))
        assert operation.handler is not None
        return _answer(operation, request, await _ask(operation.handler, context), query)


async def _ask(handler: OperationHandler, context: Context) -> Reply:
    try:
        return await handler(context)
    except IllegalTransition as error:
        raise illegal_transition(error) from error
    except LookupError as error:
        raise _no_such(error) from error


def _no_such(error: LookupError) -> Problem:
    detail = str(error.args[0]) if error.args else "there is no such resource"
    return Problem(404, detail, kind="no-such-resource")


def _answer(operation: Operation, request: web.Request, result: Reply, query: Mapping[str, Any]) -> web.Response:
    if result is None:
        return web.Response(status=204)
    if not operation.many:
        content = encode(operation.answer, result)
        headers: dict[str, str] = {}
        if operation.tagged or operation.current is not None:
            headers["ETag"] = _tag(content)
            if not operation.changes and request.headers.get("If-None-Match") == headers["ETag"]:
                return web.Response(status=304, headers=headers)
        if operation.location:
            headers["Location"] = PREFIX + operation.location.format(
                **{k: quote(str(v), "") for k, v in content.items()}
            )
        return json_response(content, operation.status, headers)
    assert not isinstance(result, Mapping)
    rows: Sequence[Mapping[str, Any]] = list(result)
    further: str | None = None
    if operation.page_key:
        rows, further = page_of(rows, operation.page_key, query)
    elif operation.cursor and rows and len(rows) >= query.get("limit", 0):
        further = str(rows[-1][operation.cursor])
    page: dict[str, Any] = {"items": [encode(operation.answer, row) for row in rows]}
    return json_response({**page, "next": further} if operation.paged else page, operation.status)


def encode(model: type[BaseModel], row: object) -> dict[str, Any]:
    """A row checked and encoded by its model; a row that does not fit is our own fault and so a 500."""
    return model.model_validate(row).model_dump(mode="json")


def json_response(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer that caches must not keep; octets of a peer that were no UTF-8 are question marks in it."""
    return _json(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"), status, headers or {})


def _json(body: bytes, status: int, headers: Mapping[str, str]) -> web.Response:
    if not body:
        return web.Response(status=status, headers=headers)
    every = {"Cache-Control": "no-store", **headers}
    return web.Response(status=status, body=body, content_type="application/json", headers=every)


def _tag(content: object) -> str:
    """An entity tag (RFC 9110 §8.8.3): two equal representations have the same."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")
    return f'"{hashlib.sha256(text).hexdigest()[:24]}"'


def _check_match(header: str, tag: str) -> None:
    """Raise Problem 412 unless If-Match allows the change (RFC 9110 §13.1.1)."""
    if header.strip() != "*" and tag not in [each.strip() for each in header.split(",")]:
        raise Problem(412, "the resource was changed meanwhile; fetch it again", kind="changed-meanwhile")


def _parse_query(operation: Operation, request: web.Request) -> Mapping[str, Any]:
    given = request.query
    if len(given) != len(set(given)):
        raise Problem(422, "a query parameter is given more than once", kind="invalid-request")
    if operation.asks is None:
        if given:
            raise Problem(422, f"unknown query parameter: {', '.join(sorted(given))}", kind="invalid-request")
        return {}
    try:
        return operation.asks.model_validate(dict(given)).model_dump()
    except ValidationError as error:
        raise invalid(error, "query") from error


def _parse_body(operation: Operation, request: web.Request, text: bytes) -> tuple[Mapping[str, Any], frozenset[str]]:
    if operation.body is None:
        return {}, frozenset()
    if text and request.content_type != "application/json":
        raise Problem(415, "the body must be application/json", headers={"Accept": "application/json"})
    try:
        body = operation.body.model_validate_json(text or b"{}")
    except ValidationError as error:
        raise invalid(error, "body") from error
    return body.model_dump(), frozenset(body.model_fields_set)
