"""What comes to the HTTP port and is no HTTP: answered with problem details, counted, logged once a second.

aiohttp refuses it before there is a request that a middleware could see, so this is done where a connection is served.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from softswitch.api.problems import Problem
from softswitch.runtime.logs import FloodLog

#: Longest request line and longest header field, in octets; they differ, for the parser tells only which one it was.
LONGEST_LINE = 8192
LONGEST_FIELD = 16384


def problem_of(error: HttpProcessingError) -> Problem:
    """The answer to something malformed; it repeats nothing of what was sent, which may hold a token."""
    if isinstance(error, LineTooLong):
        if error.args[1] == LONGEST_LINE:
            return Problem(414, f"the request line is longer than {LONGEST_LINE} octets", kind="malformed-http")
        return Problem(431, f"a header field is longer than {LONGEST_FIELD} octets", kind="malformed-http")
    return Problem(400, "this is no well-formed HTTP request", kind="malformed-http")


class _Connection(web.RequestHandler):
    """One connection; knows what is done about something malformed."""

    __slots__ = ("_malformed",)

    def __init__(self, malformed: FloodLog, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        self._malformed = malformed

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """See RequestHandler."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        self._malformed.warn(request.remote or "unknown", f"malformed HTTP ({type(exc).__name__})")
        if request.writer.output_size > 0:
            raise ConnectionError("the answer to what came before is under way")
        response = problem_of(exc).response()
        response.force_close()
        return response


class _Server(web.Server):
    """Makes the connections."""

    def __init__(self, plain: web.Server, malformed: FloodLog, options: dict[str, Any]) -> None:
        super().__init__(plain.request_handler, request_factory=plain.request_factory, **options)
        self._malformed = malformed

    def __call__(self) -> web.RequestHandler:
        """A connection that was accepted."""
        return _Connection(self._malformed, self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Runs an application; what is malformed goes to `malformed`."""

    __slots__ = ("_malformed",)

    def __init__(self, application: web.Application, malformed: FloodLog, **options: Any) -> None:
        super().__init__(application, max_line_size=LONGEST_LINE, max_field_size=LONGEST_FIELD, **options)
        self._malformed = malformed

    async def _make_server(self) -> web.Server:
        plain = await super()._make_server()
        return _Server(plain, self._malformed, plain._kwargs)
