"""The HTTP server: `create_api` makes the application, `ApiServer` binds and runs it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from functools import cache
from typing import Any

from aiohttp import web

from softswitch.api import (
    access,
    ambience,
    conference,
    data,
    events,
    group,
    location,
    queue,
    recordings,
    signalling,
    sms,
    system,
    voice,
    webrtc,
)
from softswitch.api.auth import Authenticator, from_loopback, require
from softswitch.api.console_site import add_console
from softswitch.api.fanout import Fanout
from softswitch.api.malformed import Runner
from softswitch.api.openapi import openapi_document
from softswitch.api.operations import PREFIX, Operation, Router, json_response
from softswitch.api.pages import CONTENT_SECURITY_POLICY, page, status_page
from softswitch.api.problems import Handler, expectation, problem_middleware
from softswitch.api.reference import reference
from softswitch.api.services import ApiServices
from softswitch.api.sockets import OPEN_STREAMS, OpenStreams, close_streams
from softswitch.runtime.binding import naming
from softswitch.runtime.metrics import CONTENT_TYPE
from softswitch.runtime.tasks import TaskOwner

LARGEST_BODY = 256 * 1024
_SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_api(services: ApiServices) -> web.Application:
    """The application with every operation that `services` offers."""
    application = web.Application(middlewares=[security_middleware, problem_middleware], client_max_size=LARGEST_BODY)
    application[OPEN_STREAMS] = OpenStreams()
    application[events.FANOUT] = Fanout(services.journal)
    application.on_shutdown.append(close_streams)
    application.cleanup_ctx.append(_background(services))
    authenticator = Authenticator(services.tokens, services.clock, wall=services.wall, clients=services.clients)
    router = Router(services, authenticator)
    operations = every_operation(services)
    for operation in operations:
        application.router.add_route(
            operation.method, PREFIX + operation.path, router.handler(operation), expect_handler=expectation
        )
    _add_documents(application, services, operations)
    if services.render_metrics is not None:
        application.router.add_get("/metrics", _metrics(services, authenticator))
    if services.sip_websocket is not None:
        application.router.add_get("/sip", services.sip_websocket)
    return application


def every_operation(services: ApiServices) -> list[Operation]:
    """The route table: all operations that `services` offers."""
    components = (
        system,
        voice,
        ambience,
        signalling,
        conference,
        queue,
        group,
        webrtc,
        data,
        recordings,
        sms,
        location,
        events,
        access,
    )
    return [operation for component in components for operation in component.operations(services)]


def _background(services: ApiServices) -> Any:
    """What runs as long as the server does: the fan-out of events, and the webhooks."""

    async def run(application: web.Application) -> AsyncIterator[None]:
        async with TaskOwner() as tasks:
            tasks.start(application[events.FANOUT].run(), "event fan-out")
            if services.webhooks is not None:
                await services.webhooks.open(tasks)
            try:
                yield
            finally:
                if services.webhooks is not None:
                    await services.webhooks.close()

    return run


@web.middleware
async def security_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Add the security headers to whatever is answered; no other origin is ever allowed in (no CORS headers)."""
    response = await handler(request)
    if not response.prepared:
        response.headers.update(_SECURITY_HEADERS)
    return response


class ApiServer:
    """Runs the application on one address."""

    def __init__(self, services: ApiServices) -> None:
        self._services = services
        # The access log stays off: metrics and audit hold what it would say, without tokens in URLs.
        self._runner = Runner(
            create_api(services), services.malformed, access_log=None, handle_signals=False, shutdown_timeout=2.0
        )
        self.bound: tuple[str, int] = ("", 0)

    async def start(self, host: str, port: int, context: ssl.SSLContext | None = None) -> tuple[str, int]:
        """Serve on host:port (port 0: any), with TLS when a context is given; the bound address. Raises OSError."""
        if context is not None and self._services.client_authority is not None:
            # A certificate is not demanded: who has none shows a token instead.
            await asyncio.to_thread(context.load_verify_locations, self._services.client_authority)
            context.verify_mode = ssl.CERT_OPTIONAL
        await self._runner.setup()
        with naming("http", host, port):
            await web.TCPSite(self._runner, host, port, ssl_context=context, reuse_address=True).start()
        address: tuple[Any, ...] = self._runner.addresses[0]
        self.bound = (address[0], address[1])
        return self.bound

    async def close(self) -> None:
        """Stop serving and end what is open."""
        await self._runner.cleanup()


def _add_documents(application: web.Application, services: ApiServices, operations: list[Operation]) -> None:
    @cache
    def document() -> dict[str, Any]:
        return openapi_document(operations, services.version)

    @cache
    def shown() -> str:
        return reference(document(), operations)

    async def openapi(request: web.Request) -> web.StreamResponse:
        # A fifth of a second the first time: spent neither at every start nor on the loop that calls run on.
        return json_response(await asyncio.to_thread(document))

    async def docs(request: web.Request) -> web.StreamResponse:
        return page("softswitch API", await asyncio.to_thread(shown))

    async def status(request: web.Request) -> web.StreamResponse:
        return status_page(system.health_row(services), with_figures=from_loopback(request))

    application.router.add_get(f"{PREFIX}/openapi.json", openapi)
    application.router.add_get(f"{PREFIX}/docs", docs)
    application.router.add_get("/status", status)
    add_console(application, services.map_tiles)


def _metrics(services: ApiServices, authenticator: Authenticator) -> Handler:
    async def metrics(request: web.Request) -> web.StreamResponse:
        if not from_loopback(request):
            require(authenticator.authenticate(request), "viewer")
        assert services.render_metrics is not None
        return web.Response(body=services.render_metrics(), headers={"Content-Type": CONTENT_TYPE})

    return metrics
