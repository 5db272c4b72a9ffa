"""`/webrtc`: browsers without SIP place and take calls by an SDP offer and answer (gateways/webrtc)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from softswitch.api.auth import Principal
from softswitch.api.models.webrtc import (
    BrowserDescription,
    BrowserRegistered,
    BrowserRegistration,
    BrowserSession,
    NewBrowserSession,
)
from softswitch.api.operations import Context, Operation
from softswitch.api.problems import Problem, not_found
from softswitch.api.services import ApiServices, BrowserServices, Row

_FOR_BROWSERS: dict[str, Any] = {"component": "webrtc", "role": "dispatcher", "for_subscribers": True}


def _speak_for(principal: Principal, number: str) -> None:
    """Raise Problem 403 when `principal` stands for another subscriber."""
    if not principal.acts_as(number):
        raise Problem(403, f"{principal.name} may act as subscriber {principal.number} alone")


def _own(browsers: BrowserServices, context: Context) -> Row:
    """The session that the path names; to who stands for another subscriber there is none."""
    row = browsers.session(context.path["id"])
    if row is None or not context.principal.acts_as(row["number"]):
        raise not_found("session", context.path["id"])
    return row


def operations(services: ApiServices) -> list[Operation]:
    """The operations of this component; none without the gateway."""
    browsers = services.browsers
    return [] if browsers is None else [*_reading(browsers), *_talking(browsers), *_registering(browsers)]


def _reading(browsers: BrowserServices) -> list[Operation]:
    async def sessions(context: Context) -> Iterable[Row]:
        return [row for row in browsers.sessions() if context.principal.acts_as(row["number"])]

    async def session(context: Context) -> Row:
        return _own(browsers, context)

    return [
        Operation(
            method="GET",
            path="/webrtc/sessions",
            summary="Sessions of browsers",
            **_FOR_BROWSERS,
            handler=sessions,
            answer=BrowserSession,
            many=True,
        ),
        Operation(
            method="GET",
            path="/webrtc/sessions/{id}",
            summary="One session, with the description to apply next",
            **_FOR_BROWSERS,
            handler=session,
            answer=BrowserSession,
        ),
    ]


def _talking(browsers: BrowserServices) -> list[Operation]:
    async def open_session(context: Context) -> Row:
        _speak_for(context.principal, context.body["caller"])
        return await browsers.open(context.body, context.principal)

    async def answer(context: Context) -> Row:
        _own(browsers, context)
        return await browsers.answer(context.path["id"], context.body)

    async def offer(context: Context) -> Row:
        _own(browsers, context)
        return await browsers.offer(context.path["id"], context.body)

    async def close(context: Context) -> None:
        _own(browsers, context)
        browsers.close(context.path["id"])

    def change(name: str, summary: str, handler: object) -> Operation:
        return Operation(
            method="POST",
            path=f"/webrtc/sessions/{{id}}/{name}",
            summary=summary,
            **_FOR_BROWSERS,
            handler=handler,  # type: ignore[arg-type]  # one of the two above
            body=BrowserDescription,
            answer=BrowserSession,
        )

    return [
        Operation(
            method="POST",
            path="/webrtc/sessions",
            summary="Place a call from a browser: SDP offer in, SDP answer out",
            **_FOR_BROWSERS,
            handler=open_session,
            body=NewBrowserSession,
            answer=BrowserSession,
            status=201,
            location="/webrtc/sessions/{session_id}",
        ),
        change("answer", "Answer a call that was offered to a browser", answer),
        change("offer", "Change the media of a session (ICE restart, hold): SDP offer in, answer out", offer),
        Operation(
            method="DELETE",
            path="/webrtc/sessions/{id}",
            summary="End a session, or decline the call",
            **_FOR_BROWSERS,
            handler=close,
            status=204,
        ),
    ]


def _registering(browsers: BrowserServices) -> list[Operation]:
    async def register(context: Context) -> Row:
        _speak_for(context.principal, context.body["number"])
        return browsers.register(context.body)

    async def unregister(context: Context) -> None:
        _speak_for(context.principal, context.path["number"])
        browsers.unregister(context.path["number"], context.path["device"])

    return [
        Operation(
            method="POST",
            path="/webrtc/registrations",
            summary="Offer a subscriber's calls also to a browser",
            **_FOR_BROWSERS,
            handler=register,
            body=BrowserRegistration,
            answer=BrowserRegistered,
        ),
        Operation(
            method="DELETE",
            path="/webrtc/registrations/{number}/{device}",
            summary="Offer calls to a browser no more",
            **_FOR_BROWSERS,
            handler=unregister,
            status=204,
        ),
    ]
