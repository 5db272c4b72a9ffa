"""Errors as problem details (RFC 9457), for everything the HTTP port answers with a 4xx or 5xx.

Handlers and services raise `Problem`; whatever else escapes becomes one in the middleware here.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import HttpVersion11, web
from pydantic import ValidationError

from softswitch.calls.machine import IllegalTransition

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
CLIENT_GONE = 499  # not registered; what HTTP servers log when a client closed before its answer: nobody reads it
_FIELDS_TOLD = 5  # in the sentence for people; `errors` names them all
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Problem(Exception):
    """An answer that is not a success: `kind` is a short stable word for programs, `detail` a sentence for people.

    `members` are extension members of the problem object, such as the state and legal methods of a call.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = "",
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind or HTTPStatus(status).phrase.lower().replace(" ", "-")
        self.headers = dict(headers or {})
        self.members = dict(members or {})

    def response(self) -> web.Response:
        """The HTTP response."""
        body = {
            **self.members,
            "type": f"urn:softswitch:problem:{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        return web.Response(
            status=self.status,
            headers=self.headers,
            body=json.dumps(body, ensure_ascii=False).encode(),
            content_type=CONTENT_TYPE,
        )


def not_found(what: str, name: str) -> Problem:
    """A 404 that says what was looked for."""
    return Problem(404, f"there is no {what} {name!r}", kind="no-such-resource")


def invalid(error: ValidationError, where: str) -> Problem:
    """A 422 that names each field that is wrong; `where` is body, query or path."""
    fields = [
        {
            "field": ".".join(str(part) for part in each["loc"]) or where,
            "in": where,
            "detail": each["msg"].removeprefix("Value error, "),
        }
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    told = [f"{each['field']}: {each['detail']}" if each["field"] != where else each["detail"] for each in fields]
    more = f"; and {len(told) - _FIELDS_TOLD} more" if len(told) > _FIELDS_TOLD else ""
    text = f"invalid {where}: {'; '.join(told[:_FIELDS_TOLD])}{more}"
    return Problem(422, text, kind="invalid-request", members={"errors": fields})


def wrong_field(field: str, detail: str) -> Problem:
    """A 422 about one member of a body that is well-formed, and yet cannot be meant."""
    return wrong_fields([field], detail)


def wrong_fields(fields: Iterable[str], detail: str) -> Problem:
    """A 422 about several of them."""
    errors = [{"field": field, "in": "body", "detail": detail} for field in fields]
    return Problem(422, detail, kind="invalid-request", members={"errors": errors})


def illegal_transition(error: IllegalTransition) -> Problem:
    """A 409 with the state the call is in and the methods legal there."""
    members = {
        "method": error.method.value,
        "state": error.state.value,
        "legal_methods": [method.value for method in error.legal],
    }
    return Problem(409, str(error), kind="illegal-transition", members=members)


def _has_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


async def expectation(request: web.Request) -> web.StreamResponse | None:
    """What is answered to an Expect header before the request is handled (RFC 9110 §10.1.1)."""
    if request.headers["Expect"].lower() != "100-continue":
        return Problem(417, "only 100-continue can be expected").response()
    if request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    return None


@web.middleware
async def problem_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into a problem object; an unexpected one is logged and tells the client nothing of us."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except IllegalTransition as error:
        return illegal_transition(error).response()
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        return Problem(
            405, f"{request.method} is not allowed here; allowed: {allowed}", headers={"Allow": allowed}
        ).response()
    except web.HTTPNotFound:
        return Problem(404, f"there is no resource {request.path}").response()
    except web.HTTPRequestEntityTooLarge:
        return Problem(413, "the request body is too large").response()
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return Problem(error.status, error.text or error.reason).response()
    except Exception as error:
        if isinstance(error, ConnectionError) and _has_gone(request):
            return web.Response(status=CLIENT_GONE, reason="the client has gone")
        logger.exception("failure while answering %s %s", request.method, request.path)
        return Problem(500, "the switch failed to answer; its log says why").response()
