"""How an operation is declared, checked and answered: authorise, validate, call the service, encode, audit.

A component's module declares `Operation`s; the server routes them and the OpenAPI document describes them, both from
the same object, so that neither can say what the other does not.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from softswitch.api.auth import Authenticator, Principal, Role, require
from softswitch.api.models import Answer, NoContent
from softswitch.api.problems import Handler, Problem, illegal_transition, invalid
from softswitch.api.services import ApiServices, AuditNote
from softswitch.calls.machine import IllegalTransition

PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler gets: path parameters, validated query and body, and who asks."""

    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    principal: Principal


Reply = Mapping[str, Any] | Iterable[Mapping[str, Any]] | None
OperationHandler = Callable[[Context], Awaitable[Reply]]
StreamHandler = Callable[[web.Request, Mapping[str, Any], Principal], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path below `/api/v1`.

    With `page` the handler answers rows and, for the next page, the cursor is the row's member of that name. A
    `stream` takes the request itself (a WebSocket) instead of `handler`.
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

    @property
    def name(self) -> str:
        """The operation's id in the OpenAPI document."""
        words = self.path.replace("{", "").replace("}", "").strip("/").split("/")
        return "_".join((self.method.lower(), *words))

    @property
    def audited(self) -> bool:
        """Whether a request is written to the audit log: everything that is no mere reading."""
        return self.method != "GET"


def route(operation: Operation, services: ApiServices, authenticator: Authenticator) -> Handler:
    """The aiohttp handler of an operation."""

    async def handle(request: web.Request) -> web.StreamResponse:
        principal = authenticator.authenticate(request)
        status = 500
        try:
            require(principal, operation.role)
            query = _parse_query(operation, request)
            if operation.stream is not None:
                return await operation.stream(request, query, principal)
            context = Context(request.match_info, query, await _parse_body(operation, request), principal)
            response = await _answer(operation, context)
            status = response.status
            return response
        except Problem as problem:
            status = problem.status
            raise
        finally:
            if operation.audited:
                subject = request.match_info.get("id", "") or request.path
                action = f"{operation.method} {operation.path}"
                services.record_audit(
                    AuditNote(principal.name, principal.role, action, subject, request.remote or "", status)
                )

    return handle


async def _answer(operation: Operation, context: Context) -> web.Response:
    assert operation.handler is not None
    try:
        result = await operation.handler(context)
    except IllegalTransition as error:
        raise illegal_transition(error) from error
    except LookupError as error:
        detail = str(error.args[0]) if error.args else "there is no such resource"
        raise Problem(404, detail, kind="no-such-resource") from error
    if result is None:
        return web.Response(status=204)
    if not operation.many:
        return json_response(encode(operation.answer, result), operation.status)
    assert not isinstance(result, Mapping)
    items = [encode(operation.answer, row) for row in result]
    page: dict[str, Any] = {"items": items}
    if operation.cursor:
        full = bool(items) and len(items) >= context.query.get("limit", 0)
        page["next"] = items[-1][operation.cursor] if full else None
    return json_response(page, operation.status)


def encode(model: type[BaseModel], row: object) -> dict[str, Any]:
    """A row checked and encoded by its model; a row that does not fit is our own fault and so a 500."""
    return model.model_validate(row).model_dump(mode="json")


def json_response(content: object, status: int = 200) -> web.Response:
    """A JSON answer that caches must not keep."""
    body = json.dumps(content, ensure_ascii=False).encode()
    return web.Response(
        status=status, body=body, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


def _parse_query(operation: Operation, request: web.Request) -> Mapping[str, Any]:
    given = request.query
    if len(given) != len(set(given)):
        raise Problem(422, "a query parameter is given more than once", kind="invalid-request")
    if operation.query is None:
        if given:
            raise Problem(422, f"unknown query parameter: {', '.join(sorted(given))}", kind="invalid-request")
        return {}
    try:
        return operation.query.model_validate(dict(given)).model_dump()
    except ValidationError as error:
        raise invalid(error, "query") from error


async def _parse_body(operation: Operation, request: web.Request) -> Mapping[str, Any]:
    if operation.body is None:
        return {}
    text = await request.read()
    if text and request.content_type != "application/json":
        raise Problem(415, "the body must be application/json", headers={"Accept": "application/json"})
    try:
        return operation.body.model_validate_json(text or b"{}").model_dump()
    except ValidationError as error:
        raise invalid(error, "body") from error
